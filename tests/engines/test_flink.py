"""Every statement on Flink: on the real one, and on the fake that stands in for it elsewhere.

All tests that need the real one are in this file, so that it is started once.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace
from fixtures.conformance import whole_life
from fixtures.dbapi import dbapi
from fixtures.exports import RandomChanges, files, make_export, run_export
from fixtures.flink_fake import FakeFlink
from fixtures.flink_session import OpenSql, Sql
from fixtures.imports import make_import, run_import
from fixtures.process import StartProcess
from fixtures.serving import Failed, served
from fixtures.waiting import eventually
from tailrace.bridge.export.changing import flink_tables
from tailrace.db.connection import Database
from tailrace.embedded.process import free_port
from tailrace.engines.base import Wish, new_id
from tailrace.engines.flink.environment import Environment
from tailrace.engines.flink.jobmanager import JobManager
from tailrace.engines.flink.local import LocalCluster, Running
from tailrace.engines.flink.sql import SqlResult
from tailrace.errors import StorageError, TailraceError, WrongState
from tailrace.gateway.results import json_value, text_of
from tailrace.jobs.cluster.service import Clusters

DEFINITIONS = (
    "CREATE TABLE src (a INT, b STRING) WITH ('connector'='datagen','rows-per-second'='20')",
    "CREATE TABLE sink (a INT, n BIGINT) WITH ('connector'='blackhole')",
)
BODY = "INSERT INTO sink SELECT a, count(*) FROM src GROUP BY a"


@pytest.fixture(params=["fake", "real"])
def sql(request: pytest.FixtureRequest) -> Sql:
    found: Sql = request.getfixturevalue(f"{request.param}_sql")
    return found


@pytest.fixture
async def defined(sql: Sql) -> Sql:
    for text in DEFINITIONS:
        await sql(text)
    return sql


@pytest.fixture
async def job(defined: Sql, request: pytest.FixtureRequest) -> str:
    """A running job, named after the test."""
    name = "".join(one if one.isalnum() else "_" for one in request.node.name).lower()
    await defined(f'CREATE JOB "{name}" AS {BODY}')
    return name


def place(path: str) -> Path:
    return Path(path.removeprefix("file:"))


async def test_life_of_a_job(sql: Sql, defined: Sql):
    await whole_life(sql, f"CREATE JOB life AS {BODY}")


async def test_life_of_a_job_by_somebody_elses_client(
    database: Database, real_flink: Running, flink_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(flink_home))
    settings = {"tailrace.engine": "flink", "tailrace.flink.url": real_flink.url}
    async with served(database.dsn) as server, dbapi(server.url, settings) as sql:
        for text in DEFINITIONS:
            await sql(text)
        assert await sql("SELECT a, CAST(1.5 AS DECIMAL(5, 2)) AS b FROM (VALUES (1), (2)) AS v(a)")
        await whole_life(sql, f"CREATE JOB life AS {BODY}")


async def test_a_query_over_a_stream_is_read_as_its_rows_come(
    database: Database,
    real_flink: Running,
    real_sql: Sql,
    flink_home: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """A result without end: its pages come when there are rows, and closing it ends its job."""
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(flink_home))
    settings = {"tailrace.engine": "flink", "tailrace.flink.url": real_flink.url}
    async with served(database.dsn) as server:
        await server.open(settings)
        await server.run(DEFINITIONS[0])
        operation = await server.submit("SELECT a, CAST(1.50 AS DECIMAL(5, 2)) AS b FROM src")
        path = f"/operations/{operation}/result"
        pages = []
        while len(pages) < 3:
            number = len(pages)
            page = await server.of_session("GET", f"{path}/{number}?rowFormat=JSON")
            assert page["resultType"] in ("PAYLOAD", "NOT_READY")
            has_rows = bool(page.get("results", {}).get("data"))
            following = number + 1 if has_rows else number  # one without rows leads to itself
            assert page["nextResultUri"].endswith(f"/result/{following}?rowFormat=JSON")
            if has_rows:
                assert page["isQueryResult"] is True
                pages.append(page)
        types = [one["logicalType"]["type"] for one in pages[0]["results"]["columns"]]
        assert types == ["INTEGER", "DECIMAL"]
        assert pages[0]["results"]["data"][0]["kind"] == "INSERT"
        assert pages[0]["results"]["data"][0]["fields"][1] == 1.5
        assert await server.of_session("GET", f"{path}/2?rowFormat=JSON") == pages[2]  # once more
        with pytest.raises(Failed, match="has no page 0 yet"):
            await server.of_session("GET", f"{path}/0?rowFormat=JSON")
        assert (await server.run("SELECT 1")).rows == [[1]]  # the session goes on meanwhile
        run = pages[0]["jobID"]
        assert await real_sql.status(run) == "RUNNING"
        await server.of_session("DELETE", f"/operations/{operation}/close")
        await eventually(lambda: has_status(real_sql, run, "CANCELED"), 20)

        counted = await server.submit("SELECT b, count(*) FROM src GROUP BY b")
        page = {}
        while "jobID" not in page:  # not ready yet
            page = await server.of_session("GET", f"/operations/{counted}/result/0?rowFormat=JSON")
        await server.of_session("DELETE")  # ends the session, and what it reads
        await eventually(lambda: has_status(real_sql, page["jobID"], "CANCELED"), 20)


# What it is, as Flink's client shows it, and as JSON.
COMPOSED = (
    ("ARRAY[1, 2]", "[1, 2]", [1, 2]),
    ("ARRAY[CAST(-1 AS TINYINT), CAST(2 AS TINYINT)]", "[-1, 2]", [-1, 2]),
    ("ARRAY['a', CAST(NULL AS STRING)]", "[a, NULL]", ["a", None]),
    ("MAP['k', ARRAY[1]]", "{k=[1]}", {"k": [1]}),
    ("ARRAY[ROW(1, 2)]", "[(1, 2)]", [{"EXPR$0": 1, "EXPR$1": 2}]),
    ("CAST(ROW(1, 'z') AS ROW<a INT, `b c` STRING>)", "(1, z)", {"a": 1, "b c": "z"}),
    ("CAST(ROW(CAST(NULL AS INT), ROW(TRUE)) AS ROW<a INT, b ROW<c BOOLEAN>>)", "(NULL, (TRUE))",
     {"a": None, "b": {"c": True}}),
    ("ARRAY[CAST(1.5 AS DECIMAL(5, 2)), CAST(2 AS DECIMAL(5, 2))]", "[1.50, 2.00]", [1.5, 2]),
    ("MAP['d', DATE '2026-01-31']", "{d=2026-01-31}", {"d": "2026-01-31"}),
    ("ARRAY[TIMESTAMP '2026-01-31 12:00:00', TIMESTAMP '2026-01-31 12:00:00.125']",
     "[2026-01-31 12:00:00.000, 2026-01-31 12:00:00.125]",
     ["2026-01-31T12:00:00", "2026-01-31T12:00:00.125"]),
    ("ARRAY[TIME '12:30:00']", "[12:30:00]", ["12:30:00"]),
    ("ARRAY[TO_TIMESTAMP_LTZ(1500, 3)]", "[1970-01-01 00:00:01.500]", ["1970-01-01T00:00:01.5Z"]),
    ("ARRAY[1e-7, CAST('NaN' AS DOUBLE), 1e0, 1e7]", "[1.0E-7, NaN, 1.0, 1.0E7]",
     [1e-7, "NaN", 1.0, 1e7]),
    ("ARRAY[CAST(0.1 AS FLOAT)]", "[0.1]", [0.1]),
    ("ROW(x'0aff', x'00')", "(x'0aff', x'00')", {"EXPR$0": "Cv8=", "EXPR$1": "AA=="}),
    ("CAST(NULL AS ARRAY<INT>)", None, None),
)  # fmt: skip


async def test_values_made_of_others_are_as_flinks_client_shows_them(
    database: Database, real_flink: Running, open_sql: OpenSql, flink_home: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    """From the cluster on this machine, through the server, and with that server as gateway."""
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(flink_home))
    expressions, texts, contents = (list(column) for column in zip(*COMPOSED, strict=True))
    query = f"SELECT {', '.join(expressions)}, MAP[1, 'a']"
    zone = {"table.local-time-zone": "UTC"}
    sql = await open_sql(real_flink.url)
    await sql("SET 'table.local-time-zone' = 'UTC'")
    own = ", ".join(f"CAST({one} AS STRING)" for one in expressions if "x'" not in one)
    (told,) = await sql(f"SELECT {own}")  # by Flink itself, but for bytes
    assert list(told.values()) == [one for one in texts if one is None or "x'" not in one]
    (row,) = await sql(query)
    assert [None if one is None else text_of(one) for one in row.values()] == [*texts, "{1=a}"]
    assert [json_value(one) for one in row.values()] == [*contents, {"1": "a"}]

    defaults = {"tailrace.engine": "flink", "tailrace.flink.url": real_flink.url}
    async with served(database.dsn, defaults=defaults) as server:
        await server.open(zone)
        found = await server.run(query)
        assert found.rows == [[*contents, {"1": "a"}]]
        assert [one["logicalType"]["type"] for one in found.columns[:6]] == [
            "ARRAY", "ARRAY", "ARRAY", "MAP", "ARRAY", "ROW"
        ]  # fmt: skip
        assert found.columns[3]["logicalType"]["valueType"]["elementType"]["type"] == "INTEGER"
        assert [one["name"] for one in found.columns[5]["logicalType"]["fields"]] == ["a", "b c"]
        assert (await server.run(query, "PLAIN_TEXT")).rows == [[*texts, "{1=a}"]]
        through = await open_sql(real_flink.url, server.url)
        assert await through(query) == [row]


async def test_values_made_of_others_come_through_a_gateway(
    database: Database, fake_flink: FakeFlink, fake_sql: Sql
):
    """As a gateway sends them: spec/flink.md 5."""
    number = {"type": "DECIMAL", "nullable": True, "precision": 38, "scale": 2}
    text = {"type": "VARCHAR", "nullable": True, "length": 2147483647}
    row = {"type": "ROW", "nullable": True, "fields": [{"name": "n", "fieldType": number}]}
    kind = {"type": "MAP", "nullable": True, "keyType": text, "valueType": row}
    binary = {"type": "VARBINARY", "nullable": True, "length": 10}
    made = fake_flink.answers["SELECT m, b FROM t"] = fake_flink._run("SELECT 1", {})
    made["results"] |= {
        "columns": [
            {"name": "m", "logicalType": kind, "comment": None},
            {"name": "b", "logicalType": binary, "comment": None},
        ],
        "data": [{"kind": "INSERT", "fields": [{"k": {"n": 1.5}, "l": None}, "Cv8="]}],
    }
    (found,) = await fake_sql("SELECT m, b FROM t")
    assert text_of(found["m"]) == "{k=(1.50), l=NULL}"
    assert json_value(found["m"]) == {"k": {"n": 1.5}, "l": None}
    assert found["b"] == b"\x0a\xff"
    defaults = {
        "tailrace.engine": "flink",
        "tailrace.flink.url": fake_flink.url,
        "tailrace.flink.gateway": fake_flink.url,
    }
    async with served(database.dsn, defaults=defaults) as server:
        outcome = await server.run("SELECT m, b FROM t")
        assert outcome.rows == [[{"k": {"n": 1.5}, "l": None}, "Cv8="]]
        assert [one["logicalType"] for one in outcome.columns] == [kind, binary]
        outcome = await server.run("SELECT m, b FROM t", "PLAIN_TEXT")
        assert outcome.rows == [["{k=(1.50), l=NULL}", "x'0aff'"]]


async def test_a_query_that_is_given_up_ends(real_sql: Sql):
    """Ctrl-C in the shell cancels the statement; what it has started must not run on for ever.

    Nor may it take the TaskManager with it, as Flink's own cancelling does when a query has not yet
    begun: then nothing would ever run again.
    """
    await real_sql(DEFINITIONS[0])
    for _ in range(3):
        before = {row["job id"] for row in await real_sql("SHOW JOBS")}
        reading = asyncio.create_task(real_sql("SELECT a FROM src"))
        run = await eventually(partial(new_run, real_sql, before), 20)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await eventually(partial(has_status, real_sql, run, "CANCELED"), 20)
        assert await real_sql("SELECT 1 AS a") == [{"a": 1}]


async def new_run(sql: Sql, before: set[str]) -> str:
    """The one that was not there before."""
    new = {row["job id"] for row in await sql("SHOW JOBS")} - before
    assert len(new) == 1
    return str(new.pop())


async def test_a_query_that_fails_again_and_again_says_so(
    process: StartProcess, database: Database, real_flink: Running, flink_home: Path, real_sql: Sql,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(flink_home))
    query = "SELECT CAST(a AS INT) FROM (VALUES ('x')) AS t(a)"
    command = ("sql", "--engine", "flink", "--db", database.dsn, "-c")
    before = {row["job id"] for row in await real_sql("SHOW JOBS")}
    shell = await process(*command, query)
    await shell.says("the query has failed and Flink tries it again", 30)
    assert "For input string: 'x'" in shell.err
    assert "java." not in shell.err
    shell.send(signal.SIGINT)
    await shell.wait()
    run = await new_run(real_sql, before)
    await eventually(lambda: has_status(real_sql, run, "CANCELED"), 20)
    shell = await process(*command, f"SET 'restart-strategy.type' = 'none'; {query}")
    assert await shell.wait(30) == 1
    assert "For input string: 'x'" in shell.err


async def test_a_table_filled_by_its_definition_is_filled_once(real_sql: Sql, tmp_path: Path):
    """Other settings are another conversation, where the definitions are made anew."""
    sql = real_sql
    await sql("SET 'execution.runtime-mode' = 'batch'")
    place = f"'connector'='filesystem','path'='file://{tmp_path}/few','format'='json'"
    (made,) = await sql(f"/** dbt */ CREATE TABLE few WITH ({place}) AS SELECT 7 AS a")
    await eventually(lambda: has_status(sql, made["job id"], "FINISHED"), 20)
    runs = len(await sql("SHOW JOBS"))
    await sql("RESET 'execution.runtime-mode'")
    assert await sql("SELECT a FROM few") == [{"a": 7}]
    await sql(DEFINITIONS[0])
    await sql("CREATE VIEW seen AS SELECT a FROM src")
    await sql("SET 'execution.runtime-mode' = 'batch'")
    assert await sql("SELECT a FROM few") == [{"a": 7}]  # though the view means nothing now
    said = await sql.fails("SELECT a FROM seen")
    assert '"seen" is not defined here: ' in said
    assert "unbounded" in said
    await sql("CREATE TABLE gone (a INT) WITH ('connector'='blackhole')")
    await sql("CREATE JOB bounded_copy AS INSERT INTO gone SELECT a FROM few")
    assert len(await sql("SHOW JOBS")) == runs + 3  # two SELECTs and the job


async def has_status(sql: Sql, job: str, status: str) -> bool:
    return await sql.status(job) == status


async def test_a_job_keeps_its_id(sql: Sql, job: str):
    (described,) = await sql(f"DESCRIBE JOB '{job}'")
    assert (described["engine"], described["kind"]) == ("flink", "streaming")
    assert described["engine id"] == described["job id"]
    assert described["reads"] == ["default_catalog.default_database.src"]
    assert described["writes"] == ["default_catalog.default_database.sink"]
    path = await sql.value(f"STOP JOB '{job}' WITH SAVEPOINT")
    assert place(path).parent.name.startswith("tailrace-")  # a directory of its own
    await sql(f"START JOB '{job}'")
    (again,) = await sql(f"DESCRIBE JOB '{job}'")
    assert again["job id"] == described["job id"]
    assert again["engine id"] != described["engine id"]
    assert again["restored from"] == path  # where it stopped
    await sql(f"STOP JOB '{job}'")
    await sql(f"DROP SAVEPOINT '{path}'")
    assert not place(path).parent.exists()


async def test_start_from_a_savepoint(sql: Sql, job: str):
    path = await sql.value(f"CREATE SAVEPOINT FOR JOB '{job}'")
    assert "START needs one that has ended" in await sql.fails(f"START JOB '{job}'")
    await sql(f"STOP JOB '{job}'")
    await sql(f"START JOB '{job}' FROM SAVEPOINT '{path}'")
    (described,) = await sql(f"DESCRIBE JOB '{job}'")
    assert described["restored from"] == path
    assert place(path).exists()
    (row,) = await sql(f"SHOW SAVEPOINTS FOR JOB '{job}'")
    assert row["ownership"] == "user"
    await sql(f"STOP JOB '{job}'")

    await sql(f"START JOB '{job}' FROM SAVEPOINT 'file://{path.removeprefix('file:')}' CLAIM")
    rows = await sql(f"SHOW SAVEPOINTS FOR JOB '{job}'")
    assert [row["ownership"] for row in rows] in (["job"], [])  # Flink may have removed it already
    if rows:
        assert "belongs to job" in await sql.fails(f"DROP SAVEPOINT '{path}'")
    await sql(f"STOP JOB '{job}'")


async def test_nothing_is_left_of_a_savepoint_that_its_job_has_removed(
    sql: Sql, job: str, request: pytest.FixtureRequest
):
    path = await sql.value(f"STOP JOB '{job}' WITH SAVEPOINT")
    await sql(f"START JOB '{job}' FROM SAVEPOINT '{path}' CLAIM")
    if "fake" in request.node.name:  # the real one does so after a few checkpoints
        (place(path) / "_metadata").unlink()
        place(path).rmdir()

    async def is_gone() -> bool:
        return not place(path).exists()

    await eventually(is_gone, 30)
    assert await sql(f"SHOW SAVEPOINTS FOR JOB '{job}'") == []
    assert not place(path).parent.exists()
    await sql(f"STOP JOB '{job}'")


async def has_checkpoints(sql: Sql, job: str, number: int) -> bool:
    made = await sql(f"SHOW CHECKPOINTS FOR JOB '{job}'")
    return sum(row["status"] == "COMPLETED" for row in made) >= number


async def test_going_back_behind_the_last_run_is_said(real_sql: Sql):
    """Flink has removed the checkpoints of the run with it, as it was told to."""
    sql = real_sql
    for text in DEFINITIONS:
        await sql(text)
    retention = "'execution.checkpointing.externalized-checkpoint-retention'"
    await sql(f"CREATE JOB going_back WITH ({retention}='DELETE_ON_CANCELLATION') AS {BODY}")
    path = await sql.value("STOP JOB 'going_back' WITH SAVEPOINT")
    await sql("START JOB 'going_back'")
    assert sql.remarks == ()
    await eventually(lambda: has_checkpoints(sql, "going_back", 2), 20)
    await sql("STOP JOB 'going_back'")
    db = await sql.session.ours()
    await db.execute("update tailrace.flink_run set has_run = false")  # as if nobody had looked
    await sql("START JOB 'going_back'")
    assert f'it goes back to "{path}", where its last run began' in sql.remarks[0]
    await sql("STOP JOB 'going_back'")


async def test_start_after_a_stop_whose_answer_was_lost(real_sql: Sql):
    """Whoever asked for the savepoint has given up, and nobody has looked since."""
    sql = real_sql
    for text in DEFINITIONS:
        await sql(text)
    await sql(f"CREATE JOB hasty AS {BODY}")
    older = await sql.value("STOP JOB 'hasty' WITH SAVEPOINT")
    await sql("START JOB 'hasty'")
    await sql("SET 'tailrace.timeout' = '1ms'")
    with suppress(TailraceError):
        await sql("STOP JOB 'hasty' WITH SAVEPOINT")
    await sql("RESET 'tailrace.timeout'")

    async def started() -> bool:
        try:
            await sql("START JOB 'hasty'")
        except WrongState:  # it has not ended yet
            return False
        return True

    await eventually(started, 20)
    assert sql.remarks == ()
    (described,) = await sql("DESCRIBE JOB 'hasty'")
    newer = await sql("SHOW SAVEPOINTS FOR JOB 'hasty'")
    assert described["restored from"] == newer[0]["savepoint path"] != older
    await sql("STOP JOB 'hasty'")


async def test_savepoint_with_which_somebody_else_has_ended_a_run(sql: Sql, job: str):
    await sql(f"STOP JOB '{job}' WITH SAVEPOINT")
    await sql(f"START JOB '{job}'")
    (described,) = await sql(f"DESCRIBE JOB '{job}'")
    flink = await sql.session.flink()
    root = (await flink.engine.manager.settings())["execution.checkpointing.savepoint-dir"]
    wish = Wish(new_id(), described["engine id"], root, stop=True)
    await flink.engine.manager.trigger(wish)
    await eventually(lambda: has_status(sql, job, "FINISHED"), 20)
    made = await flink.engine.manager.triggered(wish)
    assert made is not None
    await sql(f"START JOB '{job}'")
    assert sql.remarks == ()
    assert (await sql(f"DESCRIBE JOB '{job}'"))[0]["restored from"] == made.path
    await sql(f"STOP JOB '{job}'")


async def test_a_refused_start_changes_nothing(real_sql: Sql):
    """The job goes on where it stopped, and whose the savepoint is stays as it was."""
    sql = real_sql
    for text in DEFINITIONS:
        await sql(text)
    await sql(f"CREATE JOB fitting AS {BODY}")
    own = await sql.value("STOP JOB 'fitting' WITH SAVEPOINT")
    twice = BODY.replace("FROM src", "FROM (SELECT DISTINCT a, b FROM src)")
    await sql(f"CREATE JOB strange AS {twice}")
    strange = await sql.value("STOP JOB 'strange' WITH SAVEPOINT")
    said = await sql.fails(f"START JOB 'fitting' FROM SAVEPOINT '{strange}' CLAIM")
    assert "the savepoint does not fit the statement" in said
    assert await sql.status("fitting") == "FAILED"
    (row,) = await sql("SHOW SAVEPOINTS FOR JOB 'strange'")
    assert row["ownership"] == "user"
    await sql("START JOB 'fitting'")
    assert f'its last start, from "{strange}", did not come to run' in sql.remarks[0]
    assert (await sql("DESCRIBE JOB 'fitting'"))[0]["restored from"] == own
    await sql("STOP JOB 'fitting'")


async def test_settings_of_a_start_are_gone_after_it(sql: Sql, job: str):
    path = await sql.value(f"STOP JOB '{job}' WITH SAVEPOINT")
    await sql(f"START JOB '{job}' FROM SAVEPOINT '{path}'")
    await sql(f'CREATE JOB "{job}_other" AS INSERT INTO sink SELECT a, 1 FROM src')
    (described,) = await sql(f"DESCRIBE JOB '{job}_other'")
    assert described["restored from"] is None
    assert await sql.status(f"{job}_other") == "RUNNING"
    for name in (job, f"{job}_other"):
        await sql(f"STOP JOB '{name}'")
    assert "would hold for whatever runs next" in await sql.fails(
        f"SET 'execution.state-recovery.path' = '{path}'"
    )


async def test_drain(sql: Sql, job: str):
    said = await sql.fails(f"STOP JOB '{job}' WITH DRAIN")
    assert said.startswith("WITH DRAIN could only be used after WITH SAVEPOINT")
    path = await sql.value(f"STOP JOB '{job}' WITH SAVEPOINT WITH DRAIN")
    (described,) = await sql(f"DESCRIBE JOB '{job}'")
    assert (described["status"], described["wanted"]) == ("FINISHED", "finished")
    await sql(f"START JOB '{job}' FROM SAVEPOINT '{path}'")
    assert any("drained" in remark for remark in sql.remarks)
    await sql(f"STOP JOB '{job}'")


async def test_settings_of_the_session_go_into_the_job(sql: Sql, defined: Sql):
    await sql("SET 'execution.checkpointing.interval' = '300 ms'")
    assert {"key", "value", "purpose"} <= set((await sql("SET"))[0])
    await sql(f"CREATE JOB quick WITH ('parallelism.default' = '1') AS {BODY}")
    await sql("RESET 'execution.checkpointing.interval'")
    (described,) = await sql("DESCRIBE JOB 'quick'")
    assert described["configuration"] == {
        "execution.checkpointing.interval": "300 ms",
        "parallelism.default": "1",
    }
    await sql("STOP JOB 'quick'")


async def test_a_name_for_flink_stands_before_our_id(sql: Sql, defined: Sql):
    """Flink's own list shows the name that somebody has chosen; the job keeps its own."""
    await sql("SET 'pipeline.name' = 'Takings by hour'")
    (made,) = await sql(f"CREATE JOB hourly AS {BODY}")
    (own,) = await sql(f"CREATE JOB daily WITH ('pipeline.name' = 'by day') AS {BODY}")
    flink = await sql.session.flink()
    for job, name in ((made["job id"], "Takings by hour"), (own["job id"], "by day")):
        run = await flink.engine.status(job)
        assert run is not None
        assert run.name == f"{name} [tailrace {job}]"
        assert await flink.engine.find(job) == job
    assert await sql.status("hourly") == "RUNNING"
    (described,) = await sql("DESCRIBE JOB 'daily'")
    assert described["configuration"] == {"pipeline.name": "by day"}
    foreign = {row["job id"] for row in await sql("SHOW JOBS")}
    await sql(f"{BODY.replace('sink', '`sink`')}")  # not a job of ours
    (row,) = [row for row in await sql("SHOW JOBS") if row["job id"] not in foreign]
    assert row["job name"] == "Takings by hour"
    said = await sql.fails(f"SET 'pipeline.name' = 'x [tailrace {made['job id']}]'")
    assert "the mark by which the run of a job is found" in said
    assert "is Flink's own" in await sql.fails("SET '$internal.pipeline.job-id' = '0'")
    for name in ("hourly", "daily", row["job id"]):
        await sql(f"STOP JOB '{name}'")


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


