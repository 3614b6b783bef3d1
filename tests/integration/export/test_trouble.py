"""What goes wrong with files, tables and other runners: said in one line, and nothing is lost."""

from __future__ import annotations

import asyncio
import errno
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from fixtures.exports import export_of, files, lines, make_export, newest, run_export
from fixtures.sqljobs import force_tick, job_row
from tailrace.bridge.export import directory
from tailrace.bridge.export.changing import change
from tailrace.db.connection import Database
from tailrace.errors import (
    AlreadyExists,
    LostChanges,
    StorageError,
    TailraceError,
    Unsupported,
    UsageError,
    WrongState,
)
from tailrace.faults import InjectedFault, armed


async def _table(db: Database) -> None:
    await db.execute("create table public.t (id int primary key, v text)")


@contextmanager
def _refusing(monkeypatch: pytest.MonkeyPatch, what: str, code: int) -> Iterator[None]:
    """Let the system refuse something about files."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, "refused by the test")

    with monkeypatch.context() as patch:
        patch.setattr(what, refuse)
        yield


async def test_job_goes_on_when_what_it_could_not_write_is_mended(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    db = database
    await _table(db)
    to = tmp_path / "missing" / "out"
    await make_export(db, "out", to, "t")
    for number, (what, code, hint) in enumerate(
        (
            ("tailrace.bridge.export.directory.Staged.write", errno.ENOSPC, "make room"),
            ("tailrace.bridge.export.directory.os.fsync", errno.EIO, ""),
            ("tailrace.bridge.export.directory.os.link", errno.EACCES, "tailrace run"),
        )
    ):
        await db.execute(f"insert into public.t values ({number}, '{number}')")
        with _refusing(monkeypatch, what, code):
            with pytest.raises(
                StorageError, match=r'directory ".*public.t" cannot be written: '
            ) as e:
                await run_export(db, "out")
            assert hint in str(e.value)
            assert "\n" not in str(e.value)
            shown = await db.fetch_value("select error from tailrace.jobs where job_name = 'out'")
            assert "refused by the test" in shown
        assert list((to / "public.t").glob(".*.tmp")) == [] if (to / "public.t").exists() else True
        await run_export(db, "out")
        assert (
            await db.fetch_value("select error from tailrace.jobs where job_name = 'out'") is None
        )
        assert [row["id"] for row in newest(to, "public.t")] == list(range(number + 1))
    # a file system without links: the file is renamed
    await db.execute("insert into public.t values (10, '')")
    with _refusing(monkeypatch, "tailrace.bridge.export.directory.os.link", errno.EOPNOTSUPP):
        await run_export(db, "out")
    assert newest(to, "public.t")[-1]["id"] == 10


async def test_directory_that_is_gone_or_somebody_elses_is_not_written(
    database: Database, tmp_path: Path
):
    db = database
    await _table(db)
    await db.execute("insert into public.t values (1, '')")
    await make_export(db, "out", tmp_path / "out", "t")
    await run_export(db, "out")
    job_id = (await job_row(db, "out")).job_id
    shutil.move(tmp_path / "out", tmp_path / "elsewhere")  # as when it is not mounted
    await db.execute("insert into public.t values (2, '')")
    with pytest.raises(StorageError, match=r"is not there any more, or was emptied"):
        await run_export(db, "out")
    assert not (tmp_path / "out").exists()
    shutil.move(tmp_path / "elsewhere", tmp_path / "out")
    await run_export(db, "out")
    assert len(files(tmp_path / "out", "public.t")) == 2
    with pytest.raises(AlreadyExists, match=r'job "out" writes into .* already'):
        await make_export(db, "other", tmp_path / "out", "t")
    (tmp_path / "out/public.t/_tailrace").write_text("f" * 32)
    with pytest.raises(StorageError, match=f"belongs to job {'f' * 32}"):
        await run_export(db, "out")
    (tmp_path / "out/public.t/_tailrace").write_text(f"{job_id}\n")
    (tmp_path / "file").write_text("")
    await make_export(db, "bad", tmp_path / "file", "t")
    with pytest.raises(StorageError, match="cannot be written: Not a directory"):
        await run_export(db, "bad")


async def test_columns_that_readers_know_do_not_go_unnoticed(database: Database, tmp_path: Path):
    db = database
    await db.execute("create table public.t (id int primary key, v text, n int)")
    await make_export(db, "out", tmp_path, "t", format="json")
    await db.execute("insert into public.t values (1, 'a', 1)")
    await db.execute("alter table public.t add column more int[] default '{7}'")
    await db.execute("insert into public.t values (2, 'b', 2)")
    await run_export(db, "out")
    assert lines(tmp_path, "public.t")[-1] == {"id": 2, "v": "b", "n": 2, "more": [7]}
    consumer = await export_of(db, "out")
    try:
        assert not await consumer.run_once()
        await db.execute("alter table public.t alter column n type bigint, drop column v")
        await db.execute("insert into public.t values (3, 3)")
        await force_tick(db, "tailrace.local")
        with pytest.raises(
            WrongState, match=r'column "v" of table .*, STRING for those .*, is gone'
        ):
            await consumer.run_once()
        with pytest.raises(WrongState, match="export out --accept-columns"):
            await consumer.run_once()
        await change(db, "out", {}, accept_columns=True)
        while await consumer.run_once():
            pass
    finally:
        await consumer.close()
    assert lines(tmp_path, "public.t")[-1] == {"id": 3, "n": 3, "more": [7]}


async def test_values_that_flink_has_none_for(database: Database, tmp_path: Path):
    db = database
    await db.execute(
        "create table public.t (id int primary key, n numeric(5, 2), at timestamptz, d date,"
        " h time(0), a int[])"
    )
    await make_export(db, "out", tmp_path, "t", initial="latest")
    for values, told in (
        ("1, 'NaN'", 'column "n" of table "public.t" holds NaN, which'),
        ("2, 1, 'infinity'", 'column "at" of table "public.t" holds infinity'),
        ("6, 1, '10000-01-01'", 'column "at" of table "public.t" holds 10000-01-01'),
        ("3, 1, null, '0001-01-01 BC'", 'column "d" of table "public.t" holds 0001-01-01 BC'),
        ("4, 1, null, null, '24:00'", 'column "h" of table "public.t" holds 24:00:00'),
        ("5, 1, null, null, null, '{{1}}'", 'column "a" of table "public.t" holds {{1}}'),
    ):
        await db.execute(f"insert into public.t values ({values})")
        with pytest.raises(Unsupported) as caught:
            await run_export(db, "out")
        assert told in str(caught.value)
        await change(db, "out", {"unreadable": "null"})
        await run_export(db, "out")
        assert None in lines(tmp_path, "public.t")[-1].values()
        await change(db, "out", {"unreadable": "refuse"})
    assert len(lines(tmp_path, "public.t")) == 6


async def test_names_with_signs_that_templates_are_made_of(database: Database, tmp_path: Path):
    db = database
    await db.execute(
        """create table public."100 %d 'q' %1$s ß.😀" """
        """(id int primary key, "50 %s '%%'" numeric(5, 2))"""
    )
    await make_export(db, "50 %s", tmp_path, "public.100 %d 'q' %1$s ß.😀")
    await db.execute("""insert into public."100 %d 'q' %1$s ß.😀" values (1, 1.5)""")
    await run_export(db, "50 %s")
    place = quote("public.100 %d 'q' %1$s ß.😀", safe="")
    (line,) = lines(tmp_path, place)
    written = "select to_name from tailrace.lineage where to_kind = 'files'"
    assert await db.fetch_value(written) == f"{tmp_path}/{place}"
    assert line["50 %s '%%'"] == 1.5
    await db.execute("""update public."100 %d 'q' %1$s ß.😀" set "50 %s '%%'" = 'NaN'""")
    with pytest.raises(Unsupported) as caught:
        await run_export(db, "50 %s")
    told = """column "50 %s '%%'" of table "public.100 %d 'q' %1$s ß.😀" holds NaN"""
    assert told in str(caught.value)


async def test_runner_that_was_frozen_publishes_nothing(database: Database, tmp_path: Path):
    """It wakes up when another one has made the same file, and removed it since, being old."""
    db = database
    await _table(db)
    await make_export(db, "out", tmp_path, "t", initial="latest", retention="1h")
    frozen = await export_of(db, "out")
    while await frozen.run_once():
        pass
    place = frozen._directories["public.t"]
    entered, awake, publish = threading.Event(), threading.Event(), place.publish

    def wait(staged: directory.Staged) -> None:
        entered.set()
        awake.wait(20)
        publish(staged)

    place.publish = wait  # type: ignore[method-assign]
    await db.execute("insert into public.t values (1, 'a')")
    await force_tick(db, "tailrace.local")
    task = asyncio.create_task(frozen.run_once())
    await asyncio.to_thread(entered.wait, 20)
    await db.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like %s",
        f"%{(await job_row(db, 'out')).consumer_name}%",
    )
    await run_export(db, "out")
    [name] = files(tmp_path, "public.t")
    await db.execute("update tailrace.export_file set published_at = now() - interval '2 h'")
    await run_export(db, "out")
    assert files(tmp_path, "public.t") == []
    awake.set()
    with pytest.raises(TailraceError):
        await task
    await frozen.close()
    assert files(tmp_path, "public.t") == []
    assert not (tmp_path / "public.t" / name).exists()


@pytest.mark.parametrize("wrong", [
    ({"to": "relative/path"}, "neither an absolute path nor a URL"),
    ({"to": " "}, "is empty"),
    ({"to": "ftp://me:secret@host/x"}, "a URL with a password"),
    ({"to": "/x", "format": "csv"}, "format is changes or debezium-json or json, not 'csv'"),
    ({"to": "/x", "every": "soon", "retention": "0s"}, "every 'soon' is not a duration.*retention"),
    ({"to": "/x", "updates": "skip"}, "format changes tells of updates"),
])  # fmt: skip
async def test_wrong_options_are_named_before_anything(
    database: Database, wrong: tuple[dict[str, str], str]
):
    await _table(database)
    options, told = dict(wrong[0]), wrong[1]
    with pytest.raises(UsageError, match=told) as caught:
        await make_export(database, "out", options.pop("to"), "t", **options)
    assert "secret" not in str(caught.value)
    assert await database.fetch_value("select count(*) from tailrace.job") == 0


async def test_lost_changes_end_the_job_for_good(database: Database, tmp_path: Path):
    db = database
    await _table(db)
    await make_export(db, "out", tmp_path, "t", initial="latest")
    await db.execute("set session_replication_role = local; insert into public.t values (1, '')")
    with pytest.raises(LostChanges, match="with another directory and --initial snapshot"):
        await run_export(db, "out")
    assert await db.fetch_value("select status from tailrace.jobs") == "FAILED"


async def test_batch_that_was_begun_ends_where_it_was_to_end_or_not_at_all(
    database: Database, tmp_path: Path
):
    db = database
    await _table(db)
    await make_export(db, "out", tmp_path, "t", initial="latest")
    await run_export(db, "out")
    for number in range(2):
        await db.execute(f"insert into public.t values ({number}, '')")
        with armed("export.after_note:error"), pytest.raises(InjectedFault):
            await run_export(db, "out")
        until = await db.fetch_value("select max(to_tick) from tailrace.export_file")
        await db.execute(f"update public.t set v = 'later' where id = {number}")
        await force_tick(db, "tailrace.local")
        if number == 0:
            await run_export(db, "out")
            first, second = files(tmp_path, "public.t")
            assert first.endswith(f"{until:015d}.json")
            assert [one["v"] for one in lines(tmp_path, "public.t", first)] == [""]
    await db.execute("delete from pgq.tick where tick_id = %s", until)
    with pytest.raises(LostChanges, match=f"tick {until} of queue .* was lost with the old root"):
        await run_export(db, "out")
    assert files(tmp_path, "public.t") == [first, second]
    assert await db.fetch_value("select status from tailrace.jobs") == "FAILED"


async def test_file_that_a_job_on_flink_may_read_again_is_kept(database: Database, tmp_path: Path):
    db = database
    await _table(db)
    await make_export(db, "out", tmp_path, "t", initial="latest", retention="1h")
    for number in range(3):
        await db.execute(f"insert into public.t values ({number}, '')")
        await run_export(db, "out")
    await db.execute(
        "update tailrace.export_file set published_at = now() - (5 - row_number) * interval '1 day'"
        " from (select from_tick as f, row_number() over (order by from_tick)"
        " from tailrace.export_file) as x where f = from_tick"
    )
    job, run, savepoint = "a" * 32, "b" * 32, "c" * 32
    reads = json.dumps([{"name": "t", "place": f"{tmp_path}/public.t"}])
    await db.execute(
        "insert into tailrace.flink_job (job_id, job_name, cluster, statement, reads, run_id)"
        " values (%s, 'reader', 'here', 'insert', %s::jsonb, %s)", job, reads, run,
    )  # fmt: skip
    await db.execute(  # it stopped between the first file and the second
        "insert into tailrace.flink_run (run_id, job_id, status, ended_at)"
        " values (%s, %s, 'CANCELED', now() - interval '3.5 days')", run, job,
    )  # fmt: skip
    every = files(tmp_path, "public.t")
    await run_export(db, "out")
    assert files(tmp_path, "public.t") == every[1:]
    await db.execute("update tailrace.flink_run set status = 'RUNNING', ended_at = null")
    await db.execute(
        "insert into tailrace.flink_savepoint"
        " (savepoint_id, cluster, job_id, state, path, asked_at)"
        " values (%s, 'here', %s, 'completed', '/s', now() - interval '2.5 days')", savepoint, job,
    )  # fmt: skip
    await run_export(db, "out")
    assert files(tmp_path, "public.t") == every[2:]
    await db.execute("update tailrace.flink_savepoint set state = 'dropped'")
    await run_export(db, "out")
    assert files(tmp_path, "public.t") == []


async def test_old_files_go_and_nothing_else(database: Database, tmp_path: Path):
    db = database
    await _table(db)
    await db.execute("insert into public.t values (0, '')")
    await make_export(db, "out", tmp_path, "t", retention="1h")
    for number in range(1, 4):
        await run_export(db, "out")
        await db.execute(f"insert into public.t values ({number}, '')")
    mine = tmp_path / "public.t/000000000000000-000000000000999.json"
    mine.write_text("somebody else's\n")
    first, *_, last = [one for one in files(tmp_path, "public.t") if one != mine.name]
    await db.execute(
        "update tailrace.export_file set published_at = now() - interval '61 min'"
        " where to_tick < (select max(to_tick) from tailrace.export_file)"
    )
    await run_export(db, "out")
    left = files(tmp_path, "public.t")
    assert first not in left
    assert last in left
    assert mine.name in left
    await change(db, "out", {"retention": "never"})
    await db.execute("update tailrace.export_file set published_at = now() - interval '61 min'")
    await run_export(db, "out")
    assert files(tmp_path, "public.t") == left
    assert directory.MARK in {path.name for path in (tmp_path / "public.t").iterdir()}
