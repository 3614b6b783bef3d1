"""What inserts, updates, deletes and truncates become on the other side."""

from __future__ import annotations

import pytest

from fixtures.stream import Stream

pytestmark = pytest.mark.sql


async def test_inserts_arrive(stream: Stream) -> None:
    await stream.table("id int primary key, name text")
    await stream.write("insert into t select g, 'name ' || g from generate_series(1, 2500) g")
    applied = await stream.apply()
    assert applied.tables["public.t"].inserted == 2500
    assert applied.rows == 2500
    assert await stream.same()


async def test_a_range_without_events_changes_nothing(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.apply()
    applied = await stream.apply()
    assert (applied.rows, applied.tables, applied.controls) == (0, {}, [])


async def test_a_mixed_batch_ends_in_the_last_state(stream: Stream) -> None:
    await stream.table("id int primary key, name text")
    await stream.write("insert into t select g, 'name ' || g from generate_series(1, 50) g")
    await stream.apply()
    await stream.write(
        "update t set name = 'changed' where id < 20",
        "update t set name = name || '!' where id < 10",
        "delete from t where id in (1, 30)",
        "insert into t values (1, 'back'), (60, 'new')",
        "insert into t values (61, 'gone at once')",
        "delete from t where id = 61",
        "update t set id = -id where id > 40",
    )
    counts = (await stream.apply()).tables["public.t"]
    assert await stream.same()
    assert (counts.missed_updates, counts.missed_deletes) == (0, 0)


async def test_each_kind_of_batch_is_counted(stream: Stream) -> None:
    await stream.table("id int primary key, name text")
    await stream.write("insert into t select g, 'x' from generate_series(1, 1200) g")
    assert (await stream.apply()).tables["public.t"].inserted == 1200
    await stream.write("update t set name = 'y'", "update t set name = 'z' where id = 1")
    assert (await stream.apply()).tables["public.t"].updated == 1200
    await stream.write("delete from t where id > 1")
    assert (await stream.apply()).tables["public.t"].deleted == 1199
    assert await stream.rows(stream.leaf) == ["(1,z)"]


async def test_delete_then_insert_of_a_key_in_one_transaction(stream: Stream) -> None:
    await stream.table("id int primary key, name text")
    await stream.write("insert into t values (1, 'old'), (2, 'stays')")
    await stream.apply()
    async with stream.root.transaction():
        await stream.write("delete from t where id = 1", "insert into t values (1, 'new')")
    await stream.apply()
    assert await stream.same()


async def test_keys_that_change_places(stream: Stream) -> None:
    await stream.table("id int primary key, name text")
    await stream.write("insert into t select g, 'row ' || g from generate_series(1, 9) g")
    await stream.apply()
    await stream.write(
        "update t set id = id + 100",
        "update t set id = case id when 101 then 202 when 102 then 201 else id end",
        "update t set id = id - 100 where id > 105",
    )
    await stream.apply()
    assert await stream.same()


async def test_a_key_of_several_columns(stream: Stream) -> None:
    await stream.table("name text, b uuid, n numeric, a date, primary key (a, b, n)")
    await stream.write(
        "insert into t select 'x', md5(g::text)::uuid, g / 4.0, date '2020-01-01' + g % 7"
        " from generate_series(1, 3000) g",
        "update t set name = 'y' where n > 100",
    )
    await stream.apply()
    await stream.write("delete from t where n < 700", "update t set name = 'z', n = n + 0.125")
    await stream.apply()
    assert await stream.same()


async def test_a_table_that_is_nothing_but_its_key(stream: Stream) -> None:
    await stream.table("a int, b int, primary key (a, b)")
    await stream.write("insert into t values (1, 1), (2, 2)")
    await stream.apply()
    await stream.write("update t set b = b", "delete from t where a = 1")
    counts = (await stream.apply()).tables["public.t"]
    assert await stream.same()
    assert (counts.missed_updates, counts.missed_deletes) == (0, 0)


async def test_names_that_need_quoting(stream: Stream) -> None:
    for db in (stream.root, stream.leaf):
        await db.execute('create table public."Odd ""name" ("Key 1" int primary key, "a,b" text)')
    await stream.add('Odd "name')
    await stream.write("""insert into "Odd ""name" values (1, 'x'), (2, 'y')""")
    await stream.apply()
    await stream.write(
        """update "Odd ""name" set "a,b" = 'z'""",
        """delete from "Odd ""name" where "Key 1" = 2""",
        """update "Odd ""name" set "Key 1" = 5""",
    )
    await stream.apply()
    assert await stream.rows(stream.leaf, name='"Odd ""name"') == ["(5,z)"]


async def test_partitioned_on_both_sides(stream: Stream) -> None:
    await stream.root.execute("create table t (id int primary key, v int) partition by range (id)")
    await stream.leaf.execute("create table t (id int primary key, v int) partition by hash (id)")
    for number in (0, 1):
        await stream.root.execute(
            f"create table t{number} partition of t for values from ({number * 50})"
            f" to ({number * 50 + 50})"
        )
        await stream.leaf.execute(
            f"create table t{number} partition of t for values with (modulus 2, remainder {number})"
        )
    await stream.add("t")
    await stream.write("insert into t select g, g from generate_series(0, 99) g")
    await stream.apply()
    await stream.write(
        "update t set v = -v",
        "update t set id = 99 - id where false",
        "delete from t where v < -90",
    )
    await stream.write("update t set id = id + 50 where id in (41, 42) and false")
    await stream.apply()
    assert await stream.same()
    await stream.write("truncate t", "insert into t values (3, 3)")
    await stream.apply()
    assert await stream.rows(stream.leaf) == ["(3,3)"]


async def test_rows_of_inheriting_tables_are_left_alone(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.leaf.execute("create table heir () inherits (t)")
    await stream.leaf.execute("insert into heir values (1, 100), (2, 200)")
    await stream.write("insert into t values (1, 1), (2, 2)")
    await stream.apply()
    await stream.write("update t set v = 5 where id = 1", "delete from t where id = 2")
    await stream.apply()
    assert await stream.rows(stream.leaf, name="heir") == ["(1,100)", "(2,200)"]
    await stream.write("truncate t")
    await stream.apply()
    assert await stream.rows(stream.leaf) == ["(1,100)", "(2,200)"]


async def test_triggers_and_foreign_keys_of_the_leaf_do_not_fire(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.table("id int primary key, t int", here="id int primary key, t int", name="child")
    await stream.leaf.execute(
        "alter table child add foreign key (t) references t;"
        " create function say_no() returns trigger language plpgsql as"
        " $$ begin raise 'no'; end $$;"
        " create trigger no before insert on child for each row execute function say_no()"
    )
    await stream.write("insert into child values (1, 99)")
    await stream.apply()
    assert await stream.rows(stream.leaf, name="child") == ["(1,99)"]


# ---------------------------------------------------------------- truncate


async def test_truncate_drops_what_came_before_it_and_keeps_what_came_after(
    stream: Stream,
) -> None:
    await stream.table("id int primary key, v text")
    await stream.write("insert into t values (1, 'a'), (2, 'b')")
    await stream.apply()
    await stream.write(
        "insert into t values (3, 'c')",
        "update t set v = 'x'",
        "truncate t",
        "insert into t values (3, 'again')",
        "truncate t",
        "insert into t values (2, 'later'), (4, 'new')",
        "update t set v = 'last' where id = 4",
    )
    counts = (await stream.apply()).tables["public.t"]
    assert await stream.rows(stream.leaf) == ["(2,later)", "(4,last)"]
    assert (counts.truncated, counts.missed_updates) == (1, 0)


async def test_truncate_alone(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.write("insert into t select generate_series(1, 10)")
    await stream.apply()
    await stream.write("truncate t")
    await stream.apply()
    assert await stream.rows(stream.leaf) == []


async def test_a_table_that_others_reference_is_emptied_and_they_keep_their_rows(
    stream: Stream,
) -> None:
    await stream.table("id int primary key")
    await stream.leaf.execute("create table own (t int references t on delete cascade)")
    await stream.write("insert into t values (1), (2)")
    await stream.apply()
    await stream.leaf.execute("insert into own values (1), (2)")
    await stream.write("truncate t", "insert into t values (2)")
    await stream.apply()
    assert await stream.rows(stream.leaf) == ["(2)"]
    assert await stream.rows(stream.leaf, name="own") == ["(1)", "(2)"]


async def test_truncate_of_two_tables_with_a_foreign_key_between_them(stream: Stream) -> None:
    await stream.table("id int primary key", name="a")
    await stream.table("id int primary key, a int references a", name="b")
    await stream.write("insert into a values (1)", "insert into b values (1, 1)")
    await stream.apply()
    await stream.write(
        "truncate a, b", "insert into a values (7)", "insert into b values (7, 7)", "truncate b"
    )
    await stream.apply()
    assert await stream.rows(stream.leaf, name="a") == ["(7)"]
    assert await stream.rows(stream.leaf, name="b") == []


# ---------------------------------------------------------------- order of events, by hand


async def test_an_update_seen_before_the_insert_of_its_row(stream: Stream) -> None:
    """A user's trigger updates the row inside the statement that inserts it."""
    await stream.table("id int primary key, v int")
    await stream.emit("U", "(1,10)")
    await stream.emit("I", "(1,20)", "(2,2)")
    counts = (await stream.apply()).tables["public.t"]
    assert await stream.rows(stream.leaf) == ["(1,20)", "(2,2)"]
    assert counts.missed_updates == 0


async def test_the_highest_event_id_wins_whatever_the_kind(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    for kinds in ("UIU", "IU", "IDIU", "UDI", "DIUU", "DU"):
        await stream.leaf.execute("delete from t where id = 1")
        if not kinds.startswith(("I", "UI")):
            await stream.leaf.execute("insert into t values (1, 0)")
        for number, kind in enumerate(kinds, start=1):
            await stream.emit(kind, "(1)" if kind == "D" else f"(1,{number})")
        counts = (await stream.apply()).tables["public.t"]
        assert await stream.rows(stream.leaf) == [f"(1,{len(kinds)})"], kinds
        assert (counts.missed_updates, counts.missed_deletes) == (0, 0), kinds


async def test_a_key_that_ends_deleted_is_gone(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    for kinds in ("ID", "UD", "D", "IUD", "DID", "UID"):
        await stream.leaf.execute("delete from t where id = 1")
        if not kinds.startswith(("I", "UI")):
            await stream.leaf.execute("insert into t values (1, 0)")
        for kind in kinds:
            await stream.emit(kind, "(1)" if kind == "D" else "(1,5)")
        counts = (await stream.apply()).tables["public.t"]
        assert await stream.rows(stream.leaf) == [], kinds
        assert (counts.missed_updates, counts.missed_deletes) == (0, 0), kinds


async def test_packed_and_single_events_mix(stream: Stream) -> None:
    await stream.table("id int primary key, v text")
    await stream.emit("I", *(f"({n},first)" for n in range(300)))
    await stream.emit("U", "(7,single)")
    await stream.emit("U", *(f"({n},packed)" for n in range(8, 20)))
    await stream.emit("D", *(f"({n})" for n in range(100, 300)))
    await stream.emit("I", "(100,back)")
    applied = await stream.apply()
    assert applied.rows == 300 + 1 + 12 + 200 + 1
    rows = await stream.rows(stream.leaf)
    assert len(rows) == 101
    assert {"(6,first)", "(7,single)", "(8,packed)", "(100,back)"} <= set(rows)


async def test_old_images_are_no_business_of_the_applier(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.emit("I", "(1,1)")
    await stream.emit("O", "(1,1)")
    await stream.emit("U", "(1,2)")
    await stream.apply()
    assert await stream.rows(stream.leaf) == ["(1,2)"]


# ---------------------------------------------------------------- missed rows


async def test_an_update_without_its_row_writes_it_whole_and_is_counted(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.write("insert into t select g, g from generate_series(1, 2000) g")
    await stream.apply()
    await stream.leaf.execute("delete from t where id in (5, 6)")
    await stream.write("update t set v = -v")
    counts = (await stream.apply()).tables["public.t"]
    assert (counts.updated, counts.inserted, counts.missed_updates) == (1998, 2, 2)
    assert await stream.same()
    assert await stream.leaf.fetch_value("select missed_updates from tailrace.table_info") == 2


async def test_a_missed_update_beside_inserts_and_deletes_is_counted(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.write("insert into t select g, g from generate_series(1, 10) g")
    await stream.apply()
    await stream.leaf.execute("delete from t where id in (5, 6, 7)")
    await stream.write(
        "update t set v = -v where id in (4, 5)", "delete from t where id in (6, 8)",
        "insert into t values (11, 11), (12, 12)", "delete from t where id = 11",
    )  # fmt: skip
    counts = (await stream.apply()).tables["public.t"]
    assert (counts.missed_updates, counts.missed_deletes) == (1, 1)
    await stream.write("delete from t where id in (7, 9)")
    assert (await stream.apply()).tables["public.t"].missed_deletes == 1
    assert await stream.same()
    assert await stream.leaf.fetch_value("select missed_deletes from tailrace.table_info") == 2


async def test_an_update_twice_in_a_batch_is_not_missed(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.write("insert into t values (1, 1)")
    await stream.apply()
    await stream.write("update t set v = 2", "update t set v = 3")
    assert (await stream.apply()).tables["public.t"].missed_updates == 0


# ---------------------------------------------------------------- the second way


async def test_values_of_another_unique_key_travel_between_rows(stream: Stream) -> None:
    await stream.table("id int primary key, place int unique, v text")
    await stream.write("insert into t select g, g, 'row ' || g from generate_series(1, 5) g")
    await stream.apply()
    await stream.write(
        "update t set place = 100 where id = 1",
        "update t set place = 1 where id = 2",
        "update t set place = 2 where id = 1",
        "delete from t where id = 3",
        "insert into t values (6, 3, 'new')",
        "update t set v = 'touched' where id = 4",
    )
    counts = (await stream.apply()).tables["public.t"]
    assert await stream.same()
    assert (counts.missed_updates, counts.missed_deletes) == (0, 0)
    assert (counts.updated, counts.deleted, counts.inserted) == (3, 1, 1)


async def test_the_second_way_counts_what_is_missed(stream: Stream) -> None:
    await stream.table("id int primary key, place int unique")
    await stream.write("insert into t select g, g from generate_series(1, 6) g")
    await stream.apply()
    await stream.leaf.execute("delete from t where id in (3, 4)")
    await stream.write(
        "update t set place = -1 where id = 1", "update t set place = 1 where id = 2",
        "update t set place = 2 where id = 1", "update t set place = 33 where id = 3",
        "delete from t where id in (4, 5)",
    )  # fmt: skip
    counts = (await stream.apply()).tables["public.t"]
    assert await stream.same()
    assert (counts.missed_updates, counts.missed_deletes) == (1, 1)


async def test_an_exclusion_constraint_is_met_in_the_second_way(stream: Stream) -> None:
    await stream.table("id int primary key, span int4range, exclude using gist (span with &&)")
    await stream.write("insert into t values (1, '[1,10)'), (2, '[10,20)')")
    await stream.apply()
    await stream.write(
        "update t set span = '[100,110)' where id = 1", "update t set span = '[1,10)' where id = 2",
        "update t set span = '[10,20)' where id = 1",
    )  # fmt: skip
    await stream.apply()
    assert await stream.same()


async def test_the_second_way_keeps_columns_that_only_the_leaf_has(stream: Stream) -> None:
    await stream.table(
        "id int primary key, place int unique",
        here="id int primary key, note text default 'fresh', place int unique",
    )
    await stream.write("insert into t values (1, 1), (2, 2)")
    await stream.apply()
    await stream.leaf.execute("update t set note = 'kept ' || id")
    await stream.write(
        "update t set place = 9 where id = 1", "update t set place = 1 where id = 2",
        "update t set place = 2 where id = 1", "insert into t values (3, 3)",
    )  # fmt: skip
    await stream.apply()
    assert await stream.rows(stream.leaf) == [
        '(1,"kept 1",2)', '(2,"kept 2",1)', "(3,fresh,3)",
    ]  # fmt: skip


# ---------------------------------------------------------------- many rows


@pytest.mark.parametrize("here", ["id int primary key, v int", "v int, id int"])
async def test_many_rows_dense_and_scattered_with_and_without_an_index(
    stream: Stream, here: str
) -> None:
    await stream.table("id int primary key, v int", here=here)
    await stream.write("insert into t select g, g from generate_series(1, 30000) g")
    await stream.apply()
    await stream.leaf.execute("analyze t")
    await stream.write("update t set v = -v where id between 5000 and 8000")
    assert (await stream.apply()).tables["public.t"].updated == 3001
    await stream.write(
        "update t set v = v + 1 where id % 11 = 0", "delete from t where id % 13 = 0"
    )
    counts = (await stream.apply()).tables["public.t"]
    assert (counts.missed_updates, counts.missed_deletes) == (0, 0)
    await stream.write("delete from t where id < 4000 or id % 17 = 0")
    assert (await stream.apply()).tables["public.t"].missed_deletes == 0
    assert await stream.same("id, v")