async def test_definitions_stay_when_only_the_deadline_is_another(sql: Sql, defined: Sql):
    await sql("SET 'tailrace.deadline' = '7s'")
    await sql(f"CREATE JOB later AS {BODY}")
    await sql("STOP JOB 'later'")


async def test_savepoint_directory_of_the_session(sql: Sql, job: str, tmp_path: Path):
    await sql(f"SET 'state.savepoints.dir' = 'file://{tmp_path}/mine'")
    path = await sql.value(f"STOP JOB '{job}' WITH SAVEPOINT")
    assert place(path).is_relative_to(tmp_path / "mine")


async def test_housekeeping(sql: Sql, job: str):
    made = [await sql.value(f"CREATE SAVEPOINT FOR JOB '{job}'") for _ in range(3)]
    kept = f"DROP SAVEPOINTS FOR JOB '{job}' OLDER THAN INTERVAL '1' HOUR"
    assert await sql(kept) == []
    (dropped,) = await sql(f"DROP SAVEPOINTS FOR JOB '{job}' KEEP LAST 2")
    assert dropped["savepoint path"] == made[0]
    rows = await sql(f"DROP SAVEPOINT ALL FOR JOB '{job}'")
    assert {row["savepoint path"] for row in rows} == set(made[1:])
    assert await sql(f"SHOW SAVEPOINTS FOR JOB '{job}'") == []
    await sql(f"STOP JOB '{job}'")


