"""Nodes move and change their roles; the jobs on them go on, and still count every change once."""

from __future__ import annotations

from functools import partial

import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace  # the fixture
from fixtures.randomsql import TABLES
from fixtures.sqljobs import job_row, make_job, rows
from fixtures.waiting import eventually

SUMS = """
    insert into sums as s select coalesce(g, -1), sum(coalesce(x, 0) * _weight), sum(_weight)
    from changes.src group by 1
    on conflict (g) do update set x = s.x + excluded.x, n = s.n + excluded.n;
    delete from sums where n = 0
"""
WANTED = "select coalesce(g, -1), sum(coalesce(x, 0)), count(*) from public.src group by 1"


async def _write(node: TestNode, number: int) -> None:
    first = number * 100
    for statement in (
        f"insert into public.src (id, g, x) select n, n % 7, n from generate_series({first},"
        f" {first + 99}) n",
        f"update public.src set x = x + 1, g = (g + 1) % 7 where id % 5 = {number % 5}",
        f"update public.src set id = id + 50000 where id < {first} and id % 9 = {number % 9}",
        f"delete from public.src where id % 11 = {number % 11}",
    ):
        await node.db.execute(statement)


async def _right(node: TestNode, source: TestNode) -> bool:
    found = await rows(node.db, "select * from public.sums")
    assert found == await rows(source.db, WANTED), await node.errors()
    return True


@pytest_asyncio.fixture
async def four(cascade: Cascade) -> dict[str, TestNode]:
    """A root, two branches below it, a leaf below the first; with a job on each."""
    root = await cascade.root("node1")
    nodes = {"node1": root}
    for name in ("node2", "node3"):
        nodes[name] = await cascade.branch(name, root)
    nodes["leaf"] = await cascade.leaf("leaf", nodes["node2"])
    for node in nodes.values():
        await node.db.execute(TABLES)
        await node.db.execute("create table public.sums (g int primary key, x bigint, n bigint)")
        await node.db.execute(f"select tailrace.add_table('{QUEUE}', 'src')")
    return nodes


async def test_jobs_go_on_while_nodes_move_and_the_root_gives_its_role_away(
    four: dict[str, TestNode], tailrace: Tailrace
):
    nodes = four
    root, branch, other, leaf = nodes.values()
    async with running(*nodes.values()):
        await _write(root, 0)
        for node in nodes.values():
            await make_job(node.db, "sums", SUMS, {"initial": "snapshot"})
        await _write(root, 1)
        moved = await tailrace("--db", leaf.dsn, "change-provider", "--provider", "node3")
        assert moved.status == 0, moved.err
        consumer = (await job_row(leaf.db, "sums")).consumer_name
        assert await branch.subscription(consumer) is None
        assert await other.subscription(consumer) is not None
        await _write(root, 2)
        for node in nodes.values():
            await eventually(partial(_right, node, root))
        taken = await tailrace("--db", branch.dsn, "takeover", "node1")
        assert taken.status == 0, taken.err
        await _write(branch, 3)  # captured with old values here, too
        await _write(branch, 4)
        for node in nodes.values():
            await eventually(partial(_right, node, branch))
            assert await node.errors() == []
        # a job that begins now asks the new root
        await other.db.execute("create table public.later (like public.sums including all)")
        later = SUMS.replace("into sums", "into later").replace("from sums", "from later")
        await make_job(other.db, "later", later, {"initial": "snapshot"})
        await _write(branch, 5)

        async def equal() -> bool:
            found = await rows(other.db, "select * from public.later")
            assert found == await rows(branch.db, WANTED)
            return True

        await eventually(equal)
    dropped = await tailrace("--db", leaf.dsn, "drop-node", "leaf", "--yes")
    assert dropped.status == 0, dropped.err
    assert await leaf.db.fetch_value("select count(*) from tailrace.job_relation") == 0
