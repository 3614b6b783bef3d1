"""Files between queues and a real Flink, in both directions."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fixtures.exports import RandomChanges, files, make_export, run_export
from fixtures.imports import make_import, run_import
from fixtures.waiting import eventually
from tailrace.bridge.export.changing import flink_tables
from tailrace.db.connection import Database
from tailrace.engines.flink.environment import Environment
from tailrace.engines.flink.local import Running
from tailrace.engines.flink.sql import SqlResult
from tailrace.errors import StorageError

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