async def test_housekeeping_counts_what_is_there(sql: Sql, job: str):
    made = [await sql.value(f"CREATE SAVEPOINT FOR JOB '{job}'") for _ in range(4)]
    for path in made[2:]:
        shutil.rmtree(place(path))
    dropped = await sql(f"DROP SAVEPOINTS FOR JOB '{job}' KEEP LAST 1")
    assert [row["savepoint path"] for row in dropped] == made[:1]
    rows = await sql(f"SHOW SAVEPOINTS FOR JOB '{job}'")
    assert [row["ownership"] for row in rows] == ["lost", "lost", "user"]
    dropped = await sql(f"DROP SAVEPOINTS FOR JOB '{job}' KEEP LAST 0")
    assert len(dropped) == 3
    await sql(f"STOP JOB '{job}'")


async def test_housekeeping_leaves_a_job_what_it_owns(sql: Sql, job: str):
    path = await sql.value(f"STOP JOB '{job}' WITH SAVEPOINT")
    await sql(f"START JOB '{job}' FROM SAVEPOINT '{path}' CLAIM")
    assert await sql(f"DROP SAVEPOINTS FOR JOB '{job}' KEEP LAST 0") == []
    await sql(f"STOP JOB '{job}'")


async def test_savepoints_come_and_go_on_disk(sql: Sql, job: str):
    path = await sql.value(f"CREATE SAVEPOINT FOR JOB '{job}'")
    foreign = place(path).parents[1] / f"{place(path).name[:16]}-0123456789ab"
    foreign.mkdir()
    (foreign / "_metadata").write_bytes((place(path) / "_metadata").read_bytes())
    place(path).rename(place(path).with_name("aside"))
    by_path = {row["savepoint path"]: row for row in await sql("SHOW SAVEPOINTS")}
    assert by_path[path]["ownership"] == "lost"
    found = by_path[f"file:{foreign}"]
    (described,) = await sql(f"DESCRIBE JOB '{job}'")
    assert (found["ownership"], found["job id"]) == ("foreign", described["job id"])
    place(path).with_name("aside").rename(place(path))
    by_path = {row["savepoint path"]: row for row in await sql("SHOW SAVEPOINTS")}
    assert by_path[path]["ownership"] == "user"
    for one in (path, f"file:{foreign}"):
        await sql(f"DROP SAVEPOINT '{one}'")
    await sql(f"STOP JOB '{job}'")


