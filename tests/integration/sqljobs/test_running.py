"""What a SQL job does with changes, on a root, a branch and a leaf."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace  # the fixture
from fixtures.sqljobs import force_tick, job_row, make_job, rows, run_job, status, step
from fixtures.waiting import eventually

ORDERS = (
    "create table public.orders (id int primary key, day date, amount numeric, note text);"
    "create table public.revenue (day date primary key, total numeric, n bigint)"
)
REVENUE = """
    insert into revenue as r (day, total, n)
    select o.day, sum(o.amount * o._weight), sum(o._weight) from changes.orders o
    where o.day is not null group by o.day
    on conflict (day) do update set total = r.total + excluded.total, n = r.n + excluded.n;
    delete from revenue where n = 0
"""
WANTED = "select day, sum(amount), count(*) from public.orders where day is not null group by day"
CHANGES = (
    "insert into public.orders select n, date '2026-01-01' + n % 5, n * 1.5, 'o' || n"
    " from generate_series(1, 300) n",
    "update public.orders set amount = amount + 1 where id % 3 = 0",
    "update public.orders set day = day + 1 where id % 7 = 0",
    "update public.orders set id = id + 1000 where id < 10",
    "delete from public.orders where day = '2026-01-03'",
    "update public.orders set day = null where id % 11 = 0",
    "begin; delete from public.orders; rollback",
)


async def _right(db, source=None) -> bool:
    wanted = await rows(source or db, WANTED)
    found = await rows(db, "select * from public.revenue")
    assert found == wanted
    return True


async def _root(cascade: Cascade) -> TestNode:
    root = await cascade.root()
    await root.db.execute(ORDERS)
    await root.db.execute(f"select tailrace.add_table('{QUEUE}', 'orders')")
    return root


async def test_job_on_a_root_keeps_sums_through_everything(cascade: Cascade):
    root = await _root(cascade)
    await make_job(root.db, "revenue", REVENUE)
    for statement in (*CHANGES, "truncate public.orders", *CHANGES[:3]):
        await root.db.execute(statement)
        await run_job(root.db, "revenue")
        await _right(root.db)
    assert await root.errors() == []


async def test_job_of_a_leaf_does_not_need_what_the_leafs_worker_has_yet_to_read(cascade: Cascade):
    """Nobody serves the leaf, so it has not seen the event that tells of old values."""
    root = await _root(cascade)
    leaf = await cascade.leaf("node2", root)
    await leaf.db.execute(ORDERS)
    await leaf.db.execute(f"select tailrace.add_table('{QUEUE}', 'orders')")
    await make_job(leaf.db, "revenue", REVENUE)
    for statement in CHANGES[:4]:
        await root.db.execute(statement)
    await force_tick(root.db, QUEUE)
    await step(leaf.db, "revenue")
    await _right(leaf.db, root.db)
    assert await leaf.position() < max(await root.ticks()), "its worker has not been there"


async def test_small_batches_of_a_leaf_follow_each_other_without_a_rest(
    cascade: Cascade, monkeypatch: pytest.MonkeyPatch
):
    """What is known of the newest tick may be older than what has been done since."""
    root = await _root(cascade)
    leaf = await cascade.leaf("node2", root)
    await leaf.db.execute(ORDERS)
    await leaf.db.execute(f"select tailrace.add_table('{QUEUE}', 'orders')")
    async with running(root, leaf):
        await make_job(leaf.db, "revenue", REVENUE)
        await eventually(partial(_runs, leaf))
    monkeypatch.setattr("tailrace.engines.postgres.changes.FEWEST_EVENTS", 1)
    for statement in CHANGES[:4]:
        await root.db.execute(statement)
        await force_tick(root.db, QUEUE)
    await step(leaf.db, "revenue")
    await _right(leaf.db, root.db)


async def _runs(node: TestNode) -> bool:
    return await status(node, "revenue") == "RUNNING"


async def test_job_that_has_not_begun_is_drained_into_a_savepoint(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
):
    """A drain waits for the first run over the rows that are there; then there are rows to save."""
    root = await _root(cascade)
    await root.db.execute(CHANGES[0])
    await make_job(root.db, "revenue", REVENUE, {"initial": "snapshot"})
    at = ("--db", root.dsn)
    alone = ("sql", "-c", "STOP JOB 'revenue' WITH SAVEPOINT")
    assert "has not run over the rows" in (await tailrace(*alone, *at, status=1)).complaint
    drop = (await tailrace("sql", "-c", "DROP JOB 'revenue'", *at, status=1)).complaint
    assert drop.endswith("DROP needs one that has ended; stop it first with: STOP JOB 'revenue'")
    # PostgreSQL's own SET counts as well, as in psql
    asked = "SET state.savepoints.dir = '%s'; STOP JOB 'revenue' WITH SAVEPOINT WITH DRAIN"
    stopping = asyncio.create_task(
        tailrace("sql", "-c", asked % tmp_path, "--format", "json", *at)
    )  # asked before anybody runs it
    wanted = "select drain_since is not null from tailrace.job where job_name = 'revenue'"
    await eventually(partial(root.db.fetch_value, wanted), 20)
    async with running(root):
        path = (await stopping).out.split('"savepoint path": "')[1].split('"')[0]
    assert Path(path).parent == tmp_path
    assert await status(root, "revenue") == "FINISHED"
    await _right(root.db)
    await root.db.execute("truncate public.revenue")
    async with running(root):
        await tailrace("start-job", "revenue", "--from-savepoint", path, *at)
        await eventually(partial(_right, root.db))


async def test_job_under_a_runner_on_root_branch_and_leaf(cascade: Cascade):
    root = await _root(cascade)
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    for node in (branch, leaf):
        await node.db.execute(ORDERS)
        await node.db.execute(f"select tailrace.add_table('{QUEUE}', 'orders')")
    await root.db.execute(CHANGES[0])
    async with running(root, branch, leaf):
        await make_job(leaf.db, "revenue", REVENUE, {"initial": "snapshot"})
        await make_job(branch.db, "revenue", REVENUE, {"initial": "snapshot"})
        await make_job(root.db, "revenue", REVENUE, {"initial": "snapshot"})
        for statement in CHANGES[1:]:
            await root.db.execute(statement)
        for node in (root, branch, leaf):
            await eventually(partial(_right, node.db, root.db))
            assert await status(node, "revenue") == "RUNNING"
        await root.db.execute("truncate public.orders")
        await root.db.execute(CHANGES[0])
        for node in (root, branch, leaf):
            await eventually(partial(_right, node.db, root.db))
    row = await job_row(leaf.db, "revenue")
    assert await branch.subscription(row.consumer_name) is not None
