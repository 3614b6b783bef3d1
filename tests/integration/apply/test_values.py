"""Values of every common type arrive exactly as they were, whichever way they take."""

from __future__ import annotations

import pytest

from fixtures.stream import Stream

pytestmark = pytest.mark.sql

TYPES = """
create type public.mood as enum ('sad', 'so so', 'it''s "fine"');
create domain public.short as varchar(40) not null check (value <> 'never');
create domain public.shorter as public.short check (length(value) < 30);
create type public.pair as (a int, b text);
create collation public.swedish from "C";
create table t (
    id          bigint primary key,
    small       smallint,
    flag        boolean,
    amount      numeric,
    price       numeric(12, 3),
    ratio       double precision,
    float4      real,
    name        text,
    fixed       char(10),
    code        varchar(20) collate public.swedish,
    one         "char",
    raw         bytea,
    doc         json,
    docb        jsonb,
    day         date,
    at_local    timestamp,
    at          timestamptz,
    clock       time,
    clocktz     timetz,
    span        interval,
    ident       uuid,
    texts       text[],
    numbers     int[][],
    moods       public.mood[],
    feeling     public.mood,
    label       public.shorter,
    couple      public.pair,
    couples     public.pair[],
    period      tstzrange,
    ints        int4range,
    nums        numrange,
    many        int4multirange,
    net         inet,
    bits        bit varying,
    flat        point,
    query       tsvector,
    markup      text,
    cash        money,
    "Odd, ""x" text
)
"""

ROWS = r"""
insert into t values
(1, -5, true, 'NaN', 1.5, 'Infinity', '-Infinity', '', 'abc', 'x', 'q', '\x00ff5c22',
 '{"a": "\\\""}',
 '{"b": [1, null, "\u00e9\\"]}', 'infinity', '-infinity', 'infinity',
 '23:59:60', '10:00+05:30',
 '-1 year 2 mons -3 days 04:05:06.789', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
 array['', null, 'null', 'a,b', '"', '\', '{}', E'\n'], '{{1,2},{3,4}}', '{sad,"so so"}',
 'it''s "fine"', 'a label', row(1, 'x, "y" (z) \'),
 array[row(1, null), row(null, '')]::public.pair[],
 '[2020-01-01 00:00+00,)', 'empty', '(1.5,)', '{[1,3),[5,6)}', '::1/128', B'10110', '(1.5,-2)',
 'a:1 b:2', '<a b="c">&amp;</a>', '-1234.56', E'odd \\ ( " '),
(2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
 null, null, null, null, null, null, null, null, null, 'must be', null, null, null, null, null,
 null, null, null, null, null, null, null, null),
(3, 1, false, 1e-20, 0, 'NaN', 1.1754944e-38, E'\\.', '', '', '', '', '[]', '{}', '4713-01-01 BC',
 '0001-01-01 BC', '294276-12-31 23:59:59.999999+00', '00:00', '23:59:59.999999-15', '0',
 '00000000-0000-0000-0000-000000000000', '{}', '{}', '{}', 'sad', '', row(null, null), '{}',
 '(,)', '[1,2)', 'empty', '{}', '10.0.0.0/8', '', '(0,0)', '', null, '0', '');
insert into t (id, name, label, ratio)
select 10 + n, v, 'l', n / 3.0 from unnest(array[
    E'x"(', E')"\n(', E'"', E'""', E'\\', E'\\\\', E'\\.', E'\n\\.\n', E'a\nb', E'\r\n',
    E'\r', E'\t',
    ' ', ',', '(', ')', '()', '(1,2)', 'NULL', '\N', E'tail"\n', '12,Ix"(',
    'äöü ß € 𝄞 😀', repeat('wide "', 200), e'\x01\x7f'
]) with ordinality as u (v, n);
"""


async def test_all_types_arrive_by_direct_copy_and_by_staging(stream: Stream) -> None:
    for db in (stream.root, stream.leaf):
        await db.execute(TYPES)
    await stream.add("t")
    await stream.write(ROWS)
    assert (await stream.apply()).tables["public.t"].inserted == 28
    assert await stream.same("*")

    # again, through staging: updates, and inserts beside deletes
    await stream.write("update t set small = 7", "delete from t where id < 12")
    await stream.write(
        ROWS.replace("(1, -5", "(101, -5")
        .replace("(10 + n", "(110 + n")
        .replace("select 10 + n", "select 110 + n")
        .replace("(2, null", "(102, null")
        .replace("(3, 1", "(103, 1")
    )
    await stream.apply()
    assert await stream.same("*")
    assert len(await stream.rows(stream.leaf)) > 50


async def test_large_and_tiny_values_in_one_batch(stream: Stream) -> None:
    await stream.table("id int primary key, v text")
    await stream.write(
        "insert into t select g, repeat(chr(64 + g), 1000000) from generate_series(1, 6) g",
        "insert into t select g, 'tiny' from generate_series(100, 2100) g",
        r"insert into t values (3000, repeat(E'a\\b\"c\n', 150000))",
    )
    await stream.apply()
    assert await stream.same("id, md5(v)")
    await stream.write("update t set v = v || '!'")
    await stream.apply()
    assert await stream.same("id, md5(v)")


async def test_many_rows_of_middling_size(stream: Stream) -> None:
    await stream.table("id int primary key, v text")
    await stream.write(
        "insert into t select g, repeat('x', (g * 37) % 9000) from generate_series(1, 3000) g",
        "update t set v = v || 'y' where id % 3 = 0",
    )
    for _ in range(3):  # single events, not packed
        await stream.emit("U", f"(5,{'z' * 20000})")
    await stream.write("update t set v = repeat('z', 20000) where id = 5")
    await stream.apply()
    assert await stream.same("id, md5(v)")


@pytest.mark.parametrize("staged", [False, True])
async def test_nasty_text_as_key(stream: Stream, staged: bool) -> None:
    await stream.table(
        "k text, n int, primary key (k, n)",
        here="n int, k text, primary key (n, k)" if staged else None,
    )
    await stream.write(
        r"insert into t select v, 1 from unnest(array["
        r"""E'x"(', E')"\n(', '"', E'\\', E'\\.', E'\n', ' ', ',', '', '()', '12,Dx"(', 'é😀']) v"""
    )
    await stream.apply()
    assert await stream.same("k, n")
    await stream.write("update t set n = 2 where k ~ '[x,]'", "delete from t where n = 1")
    await stream.apply()
    assert await stream.same("k, n")
    await stream.write("delete from t")
    counts = (await stream.apply()).tables["public.t"]
    assert counts.missed_deletes == 0
    assert await stream.rows(stream.leaf) == []


async def test_keys_are_compared_as_their_type_says(stream: Stream) -> None:
    """citext compares without regard to case, and numeric without regard to scale."""
    available = await stream.root.fetch_value(
        "select count(*) from pg_available_extensions where name = 'citext'"
    )
    if not available:
        pytest.skip("this server has no citext")
    for db in (stream.root, stream.leaf):
        await db.execute("create extension citext schema public")
    await stream.table("k citext primary key, v int")
    await stream.write("insert into t values ('Abc', 1), ('x', 2)")
    await stream.apply()
    await stream.write(
        "update t set k = 'ABC', v = 5 where k = 'abc'", "delete from t where k = 'X'"
    )
    counts = (await stream.apply()).tables["public.t"]
    assert await stream.rows(stream.leaf, "v") == ["(5)"]
    assert (counts.missed_updates, counts.missed_deletes) == (0, 0)
