"""Our process killed at every reach point on the way to a cluster; catalogue and cluster agree.

Each statement runs in a process of its own, which is killed at one point. Afterwards somebody else
looks: nothing runs twice, no savepoint is lost, nothing is left unsettled, and the same statement
can be given again.
"""

from __future__ import annotations

import pytest

from fixtures.flink_fake import FakeFlink
from fixtures.flink_session import Sql
from fixtures.process import StartProcess
from fixtures.process import process as process
from fixtures.waiting import eventually
from tailrace import faults
from tailrace.db.connection import Database
from tailrace.jobs.cluster.service import Clusters

NOBODY = """
    select not exists (
        select 1 from pg_locks as l join pg_database as d on d.oid = l.database
        where l.locktype = 'advisory' and d.datname = current_database())
"""
DEFINITION = "CREATE TABLE src (a INT) WITH ('connector'='datagen')"
CREATE = "CREATE JOB j AS INSERT INTO sink SELECT a FROM src"

SUBMITTING = ["flink.create.written", "flink.submit.wanted", "flink.submit.answered"]
STARTING = ["flink.start.written", "flink.submit.wanted", "flink.submit.answered"]
SAVING = ["flink.savepoint.wanted", "flink.savepoint.asked", "flink.savepoint.made"]
DROPPING = ["flink.drop.written", "flink.drop.asked", "flink.drop.done"]


class Killed:
    """Runs statements in processes that die on the way."""

    def __init__(self, process: StartProcess, fake: FakeFlink, database: Database) -> None:
        self._process = process
        self._fake = fake
        self._database = database

    async def __call__(self, point: str, *statements: str) -> None:
        words = [word for text in statements for word in ("-c", text)]
        ours = await self._process(
            "sql",
            *words,
            env={
                "TAILRACE_DB": self._database.dsn,
                "TAILRACE_ENGINE": "flink",
                "TAILRACE_FLINK_URL": self._fake.url,
                "TAILRACE_FLINK_GATEWAY": self._fake.url,
                "TAILRACE_FAULT": f"{point}:kill",
            },
        )
        assert await ours.wait() == -9, ours.err
        self._fake.complete_savepoints()
        await eventually(lambda: self._database.fetch_value(NOBODY))  # its session ends with it


@pytest.fixture
def killed(process: StartProcess, fake_flink: FakeFlink, database: Database) -> Killed:
    return Killed(process, fake_flink, database)


async def agree(fake: FakeFlink, sql: Sql) -> None:
    """Nothing is unsettled, and what is listed is what there is."""
    rows = await sql("SHOW SAVEPOINTS")
    made = {f"file:{one.parent}" for one in fake.directory.glob("savepoints/**/_metadata")}
    assert {row["savepoint path"] for row in rows} == made
    assert {row["ownership"] for row in rows} <= {"user"}
    live = [job for job in fake.jobs.values() if job.end is None]
    running = [row for row in await sql("SHOW JOBS") if row["status"] == "RUNNING"]
    assert len(live) == len(running) <= 1
    unsettled = (
        "select count(*) from tailrace.flink_savepoint where state in ('requested', 'dropping')"
    )
    assert await (await sql.session.ours()).fetch_value(unsettled) == 0


