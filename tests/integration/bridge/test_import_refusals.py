"""What cannot be loaded: which file, which line, why; and nothing of it is in the table."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.imports import Line, came, consumer_of, make_import, part, run_import, went, write
from fixtures.sqljobs import rows, status
from fixtures.waiting import eventually
from tailrace.bridge import importing, loading
from tailrace.bridge.importing import ImportConsumer
from tailrace.db.connection import Database
from tailrace.errors import TailraceError
from tailrace.jobs.manager import Manager

TABLE = "create table t (a integer primary key, b varchar(3))"
CHANGES = "debezium-json"
GOOD = {"a": 1, "b": "x"}


async def problem(db: Database, name: str = "load") -> str:
    """Run an import that must fail and return its one line."""
    consumer = await consumer_of(db, name)
    with pytest.raises(TailraceError) as caught:
        for _ in range(5):
            await consumer.run_once()
    await consumer.close()
    assert "\n" not in str(caught.value)
    return str(caught.value)


BAD: list[tuple[str, Line, str]] = [
    ("json", '{"a": 2, "b": }', "invalid input syntax for type json"),
    ("json", "\\.", 'is no JSON, but "\\."'),
    ("json", "[1]", "is no JSON object"),
    ("json", "null", "is no JSON object"),
    ("json", {"a": 2, "c": 1, "b": "y"}, 'has field "c", which is no column that is loaded into'),
    ("json", {"a": 2}, 'lacks field "b", which is a column of table "public.t"'),
    ("json", {"a": "two", "b": "y"}, 'invalid input syntax for type integer: "two"'),
    ("json", {"a": 2, "b": "long"}, "value too long for type character varying(3)"),
    (CHANGES, GOOD, "says no op, which is c, r, u or d"),
    (CHANGES, {"op": "d", "before": None, "after": None}, "removes a row without saying which"),
    (CHANGES, {"op": "c", "before": None}, "adds a row without saying which"),
    (CHANGES, went(a=None, b="y"), 'has no value for key column "a"'),
]


@pytest.mark.parametrize(("form", "bad", "words"), BAD)
async def test_a_bad_line_is_named_and_its_transaction_leaves_nothing(
    db: Database, place: Path, form: str, bad: Line, words: str
):
    await db.execute(TABLE)
    await make_import(db, place, "t", format=form)
    good = GOOD if form == "json" else came(**GOOD)
    write(place / part(0, 0), [good], seconds=1)
    write(place / part(0, 1), ["", bad], seconds=2)
    said = await problem(db)
    assert said.startswith(f'file "{place}/{part(0, 1)}", line 2: '), said
    assert words in said
    assert await rows(db, "select * from t") == []
    assert await status(db, "load") == "FAILED"
    assert words in await db.fetch_value("select error from tailrace.jobs")


async def test_mended_it_goes_on(db: Database, place: Path):
    await db.execute(TABLE)
    await make_import(db, place, "t")
    file = write(place / part(0, 0), [GOOD, {"a": 2, "b": "long"}])
    await problem(db)
    await db.execute("alter table t alter b type text")
    await db.execute("select tailrace.request_start_job('load')")
    await run_import(db)
    assert await rows(db, "select * from t") == ["(1,x)", "(2,long)"]
    os.utime(file, (1, 1))  # touched, and still the same
    await run_import(db)
    file.write_text(file.read_text() + '{"a": 3, "b": "z"}\n')
    assert "has changed since it was loaded: it had 41 bytes and has 60" in await problem(db)
    assert await status(db, "load") == "FAILED"


async def test_of_several_files_the_one_is_named_that_the_table_refuses(db: Database, place: Path):
    await db.execute(TABLE)
    await make_import(db, place, "t")
    for number, line in enumerate([GOOD, {"a": 2, "b": "y"}, GOOD, {"a": 4, "b": "y"}]):
        write(place / part(0, number), [line])
    said = await problem(db)
    assert said.startswith(f'file "{place}/{part(0, 2)}": ')
    assert "duplicate key value violates unique constraint" in said
    assert await rows(db, "select * from t") == ["(1,x)", "(2,y)"]


async def test_rows_that_are_not_there_yet_are_waited_for(db: Database, place: Path):
    await db.execute("create table bag (a integer)")
    await make_import(db, place, "bag", format=CHANGES)
    write(place / part(0, 0), [came(a=1), went(a=2), went(a=2)])
    assert 'would remove 2 rows that table "public.bag" does not have' in await problem(db)
    assert await status(db, "load") != "FAILED"
    write(place / part(1, 0), [came(a=2), came(a=2)])
    await run_import(db)
    assert await rows(db, "select * from bag") == ["(1)"]


async def test_a_directory_that_is_not_there_is_waited_for(db: Database, place: Path):
    await db.execute(TABLE)
    await make_import(db, place / "later", "t")
    assert f'directory "{place}/later" cannot be read: No such file' in await problem(db)
    write(place / "later" / part(0, 0), [GOOD])
    await run_import(db)
    assert await rows(db, "select * from t") == ["(1,x)"]


async def test_a_runner_that_was_replaced_loads_nothing(db: Database, place: Path):
    await db.execute(TABLE)
    await make_import(db, place, "t")
    old = await consumer_of(db)
    assert not await old.run_once()
    await db.execute("select tailrace.take_over(queue_name, consumer_name, 'other')"
                     " from tailrace.job where kind = 'import'")  # fmt: skip
    write(place / part(0, 0), [GOOD])
    old._look_at = 0.0
    with pytest.raises(TailraceError, match="has been taken over by runner"):
        await old.run_once()
    assert await rows(db, "select * from t") == []
    await old.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"table": "no"}, 'table "no" does not exist in database'),
        ({"table": "pgq.queue"}, '"pgq.queue" cannot be the target of a job'),
        ({"table": "bytes"}, "whose bytes would have to be found in JSON"),
        ({"source": "data"}, '"data" is neither an absolute path nor a URL'),
        ({"source": "s3://me:secret@bucket/x"}, "the URL holds a password"),
        ({"format": "csv"}, '"csv" is no format of files'),
        ({"key": ["a"]}, "a key says which rows change, and format json only adds rows"),
        ({"columns": ["a", "z"]}, 'table "public.t" has no column "z"'),
        ({"format": CHANGES, "columns": ["b"]}, 'key column "a" is not among the columns'),
        ({"poll": 0.0}, "the time between two looks is above 0"),
        ({"name": ""}, '"" cannot be the name of a job'),
        ({"name": "taken"}, 'job "taken" exists already'),
    ],
)
async def test_what_cannot_be_a_job_is_refused(
    db: Database, place: Path, options: dict[str, object], words: str
):
    await db.execute(TABLE)
    await db.execute("create table bytes (b bytea[])")
    await make_import(db, place, "t", name="taken")
    given = {"source": place, "table": "t", "name": "load"} | options
    with pytest.raises(TailraceError) as caught:
        await make_import(db, **given)  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert await db.fetch_value("select count(*) from tailrace.job") == 1


async def test_stopped_drained_started_and_dropped_like_any_job(db: Database, place: Path):
    await db.execute(TABLE)
    job_id = await make_import(db, place, "t")
    write(place / part(0, 0), [GOOD])
    row = await db.fetch_one("select * from tailrace.jobs where job_id = %s", job_id)
    assert (row.status, row.kind, row.position, row.lag) == ("CREATED", "import", "0", None)
    async with Manager(db, timeout=20) as manager:
        with pytest.raises(TailraceError, match="so it has no savepoints"):
            await manager.stop("load", savepoint=True)
        consumer = await consumer_of(db)
        await db.execute("select tailrace.request_stop_job('load', with_drain => true)")
        await eventually(lambda: _ended(db, consumer))
        await consumer.close()
        assert await status(db, "load") == "FINISHED"
        [(number, position, *_)] = await manager.checkpoints("load")
        assert (number, position) == ("1", "1")
        write(place / part(0, 1), [{"a": 2, "b": "y"}])
        await db.execute("select tailrace.request_start_job('load')")
        await run_import(db)
        await manager.stop("load")
        await manager.drop("load")
    assert await rows(db, "select * from t") == ["(1,x)", "(2,y)"]
    for table in ("job", "import_file", "job_relation"):
        assert await db.fetch_value(f"select count(*) from tailrace.{table}") == 0


async def _ended(db: Database, consumer: ImportConsumer) -> bool:
    await consumer.run_once()
    await db.execute("select tailrace.settle_job(job_id) from tailrace.job")
    return await status(db, "load") == "FINISHED"


async def test_only_what_was_loaded_and_is_old_is_removed(db: Database, place: Path):
    await db.execute(TABLE)
    await make_import(db, place, "t", retention=3600.0)
    for number in range(3):
        write(place / part(0, number), [{"a": number, "b": "x"}])
    await run_import(db)
    assert len(os.listdir(place)) == 3
    old = (part(0, 0), part(0, 1))
    await db.execute("update tailrace.import_file set loaded_at = now() - interval '2 hours'"
                     " where path = any (%s)", list(old))  # fmt: skip
    await run_import(db)
    assert os.listdir(place) == [part(0, 2)]
    removed = "select count(*) from tailrace.import_file where removed_at is not null"
    assert await db.fetch_value(removed) == 2


async def test_what_adds_a_row_is_found_behind_many_files(
    db: Database, place: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importing, "MOST_FILES", 2)
    await db.execute("create table bag (a integer)")
    await make_import(db, place, "bag", format=CHANGES)
    write(place / part(0, 0), [went(a=1)], seconds=1)
    for number in range(10):
        write(place / part(1, number), [came(a=2)], seconds=2 + number)
    write(place / part(2, 0), [came(a=1)], seconds=60)
    await run_import(db)
    assert await rows(db, "select count(*), sum(a) from bag") == ["(10,20)"]


async def test_a_name_that_is_no_text_is_named(db: Database, place: Path):
    await db.execute(TABLE)
    await make_import(db, place, "t")
    name = os.fsencode(place) + b"/part-\xff-0"
    os.close(os.open(name, os.O_CREAT))
    assert '\\udcff-0" is no UTF-8 text' in await problem(db)
    os.unlink(name)
    os.symlink(place, place / "circle")
    write(place / part(0, 0), [GOOD])
    await run_import(db)
    assert await rows(db, "select * from t") == ["(1,x)"]


async def test_a_bad_line_of_a_large_file_is_named(
    db: Database, place: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loading, "PIECE", 1000)
    await db.execute("create table t (a integer)")
    await make_import(db, place, "t")
    lines: list[Line] = [{"a": number} for number in range(5000)]
    for at, bad in ((10, "{"), (4000, "\\."), (700, {"a": "x"})):
        write(place / part(0, 0), [*lines[:at], bad, *lines[at:]])
        assert f"line {at + 1}: " in await problem(db)
        await db.execute("select tailrace.request_start_job('load')")
    write(place / part(0, 0), lines)
    await run_import(db)
    assert await rows(db, "select count(*) from t") == ["(5000)"]


async def test_rows_that_could_change_directories_need_these_in_the_key(db: Database, place: Path):
    await db.execute("create table p (a integer, day date, n integer, primary key (a, day))")
    await make_import(db, place, "p", format=CHANGES, key=["a"])
    write(place / "day=2026-01-01" / part(0, 0), [came(a=1, n=1)])
    assert 'column "day" is not in the key (a)' in await problem(db)
    await make_import(db, place, "p", name="both", format=CHANGES)
    await run_import(db, "both")
    write(place / "day=2026-01-01" / part(0, 1), [went(a=1, n=1)])
    write(place / "day=2026-01-02" / part(0, 0), [came(a=1, n=2)])
    await run_import(db, "both")
    assert await rows(db, "select * from p") == ["(1,2026-01-02,2)"]
