"""A SQL job catching up with a backlog of inserts, against its floor; and a long list of jobs.

The floor is what cannot be saved: the same rows as text, by COPY into a typed staging table, and
the same statement once over it. Its text is ready in memory, while the job's rows come out of a
queue, through two connections, in batches; the ticker runs while the backlog is written, as it
would. The list is SHOW JOBS as it is typed: in a session that is open, and on a command line that
has yet to start.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.flights import COLUMNS, make_source, make_target
from benchmarks.report import Result
from benchmarks.stage import Scale, Stage, tick_all, timed
from tailrace.db.connection import Database
from tailrace.engines.postgres.creation import create_job
from tailrace.engines.postgres.sqljob import SqlJobConsumer
from tailrace.gateway.dispatch import execute
from tailrace.gateway.sessions import Session
from tailrace.statements.parser import parse

QUEUE = "bench"
JOBS = 1_000
# Command lines are quick enough to be started more often than the rest.
COLD_STARTS = 5

DELAYS = """
    create table delays (
        carrier text, hour int, total bigint, n bigint, primary key (carrier, hour)
    )
"""
# The same statement for the job and for the floor; only the source has another name.
KEEP = """
    insert into delays as d (carrier, hour, total, n)
    select carrier, coalesce(hour, -1), coalesce(sum(dep_delay * _weight), 0), sum(_weight)
    from {source} group by 1, 2
    on conflict (carrier, hour) do update set total = d.total + excluded.total, n = d.n + excluded.n
"""
WANTED = """
    select count(*) from (
        select carrier, coalesce(hour, -1), coalesce(sum(dep_delay), 0), count(*)
        from flights group by 1, 2
        except select * from delays
    ) as missing
"""


async def measure(stage: Stage, scale: Scale) -> list[Result]:
    """Catch up with all flights, in turn with the floor; then list a thousand jobs."""
    db = await stage.database("sqljobs")
    try:
        await make_source(db, scale.rows)
        await make_target(db)
        await db.execute(DELAYS)
        await stage.node("node1", QUEUE, "root", db)
        await stage.add_table(db, QUEUE, "flights")
        text = await _text_of(db)
        result = Result(f"job over {scale.rows} inserted rows, 1000 a transaction")
        for repeat in range(scale.repeats):
            name = f"delays_{repeat}"
            await db.execute("truncate flights, delays")
            await create_job(db, name, KEEP.format(source="changes.flights"), {}, schemas="public")
            async with stage.ticking(db.dbname):
                await _insert(db, scale.rows)
            await tick_all(db, QUEUE)
            await db.execute("checkpoint")
            result.add("floor", await _floor(db, text))
            await db.execute("truncate delays; checkpoint")
            result.add("SQL job", await _job(db, name))
            if await db.fetch_value(WANTED):
                raise SystemExit("the job's table does not equal its query")
            await db.execute(
                "select tailrace.forget_sql_job(job_id) from tailrace.job where job_name = %s", name
            )
        result.ratio("throughput, job/floor", result.median("floor"), result.median("SQL job"))
        return [result, *await _listing(db, scale)]
    finally:
        await db.close()


async def _text_of(db: Database) -> list[bytes]:
    """All rows as the text that COPY writes, in pieces."""
    pieces, piece = [], bytearray()
    async for data in db.copy_out("copy source to stdout"):
        piece += data
        if len(piece) >= 128 << 10:
            pieces.append(bytes(piece))
            piece.clear()
    return [*pieces, bytes(piece)]


async def _insert(db: Database, rows: int) -> None:
    for first in range(1, rows + 1, 1000):
        await db.execute(
            f"insert into flights select * from source where id between {first} and {first + 999}"
        )


async def _floor(db: Database, text: list[bytes]) -> float:
    await db.execute(
        f"create temp table if not exists staged (id int, {COLUMNS}) on commit delete rows"
    )
    with timed() as watch:
        async with db.transaction():
            async with db.copy_in("copy staged from stdin") as copy:
                for piece in text:
                    await copy.write(piece)
            await db.execute(KEEP.format(source="(select *, 1 as _weight from staged) as s"))
    return watch.seconds


async def _job(db: Database, name: str) -> float:
    consumer = await db.fetch_value(
        "select consumer_name from tailrace.job where job_name = %s", name
    )
    job = SqlJobConsumer(db.dsn, QUEUE, consumer)
    try:
        with timed() as watch:
            while await job.run_once():
                pass
    finally:
        await job.close()
    return watch.seconds


async def _listing(db: Database, scale: Scale) -> list[Result]:
    """SHOW JOBS with the one job of the node, and with a thousand besides."""
    cold = Result("SHOW JOBS from a cold command line")
    await _cold(cold, "1 job", db, 1)
    await db.execute(
        "select tailrace.add_sql_job("
        "'job ' || n, 'select 1', '{}', 'public', %s, false, '[]', '{}')"
        f" from generate_series(1, {JOBS}) n", QUEUE,
    )  # fmt: skip
    await db.execute("analyze")
    await _cold(cold, f"{JOBS} jobs", db, JOBS + 1)
    warm = Result(f"SHOW JOBS in an open session, {JOBS} jobs")
    async with Session(db.dsn) as session:
        for _ in range(scale.repeats * 3):
            with timed() as watch:
                (answer,) = await execute(session, parse("SHOW JOBS"))
            assert answer.result is not None
            _check(len(answer.result.rows), JOBS + 1)
            warm.add("tailrace", watch.seconds)
    return [warm, cold]


async def _cold(result: Result, name: str, db: Database, jobs: int) -> None:
    """A command line that lists the jobs, from its start to its end."""
    command = [str(Path(sys.executable).with_name("tailrace")), "sql", "-c", "SHOW JOBS"]
    command += ["--format", "tsv"]
    environment = dict(os.environ, TAILRACE_DB=db.dsn)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
    for repeat in range(COLD_STARTS + 1):
        with timed() as watch:
            done = await asyncio.to_thread(
                subprocess.run, command, env=environment, capture_output=True, text=True
            )
        if done.returncode != 0:
            raise SystemExit(f"tailrace sql failed: {done.stderr[-300:]}")
        _check(len(done.stdout.splitlines()) - 1, jobs)
        if repeat:  # the first one compiles
            result.add(name, watch.seconds)


def _check(found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"{found} jobs are listed, and there are {wanted}")
