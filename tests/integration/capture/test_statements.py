"""What one statement on a captured table becomes: which events, and never a wrong last one."""

from __future__ import annotations

import pytest

from fixtures.captured import Capture


async def _table(capture: Capture, definition: str = "id int primary key, a text") -> None:
    await capture.db.execute(f"create table public.t ({definition})")
    assert await capture.add("t") == 200


async def _same(capture: Capture, columns: str = "id, a", table: str = "public.t") -> None:
    """The reader ends with the rows of the table."""
    assert await capture.replay(table) == await capture.present(table, columns)


async def test_letters_say_what_happens_to_the_key(capture: Capture) -> None:
    await _table(capture)
    for statement in (
        "insert into public.t values (1, 'x')",
        "update public.t set a = 'y'",
        "update public.t set id = 2",
        "delete from public.t",
        "truncate public.t",
    ):
        await capture.db.execute(statement)
    assert await capture.rows("public.t") == [
        ("I", "(1,x)"),
        ("U", "(1,y)"),
        ("D", "(1)"),
        ("I", "(2,y)"),
        ("D", "(2)"),
        ("T", ""),
    ]


async def test_keys_shifted_onto_each_other_lose_no_row(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute("insert into public.t select n, 'r' || n from generate_series(1, 5) n")
    await capture.db.execute("update public.t set id = id - 1")
    await capture.db.execute("update public.t set id = -id where id > 0")
    await _same(capture)
    assert ("D", "(5)") in await capture.rows("public.t")


@pytest.mark.parametrize("rows", [3, 99, 100, 101, 102, 5000])
async def test_small_and_large_statements_write_the_same_rows(capture: Capture, rows: int) -> None:
    await _table(capture)
    await capture.db.execute(
        f"insert into public.t select n, repeat('z', n % 50) from generate_series(1, {rows}) n"
    )
    await _same(capture)
    await capture.db.execute("update public.t set a = a || '!'")
    await _same(capture)
    await capture.db.execute("update public.t set id = id + 100000, a = 'moved'")
    await _same(capture)
    await capture.db.execute("delete from public.t where id % 2 = 0")
    await _same(capture)


async def test_packed_events_stay_in_the_page_and_wide_rows_go_alone(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute(
        "insert into public.t"
        " select n, repeat(md5(n::text), case when n = 50 then 40000 else 3 end)"
        " from generate_series(1, 200) n"
    )
    events = [event for event in await capture.events() if event.type == "row:I"]
    sizes = sorted(sum(map(len, event.rows)) for event in events)
    assert sizes[-1] > 1_280_000
    assert all(size < 8000 for size in sizes[:-1])
    await _same(capture)


async def test_statement_without_rows_writes_nothing(capture: Capture) -> None:
    await _table(capture)
    before = len(await capture.events())
    for statement in (
        "insert into public.t select 1, 'x' where false",
        "update public.t set a = ''",
        "delete from public.t",
    ):
        await capture.db.execute(statement)
    assert len(await capture.events()) == before


async def test_rolled_back_savepoint_leaves_no_event_and_no_mark(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute(
        "begin; insert into public.t values (1, 'kept'); savepoint s;"
        " insert into public.t values (2, 'gone'); rollback to s;"
        " insert into public.t values (3, 'kept'); commit"
    )
    assert await capture.rows("public.t") == [("I", "(1,kept)"), ("I", "(3,kept)")]


async def test_failed_statement_leaves_no_mark(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute("insert into public.t values (1, 'x')")
    await capture.db.execute(
        "do $$ begin begin insert into public.t values (2, 'y'), (1, 'dup'); exception"
        " when unique_violation then null; end; insert into public.t values (3, 'z'); end $$"
    )
    # Without a mark left behind the insert is read from its transition table, as written.
    assert await capture.rows("public.t") == [("I", "(1,x)"), ("I", "(3,z)")]


# ---------------------------------------------------------------- nested and combined statements


async def test_row_trigger_that_updates_its_row_does_not_leave_the_older_image(
    capture: Capture,
) -> None:
    await _table(capture)
    await capture.db.execute(
        "create function public.stamp() returns trigger language plpgsql as $$ begin"
        " if new.a !~ 'stamped' then update public.t set a = a || ' stamped' where id = new.id;"
        " end if; return null; end $$;"
        " create trigger stamp after insert or update on public.t for each row"
        " execute function public.stamp()"
    )
    await capture.db.execute("insert into public.t select n, 'r' from generate_series(1, 300) n")
    await _same(capture)
    await capture.db.execute("update public.t set a = 'u' where id < 50")
    await capture.db.execute("update public.t set id = id + 1000, a = 'k' where id < 5")
    await _same(capture)
    assert await capture.present("public.t", "count(*)") == {"(300)"}


async def test_row_trigger_that_deletes_or_replaces_its_row(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute(
        "create function public.away() returns trigger language plpgsql as $$ begin"
        " if tg_op = 'DELETE' then"
        "   if old.a = 'phoenix' then insert into public.t values (old.id, 'again'); end if;"
        " elsif new.a = 'away' then delete from public.t where id = new.id; end if;"
        " return null; end $$;"
        " create trigger away after insert or update or delete on public.t for each row"
        " execute function public.away()"
    )
    await capture.db.execute(
        "insert into public.t select n, case when n % 3 = 0 then 'away' else 'phoenix' end"
        " from generate_series(1, 30) n"
    )
    await _same(capture)
    await capture.db.execute("delete from public.t where id < 10")
    await _same(capture)
    await capture.db.execute("update public.t set a = 'away' where id between 5 and 15")
    await _same(capture)
    assert await capture.present("public.t", "id, a")


async def test_function_in_the_statement_that_changes_the_same_table(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute(
        "insert into public.t values (1, 'x'), (2, 'y');"
        " create function public.poke(i int) returns text language plpgsql as $$ begin"
        " update public.t set a = a || 'p' where id < i; return 'from ' || i; end $$"
    )
    await capture.db.execute(
        "insert into public.t select n, public.poke(n) from generate_series(3, 9) n"
    )
    await _same(capture)


@pytest.mark.parametrize("size", [1, 500])
async def test_insert_on_conflict_update(capture: Capture, size: int) -> None:
    await _table(capture)
    await capture.db.execute(
        f"insert into public.t select n, 'old' from generate_series(1, {size}) n"
    )
    await capture.db.execute(
        f"insert into public.t select n, 'new' from generate_series(1, {size} * 2) n"
        " on conflict (id) do update set a = excluded.a || ' over ' || t.a"
    )
    await capture.db.execute(
        "insert into public.t values (1, 'z') on conflict (id) do update set id = -t.id"
    )
    await _same(capture)


@pytest.mark.parametrize("size", [4, 400])
async def test_merge_that_deletes_updates_and_inserts_the_same_keys(
    capture: Capture, pg_version: int, size: int
) -> None:
    await _table(capture)
    await capture.db.execute(
        f"insert into public.t select n, 'old' from generate_series(1, {size}) n"
    )
    merge = (
        "merge into public.t using"
        f" (select n, case when n > {size} then 1 - (n - {size}) end as other"
        f" from generate_series(1, {size} * 2) n) s on t.id = s.n"
        " when matched and s.n % 3 = 0 then delete"
        " when matched and s.n % 3 = 1 then update set a = 'merged', id = t.id + 10000"
        " when not matched then insert values (s.other, 'fresh')"
    )
    if pg_version >= 150000:
        await capture.db.execute(merge)
    else:
        await capture.db.execute("update public.t set id = id + 10000 where id % 3 = 1")
    await _same(capture)


async def test_delete_and_insert_of_one_key_in_one_statement(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute("insert into public.t select n, 'old' from generate_series(1, 20) n")
    await capture.db.execute(
        "with gone as (delete from public.t where id < 15 returning id)"
        " insert into public.t select id, 'new' from gone"
    )
    await capture.db.execute(
        "with moved as (update public.t set id = id + 100 where id > 10 returning id)"
        " insert into public.t select id - 100, 'behind' from moved"
    )
    await _same(capture)


async def test_foreign_key_of_the_table_to_itself_cascades(capture: Capture) -> None:
    await _table(
        capture,
        "id int primary key, a int references public.t on delete cascade on update cascade",
    )
    await capture.db.execute(
        "insert into public.t values (1, null), (2, 1), (3, 2), (4, 3), (9, null)"
    )
    await capture.db.execute("update public.t set id = 5 where id = 2")
    await _same(capture)
    await capture.db.execute("delete from public.t where id = 1")
    await _same(capture)
    assert await capture.present("public.t", "id") == {"(9)"}


# ---------------------------------------------------------------- keys and values


async def test_composite_key_in_index_order(capture: Capture) -> None:
    await _table(capture, "a text, b int, c text, primary key (c, a)")
    await capture.db.execute("insert into public.t values ('a1', 1, 'c1'), ('a2', 2, 'c, \"2\"')")
    await capture.db.execute("update public.t set c = c || '!' where b = 2")
    await capture.db.execute("delete from public.t where b = 1")
    assert ("D", "(c1,a1)") in await capture.rows("public.t")
    assert ("D", '("c, ""2""",a2)') in await capture.rows("public.t")
    await _same(capture, "a, b, c")


async def test_generated_columns_are_left_out(capture: Capture, pg_version: int) -> None:
    virtual = ", v int generated always as (n + 1) virtual" if pg_version >= 180000 else ""
    await _table(
        capture, f"id int primary key, g int generated always as (n * 2) stored, n int{virtual}"
    )
    await capture.db.execute("insert into public.t (id, n) values (1, 10)")
    await capture.db.execute("update public.t set n = 11")
    assert await capture.rows("public.t") == [("I", "(1,10)"), ("U", "(1,11)")]


async def test_settings_of_the_writer_do_not_show_in_the_payload(capture: Capture) -> None:
    await _table(
        capture,
        "id int primary key, ts timestamptz, d date, i interval, f float8, b bytea, m money,"
        " r regclass",
    )
    row = (
        "'2024-03-01 12:00+00', '2024-03-01', '1 day 2 hours', 0.1::float8 + 0.2, '\\xdead',"
        " 12.5, 'public.t'"
    )
    await capture.db.execute(f"insert into public.t values (1, {row})")
    for setting in (
        "datestyle = 'SQL, DMY'",
        "intervalstyle = 'iso_8601'",
        "timezone = 'Asia/Tokyo'",
        "extra_float_digits = 0",
        "bytea_output = 'escape'",
        "search_path = public, pg_catalog",
    ):
        await capture.db.execute(f"set {setting}")
    await capture.db.execute("insert into t select 2, ts, d, i, f, b, m, r from t where id = 1")
    first, second = [row for _, row in await capture.rows("public.t")]
    assert second == first.replace("(1,", "(2,")
    assert "2024-03-01 12:00:00+00" in first
    assert "0.30000000000000004" in first
    assert "public.t" in first


async def test_key_type_whose_equality_is_not_in_pg_catalog(capture: Capture) -> None:
    available = "select count(*) from pg_available_extensions where name = 'citext'"
    if not await capture.db.fetch_value(available):
        pytest.skip("this server has no citext")
    await capture.db.execute("create extension citext schema public")
    await capture.db.execute("set search_path = public")
    await _table(capture, "id public.citext primary key, a text")
    await capture.db.execute("insert into public.t values ('Abc', 'x'), ('b', 'y')")
    await capture.db.execute("update public.t set id = 'ABC' where id = 'abc'")
    await capture.db.execute("update public.t set id = 'c' where id = 'B'")
    assert await capture.rows("public.t") == [
        ("I", "(Abc,x)"),
        ("I", "(b,y)"),
        ("U", "(ABC,x)"),
        ("D", "(b)"),
        ("I", "(c,y)"),
    ]


async def test_events_follow_the_rotation_of_event_tables(capture: Capture) -> None:
    await _table(capture)
    tables = await capture.db.fetch_value("select queue_ntables from pgq.queue")
    for n in range(2 * tables):
        await capture.db.execute(f"insert into public.t values ({n}, 'x')")
        await capture.db.execute(f"update public.t set a = 'y' where id = {n}")
        await capture.db.execute(
            "update pgq.queue set queue_cur_table = (queue_cur_table + 1) % queue_ntables"
        )
    counts = [
        await capture.db.fetch_value(f"select count(*) from pgq.event_1_{n}") for n in range(tables)
    ]
    assert counts[1:] == [4] * (tables - 1)
    await _same(capture)
