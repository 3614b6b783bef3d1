"""Files that become rows: what is loaded, as what, and in which order."""

from __future__ import annotations

from pathlib import Path

from fixtures.imports import came, make_import, part, run_import, went, write
from fixtures.sqljobs import rows
from tailrace.db.connection import Database

KEPT = "create table kept (k integer primary key, v text)"


async def test_each_file_is_loaded_once(db: Database, place: Path):
    await db.execute("create table t (a integer, b text)")
    await make_import(db, place, "t")
    write(place / part(0, 0), [{"a": 1, "b": "x"}, {"a": 2, "b": None}])
    (place / ".part-hidden").write_text("nonsense")
    (place / "_SUCCESS").write_text("")
    await run_import(db)
    await run_import(db)
    write(place / part(1, 0), [{"b": "\\N\t\"y\"\\.", "a": 3}])
    write(place / part(0, 1), [])
    await run_import(db)
    assert await rows(db, "select * from t") == ["(1,x)", "(2,)", '(3,"\\\\N\t""y""\\\\.")']
    loaded = await db.fetch_all("select line_count from tailrace.import_file order by 1")
    assert [row[0] for row in loaded] == [0, 1, 2]


async def test_last_change_of_a_key_counts(db: Database, place: Path):
    await db.execute(KEPT)
    await make_import(db, place, "kept", format="debezium-json")
    write(place / part(0, 9), [came(k=1, v="a"), came(k=2, v="a"), came(k=3, v="a")], seconds=1)
    write(place / part(0, 10), [went(k=1, v="a"), came(k=1, v="b"), went(k=2, v="a")], seconds=1)
    await run_import(db)
    assert await rows(db, "select * from kept") == ["(1,b)", "(3,a)"]
    moved = {"op": "u", "before": {"k": 3, "v": "a"}, "after": {"k": 4, "v": "d"}}
    write(place / part(0, 11), [moved])
    write(place / part(1, 0), [went(k=1, v="b"), came(k=1, v="c"), went(k=9, v="z")])
    await run_import(db)
    assert await rows(db, "select * from kept") == ["(1,c)", "(4,d)"]


async def test_without_a_key_identical_rows_are_counted(db: Database, place: Path):
    await db.execute("create table bag (a integer, b json, c bytea)")
    await make_import(db, place, "bag", format="debezium-json")
    row = {"a": 1, "b": '{"x": [1, 2]}', "c": "AAH/"}
    other = {"a": None, "b": None, "c": None}
    write(place / part(0, 0), [came(**row)] * 3 + [came(**other)] * 2)
    await run_import(db)
    write(place / part(1, 0), [went(**row), went(**other), went(**row), came(**row)])
    await run_import(db)
    found = await rows(db, "select * from bag")
    assert found == ["(,,)"] + ['(1,"{""x"": [1, 2]}","\\\\x0001ff")'] * 2
