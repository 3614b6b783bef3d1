"""``tailrace run`` killed at every reach point of copy and hand-over: nothing lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode
from fixtures.process import StartProcess
from fixtures.striking import LONG, Action, Strikes
from tailrace import faults

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

HERE = ("replication/copy.py", "replication/sync.py", "replication/snapshot.py")
POINTS = sorted(name for name, place in faults.declared().items() if place in HERE)


def test_there_are_reach_points_at_every_step_of_a_copy() -> None:
    assert {
        "copy.after_aside",
        "snapshot.before_tick_commit",
        "copy.after_snapshot",
        "copy.after_start",
        "copy.after_empty",
        "copy.in_data",
        "copy.after_data",
        "copy.before_commit",
        "copy.after_commit",
        "hand_over.after_state",
        "hand_over.after_apply",
        "hand_over.after_commit",
    } <= set(POINTS)


async def add_table(nodes: list[TestNode], table: str) -> None:
    """A table with rows on the root, which the others want a copy of; they have rows of old."""
    for node in nodes:
        await node.db.execute(f"create table {table} (id integer primary key, v text)")
    root, *others = nodes
    await root.db.execute(f"insert into {table} select i, 'old' from generate_series(1, 50) i")
    for node in others:
        await node.db.execute(f"insert into {table} values (7, 'stale'), (1000, 'stale')")
    for node in nodes:
        code = await node.db.fetch_value(
            "select ret_code from tailrace.add_table(%s, %s)", QUEUE, table
        )
        assert code == 200


@asynccontextmanager
async def writing(root: TestNode, table: str) -> AsyncIterator[None]:
    """Change the table all the time, in every way."""

    async def write() -> None:
        number = 100
        while True:
            number += 1
            await root.db.execute(f"insert into {table} values (%s, 'new')", number)
            await root.db.execute(f"update {table} set v = v || '.' where id %% 7 = %s", number % 7)
            await root.db.execute(f"delete from {table} where id = %s", number - 60)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(write())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def rows(node: TestNode, table: str) -> list[Any]:
    found = await node.db.fetch_all(f"select id, v from {table} order by id")
    return [tuple(row) for row in found]


async def nothing() -> None:
    """Somebody else writes."""


@pytest.mark.usefixtures("modelled")
@pytest.mark.parametrize("action", LONG)
async def test_nothing_is_lost_or_doubled_when_struck_at_each_of_them_in_turn(
    cascade: Cascade, process: StartProcess, action: Action
) -> None:
    """Each process finishes the copies that the one before has left, then dies in the next one."""
    root = await cascade.root()
    for setting in ("ticker_max_lag", "ticker_idle_period"):
        await root.db.execute("select pgq.set_queue_config(%s, %s, '250 ms')", QUEUE, setting)
    branch = await cascade.branch("node2", root)
    nodes = [root, branch, await cascade.leaf("node3", branch)]
    tables: list[str] = []

    async def equal() -> bool:
        for table in tables:
            wanted = await rows(root, table)
            for node in nodes[1:]:
                assert await rows(node, table) == wanted, f"{table} on {node.name}"
        return True

    strikes = Strikes(process, [node.db for node in nodes], {}, action, equal)
    for number, point in enumerate(POINTS):
        table = f"public.t{number}"
        tables.append(table)
        await add_table(nodes, table)
        # The second pass is the leaf's copy, or the one that was broken off before.
        async with writing(root, table):
            # One that was woken up has left nothing to be copied again.
            nth = 1 if action == "stop" else 1 + number % 2
            await strikes.strike(point, nth, nothing)

    await strikes.mend()
    for node in nodes[1:]:
        missed = await node.db.fetch_value(
            "select sum(missed_updates + missed_deletes) from tailrace.table_info"
        )
        assert missed == 0
        assert await node.db.fetch_value("select count(*) from tailrace.set_aside") == 0
    assert (
        await branch.db.fetch_value(
            "select count(*) from pgq.get_consumer_info() where consumer_name like '.copy.%'"
        )
        == 0
    )
