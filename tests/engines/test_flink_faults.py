"""Requests and answers that are lost, late or doubled, and a JobManager that dies, on the fake.

Whatever goes wrong on the way: no savepoint is lost, no job is started twice, and catalogue and
cluster agree when somebody looks again.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from fixtures.flink_fake import FakeFlink, Fault, at_random
from fixtures.flink_session import OpenSql, Sql
from fixtures.waiting import eventually
from tailrace.errors import TailraceError
from tailrace.jobs.cluster.service import Clusters
from tailrace.jobs.savepoints.housekeeping import Limits

CREATE = "CREATE JOB j AS INSERT INTO sink SELECT a FROM src"


async def agree(fake: FakeFlink, sql: Sql) -> None:
    """Nothing is unsettled, and what is listed is what there is."""
    await fake.settle()
    fake.faults.clear()
    fake.trouble = None
    rows = await sql("SHOW SAVEPOINTS")
    made = {f"file:{one.parent}" for one in fake.directory.glob("savepoints/**/_metadata")}
    assert {row["savepoint path"] for row in rows} == made
    live = [job for job in fake.jobs.values() if job.end is None]
    assert len(live) <= 1, "started twice"
    running = [row for row in await sql("SHOW JOBS") if row["status"] == "RUNNING"]
    assert len(running) == len(live)
    unsettled = (
        "select count(*) from tailrace.flink_savepoint where state in ('requested', 'dropping')"
    )
    assert await (await sql.session.ours()).fetch_value(unsettled) == 0


def is_there(path: str) -> bool:
    """Whether a savepoint lies at a path."""
    return Path(path.removeprefix("file:"), "_metadata").exists()


def remove(path: str) -> None:
    """Remove a savepoint behind everybody's back."""
    shutil.rmtree(path.removeprefix("file:"))


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


async def beginning(sql: Sql) -> str | None:
    """Where the present run of the job began."""
    (described,) = await sql("DESCRIBE JOB 'j'")
    path: str | None = described["restored from"]
    return path


async def engine_id(sql: Sql) -> str:
    (described,) = await sql("DESCRIBE JOB 'j'")
    return str(described["engine id"])


async def test_going_back_behind_the_last_run_is_said(fake_flink: FakeFlink, fake_sql: Sql):
    """The cluster keeps no checkpoints of cancelled jobs, so all of the last run is done again."""
    retention = "'execution.checkpointing.externalized-checkpoint-retention'"
    await fake_sql(CREATE.replace(" AS", f" WITH ({retention}='DELETE_ON_CANCELLATION') AS"))
    path = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    await fake_sql("START JOB 'j'")
    assert fake_sql.remarks == ()
    assert await beginning(fake_sql) == path
    fake_flink.take_checkpoints(await engine_id(fake_sql), 17)
    await fake_sql("STOP JOB 'j'")
    await fake_sql("START JOB 'j'")
    assert fake_sql.remarks == (
        f'job "j" has left neither savepoint nor checkpoint: it goes back to "{path}", where its '
        "last run began",
    )
    assert await beginning(fake_sql) == path
    saved = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    await fake_sql("STOP JOB 'j'")
    await fake_sql("START JOB 'j'")
    assert fake_sql.remarks == (
        f'job "j" has left no checkpoint: it goes back to savepoint "{saved}", after which it ran '
        "on",
    )
    assert await beginning(fake_sql) == saved


