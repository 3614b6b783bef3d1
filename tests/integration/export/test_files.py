"""What stands in the files of a job: every change once, as it was."""

from __future__ import annotations

from pathlib import Path

from fixtures.cascade import QUEUE, Cascade
from fixtures.exports import files, make_export, rows_after, run_export, told
from tailrace.db.connection import Database


async def test_rows_that_are_there_and_then_every_change(cascade: Cascade, tmp_path: Path):
    root = await cascade.root()
    db = root.db
    await db.execute("create table public.t (id int primary key, v text)")
    await db.execute(f"select tailrace.add_table('{QUEUE}', 't')")
    await db.execute("insert into public.t values (1, 'a'), (2, 'b')")
    await make_export(db, "flow_t", tmp_path, "public.t", format="debezium-json")
    await run_export(db, "flow_t")
    assert sorted(told(tmp_path, "public.t"), key=str) == [
        ("r", None, {"id": 1, "v": "a"}),
        ("r", None, {"id": 2, "v": "b"}),
    ]
    await db.execute("insert into public.t values (3, 'c')")
    await db.execute("update public.t set v = 'x' where id < 3")
    await db.execute("update public.t set id = 10 where id = 1")
    await db.execute("delete from public.t where id = 2")
    await run_export(db, "flow_t")
    first, second = files(tmp_path, "public.t")
    assert first < second
    assert told(tmp_path, "public.t", second) == [
        ("c", None, {"id": 3, "v": "c"}),
        ("u", {"id": 1, "v": "a"}, {"id": 1, "v": "x"}),
        ("u", {"id": 2, "v": "b"}, {"id": 2, "v": "x"}),
        ("d", {"id": 1, "v": "x"}, None),
        ("c", None, {"id": 10, "v": "x"}),
        ("d", {"id": 2, "v": "x"}, None),
    ]
    await run_export(db, "flow_t")
    assert len(files(tmp_path, "public.t")) == 2, "no empty files"
    await db.execute("truncate public.t")
    await run_export(db, "flow_t")
    assert rows_after(tmp_path, "public.t") == []


async def test_database_without_a_cascade(database: Database, tmp_path: Path):
    await database.execute("create table public.t (id int primary key, v text)")
    await make_export(database, "flow_t", tmp_path, "t", initial="latest", format="debezium-json")
    await database.execute("insert into public.t values (1, 'a')")
    await run_export(database, "flow_t")
    assert told(tmp_path, "public.t") == [("c", None, {"id": 1, "v": "a"})]