async def test_checkpoints(sql: Sql, job: str, request: pytest.FixtureRequest):
    (described,) = await sql(f"DESCRIBE JOB '{job}'")
    if "fake" in request.node.name:
        fake: FakeFlink = request.getfixturevalue("fake_flink")
        fake.take_checkpoints(described["engine id"], 2)

    async def two() -> list[dict[str, Any]]:
        rows = await sql(f"SHOW CHECKPOINTS FOR JOB '{job}'")
        assert len(rows) >= 2
        return rows

    rows = await eventually(two, 10)
    assert list(rows[0]) == ["checkpoint", "position", "status", "completed", "size"]
    assert [row["checkpoint"] for row in rows] == sorted(
        (row["checkpoint"] for row in rows), reverse=True
    )
    await sql(f"STOP JOB '{job}'")  # a cancel: its last checkpoint stays
    await sql(f"START JOB '{job}'")
    (described,) = await sql(f"DESCRIBE JOB '{job}'")
    assert "/chk-" in described["restored from"]
    assert sql.remarks == ()
    await sql(f"STOP JOB '{job}'")


async def test_lineage(sql: Sql, job: str):
    (described,) = await sql(f"DESCRIBE JOB '{job}'")
    rows = await sql(f"SHOW JOBTREE '{job}'")
    assert list(rows[0]) == ["level", "kind", "name", "job id", "status"]
    assert [(row["level"], row["kind"]) for row in rows[:2]] == [(0, "job"), (1, "table")]
    rows = await sql(f"SHOW ANCESTORS '{job}'")
    assert [row["name"] for row in rows] == [job, "default_catalog.default_database.src"]
    rows = await sql(f"SHOW JOBTREE '{job}' FULL")
    assert rows[0]["name"] == "default_catalog.default_database.src"
    assert described["job id"] in {row["job id"] for row in await sql("SHOW JOBTREES")}
    await sql(f"STOP JOB '{job}'")


