"""doctor: finds what keeps replication from going on, and names what helps."""

from __future__ import annotations

import pytest

from fixtures.command import Tailrace


async def found(tailrace: Tailrace, dsn: str) -> tuple[int, dict[tuple[str, str], str]]:
    result = await tailrace("doctor", "--db", dsn, "--format", "json", status=None)
    return result.status, {(row["check"], row["state"]): row["found"] for row in result.json}


async def test_fresh_root_is_well(pair, tailrace: Tailrace):
    status, findings = await found(tailrace, pair["up"].dsn)
    assert status == 0
    assert not [state for _, state in findings if state == "failed"]
    assert ("ticker", "ok") in findings


async def test_database_without_schemas_ends_the_examination(new_database, tailrace: Tailrace):
    db = await new_database(installed=False)
    status, findings = await found(tailrace, db.dsn)
    assert status == 1
    assert "tailrace install" in findings["schemas", "failed"]
    assert ("transactions", "ok") not in findings


async def test_older_schemas_are_told(database, tailrace: Tailrace):
    await database.execute("update tailrace.installation set digest = 'old'")
    status, findings = await found(tailrace, database.dsn)
    assert status == 1
    assert "upgrade it with: tailrace install" in findings["schemas", "failed"]


async def test_read_only_database_can_be_looked_at_and_is_told(pair, tailrace: Tailrace):
    up = pair["up"]
    await up.execute("create table public.t (id integer primary key)")
    await up.execute(f'alter database "{up.dbname}" set default_transaction_read_only = on')
    await tailrace("status", "--db", up.dsn)
    told = await tailrace("add-table", "t", "--db", up.dsn, status=1)
    assert "connect to the primary" in told.complaint
    status, findings = await found(tailrace, up.dsn)
    assert status == 1
    assert "read-only" in findings["server", "failed"]


@pytest.mark.parametrize(
    ("damage", "check", "told"),
    [
        (
            "update pgq.tick set tick_time = now() - interval '1 hour'",
            ("ticker", "failed"),
            "start a ticker with: tailrace run",
        ),
        ("select pgq.set_queue_config('shop', 'ticker_paused', 'true')", ("ticker", "warning"), ""),
        ("alter sequence pgq.event_1_id_seq cache 20", ("event ids", "failed"), "CACHE 20"),
        (
            "alter table public.t disable trigger user",
            ("capture", "failed"),
            "triggers of public.t are disabled",
        ),
        (
            "update pgq_node.local_state set cur_error = 'it broke'",
            ("worker", "failed"),
            "it broke",
        ),
        ("update pgq_node.local_state set paused = true", ("worker", "warning"), "tailrace resume"),
        (
            "update pgq_node.node_location set node_location = 'dbname=x' where node_name = 'up'",
            ("location", "warning"),
            "neither host nor service",
        ),
    ],
)
async def test_damage_is_found(
    damage: str, check: tuple[str, str], told: str, pair, tailrace: Tailrace
):
    await pair["up"].execute("create table public.t (id integer primary key)")
    await pair.at("up", "add-table", "t")
    await pair["up"].execute(damage)
    status, findings = await found(tailrace, pair["up"].dsn)
    assert told in findings[check]
    assert status == (1 if check[1] == "failed" else 0)


async def test_forgotten_consumer_is_named(pair, tailrace: Tailrace):
    await pair["up"].execute(
        "select pgq.register_consumer('shop', 'forgotten');"
        "update pgq.tick set tick_time = now() - interval '1 hour';"
        "select pgq.force_tick('shop'); select pgq.ticker('shop');"
        "update pgq.subscription set sub_last_tick = 2 from pgq.consumer"
        " where co_id = sub_consumer and co_name <> 'forgotten'"
    )
    _, findings = await found(tailrace, pair["up"].dsn)
    assert 'held by "forgotten" at tick 1' in findings["consumers", "warning"]


async def test_role_without_rights_is_told_what_it_lacks(
    database, tailrace: Tailrace, pg_version: int
):
    from tailrace.db.dsn import parameters

    role = f"{database.dbname}_plain"
    await database.execute(f"create role {role} login password 'x' in role pgq_admin")
    where = f"host=127.0.0.1 port={parameters(database.dsn)['port']} dbname={database.dbname}"
    try:
        _, findings = await found(tailrace, f"{where} user={role} password=x")
    finally:
        await database.execute(f"drop role {role}")
    assert "session_replication_role" in findings["rights", "warning"]


async def test_table_of_two_queues_that_do_not_mix_is_found(pair, tailrace: Tailrace):
    """Two roots may share a table, until one of them becomes a branch."""
    await pair["up"].execute("create table public.t (id integer primary key)")
    await pair.at("up", "create-root", "other", "--queue", "second")
    for queue in ("shop", "second"):
        await pair.at("up", "add-table", "t", "--queue", queue)
    assert ("tables", "failed") not in (await found(tailrace, pair["up"].dsn))[1]
    for step in (1, 2, 3):
        await pair["up"].execute("select pgq_node.demote_root('shop', %s, 'down')", step)
    status, findings = await found(tailrace, pair["up"].dsn)
    assert status == 1
    assert 'queue "shop" brings are not part of queue "second"' in findings["tables", "failed"]
