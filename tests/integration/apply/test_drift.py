"""Tables that are not quite the same on both sides: columns meet by name."""

from __future__ import annotations

import pytest

from fixtures.stream import Stream
from tailrace.errors import ApplyError

pytestmark = pytest.mark.sql


async def test_columns_in_another_order_and_of_wider_types(stream: Stream) -> None:
    await stream.table(
        "id int primary key, a int, b varchar(5), c date",
        here="c timestamp, b text, id bigint primary key, a numeric",
    )
    await stream.write(
        "insert into t select g, g, 'b' || g, '2024-02-29' from generate_series(1, 9) g"
    )
    await stream.apply()
    await stream.write("update t set a = a + 1 where id < 5", "delete from t where id = 1")
    await stream.apply()
    assert await stream.same("id::bigint, a::numeric, b::text, c::timestamp")


async def test_a_column_that_is_missing_here_is_left_out(stream: Stream) -> None:
    await stream.table("id int primary key, gone text, v int", here="id int primary key, v int")
    await stream.write("insert into t values (1, 'x', 1), (2, 'y, \"z\"', 2)")
    await stream.apply()
    await stream.write(
        "update t set gone = 'q', v = 5 where id = 1", "insert into t values (3, null, 3)"
    )
    await stream.apply()
    assert await stream.rows(stream.leaf) == ["(1,5)", "(2,2)", "(3,3)"]


async def test_a_column_that_only_the_leaf_has_gets_its_default_and_keeps_its_value(
    stream: Stream,
) -> None:
    await stream.table(
        "id int primary key, v int", here="id int primary key, v int, mine text default 'new'"
    )
    await stream.write("insert into t values (1, 1), (2, 2)")
    await stream.apply()
    await stream.leaf.execute("update t set mine = 'mine' where id = 1")
    await stream.write("update t set v = 7", "insert into t values (3, 3)")
    await stream.apply()
    assert await stream.rows(stream.leaf) == ["(1,7,mine)", "(2,7,new)", "(3,3,new)"]


async def test_columns_that_are_generated_on_one_side_only(stream: Stream) -> None:
    await stream.table(
        "id int primary key, v int, twice int generated always as (v * 2) stored, sum int",
        here="id int primary key, v int, twice int, sum int generated always as (v + 1) stored",
    )
    await stream.write("insert into t (id, v, sum) values (1, 1, 0), (2, 2, 0)")
    await stream.apply()
    await stream.write("update t set v = 10 where id = 1", "insert into t (id, v) values (3, 3)")
    await stream.apply()
    assert await stream.rows(stream.leaf) == ["(1,10,,11)", "(2,2,,3)", "(3,3,,4)"]


async def test_identity_columns_take_the_values_of_the_root(stream: Stream) -> None:
    await stream.table(
        "id int primary key, n int generated always as identity, v int",
        here="id int generated always as identity primary key,"
        " n int generated always as identity, v int",
    )
    await stream.write("insert into t (id, v) values (10, 1), (20, 2)")
    await stream.apply()
    assert await stream.same()
    await stream.write(
        "update t set n = default where id = 10",
        "update t set v = 9",
        "insert into t (id, v) values (5, 5)",
    )
    counts = (await stream.apply()).tables["public.t"]
    assert await stream.same()
    assert (counts.updated, counts.inserted, counts.missed_updates) == (2, 1, 0)


async def test_columns_that_come_and_go_on_the_root_in_mid_stream(stream: Stream) -> None:
    await stream.table(
        "id int primary key, a text, b int", here="id int primary key, a text, b int, d int"
    )
    await stream.write(
        "insert into t select g, 'a', g from generate_series(1, 20) g",
        "update t set b = -1 where id < 3",
        "alter table t drop column a",
        "update t set b = -2 where id in (2, 3)",
        "insert into t values (30, 30)",
        "alter table t add column d int default 4, add column a text default 'late'",
        "update t set d = 5 where id in (3, 4)",
        "delete from t where id = 5",
        "alter table t rename column b to b2",
        "update t set b2 = 77 where id = 6",
        "insert into t values (31, 31, 31, 'z')",
    )
    counts = (await stream.apply()).tables["public.t"]
    rows = await stream.rows(stream.leaf)
    assert "(1,a,-1,)" in rows
    assert "(2,a,-2,)" in rows
    assert "(3,late,-2,5)" in rows
    assert "(4,late,4,5)" in rows
    assert "(6,late,6,4)" in rows
    assert "(30,,30,)" in rows
    assert "(31,z,,31)" in rows
    assert len(rows) == 21
    assert (counts.missed_updates, counts.missed_deletes) == (0, 0)