async def test_flinks_own_statements(sql: Sql):
    assert len(await sql("SELECT 1")) == 1
    await sql(DEFINITIONS[0])
    assert "failed" in await sql.fails("FROBNICATE 'x'")


async def test_bad_input(sql: Sql, job: str):
    unknown = "0123456789abcdef0123456789abcdef"
    for text, said in (
        ("DESCRIBE JOB 'nobody'", 'there is no job "nobody" on the Flink cluster'),
        (f"STOP JOB '{unknown}'", f'there is no job "{unknown}"'),
        ("STOP JOB 'abc'", "at least 6 of its 32 digits"),
        (f"DROP JOB '{job}'", "DROP needs one that has ended"),
        ("DROP SAVEPOINT '/nowhere/savepoint-1'", "there is no savepoint"),
        ("DROP SAVEPOINT 'nowhere'", "is not the path of a savepoint"),
        (f'CREATE JOB "{job}" AS {BODY}', f'there is a job "{job}" already; it is RUNNING'),
        ("CREATE JOB x AS SELECT 1", 'found "SELECT"'),
        ("CREATE JOB x AS DELETE FROM sink", 'found "DELETE"'),
        (
            "CREATE JOB x WITH ('execution.state-recovery.path' = '/x') AS INSERT INTO t SELECT 1",
            "would hold for whatever runs next",
        ),
        ("SHOW CHECKPOINTS FOR JOB 'nobody'", "there is no job"),
        ("CREATE SAVEPOINT FOR JOB 'nobody'", "there is no job"),
    ):
        assert said in await sql.fails(text), text
    await sql(f"STOP JOB '{job}'")
    for text, said in (
        (f"STOP JOB '{job}'", "is CANCELED; STOP needs one that has not ended"),
        (f"STOP JOB '{job}' WITH SAVEPOINT", "is CANCELED; STOP needs one that has not ended"),
        (f"CREATE SAVEPOINT FOR JOB '{job}'", "a savepoint needs a running job"),
        (f"START JOB '{job}' FROM SAVEPOINT '/tmp/none'", 'there is no savepoint at "file:/tmp/'),
    ):
        assert said in await sql.fails(text), text
    assert await sql.status(job) == "CANCELED"


