"""Savepoints of SQL jobs: their rows are the query over the source as of the savepoint's tick."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from fixtures.cascade import Cascade, TestNode, running
from fixtures.command import Tailrace
from fixtures.history import History, state
from fixtures.savepoints import Sql, status_is
from fixtures.sqljobs import job_row, make_job
from fixtures.waiting import eventually
from tailrace.engines.postgres.sqljob import SqlJobConsumer
from tailrace.jobs.savepoints.restore import restore

pytestmark = pytest.mark.timeout(180)

TARGET = "create table public.sums (g integer primary key, total bigint, n bigint)"
SUMS = """
    insert into sums select a_id % 3, sum(v * _weight), sum(_weight) from changes.b group by 1
    on conflict (g) do update set total = sums.total + excluded.total, n = sums.n + excluded.n;
    delete from sums where n = 0
"""
Sums = list[tuple[int, int, int]]


def sums(n: int) -> Sums:
    """What the job's table holds after transaction ``n`` of the source."""
    total: Counter[int] = Counter()
    count: Counter[int] = Counter()
    for _, of, value in state(n)[1]:
        total[of % 3] += value
        count[of % 3] += 1
    return sorted((g, total[g], count[g]) for g in count)


async def held(node: TestNode) -> Sums:
    rows = await node.db.fetch_all("select g, total, n from public.sums order by g")
    return [tuple(row) for row in rows]


async def holds(node: TestNode, n: int) -> bool:
    found = await held(node)
    assert found == sums(n), (node.name, await node.errors())
    return True


async def restored_by_hand(node: TestNode, job: str, path: str) -> None:
    """Start a job from a savepoint, and let it do nothing but take the rows."""
    await node.db.execute("select tailrace.request_start_job(%s, %s)", job, path)
    row = await job_row(node.db, job)
    consumer = SqlJobConsumer(
        node.dsn, row.queue_name, row.consumer_name, poll=0.05, restore=restore
    )
    done = "select restored_from = %s from tailrace.job where job_name = %s"

    async def taken() -> bool:
        await consumer.run_once()
        return bool(await node.db.fetch_value(done, path, job))

    try:
        await eventually(taken, 20)
    finally:
        await consumer.close()


async def _has_begun(node: TestNode) -> bool:
    """Whether the job has done the rows that were there; until then there is nothing to save."""
    return not (await job_row(node.db, f"sums_{node.name}")).wants_snapshot


async def test_savepoints_under_load_and_ddl_are_the_query_as_of_their_tick(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
) -> None:
    """On the root, on a branch, on and below a sync node; the leaf changes its provider."""
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    history = History(root)
    await history.begin(branch, leaf)
    nodes = (root, branch, leaf)
    sqls = {node.name: Sql(tailrace, node, tmp_path / node.name) for node in nodes}
    taken: list[tuple[TestNode, str, str]] = []

    async def take() -> None:
        for node in random.sample(nodes, len(nodes)):
            await asyncio.sleep(random.uniform(0, 0.2))
            job = f"sums_{node.name}"
            taken.append((node, job, await sqls[node.name].savepoint(job)))

    async with running(*nodes):
        await history.live(branch, leaf)
        await tailrace("set-attr", "node2", "sync_watermark=node2", "--db", root.dsn)
        for number, node in enumerate(nodes):
            await node.db.execute(TARGET)
            options = {"initial": "snapshot" if number else "latest"}
            await make_job(node.db, f"sums_{node.name}", SUMS, options)
            await status_is(node, f"sums_{node.name}", "RUNNING")
            await eventually(lambda node=node: _has_begun(node), 20)
        async with history.going_on():
            await take()  # the first may be of a tick from before the first transaction
            for node in reversed(nodes):
                await node.db.execute("alter table public.b add column note text default 'none'")
            await take()
            move = ("change-provider", "--provider", "node1", "--timeout", "30")
            await tailrace(*move, "--db", leaf.dsn)
            await take()
        await history.reached(*nodes)
        for node in nodes:
            await eventually(lambda node=node: holds(node, history.n), 30)
            await sqls[node.name](f"STOP JOB 'sums_{node.name}'")
    # rows of the savepoint, and nothing else: no runner is at work
    random.shuffle(taken)
    for node, job, path in taken:
        await restored_by_hand(node, job, path)
        metadata = json.loads((Path(path) / "_metadata").read_text())
        seen = await history.seen_by(metadata["tick"])
        assert seen < history.n
        assert await holds(node, seen)
        await sqls[node.name](f"STOP JOB '{job}'")
    async with running(*nodes), history.going_on():
        for name, path in {node.name: path for node, _, path in taken}.items():
            await sqls[name](f"START JOB 'sums_{name}' FROM SAVEPOINT '{path}' NO_CLAIM")
        written = history.n
        await eventually(lambda: history.n > written + 5, 20, what="more to be written")
    async with running(*nodes):
        for node in nodes:
            await eventually(lambda node=node: holds(node, history.n), 30)


async def test_savepoint_whose_owner_is_dropped_is_anybodys(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
) -> None:
    root = await cascade.root()
    history = History(root)
    await history.begin()
    await root.db.execute(TARGET)
    await make_job(root.db, "first", SUMS)
    sql = Sql(tailrace, root, tmp_path)
    async with running(root):
        await status_is(root, "first", "RUNNING")
        await history.step()
        path = await sql.savepoint("first")
        await sql("STOP JOB 'first'", f"START JOB 'first' FROM SAVEPOINT '{path}' CLAIM")
        assert "is owned by job" in await sql.fails(f"DROP SAVEPOINT '{path}'")
        await sql("STOP JOB 'first'", "DROP JOB 'first'")
        assert (await sql.listed())[path]["ownership"] in ("user", "unpinned")
        await sql("DROP SAVEPOINTS FOR JOB 'first' KEEP LAST 0")
        assert await sql.listed() == {}
        assert not Path(path).exists()  # noqa: ASYNC240 - a look at the disk, no work
