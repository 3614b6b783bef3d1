"""A job on Flink from CREATE to DROP, on the real one and on the fake that stands in for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace
from fixtures.conformance import whole_life
from fixtures.dbapi import dbapi
from fixtures.flink_session import BODY, DEFINITIONS, Sql, has_status, place
from fixtures.serving import served
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.engines.flink.local import Running


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


async def test_definitions_stay_when_only_the_deadline_is_another(sql: Sql, defined: Sql):
    await sql("SET 'tailrace.deadline' = '7s'")
    await sql(f"CREATE JOB later AS {BODY}")
    await sql("STOP JOB 'later'")


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


async def test_places_of_tables_with_odd_names(real_sql: Sql, database: Database, tmp_path: Path):
    """An export keeps the files that a job may still read: it has to know where that reads."""
    source, target = tmp_path / "it's [1], in", tmp_path / "out"
    source.mkdir()
    for name, files in (("in.v, [2]]", source), ("out.`q]", target)):
        table, path = name.replace("`", "``"), str(files).replace("'", "''")
        await real_sql(
            f"CREATE TABLE `{table}` (a INT) WITH ('connector' = 'filesystem', 'format' = 'json',"
            f" 'path' = 'file://{path}', 'source.monitor-interval' = '1 s')"
        )
    await real_sql("CREATE JOB odd AS INSERT INTO `out.``q]` SELECT a FROM `in.v, [2]]`")
    await real_sql("STOP JOB 'odd'")
    places = (
        "select reads -> 0 ->> 'place' as a, writes -> 0 ->> 'place' as b from tailrace.flink_job"
        " where job_name = 'odd'"
    )
    assert tuple(await database.fetch_one(places)) == (str(source), str(target))
    assert await database.fetch_value("select tailrace.export_needed_since(%s)", str(source))


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
        (f"CREATE JOB x WITH ('tailrace.timeout' = '5s') AS {BODY}", "setting of the session"),
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