async def test_savepoint_where_nothing_can_be_written(sql: Sql, job: str):
    await sql("SET 'state.savepoints.dir' = 'file:///proc/nothing'")
    said = await sql.fails(f"CREATE SAVEPOINT FOR JOB '{job}'")
    assert said.startswith(f'job "{job}" has no new savepoint')
    assert await sql.status(job) == "RUNNING"
    said = await sql.fails(f"STOP JOB '{job}' WITH SAVEPOINT")
    assert said.startswith(f'job "{job}" was not stopped')
    (described,) = await sql(f"DESCRIBE JOB '{job}'")
    assert described["wanted"] == "running"
    await sql(f"STOP JOB '{job}'")


async def test_job_in_batch_mode_has_no_savepoints(sql: Sql):
    await sql("SET 'execution.runtime-mode' = 'batch'")
    await sql(
        "CREATE TABLE few (a INT) WITH ('connector'='datagen','rows-per-second'='1',"
        "'number-of-rows'='600')"
    )
    await sql("CREATE TABLE sink1 (a INT) WITH ('connector'='blackhole')")
    await sql("CREATE JOB batch AS INSERT INTO sink1 SELECT a FROM few")
    for text in ("STOP JOB 'batch' WITH SAVEPOINT", "CREATE SAVEPOINT FOR JOB 'batch'"):
        assert "runs in batch mode, where there are no savepoints" in await sql.fails(text)
    await sql("STOP JOB 'batch'")
    assert await sql.status("batch") == "CANCELED"


async def test_bounded_job_in_streaming_mode(real_sql: Sql):
    """It has savepoints while it runs, and ends by itself."""
    sql = real_sql
    await sql(
        "CREATE TABLE few (a INT) WITH ('connector'='datagen','rows-per-second'='20',"
        "'number-of-rows'='60')"
    )
    await sql("CREATE TABLE sink1 (a INT) WITH ('connector'='blackhole')")
    await sql("CREATE JOB bounded AS INSERT INTO sink1 SELECT a FROM few")
    path = await sql.value("CREATE SAVEPOINT FOR JOB 'bounded'")

    async def finished() -> bool:
        return await sql.status("bounded") == "FINISHED"

    await eventually(finished, 20)
    (described,) = await sql("DESCRIBE JOB 'bounded'")
    assert described["wanted"] == "running"  # nobody has stopped it
    assert "STOP needs one that has not ended" in await sql.fails("STOP JOB 'bounded'")
    await sql(f"DROP SAVEPOINT '{path}'")


async def test_several_inserts_in_one_job(real_sql: Sql):
    await real_sql(
        "CREATE JOB twofold AS $$"
        " CREATE TABLE numbers (a INT) WITH ('connector'='datagen','rows-per-second'='5');"
        " CREATE TABLE alpha (a INT) WITH ('connector'='blackhole');"
        " CREATE TABLE beta (a INT) WITH ('connector'='blackhole');"
        " INSERT INTO alpha SELECT a FROM numbers; INSERT INTO beta SELECT a + 1 FROM numbers $$"
    )
    (described,) = await real_sql("DESCRIBE JOB 'twofold'")
    assert [name.rpartition(".")[2] for name in described["writes"]] == ["alpha", "beta"]
    await real_sql("STOP JOB 'twofold' WITH SAVEPOINT")
    await real_sql("START JOB 'twofold'")
    await real_sql("STOP JOB 'twofold'")


async def test_job_that_fails_at_once_says_why(real_sql: Sql):
    await real_sql(
        "CREATE TABLE broken (a INT) WITH ('connector'='filesystem','path'='file:///no/such/place',"
        "'format'='json')"
    )
    await real_sql("CREATE TABLE sink2 (a INT) WITH ('connector'='blackhole')")
    body = "INSERT INTO sink2 SELECT a FROM broken"
    said = await real_sql.fails(
        f"CREATE JOB doomed WITH ('restart-strategy.type' = 'none') AS {body}"
    )
    assert said.startswith('job "doomed" was started and has failed: '), said
    await real_sql("SET 'tailrace.timeout' = '2s'")
    await real_sql(f"CREATE JOB stubborn AS {body}")  # Flink tries again and again
    assert real_sql.remarks[0].startswith('job "stubborn" is RESTARTING: '), real_sql.remarks
    await real_sql("STOP JOB 'stubborn'")
    (row,) = [row for row in await real_sql("SHOW JOBS EXTENDED") if row["job name"] == "doomed"]
    assert row["status"] == "FAILED"
    assert row["error"]


async def test_no_free_slots(sql: Sql, defined: Sql):
    await sql("SET 'tailrace.timeout' = '1s'")
    names = [f"slot{number}" for number in range(5)]  # of four slots
    for name in names:
        await sql(f"CREATE JOB {name} AS {BODY}")
    assert any("slots are free" in remark for remark in sql.remarks), sql.remarks
    assert await sql.status("slot4") == "CREATED"
    said = await sql.fails("CREATE SAVEPOINT FOR JOB 'slot4'")
    assert "is CREATED: " in said
    assert "tasks do not run yet" in said
    for name in names:
        await sql(f"STOP JOB '{name}'")


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


async def test_commands(
    real_sql: Sql, real_flink: Running, flink_home: Path, tmp_path: Path, tailrace: Tailrace
):
    status = await tailrace("flink", "status", "--home", str(flink_home))
    assert f"running, pid {real_flink.pid}, {real_flink.url}" in status.out
    assert "slots free" in status.out
    again = await tailrace("flink", "start", "--home", str(flink_home))
    assert again.out.strip() == real_flink.url
    assert "was running already" in again.err
    none = await tailrace("flink", "status", "--home", str(tmp_path / "x"), status=1)
    assert "not running" in none.out
    stopped = await tailrace("flink", "stop", "--home", str(tmp_path / "x"))
    assert "was not running" in stopped.err
    wrong = await tailrace("flink", "start", "--home", str(tmp_path), "--set", "x", status=2)
    assert "is not KEY=VALUE" in wrong.err


async def test_verbs(real_sql: Sql, tailrace: Tailrace, monkeypatch: pytest.MonkeyPatch):
    for text in DEFINITIONS:
        await real_sql(text)
    (created,) = await real_sql(f"CREATE JOB verbal AS {BODY}")
    monkeypatch.setenv("TAILRACE_DB", real_sql.session.dsn)
    monkeypatch.setenv("TAILRACE_ENGINE", "flink")
    jobs = (await tailrace("jobs", "--format", "json")).json
    assert "verbal" in {row["job name"] for row in jobs}
    await tailrace("stop-job", "verbal", "--with-savepoint")
    saved = (await tailrace("savepoints", "--format", "json")).json
    mine = [row for row in saved if row["job id"] == created["job id"]]
    (path,) = [row["savepoint path"] for row in mine]
    await tailrace("start-job", "verbal", "--from-savepoint", path)
    await tailrace("stop-job", "verbal")
    await tailrace("drop-savepoint", path, "--yes")
    failed = await tailrace("stop-job", "verbal", status=1)
    assert "STOP needs one that has not ended" in failed.complaint
    missing = await tailrace("-v", "start-job", "verbal", "--from-savepoint", path, status=1)
    assert "there is no savepoint" in missing.err


