"""One cluster and several askers: other sessions, other gateways, restarts, other ports."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from fixtures.conformance import whole_life
from fixtures.flink_fake import FakeFlink
from fixtures.flink_session import BODY, DEFINITIONS, OpenSql, Sql, place
from fixtures.serving import served
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.embedded.process import free_port
from tailrace.engines.flink.jobmanager import JobManager
from tailrace.engines.flink.local import LocalCluster, Running
from tailrace.jobs.cluster.service import Clusters


async def test_what_a_local_cluster_leaves_is_listed_when_it_has_ended(
    fake_flink: FakeFlink,
    fake_sql: Sql,
    open_sql: OpenSql,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Stopped or killed; what listens at its address then may be anybody's."""
    await fake_sql(f"CREATE JOB left_here AS {BODY}")
    path = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'left_here'")
    home = tmp_path / "home"
    home.mkdir()
    last = Running(2**22 + 1, fake_flink.port, 1, "", {})  # no process has such a number
    (home / "cluster.json").write_text(json.dumps(last._asdict()))
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(home))
    asked = len(fake_flink.requests)
    sql = await open_sql("")
    assert await sql.status("left_here") == "RUNNING"
    assert sql.remarks == ("as last seen: the Flink cluster of this machine does not run",)
    (row,) = await sql("SHOW SAVEPOINTS")
    assert (row["savepoint path"], row["ownership"]) == (path, "user")
    assert "start it with: tailrace flink start" in await sql.fails("STOP JOB 'left_here'")
    for text in ("SELECT 1", "CREATE TABLE t (a INT) WITH ('connector' = 'datagen')"):
        said = await sql.fails(text)
        assert "the Flink cluster of this machine does not run" in said
        assert "start it with: tailrace flink start" in said
    await sql(f"DROP SAVEPOINT '{path}'")
    assert not place(path).exists()
    assert len(fake_flink.requests) == asked
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(tmp_path / "nothing"))
    assert "none runs here" in await sql.fails("SHOW JOBS")


@pytest.fixture(params=["fake", "real"])
def cluster(request: pytest.FixtureRequest) -> FakeFlink | Running:
    found: FakeFlink | Running = request.getfixturevalue(f"{request.param}_flink")
    return found


async def test_tailrace_serve_is_anothers_gateway(
    cluster: FakeFlink | Running,
    database: Database,
    open_sql: OpenSql,
    flink_home: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(flink_home))
    url = cluster.url
    gateway = {"tailrace.flink.gateway": url} if isinstance(cluster, FakeFlink) else {}
    defaults = {"tailrace.engine": "flink", "tailrace.flink.url": url, **gateway}
    async with served(database.dsn, defaults=defaults) as server:
        sql = await open_sql(url, server.url)
        for text in DEFINITIONS:
            await sql(text)
        await sql("SET 'pipeline.name' = 'Takings'")
        await whole_life(sql, f"CREATE JOB life AS {BODY}")
        (made,) = await sql(f"CREATE JOB further AS {BODY}")
        assert await sql.status("further") == "RUNNING"
        flink = await sql.session.flink()
        assert await flink.engine.find(made["job id"]) == made["job id"]  # Flink's own id is ours
        path = await sql.value("STOP JOB 'further' WITH SAVEPOINT")
        await sql("START JOB 'further'")
        (described,) = await sql("DESCRIBE JOB 'further'")
        assert described["restored from"] == path
        await sql("STOP JOB 'further'")


async def test_jobs_started_elsewhere_are_listed(sql: Sql, defined: Sql):
    others = {one["job id"] for one in await sql("SHOW JOBS")}  # of other tests' sessions
    await sql(BODY)

    async def runs() -> dict[str, Any]:
        (row,) = [one for one in await sql("SHOW JOBS") if one["job id"] not in others]
        assert "insert-into" in row["job name"]
        assert row["status"] == "RUNNING"
        return row

    row = await eventually(runs)
    path = await sql.value(f"STOP JOB '{row['job id']}' WITH SAVEPOINT")
    assert place(path).exists()
    assert "was not created here" in await sql.fails(f"START JOB '{row['job id']}'")
    await sql(f"DROP SAVEPOINT '{path}'")