@pytest.mark.parametrize("point", SUBMITTING)
async def test_killed_while_creating(
    point: str, killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    await killed(point, DEFINITION, CREATE)
    await agree(fake_flink, fake_sql)
    status = await fake_sql.status("j")
    assert status == ("RUNNING" if fake_flink.jobs else "FAILED")
    if status == "FAILED":
        assert "it never reached the cluster" in (await fake_sql("SHOW JOBS EXTENDED"))[0]["error"]
        await fake_sql("START JOB 'j'")
    assert len(fake_flink.submissions) == 1
    await agree(fake_flink, fake_sql)


@pytest.mark.parametrize("point", STARTING)
async def test_killed_while_starting(
    point: str, killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    path = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    await killed(point, f"START JOB 'j' FROM SAVEPOINT '{path}'")
    await agree(fake_flink, fake_sql)
    if await fake_sql.status("j") == "FAILED":
        await fake_sql(f"START JOB 'j' FROM SAVEPOINT '{path}'")
    assert await fake_sql.status("j") == "RUNNING"
    assert len(fake_flink.submissions) == 2
    assert (await fake_sql("DESCRIBE JOB 'j'"))[0]["restored from"] == path
    await agree(fake_flink, fake_sql)


async def test_killed_after_a_savepoint_was_given_away(
    killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    path = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    await killed("flink.submit.answered", f"START JOB 'j' FROM SAVEPOINT '{path}' CLAIM")
    (row,) = await fake_sql("SHOW SAVEPOINTS")
    assert row["ownership"] == "job"
    assert "belongs to job" in await fake_sql.fails(f"DROP SAVEPOINT '{path}'")


@pytest.mark.parametrize("verb", ["STOP JOB 'j' WITH SAVEPOINT", "CREATE SAVEPOINT FOR JOB 'j'"])
@pytest.mark.parametrize("point", SAVING)
async def test_killed_while_saving(
    point: str, verb: str, killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    await killed(point, verb)
    await agree(fake_flink, fake_sql)
    made = await fake_sql("SHOW SAVEPOINTS FOR JOB 'j'")
    assert len(made) == (0 if point == "flink.savepoint.wanted" else 1)
    if await fake_sql.status("j") == "RUNNING":
        assert (await fake_sql("DESCRIBE JOB 'j'"))[0]["wanted"] == "running"
        await fake_sql("STOP JOB 'j' WITH SAVEPOINT")
    await fake_sql("START JOB 'j'")
    assert (await fake_sql("DESCRIBE JOB 'j'"))[0]["restored from"] is not None


@pytest.mark.parametrize("point", SAVING[1:])
async def test_started_where_somebody_was_killed_while_stopping(
    point: str, killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    """Nobody has looked in between: START finds out what became of the savepoint."""
    await fake_sql(CREATE)
    older = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    await fake_sql("START JOB 'j'")
    await killed(point, "STOP JOB 'j' WITH SAVEPOINT")
    await fake_sql("START JOB 'j'")
    assert fake_sql.remarks == ()
    newer, oldest = await fake_sql("SHOW SAVEPOINTS")
    assert oldest["savepoint path"] == older
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    assert described["restored from"] == newer["savepoint path"]
    await agree(fake_flink, fake_sql)


@pytest.mark.parametrize("point", SUBMITTING[:2])
async def test_a_job_whose_creator_was_killed_is_nobodys_prisoner(
    point: str, killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    """START, STOP and DROP find out that it never reached the cluster."""
    await killed(point, DEFINITION, CREATE)
    said = await fake_sql.fails("STOP JOB 'j'")
    assert 'job "j" is FAILED; STOP needs one that has not ended' in said
    await fake_sql("DROP JOB 'j'")
    await killed(point, DEFINITION, CREATE)
    await fake_sql("DROP JOB 'j'")
    await killed(point, DEFINITION, CREATE)
    await fake_sql("START JOB 'j'")
    assert await fake_sql.status("j") == "RUNNING"
    assert len(fake_flink.submissions) == 1
    await agree(fake_flink, fake_sql)


async def test_a_savepoint_is_not_held_by_a_start_that_came_to_nothing(
    killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    path = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    await killed("flink.start.written", "START JOB 'j'")
    await fake_sql(f"DROP SAVEPOINT '{path}'")
    assert await fake_sql("SHOW SAVEPOINTS") == []
    await agree(fake_flink, fake_sql)


async def test_a_stop_outlives_whoever_asked_for_it(
    killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    """Its wish is written down, and whoever looks next carries it out."""
    for again in ("SHOW JOBS", "SHOW SAVEPOINTS", "START JOB 'j'", "STOP JOB 'j'"):
        await fake_sql(CREATE)
        (described,) = await fake_sql("DESCRIBE JOB 'j'")
        await killed("flink.stop.written", "STOP JOB 'j'")
        await fake_sql(again)
        assert fake_flink.jobs[described["engine id"]].state == "CANCELED"
        if again == "START JOB 'j'":
            await fake_sql("STOP JOB 'j'")
        await agree(fake_flink, fake_sql)
        await fake_sql("DROP JOB 'j'")


async def test_a_runner_carries_out_the_stop_of_somebody_who_was_killed(
    killed: Killed, fake_flink: FakeFlink, fake_sql: Sql, database: Database
):
    await fake_sql(CREATE)
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    await killed("flink.stop.written", "STOP JOB 'j'")
    service = Clusters(database.dsn)
    await service.run_once()
    await service._close()
    assert fake_flink.jobs[described["engine id"]].state == "CANCELED"
    assert await database.fetch_value("select status from tailrace.flink_jobs") == "CANCELED"


async def test_a_job_that_was_to_end_is_not_suspended_by_a_restart(
    killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    await killed("flink.stop.written", "STOP JOB 'j'")
    await fake_flink.restart()
    assert await fake_sql.status("j") == "CANCELED"
    await agree(fake_flink, fake_sql)


async def test_stop_with_savepoint_after_a_stop_that_was_killed(
    killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    """The later word counts: the run has not ended yet."""
    await fake_sql(CREATE)
    await killed("flink.stop.written", "STOP JOB 'j'")
    await fake_sql("STOP JOB 'j' WITH SAVEPOINT")
    assert await fake_sql.status("j") == "FINISHED"
    await agree(fake_flink, fake_sql)


@pytest.mark.parametrize("point", DROPPING)
async def test_killed_while_dropping(
    point: str, killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    path = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    await killed(point, f"DROP SAVEPOINT '{path}'")
    assert await fake_sql("SHOW SAVEPOINTS") == []  # somebody else has finished it
    await agree(fake_flink, fake_sql)


@pytest.mark.parametrize("point", ["flink.resolve.run", "flink.resolve.savepoint"])
async def test_killed_while_finding_out(
    point: str, killed: Killed, fake_flink: FakeFlink, fake_sql: Sql
):
    if point == "flink.resolve.run":
        await killed("flink.submit.wanted", DEFINITION, CREATE)
    else:
        await fake_sql(CREATE)
        await killed("flink.savepoint.asked", "CREATE SAVEPOINT FOR JOB 'j'")
    await killed(point, "SHOW SAVEPOINTS")
    await agree(fake_flink, fake_sql)


def test_every_point_on_the_way_to_a_cluster_is_here() -> None:
    ours = {name for name in faults.declared() if name.startswith("flink.")}
    others = {"flink.stop.written", "flink.resolve.run", "flink.resolve.savepoint"}
    assert ours == {*SUBMITTING, *STARTING, *SAVING, *DROPPING} | others
