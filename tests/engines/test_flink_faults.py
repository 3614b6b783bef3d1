"""Requests and answers that are lost, late or doubled, and a JobManager that dies, on the fake.

Whatever goes wrong on the way: no savepoint is lost, no job is started twice, and catalogue and
cluster agree when somebody looks again.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from fixtures.flink_fake import FakeFlink, Fault, at_random
from fixtures.flink_session import CREATE, OpenSql, Sql, agree, beginning, engine_id, looked_at
from fixtures.process import StartProcess
from fixtures.process import process as process
from fixtures.waiting import eventually
from tailrace.db import locks
from tailrace.db.connection import Database
from tailrace.errors import TailraceError
from tailrace.jobs.cluster.catalogue import Catalogue
from tailrace.jobs.cluster.resolving import Resolver
from tailrace.jobs.cluster.service import Clusters
from tailrace.jobs.savepoints.housekeeping import Limits


def is_there(path: str) -> bool:
    """Whether a savepoint lies at a path."""
    return Path(path.removeprefix("file:"), "_metadata").exists()


async def attempted(sql: Sql, text: str) -> bool:
    """Run a statement; say whether it went well."""
    try:
        await sql(text)
    except TailraceError:
        return False
    return True


# Which requests a statement makes, and what may become of one of them.
ACTIONS = ["lost", "late", "cut", "twice", "not ready"]

TROUBLED = {
    "create": (None, CREATE, ["/jobs/overview", "/sessions$", "/statements$", "/result/0"]),
    "save": (CREATE, "CREATE SAVEPOINT FOR JOB 'j'", ["/savepoints$", "/savepoints/"]),
    "stop": (CREATE, "STOP JOB 'j' WITH SAVEPOINT", ["/stop$", "/savepoints/", "/status$"]),
    "cancel": (CREATE, "STOP JOB 'j'", ["PATCH", "/status$"]),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("what", TROUBLED)
async def test_one_request_goes_wrong(what: str, action: str, fake_flink: FakeFlink, fake_sql: Sql):
    before, statement, requests = TROUBLED[what]
    for request in requests:
        if before is not None:
            await fake_sql(before)
        method, path = ("PATCH", ".") if request == "PATCH" else ("*", request)
        # both the request and its repetition, so that nothing is mended silently
        fake_flink.faults.append(Fault(method, path, action, times=2))
        await attempted(fake_sql, statement)
        await agree(fake_flink, fake_sql)
        if what == "save":
            assert await fake_sql("SHOW SAVEPOINTS FOR JOB 'j'") != [] or request == "/savepoints$"
        if what == "stop" and await fake_sql.status("j") == "FINISHED":
            assert len(await fake_sql("SHOW SAVEPOINTS FOR JOB 'j'")) == 1
        await end_it(fake_sql)
        await agree(fake_flink, fake_sql)


async def end_it(sql: Sql) -> None:
    """Stop the job if it runs, and forget everything."""
    names = [row for row in await sql("SHOW JOBS") if row["job name"] == "j"]
    if names and names[0]["status"] not in ("FINISHED", "CANCELED", "FAILED"):
        await sql("STOP JOB 'j'")
    if names:
        await sql("DROP JOB 'j'")
    await sql("DROP SAVEPOINT ALL")


@pytest.mark.parametrize("seed", range(12))
async def test_random_trouble(seed: int, fake_flink: FakeFlink, fake_sql: Sql):
    """A life of a job in which a quarter of all requests goes wrong."""
    await fake_sql("SET 'tailrace.timeout' = '3s'")
    made: set[str] = set()
    for text in (
        CREATE,
        "CREATE SAVEPOINT FOR JOB 'j'",
        "STOP JOB 'j' WITH SAVEPOINT",
        "START JOB 'j'",
        "CREATE SAVEPOINT FOR JOB 'j'",
        "STOP JOB 'j'",
        "START JOB 'j'",
        "STOP JOB 'j' WITH SAVEPOINT WITH DRAIN",
    ):
        fake_flink.trouble = at_random(seed, 0.25)
        try:
            rows = await fake_sql(text)
            made |= {row["savepoint path"] for row in rows if "savepoint path" in row}
        except TailraceError:
            pass
        await agree(fake_flink, fake_sql)
        listed = {row["savepoint path"] for row in await fake_sql("SHOW SAVEPOINTS")}
        assert made <= listed


async def test_answer_later_than_any_time_out(fake_flink: FakeFlink, fake_sql: Sql):
    await fake_sql(CREATE)
    await fake_sql("SET 'tailrace.deadline' = '100ms'")  # the fake's slow answers take 300
    fake_flink.faults.append(Fault("POST", "/stop$", "slow", times=3))
    path = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    assert is_there(path)
    await agree(fake_flink, fake_sql)
    assert len(await fake_sql("SHOW SAVEPOINTS")) == 1


async def test_many_stops_at_once_are_one(fake_flink: FakeFlink, open_sql: OpenSql):
    """Two of them that do not know of each other would both fail, and have the job restart."""
    sessions = [await open_sql(fake_flink.url, fake_flink.url) for _ in range(5)]

    def asked() -> bool:
        return [path for _, path in fake_flink.requests if path.endswith("/stop")][4:] != []

    await sessions[0](CREATE)
    fake_flink.savepoint_seconds = 3600.0
    fake_flink.faults.append(Fault("GET", "/jobmanager/config", "slow", times=5))
    stops = [one.value("STOP JOB 'j' WITH SAVEPOINT") for one in sessions]
    done = asyncio.gather(*stops)
    await eventually(asked)
    fake_flink.complete_savepoints()
    (path,) = set(await done)
    assert is_there(path)
    assert [row["savepoint path"] for row in await sessions[0]("SHOW SAVEPOINTS")] == [path]
    assert await sessions[0].status("j") == "FINISHED"


async def test_stop_that_takes_longer_than_somebody_waits(fake_flink: FakeFlink, fake_sql: Sql):
    await fake_sql(CREATE)
    fake_flink.savepoint_seconds = 3600.0
    await fake_sql("SET 'tailrace.timeout' = '200ms'")
    said = await fake_sql.fails("STOP JOB 'j' WITH SAVEPOINT")
    assert "is not complete after" in said
    assert "SHOW SAVEPOINTS lists it" in said
    (row,) = await fake_sql("SHOW SAVEPOINTS")
    assert row["ownership"] == "requested"
    fake_flink.complete_savepoints()
    (row,) = await fake_sql("SHOW SAVEPOINTS")
    assert row["ownership"] == "user"
    assert await fake_sql.status("j") == "FINISHED"


@pytest.mark.parametrize(
    "statement", ["STOP JOB 'j' WITH SAVEPOINT", "CREATE SAVEPOINT FOR JOB 'j'"]
)
async def test_savepoint_of_a_job_that_ends_by_itself_is_not_waited_for_for_ever(
    statement: str, fake_flink: FakeFlink, fake_sql: Sql
):
    """Flink 2.3 says for ever that it is being made."""
    await fake_sql(CREATE)
    fake_flink.savepoint_seconds = 3600.0
    waiting = asyncio.create_task(fake_sql.fails(statement))
    await eventually(lambda: fake_flink.operations)
    end_by_itself(fake_flink)
    assert "it had ended by itself before it was saved" in await waiting
    assert await fake_sql("SHOW SAVEPOINTS") == []
    await fake_sql("START JOB 'j'")
    assert await fake_sql.status("j") == "RUNNING"


async def test_start_after_a_job_has_ended_while_nobody_waited_for_its_savepoint(
    fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    fake_flink.savepoint_seconds = 3600.0
    await fake_sql("SET 'tailrace.timeout' = '200ms'")
    assert "is not complete after" in await fake_sql.fails("STOP JOB 'j' WITH SAVEPOINT")
    end_by_itself(fake_flink)
    await fake_sql("START JOB 'j'")
    assert await fake_sql.status("j") == "RUNNING"
    assert await fake_sql("SHOW SAVEPOINTS") == []


def end_by_itself(flink: FakeFlink) -> None:
    """All runs come to the end of what they read; a while ago, so nothing more is to be told."""
    for job in flink.jobs.values():
        job.state, job.end = "FINISHED", time.time() - 60


async def test_start_after_a_stop_that_took_longer_than_somebody_waited(
    fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    older = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    await fake_sql("START JOB 'j'")
    fake_flink.savepoint_seconds = 3600.0
    await fake_sql("SET 'tailrace.timeout' = '50ms'")
    await fake_sql.fails("STOP JOB 'j' WITH SAVEPOINT")
    await fake_sql("RESET 'tailrace.timeout'")
    assert "START needs one that has ended" in await fake_sql.fails("START JOB 'j'")
    fake_flink.complete_savepoints()
    await fake_sql("START JOB 'j'")
    newer = (await fake_sql("SHOW SAVEPOINTS"))[0]["savepoint path"]
    assert newer != older
    assert (await fake_sql("DESCRIBE JOB 'j'"))[0]["restored from"] == newer


async def test_start_waits_for_the_savepoint_of_a_run_that_has_ended(
    fake_flink: FakeFlink, fake_sql: Sql
):
    """Flink calls the run finished a moment before it tells the path."""
    await fake_sql(CREATE)
    fake_flink.savepoint_seconds = 3600.0
    await fake_sql("SET 'tailrace.timeout' = '50ms'")
    await fake_sql.fails("STOP JOB 'j' WITH SAVEPOINT")
    await fake_sql("RESET 'tailrace.timeout'")
    fake_flink.complete_savepoints()
    (operation,) = fake_flink.operations.values()
    result, operation.result, operation.done_at = operation.result, None, float("inf")
    start = asyncio.create_task(fake_sql("START JOB 'j'"))

    def asked() -> int:
        return sum(path.endswith(operation_id) for _, path in fake_flink.requests)

    ((_, operation_id),) = fake_flink.operations
    before = asked()
    await eventually(lambda: asked() > before + 2)
    assert not start.done()
    operation.result = result
    await start
    assert result is not None
    assert (await fake_sql("DESCRIBE JOB 'j'"))[0]["restored from"] == result["location"]


async def test_start_through_a_gateway_that_does_not_answer(
    fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql
):
    await fake_sql(CREATE)
    path = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    deaf = await open_sql(fake_flink.url, "http://127.0.0.1:9")
    assert "does not answer" in await deaf.fails("START JOB 'j'")
    (row,) = await fake_sql("SHOW JOBS EXTENDED")
    assert row["status"] == "FAILED"
    assert "the Flink SQL Gateway at http://127.0.0.1:9 does not answer" in row["error"]
    await fake_sql("START JOB 'j'")
    assert (await fake_sql("DESCRIBE JOB 'j'"))[0]["restored from"] == path
    await agree(fake_flink, fake_sql)


async def test_start_that_was_given_up_holds_nobody_up(fake_flink: FakeFlink, fake_sql: Sql):
    """As by an execution timeout: the run is wanted, and nobody is at it any more."""
    await fake_sql(CREATE)
    path = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    await given_up(fake_flink, fake_sql)
    assert "is FAILED; STOP needs one that has not ended" in await fake_sql.fails("STOP JOB 'j'")
    (row,) = await fake_sql("SHOW JOBS EXTENDED")
    assert row["error"].endswith("whoever asked for it died, or gave up, before")
    await given_up(fake_flink, fake_sql)
    await fake_sql("START JOB 'j'")
    assert (await fake_sql("DESCRIBE JOB 'j'"))[0]["restored from"] == path
    await agree(fake_flink, fake_sql)


async def given_up(fake: FakeFlink, sql: Sql) -> None:
    """Start the job, and cancel the statement while a session is opened for it."""
    fake.faults.append(Fault("POST", "/sessions$", "slow"))
    fake.requests.clear()
    start = asyncio.create_task(sql("START JOB 'j'"))
    await eventually(lambda: any(path.endswith("/sessions") for _, path in fake.requests))
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start


async def test_why_a_start_was_refused_stays(fake_flink: FakeFlink, fake_sql: Sql):
    """Somebody has looked while it was being submitted, and settles it when it has been refused."""
    await fake_sql(CREATE)
    await fake_sql("STOP JOB 'j' WITH SAVEPOINT")
    await given_up(fake_flink, fake_sql)
    catalogue = Catalogue(await fake_sql.session.ours(), fake_flink.url)
    seen = await catalogue.find("j")
    assert seen.is_unseen
    await catalogue.run_refused(seen.run_id, "no table src")
    flink = await fake_sql.session.flink()
    await Resolver(flink.engine, catalogue)._wishes([seen])
    assert (await catalogue.find("j")).error == "no table src"
    await catalogue.run_refused(seen.run_id, "it never came")
    assert (await catalogue.find("j")).error == "no table src"


async def test_start_waits_for_who_settles_the_last_one(
    fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql, monkeypatch: pytest.MonkeyPatch
):
    await fake_sql(CREATE)
    await fake_sql("STOP JOB 'j' WITH SAVEPOINT")
    await given_up(fake_flink, fake_sql)
    assert await fake_sql.status("j") == "FAILED"
    other = await (await open_sql(fake_flink.url)).session.ours()
    run = (await Catalogue(other, fake_flink.url).find("j")).run_id
    refused = 0

    async def acquire(db: Database, key: str) -> bool:
        nonlocal refused
        got = await real(db, key)
        refused += key == f"flink {run}" and not got
        return got

    real = locks.acquire
    monkeypatch.setattr(locks, "acquire", acquire)
    async with locks.held(other, f"flink {run}"):
        start = asyncio.create_task(fake_sql("START JOB 'j'"))
        await eventually(lambda: refused > 2)
        assert len(fake_flink.submissions) == 1
        assert not start.done()
    await start
    assert len(fake_flink.submissions) == 2
    await agree(fake_flink, fake_sql)


@pytest.mark.parametrize("since", ["started from somewhere else", "dropped"])
async def test_a_run_that_comes_when_nobody_wants_it_any_more(
    since: str, fake_flink: FakeFlink, fake_sql: Sql
):
    """A gateway that has fallen silent hands it in at last."""
    await fake_sql(CREATE)
    earlier = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    await fake_sql("STOP JOB 'j' WITH SAVEPOINT")
    fake_flink.faults.append(Fault("POST", "/statements$", "lost", times=3))
    assert "does not answer" in await fake_sql.fails("START JOB 'j'")
    db = await fake_sql.session.ours()
    run = str(await db.fetch_value("select run_id from tailrace.flink_job"))
    if since == "dropped":
        await fake_sql("DROP JOB 'j'")
        assert await fake_sql("SHOW JOBS") == []
    else:
        await fake_sql(f"START JOB 'j' FROM SAVEPOINT '{earlier}'")
        assert await beginning(fake_sql) == earlier
        assert await engine_id(fake_sql) != run
    late = {"pipeline.name": f"j [tailrace {run}]", "$internal.pipeline.job-id": run}
    fake_flink._submitted("INSERT INTO sink SELECT a FROM src", late)
    jobs = await fake_sql("SHOW JOBS")
    assert fake_sql.remarks == (
        f'a run of job "j" came late, when that had been {since}, and was cancelled',
    )
    assert fake_flink.jobs[run].state == "CANCELED"
    assert [row["status"] for row in jobs] == ([] if since == "dropped" else ["RUNNING"])
    assert await fake_sql("SHOW JOBS") == jobs
    assert fake_sql.remarks == ()
    await agree(fake_flink, fake_sql)
    fake_flink.jobs.pop(run)
    await agree(fake_flink, fake_sql)
    if since == "dropped":
        await fake_sql(CREATE)


async def test_second_stop_joins_the_first(fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql):
    await fake_sql(CREATE)
    fake_flink.savepoint_seconds = 3600.0
    other = await open_sql(fake_flink.url, fake_flink.url)
    stops = [asyncio.create_task(one.value("STOP JOB 'j' WITH SAVEPOINT")) for one in (fake_sql,)]

    def asked() -> int:
        return sum(1 for method, path in fake_flink.requests if path.endswith("/stop"))

    await eventually(asked)
    stops.append(asyncio.create_task(other.value("STOP JOB 'j' WITH SAVEPOINT")))
    await eventually(lambda: asked() == 2)
    fake_flink.complete_savepoints()
    first, second = await asyncio.gather(*stops)
    assert first == second
    await agree(fake_flink, fake_sql)


async def test_two_starts_at_once_make_one_run(
    fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql
):
    await fake_sql(CREATE)
    await fake_sql("STOP JOB 'j' WITH SAVEPOINT")
    others = [await open_sql(fake_flink.url, fake_flink.url) for _ in range(3)]
    done = await asyncio.gather(*(attempted(one, "START JOB 'j'") for one in others))
    assert sum(done) == 1
    assert len(fake_flink.submissions) == 2
    await agree(fake_flink, fake_sql)


async def test_jobmanager_is_down(fake_flink: FakeFlink, fake_sql: Sql):
    await fake_sql(CREATE)
    path = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    await fake_flink.down()
    (row,) = await fake_sql("SHOW JOBS")
    assert row["status"] == "RUNNING"
    assert "as last seen: the Flink JobManager at" in fake_sql.remarks[0]
    (row,) = await fake_sql("SHOW SAVEPOINTS")
    assert row["savepoint path"] == path
    for text in (
        CREATE,
        "STOP JOB 'j'",
        "SHOW CHECKPOINTS FOR JOB 'j'",
        "START JOB 'j'",
    ):
        said = await fake_sql.fails(text)
        assert "does not answer: connection refused" in said or "START needs" in said, said
    await fake_sql(f"DROP SAVEPOINT '{path}'")  # its files are on our disk
    assert not is_there(path)
    await fake_flink.up()
    await agree(fake_flink, fake_sql)


@pytest.mark.parametrize("complete", [True, False])
async def test_jobmanager_dies_while_a_savepoint_is_made(
    complete: bool, fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    fake_flink.take_checkpoints(described["engine id"], 1)
    fake_flink.savepoint_seconds = 3600.0
    stop = asyncio.create_task(attempted(fake_sql, "STOP JOB 'j' WITH SAVEPOINT"))

    def asked() -> bool:
        return any(path.endswith("/stop") for _, path in fake_flink.requests)

    await eventually(asked)
    if complete:
        fake_flink.complete_savepoints()
    await fake_flink.restart()
    assert await stop is complete
    fake_flink.savepoint_seconds = 0.0
    await agree(fake_flink, fake_sql)
    (row,) = await fake_sql("SHOW JOBS EXTENDED")
    assert row["status"] == "SUSPENDED"
    assert "does not know it any more" in row["error"]
    await fake_sql("START JOB 'j'")
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    assert ("savepoint-" if complete else "/chk-1") in described["restored from"]
    await agree(fake_flink, fake_sql)


async def test_a_cluster_that_recovers_its_jobs_is_given_time(fake_flink: FakeFlink, fake_sql: Sql):
    fake_flink.config["high-availability.type"] = "zookeeper"
    await fake_sql(CREATE)
    jobs = dict(fake_flink.jobs)
    await fake_flink.restart()
    assert await fake_sql.status("j") == "SUSPENDED"
    for text in ("START JOB 'j'", "STOP JOB 'j'"):
        assert "may still be about to recover it" in await fake_sql.fails(text)
    fake_flink.jobs.update(jobs)
    assert await fake_sql.status("j") == "RUNNING"
    await agree(fake_flink, fake_sql)


async def test_a_job_that_the_cluster_has_lost_can_be_stopped(fake_flink: FakeFlink, fake_sql: Sql):
    """Nothing runs, but somebody has to be able to say that nothing shall."""
    await fake_sql(CREATE)
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    fake_flink.take_checkpoints(described["engine id"], 1)
    await fake_flink.restart()
    assert "a savepoint needs a running job" in await fake_sql.fails("STOP JOB 'j' WITH SAVEPOINT")
    await fake_sql("STOP JOB 'j'")
    assert await fake_sql.status("j") == "CANCELED"
    assert "STOP needs one that has not ended" in await fake_sql.fails("STOP JOB 'j'")
    await fake_sql("START JOB 'j'")
    await agree(fake_flink, fake_sql)
    await fake_flink.restart()
    await fake_sql("STOP JOB 'j'")
    await fake_sql("DROP JOB 'j'")
    assert await fake_sql("SHOW JOBS") == []


async def test_all_savepoints_stay_listed(fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql):
    await fake_sql(CREATE)
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    made = [await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'") for _ in range(5)]

    async def listed(sql: Sql) -> list[str]:
        return [row["savepoint path"] for row in await sql("SHOW SAVEPOINTS FOR JOB 'j'")]

    fake_flink.take_checkpoints(described["engine id"], 20)
    assert await listed(fake_sql) == made[::-1]
    await fake_flink.restart()
    assert await listed(fake_sql) == made[::-1]
    assert await listed(await open_sql(fake_flink.url, fake_flink.url)) == made[::-1]
    assert await fake_sql.status("j") == "SUSPENDED"


async def test_a_runner_settles_what_nobody_asks_about(fake_flink: FakeFlink, fake_sql: Sql):
    await fake_sql(CREATE)
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    fake_flink.take_checkpoints(described["engine id"], 3)
    fake_flink.savepoint_seconds = 3600.0
    await fake_sql("SET 'tailrace.timeout' = '50ms'")
    await fake_sql.fails("STOP JOB 'j' WITH SAVEPOINT")
    fake_flink.complete_savepoints()
    db = await fake_sql.session.ours()
    service = Clusters(db.dsn)
    assert not await service.run_once()
    assert await db.fetch_value("select state from tailrace.flink_savepoint") == "completed"
    assert await db.fetch_value("select status from tailrace.flink_jobs") == "FINISHED"
    await fake_flink.down()
    await service.run_once()  # says so once, and goes on
    await service._close()


async def test_a_runner_keeps_to_the_limits(fake_flink: FakeFlink, fake_sql: Sql):
    await fake_sql(CREATE)
    made = [await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'") for _ in range(3)]
    db = await fake_sql.session.ours()

    async def left(limits: Limits) -> list[str]:
        service = Clusters(db.dsn, limits=limits)
        await service.run_once()
        await service._close()
        return [row["savepoint path"] for row in await fake_sql("SHOW SAVEPOINTS")]

    assert await left(Limits(None, 3600.0)) == made[::-1]
    assert await left(Limits(2, None)) == [made[2], made[1]]
    assert await left(Limits(None, 0.001)) == []


async def test_request_that_arrives_when_all_was_given_up(fake_flink: FakeFlink, fake_sql: Sql):
    """Whoever asked is dead, and then the cluster makes the savepoint all the same."""
    await fake_sql(CREATE)
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    db = await fake_sql.session.ours()
    directory = f"file:{fake_flink.directory}/savepoints/tailrace-{'a' * 32}"
    await db.execute(
        "insert into tailrace.flink_savepoint (savepoint_id, cluster, job_id, job_name, engine_id,"
        " state, directory) select %(id)s, cluster, job_id, job_name, %(engine_id)s, 'requested',"
        " %(directory)s from tailrace.flink_job",
        id="a" * 32,
        engine_id=described["engine id"],
        directory=directory,
    )
    assert await fake_sql("SHOW SAVEPOINTS") == []
    fake_flink._savepoint(described["engine id"], {"triggerId": "a" * 32}, directory, stop=False)
    (row,) = await fake_sql("SHOW SAVEPOINTS")
    assert (row["ownership"], row["job id"]) == ("user", described["job id"])
    await agree(fake_flink, fake_sql)


REFUSALS = {
    "by Flink": ("PATCH", ".", 408, {"errors": ["Job cancellation timed out: null"]}),
    "by a fault of Flink's": ("PATCH", ".", 500, {"errors": ["Internal server error."]}),
    "by a proxy": ("PATCH", ".", 403, "<html>\n<h1>403 Forbidden</h1>\n</html>"),
    "before it was asked": ("GET", "/checkpoints$", 500, {"errors": ["Internal server error."]}),
}


@pytest.mark.parametrize("refused", REFUSALS)
async def test_a_refused_stop_is_not_carried_out_later(
    refused: str, fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    method, path, *answer = REFUSALS[refused]
    fake_flink.faults.append(Fault(method, path, "refused", answer=(answer[0], answer[1])))
    await fake_sql.fails("STOP JOB 'j'")
    await looked_at(fake_sql)
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    assert (described["status"], described["wanted"]) == ("RUNNING", "running")
    await agree(fake_flink, fake_sql)


async def test_a_stop_that_was_given_up_is_not_carried_out_later(
    fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    fake_flink.faults.append(Fault("GET", "/checkpoints$", "slow"))
    fake_flink.requests.clear()
    stop = asyncio.create_task(fake_sql("STOP JOB 'j'"))
    await eventually(lambda: any(p.endswith("/checkpoints") for _, p in fake_flink.requests))
    stop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop
    await looked_at(fake_sql)
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    assert (described["status"], described["wanted"]) == ("RUNNING", "running")
    await agree(fake_flink, fake_sql)


async def test_a_refused_stop_leaves_one_with_savepoint_alone(fake_flink: FakeFlink, fake_sql: Sql):
    await fake_sql(CREATE)
    fake_flink.savepoint_seconds = 3600.0
    await fake_sql("SET 'tailrace.timeout' = '50ms'")
    await fake_sql.fails("STOP JOB 'j' WITH SAVEPOINT")
    fake_flink.faults.append(Fault("PATCH", ".", "refused"))
    await fake_sql.fails("STOP JOB 'j'")
    fake_flink.complete_savepoints()
    (described,) = await fake_sql("DESCRIBE JOB 'j'")
    assert (described["status"], described["wanted"]) == ("FINISHED", "canceled")


async def test_a_job_that_cannot_be_stopped_holds_up_no_other(fake_flink: FakeFlink, fake_sql: Sql):
    """Who wished that both end is dead; a proxy lets nobody stop the one."""
    await fake_sql(CREATE)
    await fake_sql(CREATE.replace("JOB j", "JOB k"))
    path = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    run = await engine_id(fake_sql)
    answer = (403, "<html>\n<h1>403 Forbidden</h1>\n</html>")
    fake_flink.faults.append(Fault("PATCH", run, "refused", times=1000, answer=answer))
    db = await fake_sql.session.ours()
    await db.execute("update tailrace.flink_job set wanted = 'canceled'")
    assert await fake_sql.status("j") == "RUNNING"
    assert await fake_sql.status("k") == "CANCELED"
    (said,) = fake_sql.remarks
    assert said.startswith('what was wished of job "j" is not settled: ')
    assert "403 Forbidden" in said
    await fake_sql("START JOB 'k'")
    await db.execute("update tailrace.flink_job set wanted = 'canceled'")
    await looked_at(fake_sql)
    assert await db.fetch_value("select status from tailrace.flink_jobs where job_name = 'k'") == (
        "CANCELED"
    )
    assert [row["savepoint path"] for row in await fake_sql("SHOW SAVEPOINTS")] == [path]
    assert fake_sql.remarks == (said,)
    await fake_sql(f"DROP SAVEPOINT '{path}'")
    await fake_sql("CREATE SAVEPOINT FOR JOB 'j'")
    fake_flink.faults.clear()
    assert await fake_sql.status("j") == "CANCELED"
    assert fake_sql.remarks == ()


async def test_savepoints_without_a_directory_for_them(
    fake_flink: FakeFlink, fake_sql: Sql, tmp_path: Path
):
    del fake_flink.config["execution.checkpointing.savepoint-dir"]
    await fake_sql(CREATE)
    for text in ("CREATE SAVEPOINT FOR JOB 'j'", "STOP JOB 'j' WITH SAVEPOINT"):
        said = await fake_sql.fails(text)
        assert "neither the cluster nor this session has a directory for savepoints" in said
        assert "SET 'state.savepoints.dir' = 'file:///…'" in said
    assert await fake_sql.status("j") == "RUNNING"
    assert await fake_sql("SHOW SAVEPOINTS") == []
    await fake_sql(f"SET 'state.savepoints.dir' = '{tmp_path}/here'")
    assert f"{tmp_path}/here/" in await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")


@pytest.mark.parametrize(
    "words", [("start-job", "j", "--from-savepoint"), ("sql", "-c", "START JOB 'j' FROM SAVEPOINT")]
)
async def test_the_stack_of_java_is_for_those_who_want_it(
    words: tuple[str, ...], fake_flink: FakeFlink, fake_sql: Sql, process: StartProcess
):
    await fake_sql(CREATE)
    path = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    fake_flink.misfits.add(path)
    command = [*words, path] if words[0] != "sql" else [*words[:-1], f"{words[-1]} '{path}'"]
    env = {
        "TAILRACE_DB": fake_sql.session.dsn,
        "TAILRACE_ENGINE": "flink",
        "TAILRACE_FLINK_URL": fake_flink.url,
        "TAILRACE_FLINK_GATEWAY": fake_flink.url,
    }
    quiet = await process(*command, env=env)
    assert await quiet.wait() == 1
    assert "the savepoint does not fit the statement" in quiet.err
    assert "java.lang" not in quiet.err + quiet.out
    verbose = await process("--verbose", *command, env=env)
    assert await verbose.wait() == 1
    assert "the savepoint does not fit the statement" in verbose.err
    assert "Caused by: java.lang.IllegalStateException: Failed to rollback" in verbose.err


async def test_tailrace_run_looks_at_clusters(
    fake_flink: FakeFlink, fake_sql: Sql, process: StartProcess
):
    await fake_sql(CREATE)
    fake_flink.jobs[await engine_id(fake_sql)].state = "RESTARTING"
    run = await process("run", "--db", fake_sql.session.dsn)
    db = await fake_sql.session.ours()
    status = "select status from tailrace.flink_jobs"

    async def seen() -> bool:
        assert run.returncode is None, run.err
        return bool(await db.fetch_value(status) == "RESTARTING")

    await eventually(seen, 20)
    run.send(signal.SIGTERM)
    assert await run.wait() == 0
