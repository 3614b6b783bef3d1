"""create-queue, drop-queue, queues, consumers, drop-consumer."""

from __future__ import annotations

from fixtures.command import Tailrace
from fixtures.waiting import eventually
from tailrace.db.connection import Database


async def test_queue_is_made_ticked_looked_at_and_removed(
    database: Database, tailrace: Tailrace, process
):
    at = ("--db", database.dsn)
    assert 'queue "orders" is made' in (await tailrace("create-queue", "orders", *at)).err
    assert "already" in (await tailrace("create-queue", "orders", *at)).err
    await database.execute("select pgq.register_consumer('orders', 'billing')")
    await process("run", *at)
    await database.execute(
        "select pgq.insert_event('orders', 'made', n::text) from generate_series(1, 9) n"
    )

    async def ticked() -> bool:
        (row,) = (await tailrace("consumers", "--queue", "orders", "--format", "json", *at)).json
        return row["consumer"] == "billing" and row["tick"] == 1 and row["pending_events"] > 0

    await eventually(ticked, within=20)
    (row,) = (await tailrace("queues", "--format", "json", *at)).json
    assert (row["queue"], row["node"], row["ticks"]) == ("orders", None, "made here")
    assert (row["consumers"], row["slowest"]) == (1, "billing")
    assert row["tick"] > 1
    assert row["bytes"] > 0
    told = await tailrace("drop-queue", "orders", "--yes", *at, status=1)
    assert 'has 1 consumer(s), the first is "billing"' in told.complaint
    await tailrace("drop-consumer", "billing", "--queue", "orders", "--yes", *at)
    await tailrace("drop-queue", "orders", "--yes", *at)
    assert (await tailrace("queues", "--format", "json", *at)).json == []


async def test_consumers_go_with_their_queue_only_by_force(database: Database, tailrace: Tailrace):
    at = ("--db", database.dsn)
    await tailrace("create-queue", "orders", *at)
    await database.execute("select pgq.register_consumer('orders', 'billing')")
    told = await tailrace("drop-queue", "orders", "--force", *at, status=2)
    assert "confirm with --yes" in told.complaint
    await tailrace("drop-queue", "orders", "--force", "--yes", *at)
    assert await database.fetch_all("select from pgq.consumer") == []


async def test_what_belongs_to_a_cascade_stays(pair):
    before = await pair.contents()
    told = await pair.at("up", "drop-queue", "shop", "--force", "--yes", status=1)
    assert "tailrace drop-node up --queue shop" in told.complaint
    for consumer in (".global_watermark", ".down.watermark", "down_worker"):
        words = ("drop-consumer", consumer, "--queue", "shop", "--yes")
        told = await pair.at("up", *words, status=1)
        assert "belongs to the cascade" in told.complaint
    assert await pair.contents() == before


async def test_unknown_names_are_told_with_the_known_ones(database: Database, tailrace: Tailrace):
    at = ("--db", database.dsn)
    told = await tailrace("consumers", "--queue", "nix", *at, status=1)
    assert "tailrace create-queue nix" in told.complaint
    await tailrace("create-queue", "orders", *at)
    told = await tailrace("consumers", "--queue", "nix", *at, status=1)
    assert "it holds: orders" in told.complaint
    told = await tailrace("drop-consumer", "me", "--queue", "orders", "--yes", *at, status=1)
    assert 'queue "orders" has no consumer "me"' in told.complaint
    told = await tailrace("drop-consumer", "me", "--yes", *at, status=2)
    assert "--queue NAME" in told.complaint
    assert "create-queue nix" in (await tailrace("drop-queue", "nix", "--yes", *at, status=1)).err
    assert "name" in (await tailrace("create-queue", " ", *at, status=2)).complaint
