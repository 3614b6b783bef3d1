"""``tailrace run``: all services of several databases in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, differences
from fixtures.waiting import eventually
from tailrace.app import Options, Runner, run
from tailrace.errors import ConnectError, SchemaMissing, WrongState

OPTIONS = Options(poll=0.2, discovery_period=0.1, local_watermark_period=0.2, global_watermark_period=0.2)
TABLE = "create table public.t (id integer primary key, v text)"


@asynccontextmanager
async def running(*nodes: TestNode) -> AsyncIterator[Runner]:
    """Serve the databases of some nodes while the block runs."""
    runner = Runner([node.dsn for node in nodes], OPTIONS, signals=False)
    task = asyncio.create_task(runner.run(until_idle=False))
    try:
        yield runner
    finally:
        runner.stop()
        await asyncio.wait_for(task, 20)


async def add_table(*nodes: TestNode) -> None:
    """Make the test table and replicate it on these nodes."""
    for node in nodes:
        await node.db.execute(TABLE)
        row = await node.db.fetch_one("select * from tailrace.add_table(%s, 'public.t')", QUEUE)
        assert row is not None
        assert row.ret_code < 300, row.ret_note


async def rows(node: TestNode) -> list[tuple[int, str]]:
    """Content of the test table."""
    return [tuple(row) for row in await node.db.fetch_all("select id, v from public.t order by id")]


async def test_rows_written_at_the_root_reach_branch_and_leaves(cascade: Cascade) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    near, far = await cascade.leaf("node3", root), await cascade.leaf("node4", branch)
    await root.db.execute(TABLE)
    await root.db.fetch_one("select * from tailrace.add_table(%s, 'public.t')", QUEUE)
    await root.db.execute("insert into public.t select i, 'before' from generate_series(1, 500) i")
    await add_table(branch, near, far)
    async with running(root, branch, near, far):
        await root.db.execute("insert into public.t select i, 'during' from generate_series(501, 900) i")
        await root.db.execute("update public.t set v = 'new' where id %% 3 = 0".replace("%%", "%"))
        await root.db.execute("delete from public.t where id % 7 = 0")
        wanted = await rows(root)
        for node in (branch, near, far):
            await eventually(lambda node=node: same(node, wanted), within=30, what=node.name)  # type: ignore[misc]
    assert await differences(root, branch) == []


async def same(node: TestNode, wanted: list[tuple[int, str]]) -> bool:
    """Compare the test table with what it should be."""
    found = await rows(node)
    assert found == wanted, (len(found), len(wanted), await node.error())
    return True
