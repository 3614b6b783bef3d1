"""Where a job goes on, by what its runs have left, on the fake."""

from __future__ import annotations

import shutil

import pytest

from fixtures.flink_fake import FakeFlink, Job
from fixtures.flink_session import CREATE, Sql, beginning, engine_id


async def test_what_would_help_can_be_typed_as_it_stands(fake_sql: Sql):
    await fake_sql(CREATE.replace("JOB j", 'JOB "it\'s"'))
    for text, helping in (
        ("START JOB 'it''s'", "STOP JOB 'it''s'"),
        ("DROP JOB 'it''s'", "STOP JOB 'it''s'"),
        ("STOP JOB 'it''s' WITH DRAIN", "STOP JOB 'it''s' WITH SAVEPOINT WITH DRAIN"),
    ):
        assert (await fake_sql.fails(text)).endswith(helping)
    await fake_sql("STOP JOB 'it''s'")
    assert (await fake_sql.fails("STOP JOB 'it''s'")).endswith("START JOB 'it''s'")


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


@pytest.mark.parametrize("by", ["a checkpoint", "its tasks"])
async def test_a_run_that_worked_unseen_has_worked(by: str, fake_flink: FakeFlink, fake_sql: Sql):
    """It got its slots when nobody watched any more, and failed before anybody looked again."""
    await fake_sql(CREATE)
    earlier = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    await fake_sql("STOP JOB 'j' WITH SAVEPOINT")
    run = await started_without_slots(fake_flink, fake_sql, earlier)
    run.waiting = 0
    if by == "a checkpoint":
        fake_flink.take_checkpoints(run.jid, 2)
        shutil.rmtree(fake_flink.directory / "checkpoints")
        run.waiting = 1  # and its last attempt has failed before all tasks ran
    run.state, run.end = "FAILED", run.start + 10
    await fake_sql("START JOB 'j'")
    assert fake_sql.remarks == (
        f'job "j" has left neither savepoint nor checkpoint: it goes back to "{earlier}", where '
        "its last run began",
    )
    assert await beginning(fake_sql) == earlier


async def test_a_run_that_got_no_slots_has_not_worked(fake_flink: FakeFlink, fake_sql: Sql):
    await fake_sql(CREATE)
    earlier = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    newest = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    run = await started_without_slots(fake_flink, fake_sql, earlier)
    run.state, run.end = "FAILED", run.start + 10
    await fake_sql("START JOB 'j'")
    going_on = f'job "j" goes on at "{newest}": its last start, from "{earlier}", '
    assert fake_sql.remarks == (f"{going_on}did not come to run",)
    await fake_sql("STOP JOB 'j'")
    await started_without_slots(fake_flink, fake_sql, earlier)
    await fake_flink.restart()
    await fake_sql("START JOB 'j'")
    assert f"{going_on}was not seen to run, and the cluster has forgotten it" in fake_sql.remarks


async def started_without_slots(fake: FakeFlink, sql: Sql, path: str) -> Job:
    """A run that waits for its slots longer than it is watched."""
    slots, fake.slots = fake.slots, 0
    await sql("SET 'tailrace.timeout' = '50ms'")
    await sql(f"START JOB 'j' FROM SAVEPOINT '{path}'")
    assert 'job "j" waits: 2 of 2 tasks do not run yet' in sql.remarks[-1]
    await sql("RESET 'tailrace.timeout'")
    fake.slots = slots
    return fake.jobs[await engine_id(sql)]


async def test_a_start_that_begins_anew_says_what_was_tried(fake_flink: FakeFlink, fake_sql: Sql):
    await fake_sql(CREATE.replace("JOB j", "JOB other"))
    strange = await fake_sql.value("STOP JOB 'other' WITH SAVEPOINT")
    fake_flink.misfits.add(strange)
    fake_flink.answers["INSERT INTO sink SELECT a FROM src"] = {"error": "no slots, no job"}
    await fake_sql.fails(CREATE)
    fake_flink.answers.clear()
    await fake_sql.fails(f"START JOB 'j' FROM SAVEPOINT '{strange}'")
    await fake_sql("START JOB 'j'")
    assert fake_sql.remarks == (
        'job "j" left neither savepoint nor checkpoint: it begins anew',
        f'job "j" begins anew: its last start, from "{strange}", did not come to run',
    )


def remove(path: str) -> None:
    """Remove a savepoint behind everybody's back."""
    shutil.rmtree(path.removeprefix("file:"))
