"""Random SQL jobs over random changes equal the same query over the source.

``SQL_JOBS=2000 pytest …`` (``make soak``) draws more of them, ``SQL_JOBS_SEED`` others.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from fixtures.cascade import QUEUE, Cascade
from fixtures.randomsql import TABLES, RandomChanges, RandomJob, random_job
from fixtures.sqljobs import force_tick, make_job, rows, step
from tailrace.db.connection import Database

JOBS = int(os.environ.get("SQL_JOBS", "300"))
AT_ONCE = 50
SEED = int(os.environ.get("SQL_JOBS_SEED", "1"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range((JOBS + AT_ONCE - 1) // AT_ONCE))
async def test_random_jobs_equal_their_query(cascade: Cascade, part: int):
    dice = Random(SEED * 1000 + part)
    db = (await cascade.root()).db
    await db.execute(TABLES)
    await db.execute(f"select tailrace.add_table('{QUEUE}', 'src')")
    changes = RandomChanges(dice)
    jobs = [random_job(dice, number) for number in range(AT_ONCE)]
    early = dice.randrange(AT_ONCE)
    for job in jobs[:early]:
        await _make(db, job, "latest")
    await _change(db, changes, dice.randrange(5, 40))
    for job in jobs[early:]:
        await _make(db, job, "snapshot")
    await _run(db, jobs[:early:2] + jobs[early::2])  # the others have it all in one batch
    await _change(db, changes, dice.randrange(10, 60))
    await _run(db, jobs)
    for job in jobs:
        found = await rows(db, job.found)
        assert found == await rows(db, _qualified(job.wanted)), f"seed {SEED}, {part}: {job}"


async def _make(db: Database, job: RandomJob, initial: str) -> None:
    await db.execute(job.table)
    await make_job(db, job.target, job.body, {"initial": initial})


async def _change(db: Database, changes: RandomChanges, count: int) -> None:
    for number in range(count):
        await db.execute(changes.statement())
        if number % 7 == 0:
            await force_tick(db, QUEUE)


async def _run(db: Database, jobs: list[RandomJob]) -> None:
    await force_tick(db, QUEUE)
    for job in jobs:
        await step(db, job.target)


def _qualified(query: str) -> str:
    """The query for a session without a search path."""
    for table in ("src", "dim"):
        query = query.replace(f"from {table} ", f"from public.{table} ")
        query = query.replace(f"join {table} ", f"join public.{table} ")
    return query
