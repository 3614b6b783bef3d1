"""A copied table becomes live: what happened since its tick is applied, and nothing twice."""

from __future__ import annotations

import asyncio
import re

import pytest

from fixtures.databases import Connect
from fixtures.waiting import eventually
from integration.copy.handmade import QUEUE, Cascade, Node
from integration.copy.writers import tick_often, write
from tailrace import faults
from tailrace.errors import TailraceError

TABLE = "create table public.item (id integer primary key, name text)"


async def with_items(cascade: Cascade) -> None:
    """A replicated table with rows 1 to 5 on the root, waiting for its copy elsewhere."""
    await cascade.execute(TABLE)
    await cascade.root.execute(
        "insert into public.item select i, 'item ' || i from generate_series(1, 5) as i"
    )
    await cascade.add("public.item")


async def change_during_copy(cascade: Cascade, node: Node) -> None:
    """Copy the table while it changes before and after the snapshot, with ticks in between."""
    root = cascade.root
    await root.execute("insert into public.item values (10, 'before the copy')")
    await root.tick()
    with (
        faults.watching("copy.after_aside") as before,
        faults.watching("copy.after_empty") as after,
    ):
        before.hold()
        after.hold()
        copying = asyncio.create_task(node.copy())
        await before.wait()
        await root.execute("insert into public.item values (11, 'before the snapshot')")
        await root.execute("update public.item set name = 'changed before' where id = 1")
        await node.catch_up(await root.tick())
        before.release()
        await after.wait()
        await root.execute("insert into public.item values (12, 'after the snapshot')")
        await root.execute("update public.item set name = 'changed after' where id in (1, 2)")
        await root.execute("delete from public.item where id in (3, 11)")
        await node.catch_up(await root.tick())
        await root.execute("update public.item set id = 40 where id = 4")
        await node.catch_up(await root.tick())
        assert await node.state("public.item") == "copying"
        after.release()
        assert await copying


@pytest.mark.parametrize("name", ["leaf", "branch"])
async def test_changes_before_and_after_the_snapshot_count_once(
    cascade: Cascade, name: str
) -> None:
    await with_items(cascade)
    node = cascade.nodes[name]
    await change_during_copy(cascade, node)
    await node.become_live("public.item")
    assert await node.rows("public.item") == await cascade.root.rows("public.item")
    info = await node.info("public.item")
    assert (info.missed_updates, info.missed_deletes) == (0, 0)
    assert await kept(node) == 0

    await cascade.root.execute("insert into public.item values (50, 'afterwards')")
    await node.catch_up(await cascade.root.tick())
    assert (await node.rows("public.item"))[-1] == (50, "afterwards")


async def kept(node: Node) -> int:
    """How many things are still kept for copies."""
    return int(
        await node.value(
            "select (select count(*) from tailrace.set_aside)"
            " + (select count(*) from pgq.consumer join pgq.subscription on sub_consumer = co_id"
            "    where co_name like '.copy.%')"
        )
    )


async def test_idle_table_becomes_live_without_any_traffic(cascade: Cascade) -> None:
    await with_items(cascade)
    for node in (cascade.leaf, cascade.branch):
        assert await node.copy()
        await node.become_live("public.item")
    assert await cascade.lower.copy()
    await cascade.lower.become_live("public.item")
    assert await cascade.lower.rows("public.item") == await cascade.root.rows("public.item")


async def test_truncate_after_the_snapshot_empties_what_came_before_it(pair: Cascade) -> None:
    await with_items(pair)
    with faults.watching("copy.after_empty") as watch:
        watch.hold()
        copying = asyncio.create_task(pair.leaf.copy())
        await watch.wait()
        await pair.root.execute("insert into public.item values (20, 'gone')")
        await pair.leaf.catch_up(await pair.root.tick())
        await eventually(lambda: watch.count == 1)
        watch.release()
        assert await copying
    await pair.root.execute("truncate public.item")
    await pair.root.execute("insert into public.item values (21, 'stays')")
    await pair.root.tick()
    await pair.leaf.become_live("public.item")
    await pair.leaf.catch_up(await pair.root.tick())
    assert await pair.leaf.rows("public.item") == [(21, "stays")]


async def test_truncate_among_the_events_set_aside(pair: Cascade) -> None:
    await with_items(pair)
    with faults.watching("copy.before_commit") as watch:
        watch.hold()
        copying = asyncio.create_task(pair.leaf.copy())
        await watch.wait()
        # The source's lock is still held: TRUNCATE has to wait for it, other writes need not.
        await pair.root.execute("insert into public.item values (20, 'gone')")
        truncating = asyncio.create_task(pair.root.execute("truncate public.item"))
        watch.release()
        assert await copying
        await truncating
    await pair.root.execute("insert into public.item values (21, 'stays')")
    last = await pair.root.tick()
    assert await pair.leaf.step() <= last
    await pair.leaf.catch_up(last)
    await pair.leaf.become_live("public.item")
    assert await pair.leaf.rows("public.item") == [(21, "stays")]


