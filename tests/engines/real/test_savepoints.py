"""Savepoints and checkpoints of jobs on Flink: stopping with one, starting from one, dropping."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fixtures.flink_fake import FakeFlink
from fixtures.flink_session import BODY, DEFINITIONS, Sql, has_status, place
from fixtures.waiting import eventually
from tailrace.engines.base import Wish, new_id
from tailrace.errors import TailraceError, WrongState


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


async def test_drain(sql: Sql, job: str):
    said = await sql.fails(f"STOP JOB '{job}' WITH DRAIN")
    assert said.startswith("WITH DRAIN could only be used after WITH SAVEPOINT")
    path = await sql.value(f"STOP JOB '{job}' WITH SAVEPOINT WITH DRAIN")
    (described,) = await sql(f"DESCRIBE JOB '{job}'")
    assert (described["status"], described["wanted"]) == ("FINISHED", "finished")
    await sql(f"START JOB '{job}' FROM SAVEPOINT '{path}'")
    assert any("drained" in remark for remark in sql.remarks)
    await sql(f"STOP JOB '{job}'")


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
