"""SQL jobs whose runner is killed, again and again, inside the transaction of a batch.

What they keep must equal the query over the source, so nothing was lost and nothing counted twice.
``KILLS`` says how often; each time at least twenty batches have been done since the last.
"""

from __future__ import annotations

import os
from itertools import cycle
from random import Random

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode
from fixtures.process import StartProcess
from fixtures.randomsql import TABLES, RandomChanges, RandomJob, random_job
from fixtures.sqljobs import job_row, make_job, rows, status
from fixtures.waiting import eventually
from tailrace import faults
from tailrace.jobs.manager import Manager

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

KILLS = int(os.environ.get("KILLS", "30"))
BATCHES = 20
# On a leaf, too, in make soak: there the job reads the root's queue.
WHERE = ("root", "leaf") if os.environ.get("STRIKES") == "all" else ("root",)
SETTINGS = {"TAILRACE_POLL": "200ms"}
IN_A_BATCH = ("sqljob.before_commit", "sqljob.after_position", "sqljob.after_load")
OF_A_BEGINNING = sorted(
    name
    for name, place in faults.declared().items()
    if place.startswith("engines/postgres/") and "/export/" not in place and name not in IN_A_BATCH
)


async def _prepare(node: TestNode) -> None:
    await node.db.execute(TABLES)
    await node.db.execute(f"select tailrace.add_table('{QUEUE}', 'src')")


async def _equal(node: TestNode, job: RandomJob, source: TestNode) -> bool:
    found = await rows(node.db, job.found)
    wanted = await rows(source.db, job.wanted.replace("src s", "public.src s"))
    assert found == wanted, job
    return True


async def _is(node: TestNode, job: str, wanted: str) -> bool:
    return await status(node, job) == wanted


def _plain(dice: Random, number: int) -> RandomJob:
    """A job that keeps groups of the source alone."""
    while True:
        job = random_job(dice, number)
        if "dim" not in job.body and " n = 0" in job.body and "k1" in job.table:
            return job


@pytest.mark.parametrize("where", WHERE)
async def test_every_change_counts_once_however_often_the_runner_is_killed(
    cascade: Cascade, process: StartProcess, where: str
):
    dice = Random(11)
    root = await cascade.root()
    await root.db.execute("select pgq.set_queue_config('flow', 'ticker_max_lag', '0')")
    nodes = [root] if where == "root" else [root, await cascade.leaf("node2", root)]
    for one in nodes:
        await _prepare(one)
    node = nodes[-1]
    job = _plain(dice, 0)
    await node.db.execute(job.table)
    await make_job(node.db, job.target, job.body)
    changes = RandomChanges(dice)
    flags = [word for one in nodes for word in ("--db", one.dsn)]
    for number, point in zip(range(KILLS), cycle(IN_A_BATCH), strict=False):
        fault = f"{point}@{BATCHES + 1 + number % 5}:kill"
        runner = await process("run", *flags, env=SETTINGS | {"TAILRACE_FAULT": fault})
        while runner.returncode is None:
            await root.db.execute(changes.statement())
        assert await runner.wait() < 0, runner.err
    await eventually(lambda: _is(node, job.target, "SUSPENDED"))
    await process("run", *flags, env=SETTINGS)
    async with Manager(node.db, timeout=60) as manager:
        await manager.stop(job.target, drain=True)
    assert await status(node, job.target) == "FINISHED"
    await _equal(node, job, root)
    epoch = await node.db.fetch_value(
        "select epoch from tailrace.runner where consumer_name = %s",
        (await job_row(node.db, job.target)).consumer_name,
    )
    assert epoch > KILLS, "each runner had taken the job over"


@pytest.mark.parametrize("point", [*IN_A_BATCH, *OF_A_BEGINNING])
async def test_job_of_a_leaf_survives_a_death_at_each_point(
    cascade: Cascade, process: StartProcess, point: str
):
    """From its creation on: filled from the rows of the leaf, then batch by batch."""
    dice = Random(5)
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await _prepare(node)
    changes = RandomChanges(dice)
    for _ in range(20):
        await root.db.execute(changes.statement())
    job = _plain(dice, 0)
    await leaf.db.execute(job.table)
    fault = SETTINGS | {"TAILRACE_FAULT": f"{point}:kill"}
    runner = await process("run", "--db", root.dsn, "--db", leaf.dsn, env=fault)
    text = f"CREATE JOB {job.target} WITH ('initial' = 'snapshot') AS $${job.body}$$"
    creator = await process("sql", "--db", leaf.dsn, "-c", text, env=fault)
    await creator.wait()
    if not await leaf.db.fetch_value("select count(*) from tailrace.job where kind = 'sql'"):
        await make_job(leaf.db, job.target, job.body, {"initial": "snapshot"})
    if creator.returncode == 0:  # it did not die of it, so the runner will
        for _ in range(200):
            await root.db.execute(changes.statement())
            if runner.returncode is not None:
                break
        await runner.wait()
    await runner.kill()
    await root.db.execute(changes.statement())
    await process("run", "--db", root.dsn, "--db", leaf.dsn, env=SETTINGS)
    await eventually(lambda: _equal(leaf, job, root), 30)
    assert await leaf.errors() == []
