"""Jobs that read a queue into which others are merged."""

from __future__ import annotations

import pytest

from fixtures.merge import COMBINED, Merge, serving
from fixtures.waiting import eventually
from tailrace.cascade.waiting import Patience
from tailrace.engines.postgres.creation import create_job
from tailrace.errors import Timeout
from tailrace.jobs.manager import Manager

COUNT = """
    insert into public.counted as c select v, sum(_weight) from changes.t group by v
    on conflict (v) do update set n = c.n + excluded.n;
    delete from public.counted where n = 0
"""
OPTIONS = {"initial": "snapshot", "queue": COMBINED}

pytestmark = pytest.mark.timeout(120)


async def test_a_job_counts_what_comes_from_the_parts(merge: Merge) -> None:
    """Old values are captured at the roots of the parts: from there alone the changes come."""
    await merge.add_tables()
    await merge.write()
    async with serving(*merge.all):
        await eventually(merge.equal, within=40)
        for db in (merge.t1, merge.t2):
            await db.execute("create table public.counted (v text primary key, n bigint)")
            await create_job(db, "counting", COUNT, OPTIONS, schemas="public")
        for _ in range(3):
            await merge.write()
        await eventually(merge.equal, within=20)
        for db in (merge.t1, merge.t2):
            async with Manager(db, timeout=20.0) as manager:
                await manager.stop("counting", drain=True)
            counted = await db.fetch_all("select v, n from public.counted order by v")
            assert len(counted) > 1
            assert counted == await db.fetch_all(
                "select v, count(*) as n from public.t group by v order by v"
            )


async def test_a_job_waits_for_what_a_part_has_captured_before(merge: Merge) -> None:
    await merge.add_tables()
    async with serving(*merge.all):
        await eventually(merge.equal, within=40)
    await merge.t1.execute("create table public.counted (v text primary key, n bigint)")
    with pytest.raises(Timeout, match=r'tick \d+ of queue "p1" to come into queue "c"; the worker'):
        await create_job(
            merge.t1, "counting", COUNT, OPTIONS, schemas="public", patience=Patience(0.2)
        )
    assert await merge.t1.fetch_value("select count(*) from tailrace.job where kind = 'sql'") == 0