async def test_leaf_goes_tick_by_tick_until_the_copys_tick_is_known(pair: Cascade) -> None:
    await with_items(pair)
    with faults.watching("copy.after_aside") as watch:
        watch.hold()
        copying = asyncio.create_task(pair.leaf.copy())
        await watch.wait()
        start = await pair.leaf.position()
        for number in range(3):
            await pair.root.execute("insert into public.item values (%s)", 100 + number)
            await pair.root.tick()
        assert [await pair.leaf.step() for _ in range(3)] == [start + 1, start + 2, start + 3]
        ticks = await pair.leaf.db.fetch_all("select tick_id from tailrace.set_aside order by 1")
        assert [row.tick_id for row in ticks] == [start + 1, start + 2, start + 3]
        watch.release()
        assert await copying


async def test_leaf_stops_at_the_copys_tick_once(pair: Cascade) -> None:
    await with_items(pair)
    for number in range(3):
        await pair.root.execute("insert into public.item values (%s)", 100 + number)
        await pair.root.tick()
    assert await pair.leaf.copy()
    tick = (await pair.leaf.info("public.item")).copy_tick
    await pair.root.execute("insert into public.item values (200)")
    last = await pair.root.tick()
    assert await pair.leaf.step() == tick
    assert await pair.leaf.state("public.item") == "syncing"
    await pair.leaf.become_live("public.item")
    await pair.leaf.catch_up(last)
    assert await pair.leaf.rows("public.item") == await pair.root.rows("public.item")


async def test_batch_fetched_ahead_is_given_back_when_a_copy_begins(pair: Cascade) -> None:
    """A merged batch that was on its way when the copy began must not be set aside as one tick."""
    await with_items(pair)
    await pair.leaf.catch_up(await pair.root.tick())
    start = await pair.leaf.position()
    for number in range(4):
        await pair.root.execute("insert into public.item values (%s)", 100 + number)
        await pair.root.tick()
    with faults.watching("apply.after_position") as applying:
        applying.hold()
        stepping = asyncio.create_task(pair.leaf.step())
        await applying.wait()
        with faults.watching("copy.after_aside") as copy:
            copy.hold()
            copying = asyncio.create_task(pair.leaf.copy())
            applying.release()
            assert await stepping == start + 4  # the copy's first step waited for this batch
            await copy.wait()
            assert (await pair.leaf.info("public.item")).aside_tick == start + 4
            copy.release()
            assert await copying
    await pair.leaf.become_live("public.item")
    assert await pair.leaf.rows("public.item") == await pair.root.rows("public.item")


async def test_runner_that_was_replaced_brings_nothing_live(pair: Cascade) -> None:
    await with_items(pair)
    assert await pair.leaf.copy()
    await pair.leaf.catch_up((await pair.leaf.info("public.item")).copy_tick)
    await pair.leaf.execute(
        "select tailrace.take_over(%s, %s, 'another')", QUEUE, pair.leaf.consumer_name
    )
    with pytest.raises(TailraceError, match="another"):
        await pair.leaf.consumer.run_once()
    assert await pair.leaf.state("public.item") == "syncing"
    await pair.leaf.become_live("public.item")


async def test_event_that_cannot_be_applied_leaves_the_table_syncing_and_is_named(
    pair: Cascade,
) -> None:
    await with_items(pair)
    await pair.leaf.execute("alter table public.item add check (name <> 'bad')")
    with faults.watching("copy.after_empty") as watch:
        watch.hold()
        copying = asyncio.create_task(pair.leaf.copy())
        await watch.wait()
        await pair.root.execute("insert into public.item values (30, 'bad')")
        await pair.leaf.catch_up(await pair.root.tick())
        watch.release()
        assert await copying
    error = await eventually(lambda: failure_of(pair.leaf))
    assert re.search(r"public\.item.*check", str(error))
    assert await pair.leaf.state("public.item") == "syncing"
    await pair.leaf.execute("alter table public.item drop constraint item_name_check")
    await pair.leaf.become_live("public.item")
    assert await pair.leaf.rows("public.item") == await pair.root.rows("public.item")


async def failure_of(node: Node) -> TailraceError | None:
    try:
        await node.step()
    except TailraceError as error:
        return error
    return None


async def test_copies_beside_eight_writers_end_equal(cascade: Cascade, connect: Connect) -> None:
    await with_items(cascade)
    writers = [await connect(cascade.root.db) for _ in range(8)]
    stop = asyncio.Event()
    tasks = [asyncio.create_task(write(db, number, stop)) for number, db in enumerate(writers)]
    ticking = asyncio.create_task(tick_often(cascade.root, stop))
    try:
        for name in ("leaf", "branch", "lower"):
            node = cascade.nodes[name]
            copying = asyncio.create_task(node.copy())
            while not copying.done():
                await cascade.branch.step()  # lower waits for it: it may be ahead of it
                await node.step()
            assert await copying, (await node.info("public.item")).copy_error
            await node.become_live("public.item")
    finally:
        stop.set()
        await asyncio.gather(*tasks, ticking)
    last = await cascade.root.tick()
    expected = await cascade.root.rows("public.item")
    for node in (cascade.leaf, cascade.branch, cascade.lower):
        await node.catch_up(last)
        assert await node.rows("public.item") == expected
        info = await node.info("public.item")
        assert (info.missed_updates, info.missed_deletes) == (0, 0)