async def test_a_statement_set_in_pieces_is_refused_with_what_there_is_instead(real_sql: Sql):
    said = await real_sql.fails("BEGIN STATEMENT SET")
    assert "EXECUTE STATEMENT SET BEGIN" in said
    assert len(said) < 200


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


# ------------------------------------------------------------ files that tailrace export writes

TYPED = """
    create type public.mood as enum ('fine', 'so so');
    create domain public.share as numeric(5, 2);
    create table public.typed (
        id bigint primary key, yes boolean, small smallint, number integer, r real,
        d double precision, price numeric(10, 2), share public.share, loose numeric,
        big numeric(50, 1), day date, at timestamp(3), seen timestamptz, hour time(0), finer time,
        bits bytea, doc jsonb, raw json, names text[], prices numeric(5, 1)[], days date[],
        mood public.mood, who uuid, span interval, word varchar(20), padded char(4),
        twice int generated always as (small * 2) stored
    )
"""
VALUES = (
    r"""1, true, -32768, 2147483647, 1.5, 0.1, 12345678.90, 1.5, 1.50, 1e40, '2026-01-31',
    '2026-01-31 12:00:00.123', '2026-01-31 12:00:00.123456+02', '23:59:59', '12:00:00.5',
    '\x00c3bc', '{"a": [1, null]}', '{"b":1.0}', '{a,NULL,"b \"c\""}', '{1.5,2}',
    '{2026-01-31}', 'so so', '00000000-0000-0000-0000-00000000000a', '1 day 2 h',
    E'tab\tline\nquote"\\ ü', 'ab'""",
    """2, false, 0, 0, 'NaN', 'Infinity', 0, 0, 'NaN', 0, '9999-12-31', '0001-01-01',
    '1969-12-31 23:59:59Z', '00:00', '00:00', '', '[]', 'null', '{}', '{}', '{}', 'fine',
    null, null, '', ''""",
    "3" + ", null" * 25,
)
READ_BACK = {
    1: ["1", "TRUE", "-32768", "2147483647", "1.5", "0.1", "12345678.90", "1.50", "1.50",
        "1" + "0" * 40 + ".0", "2026-01-31", "2026-01-31 12:00:00.123",
        "2026-01-31 10:00:00.123456", "23:59:59", "12:00:00.5", "\x00ü", '{"a": [1, null]}',
        '{"b":1.0}', '[a, NULL, b "c"]', "[1.5, 2.0]", "[2026-01-31]", "so so",
        "00000000-0000-0000-0000-00000000000a", "1 day 02:00:00", 'tab\tline\nquote"\\ ü', "ab  "],
    2: ["2", "FALSE", "0", "0", "NaN", "Infinity", "0.00", "0.00", "NaN", "0.0", "9999-12-31",
        "0001-01-01 00:00:00.000", "1969-12-31 23:59:59.000000", "00:00:00", "00:00:00", "",
        "[]", "null", "[]", "[]", "[]", "fine", None, None, "", "    "],
    3: ["3", *[None] * 25],
}  # fmt: skip


async def _defined(flink: Environment, db: Database, job: str) -> None:
    """Define the tables of a job so that a query over them ends with the files that are there."""
    for statement in await flink_tables(db, job):
        await flink.run(statement.replace("  'source.monitor-interval' = '1 s',\n", ""))


def _kept(found: SqlResult) -> list[tuple[Any, ...]]:
    """The rows that a changelog comes to."""
    rows: Counter[tuple[Any, ...]] = Counter()
    for kind, row in zip(found.kinds or ["+I"] * len(found.rows), found.rows, strict=True):
        rows[tuple(row)] += -1 if kind.startswith("-") else 1
    assert set(rows.values()) <= {0, 1}, rows
    return sorted(row for row, count in rows.items() if count)


@pytest.fixture
async def flink(real_flink: Running) -> AsyncIterator[Environment]:
    """A session in which hours are those of UTC."""
    settings = {"table.local-time-zone": "UTC", "restart-strategy.type": "none"}
    session = await Environment.open(
        real_flink.java_port, real_flink.token, real_flink.settings | settings
    )
    yield session
    await session.close()


async def test_flink_reads_back_what_was_exported(
    database: Database, flink: Environment, tmp_path: Path
):
    await database.execute(TYPED)
    for number, values in enumerate(VALUES):
        if number == 2:  # the first two are there at the beginning, the third comes later
            for form in ("changes", "debezium-json"):
                await make_export(database, form, tmp_path / form, "typed", format=form)
                await run_export(database, form)
        await database.execute(f"insert into public.typed values ({values})")
    names = await database.fetch_value(
        "select array_agg(attname::text order by attnum) from pg_attribute"
        " where attrelid = 'public.typed'::regclass and attnum > 0 and attgenerated = ''"
    )
    # within a file order holds, so a changelog is right there, too
    await database.execute("update public.typed set small = 7, yes = null where id = 2")
    await database.execute("update public.typed set small = 0, yes = false where id = 2")
    await database.execute("insert into public.typed (id) values (4), (5)")
    await database.execute("update public.typed set id = 6, word = 'x' where id = 4")
    await database.execute("delete from public.typed where id > 4")
    for form in ("changes", "debezium-json"):
        await run_export(database, form)
        await _defined(flink, database, form)
        texts = ", ".join(f"CAST(`{name}` AS STRING) AS `{name}`" for name in names)
        found = await flink.run(f"SELECT {texts} FROM typed")
        read = {int(row[0]): row for row in _kept(found)}
        assert sorted(read) == sorted(READ_BACK)
        wrong = {
            (form, number, name): (value, wanted)
            for number, row in READ_BACK.items()
            for name, value, wanted in zip(names, read[number], row, strict=True)
            if value != wanted
        }
        assert wrong == {}
        await flink.run("DROP TABLE typed" if form != "changes" else "DROP VIEW typed")


async def test_table_is_right_in_whatever_order_flink_reads_the_files(
    database: Database, flink: Environment, tmp_path: Path
):
    await database.execute(RandomChanges.TABLE)
    changes = RandomChanges(database, seed=8)
    await changes.make()
    await make_export(database, "out", tmp_path, "public.t")
    for _ in range(30):
        await changes.make()
        await run_export(database, "out")
    assert len(files(tmp_path, "public.t")) > 12
    await _defined(flink, database, "out")
    rows = await database.fetch_all("select id, v from public.t order by id")
    assert _kept(await flink.run("SELECT * FROM t")) == [tuple(row) for row in rows]
    [total] = _kept(await flink.run("SELECT SUM(`_weight`), SUM(id * `_weight`) FROM t_changes"))
    assert total == (len(rows), sum(row.id for row in rows))