async def test_the_leaf_is_altered_between_batches(stream: Stream) -> None:
    await stream.table("id int primary key, v int, extra text", here="id int primary key, v int")
    await stream.write("insert into t values (1, 1, 'one')", "update t set v = 2")
    await stream.apply()
    await stream.leaf.execute("alter table t add column extra text, alter column v type text")
    await stream.write("insert into t values (2, 2, 'two')")
    await stream.apply()
    await stream.write("insert into t values (3, 3, 'three')", "update t set v = 8 where id = 2")
    await stream.apply()
    assert await stream.rows(stream.leaf) == ["(1,2,)", "(2,8,two)", "(3,3,three)"]


async def test_descriptors_that_interleave_are_applied_in_the_order_of_events(
    stream: Stream,
) -> None:
    await stream.table("id int primary key, a int, b int")
    first = await stream.relation_id()
    await stream.emit("I", "(1,1,1)", "(2,2,2)")
    await stream.root.execute("alter table t drop column b")
    await stream.write("update t set a = 1 where false")
    await stream.root.execute("select tailrace.refresh_capture('stream')")
    second = await stream.relation_id()
    assert first != second
    await stream.emit("U", "(1,10)", relation=second)
    await stream.emit("U", "(1,20,20)", relation=first)
    await stream.emit("U", "(1,30)", relation=second)
    await stream.emit("U", "(2,40,40)", relation=first)
    await stream.emit("D", "(2)", relation=second)
    await stream.emit("I", "(2,50,50)", relation=first)
    await stream.apply()
    assert await stream.rows(stream.leaf) == ["(1,30,20)", "(2,50,50)"]


async def test_a_missing_key_column_is_named(stream: Stream) -> None:
    await stream.table("a int, b int, primary key (a, b)", here="a int primary key, c int")
    await stream.write("insert into t values (1, 1)")
    with pytest.raises(ApplyError) as caught:
        await stream.apply()
    assert "no column b, which is in the key" in str(caught.value)
    assert caught.value.table == "public.t"


async def test_a_missing_table_is_named(stream: Stream) -> None:
    await stream.table("a int primary key")
    await stream.leaf.execute("drop table t")
    await stream.write("insert into t values (1)")
    with pytest.raises(ApplyError, match=r'table "public\.t" does not exist in database'):
        await stream.apply()


async def test_a_table_of_another_name(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.leaf.execute(
        'create schema "other place"; alter table t set schema "other place";'
        """ update tailrace.table_info set dest_table = 'other place.t'"""
    )
    await stream.write("insert into t values (1, 1)", "update t set v = 3")
    await stream.apply()
    await stream.write("delete from t", "insert into t values (2, 2)", "update t set v = 4")
    await stream.apply()
    assert await stream.leaf.fetch_all('select id, v from "other place".t') == [(2, 4)]


async def test_a_descriptor_that_is_not_known_is_that_of_the_table_here(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.write("insert into t values (1, 1)")
    await stream.apply()
    await stream.leaf.execute("delete from tailrace.relation")
    stream.with_applier()
    await stream.write("insert into t values (2, 2)")
    await stream.apply()
    assert await stream.rows(stream.leaf) == ["(1,1)", "(2,2)"]


async def test_a_descriptor_that_nobody_here_knows_is_named(stream: Stream) -> None:
    await stream.table("id int primary key, v int", here="v int, id int primary key")
    await stream.write("insert into t values (1, 1)")
    await stream.apply()
    await stream.leaf.execute("delete from tailrace.relation")
    stream.with_applier()
    await stream.write("insert into t values (2, 2)")
    with pytest.raises(ApplyError, match=r"descriptor \S+ .* is not known in database"):
        await stream.apply()