@pytest.mark.parametrize("known", ["to the cluster", "from the disk"])
async def test_savepoint_with_which_somebody_else_has_ended_a_run(
    known: str, fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    await fake_sql("STOP JOB 'j' WITH SAVEPOINT")
    await fake_sql("START JOB 'j'")
    run = await engine_id(fake_sql)
    fake_flink.take_checkpoints(run, 3)
    root = fake_flink.config["execution.checkpointing.savepoint-dir"]
    newest = fake_flink._made(run, root, stop=True)["location"]
    if known == "from the disk":
        await fake_flink.restart()
    await fake_sql("START JOB 'j'")
    assert await beginning(fake_sql) == newest


async def test_newest_of_what_a_run_has_left_is_where_it_stopped(
    fake_flink: FakeFlink, fake_sql: Sql
):
    await fake_sql(CREATE)
    await fake_sql("CREATE SAVEPOINT FOR JOB 'j'")
    fake_flink.take_checkpoints(await engine_id(fake_sql), 2)
    await fake_sql("STOP JOB 'j'")
    await fake_sql("START JOB 'j'")
    assert fake_sql.remarks == ()
    assert str(await beginning(fake_sql)).endswith("/chk-3")
    saved = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    await fake_sql("STOP JOB 'j'")
    await fake_sql("START JOB 'j'")
    assert await beginning(fake_sql) == saved


@pytest.mark.parametrize("claim", ["", " CLAIM"])
async def test_a_refused_start_changes_nothing(claim: str, fake_flink: FakeFlink, fake_sql: Sql):
    """The job goes on where it stopped, and whose the savepoint is stays as it was."""
    await fake_sql(CREATE)
    await fake_sql(CREATE.replace("JOB j", "JOB other"))
    own = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    strange = await fake_sql.value("STOP JOB 'other' WITH SAVEPOINT")
    fake_flink.misfits.add(strange)
    said = await fake_sql.fails(f"START JOB 'j' FROM SAVEPOINT '{strange}'{claim}")
    assert "the savepoint does not fit the statement" in said
    assert await fake_sql.status("j") == "FAILED"
    rows = await fake_sql("SHOW SAVEPOINTS")
    assert [row["ownership"] for row in rows] == ["user", "user"]
    await fake_sql("START JOB 'j'")
    assert fake_sql.remarks == (
        f'job "j" goes on at "{own}": its last start, from "{strange}", did not come to run',
    )
    assert await beginning(fake_sql) == own
    remove(strange)
    lost = [row for row in await fake_sql("SHOW SAVEPOINTS") if row["ownership"] == "lost"]
    assert [row["savepoint path"] for row in lost] == [strange]


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


async def test_what_answers_is_something_else(fake_flink: FakeFlink, open_sql: OpenSql):
    elsewhere = f"{fake_flink.url}/nothing"
    sql = await open_sql(elsewhere, fake_flink.url)
    assert "is no Flink JobManager" in await sql.fails("SHOW JOBS")
    sql = await open_sql(fake_flink.url, elsewhere)
    assert "is no Flink SQL Gateway" in await sql.fails(CREATE)
    assert await sql("SHOW JOBS") == []
    sql = await open_sql("ftp://x", fake_flink.url)
    assert "is not the address of the Flink JobManager" in await sql.fails("SHOW JOBS")


@pytest.mark.parametrize("address", ["localhost", "LOCALHOST", "another port"])
async def test_a_cluster_is_the_same_at_every_address(
    address: str, fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql
):
    await fake_sql(CREATE)
    path = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    async with await asyncio.start_server(fake_flink._serve, "127.0.0.1", 0) as proxy:
        url = f"http://{address}:{fake_flink.port}/"
        if address == "another port":
            url = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        other = await open_sql(url, url)
        assert await other.status("j") == "RUNNING"
        (row,) = await other("SHOW SAVEPOINTS FOR JOB 'j'")
        assert row["savepoint path"] == path
        await other("STOP JOB 'j' WITH SAVEPOINT")
        await other("START JOB 'j'")
        db = await fake_sql.session.ours()
        assert await db.fetch_value("select count(distinct cluster) from tailrace.flink_job") == 1
        await agree(fake_flink, fake_sql)


async def test_two_clusters_of_one_database_are_two(
    fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql, tmp_path: Path
):
    await fake_sql(CREATE)
    second = FakeFlink(tmp_path / "second")
    await second.up()
    other = await open_sql(second.url, second.url)
    assert await other("SHOW JOBS") == []
    await other(CREATE)
    assert await other.status("j") == "RUNNING"
    await other("STOP JOB 'j'")
    assert await fake_sql.status("j") == "RUNNING"
    await second.down()


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