# ------------------------------------------------------------ files that tailrace import loads

FLINKS = {
    "yes": ("BOOLEAN", "boolean", "TRUE", "true"),
    "tiny": ("TINYINT", "smallint", "CAST(-128 AS TINYINT)", "-128"),
    "big": ("BIGINT", "bigint", "9223372036854775807", "9223372036854775807"),
    "r": ("FLOAT", "real", "CAST(1.5 AS FLOAT)", "1.5"),
    "d": ("DOUBLE", "double precision", "1e-7", "1e-07"),
    "nan": ("DOUBLE", "double precision", "CAST('NaN' AS DOUBLE)", "NaN"),
    "price": ("DECIMAL(10, 2)", "numeric(10, 2)", "12345678.90", "12345678.90"),
    "huge": ("DECIMAL(38, 0)", "numeric", f"CAST('{'123456789' * 4}' AS DECIMAL(38, 0))",
             "123456789" * 4),
    "round": ("DECIMAL(20, 0)", "numeric(20, 0)", "CAST('1e19' AS DECIMAL(20, 0))",
              "10000000000000000000"),
    "day": ("DATE", "date", "DATE '2026-01-31'", "2026-01-31"),
    "hour": ("TIME(0)", "time(0)", "TIME '12:00:01'", "12:00:01"),
    "at": ("TIMESTAMP(6)", "timestamp", "TIMESTAMP '2026-01-31 12:00:00.123456'",
           "2026-01-31 12:00:00.123456"),
    "seen": ("TIMESTAMP_LTZ(3)", "timestamptz", "TO_TIMESTAMP_LTZ(1500, 3)",
             "1970-01-01 00:00:01.5+00"),
    "bits": ("BYTES", "bytea", "x'00ff5c0a'", r"\x00ff5c0a"),
    "word": ("STRING", "text", "U&'tab\\0009line\\000A\"quote\" \\005C \\00FC'",
             'tab\tline\n"quote" \\ ü'),
    "doc": ("STRING", "jsonb", "'{\"a\": [1, null]}'", '{"a": [1, null]}'),
    "some": ("ARRAY<INT>", "integer[]", "ARRAY[1, CAST(NULL AS INT)]", "{1,NULL}"),
    "counts": ("MAP<STRING, INT>", "jsonb", "MAP['x', 1]", '{"x": 1}'),
    "pair": ("ROW<x INT, y STRING>", "public.pair", "ROW(1, 'two')", "(1,two)"),
    "nothing": ("STRING", "text", "CAST(NULL AS STRING)", None),
}  # fmt: skip


async def test_what_flink_writes_is_loaded_as_it_was(
    database: Database, flink: Environment, tmp_path: Path
):
    await database.execute("create type public.pair as (x integer, y text)")
    given = ", ".join(value for _, _, value, _ in FLINKS.values())
    texts = ", ".join(f'"{name}"::text' for name in FLINKS)
    wanted = [text for _, _, _, text in FLINKS.values()]
    for form, standard in (("json", "SQL"), ("debezium-json", "ISO-8601")):
        columns = ", ".join(f"`{name}` {kind}" for name, (kind, *_) in FLINKS.items())
        name = form.partition("-")[0]
        await flink.run(
            f"CREATE TABLE `{name}_sink` ({columns}) WITH ('connector' = 'filesystem',"
            f" 'path' = 'file://{tmp_path}/{form}', 'format' = '{form}',"
            f" '{form}.timestamp-format.standard' = '{standard}')"
        )
        await flink.run(f"INSERT INTO `{name}_sink` SELECT {given}")
        columns = ", ".join(f'"{name}" {kind}' for name, (_, kind, *_) in FLINKS.items())
        await database.execute(f"create table public.{name} ({columns})")
        await make_import(database, tmp_path / form, name, name=name, format=form)

        async def loaded(name: str = name) -> bool:
            with suppress(StorageError):  # there is no directory yet
                await run_import(database, name)
            return bool(await database.fetch_value(f"select count(*) from public.{name}"))

        await eventually(loaded, 20)
        row = await database.fetch_one(f"select {texts} from public.{name}")
        assert row is not None
        assert dict(zip(FLINKS, row, strict=True)) == dict(zip(FLINKS, wanted, strict=True))


# ------------------------------------------------------------ the demo

DEMO = ("demo", "--engine", "flink")
LONG = 120  # seconds; it takes about ten on an idle machine


@pytest.mark.timeout(200)
async def test_demo_goes_through_flink_and_back_and_everything_is_equal(
    process: StartProcess, real_flink: Running, flink_home: Path, scratch: Path
):
    where = ("--flink-home", str(flink_home), "--data", str(scratch / "data"))
    demo = await process(*DEMO, *where, "--rows", "600", "--seconds", "2")
    assert await demo.wait(LONG) == 0, demo.err
    assert "everything is equal" in demo.err
    assert "STOP JOB 'carrier_delays' WITH SAVEPOINT: file:" in demo.err
    assert "START JOB 'carrier_delays' FROM SAVEPOINT 'file:" in demo.err
    lines = [line.split() for line in demo.out.splitlines()]
    returned = {line[0]: line[1:] for line in lines if line and line[0].startswith("nyc.")}
    assert set(returned) == {"nyc.carrier_delays", "nyc.daily_delays"}
    for rows, wanted, equal in returned.values():
        assert (rows == wanted != "0", equal) == (True, "yes")
    assert os.listdir(scratch) == []


@pytest.mark.timeout(200)
async def test_demo_interrupted_leaves_nothing_but_the_cluster_it_was_given(
    process: StartProcess, real_sql: Sql, flink_home: Path, scratch: Path
):
    where = ("--flink-home", str(flink_home), "--data", str(scratch / "data"))
    demo = await process(*DEMO, *where, "--rows", "100")
    await demo.says("four writers", within=LONG)
    demo.send(signal.SIGINT)
    assert await demo.wait(LONG) == 130
    assert "Traceback" not in demo.err
    assert os.listdir(scratch) == []
    ours = [row for row in await real_sql("SHOW JOBS") if "carrier_delays" in row["job name"]]
    assert {row["status"] for row in ours} <= {"CANCELED", "CANCELLING", "FINISHED"}
    assert ours


async def test_demo_without_flink_says_what_is_missing(
    process: StartProcess, scratch: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FLINK_HOME", str(scratch))
    place = ("--data", str(scratch / "data"))
    demo = await process(*DEMO, *place)
    assert await demo.wait() == 1
    assert demo.err.strip() == f'tailrace: FLINK_HOME is "{scratch}", which has no folder lib'
    demo = await process(*DEMO, "--flink-home", str(scratch), *place)
    assert await demo.wait() == 1
    assert f'no Flink cluster runs in "{scratch}"; start one with: tailrace flink' in demo.err
    assert os.listdir(scratch) == []
