"""Comparing the tables of two nodes while everything goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fixtures.databases import Connect
from fixtures.waiting import eventually
from integration.copy.handmade import QUEUE, Cascade, Node
from integration.copy.writers import tick_often, write
from tailrace import faults
from tailrace.errors import NotFound, Timeout, UsageError, WrongState
from tailrace.replication.compare import Comparison, TableResult, compare

TABLE = "create table public.item (id integer primary key, name text)"
REPLICA = "set session_replication_role = replica;"
ORIGIN = ";set session_replication_role = origin"


async def with_items(cascade: Cascade, *tables: str) -> None:
    """Replicated tables with five rows each, live everywhere."""
    for table in tables or ("public.item",):
        await cascade.execute(TABLE.replace("public.item", table))
        await cascade.root.execute(
            f"insert into {table} select i, 'item ' || i from generate_series(1, 5) as i"
        )
        await cascade.add(table)
        for name, node in cascade.nodes.items():
            if name != "root":
                assert await node.copy()
                await node.become_live(table)


@asynccontextmanager
async def working(*nodes: Node) -> AsyncIterator[None]:
    """Let the nodes work while the block runs."""

    async def work(node: Node) -> None:
        while True:
            await node.step()
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(work(node)) for node in nodes]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def compared(node: Node, *tables: str, against: str | None = None) -> Comparison:
    return await compare(node.db.dsn, queue=QUEUE, tables=tables, against=against, within=20)


async def test_equal_tables_are_equal_and_counted(pair: Cascade) -> None:
    await with_items(pair)
    async with working(pair.leaf):
        found = await compared(pair.leaf)
    assert (found.left, found.right, found.differing) == ("leaf", "root", 0)
    assert found.tables == [TableResult("public.item", 5, 5, True, "")]


async def test_any_difference_is_found(pair: Cascade) -> None:
    await with_items(pair)
    changes = {
        "delete from public.item where id = 2": 4,
        "update public.item set name = 'item 2 ' where id = 2": 5,
        "update public.item set name = null where id = 2": 5,
        "insert into public.item values (6, 'item 6')": 6,
        "update public.item set name = 'item ' || 3 - id where id in (1, 2)": 5,
    }
    back = "delete from public.item; insert into public.item"
    back += " select i, 'item ' || i from generate_series(1, 5) as i;"
    async with working(pair.leaf):
        for change, rows in changes.items():
            await pair.leaf.execute(REPLICA + back + change + ORIGIN)
            found = await compared(pair.leaf)
            assert found.differing == 1, change
            assert found.tables == [TableResult("public.item", rows, 5, False, "")]
        await pair.leaf.execute(REPLICA + back + ORIGIN)
        assert (await compared(pair.leaf)).differing == 0


async def test_order_of_rows_and_columns_does_not_matter(pair: Cascade) -> None:
    await pair.root.execute(
        "create table public.t (a integer primary key, b text, gone text, c numeric)"
    )
    await pair.leaf.execute(
        "create table public.t (c numeric, own text default 'here', b varchar,"
        " a bigint primary key)"
    )
    await pair.root.execute("insert into public.t values (1, 'one', 'x', 1.50), (2, null, 'x', 2)")
    for node in (pair.root, pair.leaf):
        await node.add("public.t")
    assert await pair.leaf.copy()
    await pair.leaf.become_live("public.t")
    await pair.leaf.execute(REPLICA + "update public.t set own = 'x' where a = 1" + ORIGIN)
    async with working(pair.leaf):
        found = await compared(pair.leaf)
    assert found.tables == [TableResult("public.t", 2, 2, True, "not on both nodes: gone, own")]


async def test_two_nodes_that_are_not_the_root(cascade: Cascade) -> None:
    await with_items(cascade)
    await cascade.lower.execute(REPLICA + "delete from public.item where id = 5" + ORIGIN)
    async with working(cascade.branch, cascade.leaf, cascade.lower):
        same = await compared(cascade.leaf, against="branch")
        differs = await compared(cascade.leaf, against="lower")
        from_root = await compared(cascade.root, against="lower")
    assert (same.left, same.right, same.differing) == ("leaf", "branch", 0)
    assert differs.tables == [TableResult("public.item", 5, 4, False, "")]
    assert from_root.tables == [TableResult("public.item", 5, 4, False, "")]


async def test_nodes_are_equal_while_eight_writers_write(
    cascade: Cascade, connect: Connect
) -> None:
    await with_items(cascade)
    stop = asyncio.Event()
    writers = [await connect(cascade.root.db) for _ in range(8)]
    tasks = [asyncio.create_task(write(db, number, stop)) for number, db in enumerate(writers)]
    tasks.append(asyncio.create_task(tick_often(cascade.root, stop)))
    try:
        async with working(cascade.branch, cascade.leaf, cascade.lower):
            for node, other in (
                (cascade.leaf, None),
                (cascade.branch, None),
                (cascade.lower, "branch"),
                (cascade.leaf, "lower"),
            ):
                found = await compared(node, against=other)
                assert found.differing == 0, found
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def test_nobody_is_blocked_while_rows_are_counted(pair: Cascade) -> None:
    await with_items(pair)
    async with working(pair.leaf):
        with faults.watching("compare.after_release") as watch:
            watch.hold()
            comparing = asyncio.create_task(compared(pair.leaf))
            await watch.wait()
            await pair.root.execute("insert into public.item values (6, 'meanwhile')")
            last = await pair.root.tick()
            await eventually(lambda: is_at(pair.leaf, last))
            assert len(await pair.leaf.rows("public.item")) == 6
            watch.release()
            assert (await comparing).tables == [TableResult("public.item", 5, 5, True, "")]


async def is_at(node: Node, tick: int) -> bool:
    return await node.position() >= tick


async def test_what_keeps_a_node_from_the_tick_is_named_and_no_hold_stays(pair: Cascade) -> None:
    await with_items(pair)
    with pytest.raises(Timeout, match=r'"leaf".*did not reach tick \d+.*tailrace run'):
        await compare(pair.leaf.db.dsn, queue=QUEUE, within=0.2)
    await pair.leaf.execute("update pgq_node.local_state set cur_error = 'disk is full'")
    with pytest.raises(Timeout, match="disk is full"):
        await compare(pair.leaf.db.dsn, queue=QUEUE, within=0.2)
    await pair.leaf.execute("update pgq_node.local_state set paused = true")
    with pytest.raises(Timeout, match="tailrace resume"):
        await compare(pair.leaf.db.dsn, queue=QUEUE, within=0.2)
    assert await pair.leaf.value("select count(*) from tailrace.hold") == 0


async def test_held_node_goes_to_the_tick_and_waits_there(pair: Cascade) -> None:
    await with_items(pair)
    start = await pair.leaf.position()
    hold = await pair.leaf.value("select tailrace.hold(%s, 'test', '1 minute')", QUEUE)
    for _ in range(3):
        await pair.root.tick()
    assert await pair.leaf.step() == start
    await pair.leaf.execute("select tailrace.hold_until(%s, %s, '1 minute')", hold, start + 2)
    await pair.leaf.catch_up(start + 2)
    assert await pair.leaf.step() == start + 2
    await pair.leaf.execute("select tailrace.release_hold(%s)", hold)
    assert await pair.leaf.step() == start + 3


async def test_hold_of_a_client_that_died_ends_by_itself(pair: Cascade) -> None:
    await with_items(pair)
    last = await pair.root.tick()
    await pair.leaf.execute("select tailrace.hold(%s, 'test', '0.3 s')", QUEUE)
    assert await pair.leaf.step() < last
    await pair.leaf.catch_up(last)


async def test_table_that_is_not_live_is_skipped_with_a_note(pair: Cascade) -> None:
    await with_items(pair, "public.item", "public.other", "public.third")
    await pair.leaf.execute(
        "update tailrace.table_info set state = 'pending' where table_name = 'public.other'"
    )
    await pair.leaf.execute("select tailrace.remove_table(%s, 'public.third')", QUEUE)
    notes = {"public.item": "", "public.other": 'pending on node "leaf"'}
    async with working(pair.leaf):
        named = await compared(pair.leaf, "item", "public.other")
        all_of_root = await compared(pair.root, against="leaf")
    assert named.differing == all_of_root.differing == 0
    assert {one.table: one.note for one in named.tables} == notes
    notes["public.third"] = 'not replicated by node "leaf"'
    assert {one.table: one.note for one in all_of_root.tables} == notes
    assert [one.equal for one in all_of_root.tables] == [True, None, None]


async def test_table_that_was_dropped_differs(pair: Cascade) -> None:
    await with_items(pair)
    await pair.leaf.execute("drop table public.item")
    async with working(pair.leaf):
        found = await compared(pair.leaf)
    assert found.differing == 1
    assert found.tables[0].note == 'table "public.item" does not exist on node "leaf"'


async def test_wrong_names_are_refused(pair: Cascade) -> None:
    await with_items(pair)
    with pytest.raises(NotFound, match=r'table "public\.nothing"'):
        await compared(pair.leaf, "nothing")
    await pair.root.execute(TABLE.replace("item", "rooted"))
    await pair.root.execute("select tailrace.add_table(%s, 'public.rooted')", QUEUE)
    for node, other in ((pair.leaf, "root"), (pair.root, "leaf")):
        with pytest.raises(NotFound, match=r'"public\.rooted" .* not replicated by node "leaf"'):
            await compared(node, "item", "rooted", against=other)
    with pytest.raises(NotFound, match='node "nobody"'):
        await compared(pair.leaf, against="nobody")
    with pytest.raises(UsageError, match="with itself"):
        await compared(pair.root)
    with pytest.raises(NotFound, match='queue "nothing"'):
        await compare(pair.leaf.db.dsn, queue="nothing")


async def test_branch_without_tables_cannot_be_compared(cascade: Cascade) -> None:
    with pytest.raises(WrongState, match="does not apply tables yet"):
        await compared(cascade.branch)