async def test_another_session_sees_the_same(
    sql: Sql, job: str, open_sql: OpenSql, request: pytest.FixtureRequest
):
    path = await sql.value(f"CREATE SAVEPOINT FOR JOB '{job}'")
    if "fake" in request.node.name:
        fake: FakeFlink = request.getfixturevalue("fake_flink")
        other = await open_sql(fake.url, fake.url)
    else:
        real: Running = request.getfixturevalue("real_flink")
        other = await open_sql(real.url)
    await other(f"STOP JOB '{job}'")
    await other(f"START JOB '{job}' FROM SAVEPOINT '{path}'")  # without the session's tables
    assert await sql.status(job) == "RUNNING"
    await sql(f"STOP JOB '{job}'")


async def test_real_cluster_killed_and_started_again(
    real_sql: Sql, real_flink: Running, flink_home: Path
):
    sql = real_sql
    for text in DEFINITIONS:
        await sql(text)
    await sql(f"CREATE JOB hardy AS {BODY}")
    made = [await sql.value("CREATE SAVEPOINT FOR JOB 'hardy'") for _ in range(3)]

    async def checkpointed() -> bool:
        rows = await sql("SHOW CHECKPOINTS FOR JOB 'hardy'")
        newest = next(row for row in rows if row["status"] == "COMPLETED")
        return bool(newest["position"] == "checkpoint")

    await eventually(checkpointed, 10)
    cluster = LocalCluster(flink_home)
    running = cluster.status()
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    await eventually(lambda: cluster.status() is None)
    assert await sql.status("hardy") == "RUNNING"
    assert "as last seen" in sql.remarks[0]
    said = await sql.fails("STOP JOB 'hardy' WITH SAVEPOINT")
    assert "does not answer" in said

    cluster.start(port=real_flink.rest_port, tied=True)
    assert await sql.status("hardy") == "SUSPENDED"
    rows = await sql("SHOW SAVEPOINTS FOR JOB 'hardy'")
    assert [row["savepoint path"] for row in rows] == made[::-1]
    await sql("START JOB 'hardy'")
    (described,) = await sql("DESCRIBE JOB 'hardy'")
    assert "/chk-" in described["restored from"]
    assert sql.remarks == ()
    await sql(f"DROP SAVEPOINT '{made[0]}'")
    await sql("STOP JOB 'hardy'")


async def test_jobs_of_the_local_cluster_are_there_on_another_port(
    real_sql: Sql, real_flink: Running, flink_home: Path, open_sql: OpenSql
):
    """``flink stop``, somebody else takes the port, ``flink start``: START JOB goes on."""
    for text in DEFINITIONS:
        await real_sql(text)
    await real_sql(f"CREATE JOB moving AS {BODY}")
    path = await real_sql.value("STOP JOB 'moving' WITH SAVEPOINT")
    here = await open_sql("")
    await here(DEFINITIONS[0])
    cluster = LocalCluster(flink_home)
    cluster.stop()
    moved = cluster.start(port=free_port(), slots=4, tied=True)
    assert moved.url != real_flink.url
    assert (await here("SELECT count(*) AS n FROM (SELECT a FROM src LIMIT 1)"))[-1]["n"] == 1
    manager = JobManager(moved.url)
    assert await manager.name() == moved.name == real_flink.name is not None
    await manager.close()
    sql = await open_sql("")
    assert await sql.status("moving") == "FINISHED"
    (row,) = await sql("SHOW SAVEPOINTS FOR JOB 'moving'")
    assert row["savepoint path"] == path
    await sql("START JOB 'moving'")
    assert (await sql("DESCRIBE JOB 'moving'"))[0]["restored from"] == path
    other = await open_sql(moved.url.replace("127.0.0.1", "localhost"))
    service = Clusters(sql.session.dsn)
    await service.run_once()
    await service._close()
    assert await other.status("moving") == "RUNNING"
    await other("STOP JOB 'moving'")
