"""Files that become rows: what is loaded, as what, and in which order."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import fsspec
import pytest

from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace
from fixtures.exports import make_export
from fixtures.imports import came, make_import, part, run_import, went, write
from fixtures.sqljobs import rows
from tailrace.bridge import importing
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
    write(place / part(1, 0), [{"b": '\\N\t"y"\\.', "a": 3}])
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


async def test_values_of_flink_become_those_of_the_table(db: Database, place: Path):
    await db.execute("create type mood as enum ('fine')")
    await db.execute("create type pair as (x integer, y text)")
    await db.execute(
        "create table v (n numeric, f float8, d numeric(10, 2), t timestamp, z timestamptz,"
        " day date, at time, b boolean, raw bytea, many integer[], j jsonb, o jsonb,"
        " p pair, u uuid, m mood,"
        ' "odd %% name" text, g integer generated always as (1) stored)'
    )
    await make_import(db, place, "v")
    row = {
        "f": "NaN", "d": 1.005, "t": "2026-01-01T10:00:00.5", "z": "2026-01-01 10:00:00.25Z",
        "day": "2026-02-03", "at": "10:11:12", "b": True, "raw": "AP8=", "many": [1, None],
        "j": '{"a":[1]}', "o": {"k": "v"}, "p": {"x": 1, "y": "z"},
        "u": "00000000-0000-4000-8000-000000000001", "m": "fine", "odd %% name": "é\u2028",
    }  # fmt: skip
    number = "123456789012345678901234567890.10"
    line = json.dumps(row, ensure_ascii=False)
    write(place / part(0, 0), [f'{{"n": {number}, {line[1:]}'])
    await run_import(db)
    found = await db.fetch_one(
        "select n::text, f::text, d, t::text, z::text, day::text, at::text, b, raw, many, j::text,"
        ' o::text, p::text, m::text, "odd %% name" as odd, g from v'
    )
    assert tuple(found) == (
        number, "NaN", Decimal("1.01"), "2026-01-01 10:00:00.5", "2026-01-01 10:00:00.25+00",
        "2026-02-03", "10:11:12", True, b"\x00\xff", [1, None], '{"a": [1]}', '{"k": "v"}',
        "(1,z)", "fine", "é\u2028", 1,
    )  # fmt: skip


async def test_directories_give_columns_and_fields_may_be_left_out(db: Database, place: Path):
    await db.execute("create table parted (day date, shop text, n integer, note text)")
    await make_import(db, place, "parted", sparse=True)
    write(place / "day=2026-01-01" / "shop=a%20b" / part(0, 0), [{"n": 1}, {"n": 2, "note": "x"}])
    write(place / "day=2026-01-02" / "shop=__DEFAULT_PARTITION__" / part(0, 0), [{"n": 3}])
    write(place / "day=2026-01-02" / "_temporary" / part(0, 0), [{"n": 4}])
    await run_import(db)
    assert await rows(db, "select * from parted") == [
        '(2026-01-01,"a b",1,)',
        '(2026-01-01,"a b",2,x)',
        "(2026-01-02,,3,)",
    ]


async def test_the_owners_rights_and_triggers_count(db: Database, place: Path):
    role = f"{db.dbname}_loader"
    await db.execute(f"create role {role} login")
    await db.execute(f"grant pgq_admin to {role}")
    await db.execute(f"grant create on schema public to {role}")
    await db.execute(
        f"set role {role}; create table mine (a integer primary key, who text);"
        " create function who() returns trigger language plpgsql as"
        " $$ begin new.who := current_user || coalesce(new.who, ''); return new; end $$;"
        " create trigger who before insert on mine for each row execute function who()"
    )
    await make_import(db, place, "mine", format="debezium-json")
    await db.execute("reset role")
    write(place / part(0, 0), [came(a=1, who="!")])
    await run_import(db)
    assert await rows(db, "select * from mine") == [f"(1,{role}!)"]


async def test_what_a_url_names_is_loaded_and_shown_in_lineage(db: Database):
    files = fsspec.filesystem("memory")
    files.pipe_file("/bridge/out/part-0-0", b'{"a": 1}\n{"a": 2}')
    files.pipe_file("/bridge/out/.part-0-1", b"nonsense")
    await db.execute("create table t (a integer)")
    job_id = await make_import(db, "memory://bridge/out/", "t", retention=0.0)
    await run_import(db)
    assert await rows(db, "select * from t") == ["(1)", "(2)"]
    assert sorted(files.ls("/bridge/out", detail=False)) == ["/bridge/out/.part-0-1"]
    edges = await db.fetch_all("select from_kind, from_name, to_kind, to_name from tailrace.lineage"
                               " where job_id = %s order by from_kind", job_id)  # fmt: skip
    assert [tuple(edge) for edge in edges] == [
        ("files", "memory://bridge/out", "job", "load"),
        ("job", "load", "table", "public.t"),
    ]


async def test_large_files_go_alone_and_small_ones_together(
    db: Database, place: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importing, "MOST_BYTES", 1000)
    await db.execute("create table t (a integer)")
    await make_import(db, place, "t")
    for number, lines in enumerate([1, 1, 300, 1, 1]):
        write(place / part(0, number), [{"a": number}] * lines)
    await run_import(db)
    counted = "select count(distinct xmin::text) || '/' || count(*) from"
    assert await db.fetch_value(f"{counted} tailrace.import_file") == "3/5"
    assert await db.fetch_value(f"{counted} t") == "3/304"


async def test_export_flink_and_import_are_one_graph(db: Database, place: Path, tailrace: Tailrace):
    await db.execute("create table src (a integer primary key); create table t (a integer)")
    await make_export(db, "out", place, "public.src")
    await make_import(db, place / "back", "t")
    reads, writes = (
        json.dumps([{"name": name, "place": where}])
        for name, where in (("c.d.src", f"{place}/public.src"), ("c.d.back", f"{place}/back"))
    )
    await db.execute(
        "select tailrace.flink_create_job('http://flink:8081', 'between', repeat('a', 32),"
        " 'INSERT …', '{}', '{}', %s, %s)",
        reads,
        writes,
    )
    out = (await tailrace("sql", "-c", "SHOW JOBTREES", "--format", "json", "--db", db.dsn)).out
    tree = ["  " * row["level"] + f"{row['kind']} {row['name']}" for row in json.loads(out)]
    node = f"{db.dbname}/public"
    assert tree == [
        f"table {node}.src",
        f"  queue {db.dbname}/tailrace.local",
        "    job out",
        f"      files {place}/public.src",
        "        job between",
        f"          files {place}/back",
        "            job load",
        f"              table {node}.t",
    ]
    assert [row["status"] for row in json.loads(out) if row["name"] == "between"] == ["CREATED"]
    events = (await tailrace("lineage", "--format", "openlineage", "--db", db.dsn)).out
    assert f'"name": "{place}/back"' in events
