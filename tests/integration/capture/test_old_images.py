"""Old images: whatever is done to a table, its changes add up to what it holds."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from fixtures.captured import Capture
from fixtures.sqljobs import make_job
from tailrace.db.connection import Database
from tailrace.errors import NotFound, WrongState
from tailrace.jobs.manager import Manager

KEEP = "select tailrace.keep_old_images('flow', 'public.t')"


async def _table(capture: Capture, definition: str = "id int primary key, a text") -> None:
    await capture.db.execute(f"create table public.t ({definition})")
    await capture.add("t")
    await capture.db.execute(KEEP)


async def _adds_up(capture: Capture, columns: str = "id, a") -> None:
    """Both readers are right: the one that adds changes up, and the one that takes the last."""
    found = await capture.db.fetch_all(f"select row({columns})::text from public.t")
    assert await capture.balance("public.t") == Counter(row[0] for row in found)
    assert await capture.replay("public.t") == {row[0] for row in found}


async def test_fields_of_old_images(capture: Capture) -> None:
    await _table(capture)
    for statement in (
        "insert into public.t values (1, 'x'), (2, null)",
        "update public.t set a = 'y' where id = 1",
        "delete from public.t where id = 1",
        "truncate public.t",
    ):
        await capture.db.execute(statement)
    events = [event for event in await capture.events() if event.type.startswith("row:")]
    assert [(event.type, event.rows, event.mark) for event in events] == [
        ("row:I", ("(1,x)", "(2,)"), None),
        ("row:O", ("(1,x)",), "U"),
        ("row:U", ("(1,y)",), None),
        ("row:O", ("(1,y)",), "D"),
        ("row:D", ("(1)",), None),
        ("row:O", ("(2,)",), "T"),
        ("row:T", (), None),
    ]
    [relation] = {event.relation_id for event in events}
    assert await capture.db.fetch_value(
        "select old_images from tailrace.relation where relation_id = %s", relation
    )


async def test_switching_on_twice_is_one_switch_and_only_for_tables_of_a_root(
    capture: Capture,
) -> None:
    await _table(capture)
    first = await capture.db.fetch_value(KEEP)
    assert await capture.db.fetch_value(KEEP) == first
    with pytest.raises(NotFound, match=r'table "public.u" is not in queue "flow" on its root'):
        await capture.db.execute("select tailrace.keep_old_images('flow', 'public.u')")
    with pytest.raises(NotFound, match='is not the root of queue "other"'):
        await capture.db.execute("select tailrace.keep_old_images('other', 'public.t')")
    await capture.db.execute("select tailrace.remove_table('flow', 'public.t')")
    await capture.add("t")
    assert await capture.db.fetch_value("select old_images from tailrace.table_info")


async def test_they_are_switched_off_again_where_no_job_needs_them(capture: Capture) -> None:
    await _table(capture)
    db = capture.db
    await db.execute("insert into public.t values (1, 'x')")
    await db.execute("create table public.counted (n bigint)")
    body = "insert into public.counted select sum(_weight) from changes.t"
    await make_job(db, "counting", body)
    drop = "select tailrace.drop_old_images('flow', 'public.t')"
    with pytest.raises(WrongState, match=r'job "counting" reads the changes of table "public\.t"'):
        await db.execute(drop)
    async with Manager(db, timeout=5.0) as manager:
        await manager.stop("counting")
        await manager.drop("counting")
    before = len(await capture.events())
    relation = await db.fetch_value(drop)
    assert await db.fetch_value(drop) == relation
    await db.execute("update public.t set a = 'y'; delete from public.t")
    kinds = [event.type for event in (await capture.events())[before:]]
    assert kinds == ["row:U", "row:D"]
    await db.execute(KEEP)
    await db.execute("insert into public.t values (2, 'z'); delete from public.t")
    assert [event.type for event in (await capture.events())[-3:]] == ["row:I", "row:O", "row:D"]
    with pytest.raises(NotFound, match=r'or database ".*" is not its root'):
        await db.execute("select tailrace.drop_old_images('flow', 'public.u')")


async def test_role_without_rights_is_told_so(capture: Capture) -> None:
    db = capture.db
    await db.execute("create table public.t (id int primary key)")
    await capture.add("t")
    await db.execute(
        "create role jobless_tester; grant pgq_admin to jobless_tester; set role jobless_tester"
    )
    try:
        with pytest.raises(WrongState, match='role "jobless_tester" may not have old values of'):
            await db.execute(KEEP)
    finally:
        await db.execute("reset role; drop owned by jobless_tester; drop role jobless_tester")


async def test_writers_that_are_under_way_end_before_the_switch(capture: Capture, connect) -> None:
    await capture.db.execute("create table public.t (id int primary key, a text)")
    await capture.add("t")
    writer: Database = await connect(capture.db)
    async with writer.transaction():
        await writer.execute("insert into public.t values (1, 'before')")
        switching = asyncio.create_task(capture.db.execute(KEEP))
        done, _ = await asyncio.wait([switching], timeout=0.2)
        assert not done
        await writer.execute("update public.t set a = 'still before'")
    await switching
    await writer.execute("update public.t set a = 'after'")
    kinds = [(event.type, event.rows) for event in await capture.events()][-3:]
    assert kinds[0][0] == "tailrace.relation"
    assert kinds[1:] == [("row:O", ('(1,"still before")',)), ("row:U", ("(1,after)",))]


@pytest.mark.parametrize("rows", [3, 100, 150])
async def test_moved_keys_add_up(capture: Capture, rows: int) -> None:
    await _table(capture)
    for statement in (
        f"insert into public.t select n, nullif('r' || n, 'r2') from generate_series(1, {rows}) n",
        "update public.t set id = id - 1",
        "update public.t set id = -id, a = nullif(a, 'r1') where id > 0",
        "insert into public.t values (0, 'z') on conflict (id) do update set a = excluded.a",
        "insert into public.t values (0, 'w'), (7777, 'v')"
        " on conflict (id) do update set a = public.t.a || excluded.a",
        "with gone as (delete from public.t where id < -1 returning id)"
        " insert into public.t select id, 'again' from gone where id % 2 = 0"
        " on conflict do nothing",
    ):
        await capture.db.execute(statement)
        await _adds_up(capture)


async def test_nested_statements_add_up(capture: Capture) -> None:
    await _table(
        capture,
        "id int primary key, a text, parent int references public.t on delete "
        "cascade on update cascade",
    )
    await capture.db.execute(
        "create function public.nest() returns trigger language plpgsql as $$ begin"
        " if tg_op = 'DELETE' then"
        "   if old.id = 20 then insert into public.t values (20, 'back'); end if; return null;"
        " end if;"
        " if new.a = 'stamp' then update public.t set a = 'stamped' where id = new.id;"
        " elsif new.a = 'go' then delete from public.t where id = new.id;"
        " elsif new.a = 'double' then insert into public.t values (new.id + 100, 'copy')"
        "   on conflict (id) do update set a = 'copied again';"
        " elsif new.a = 'move' then update public.t set id = id + 1000, a = 'moved'"
        "   where id = new.id; end if;"
        " return null; end $$;"
        "create trigger zz after insert or update or delete on public.t"
        " for each row execute function public.nest()"
    )
    for statement in (
        "insert into public.t values (1, 'stamp'), (2, 'go'), (3, 'double'), (4, 'move'), (5, 'x')",
        "insert into public.t values (10, 'x', 5), (11, 'x', 10), (20, 'x', 1)",
        "update public.t set a = 'double' where id in (3, 5)",
        "update public.t set a = 'stamp' where id > 5",
        "update public.t set a = 'move' where id = 1",
        "update public.t set id = 6 where id = 5",
        "delete from public.t where id in (20, 103)",
        "delete from public.t where id = 6",
        "truncate public.t",
        "insert into public.t values (2, 'go'), (3, 'go')",
    ):
        await capture.db.execute(statement)
        await _adds_up(capture, "id, a, parent")


async def test_random_statements_add_up(capture: Capture) -> None:
    """With a row trigger that now and then changes other rows of the table."""
    await _table(capture, "id int primary key, a int, b text")
    await capture.db.execute(
        "create function public.nest() returns trigger language plpgsql as $$ begin"
        " if pg_trigger_depth() > 2 then return null; end if;"
        " if new.a % 7 = 0 then update public.t set a = a + 1 where id = new.id; end if;"
        " if new.a % 11 = 0 then delete from public.t where id = new.id + 1; end if;"
        " if new.a % 13 = 0 then insert into public.t values (new.id + 50, new.a + 2, null)"
        "   on conflict (id) do update set a = excluded.a, b = 'seen'; end if;"
        " return null; end $$;"
        "create trigger zz after insert or update on public.t"
        " for each row execute function public.nest()"
    )
    dice = random.Random(7)
    merge = (
        "merge into public.t using (select generate_series({0}, {1}) as k) s on s.k = t.id"
        " when matched and t.a %% {2} = 0 then delete when matched then update set a = t.a + {2}"
        " when not matched then insert values (s.k, {2}, 'merged')"
    )
    for _ in range(120):
        one, two, three = dice.randrange(100), dice.randrange(100), dice.randrange(1, 30)
        statement = dice.choice(
            (
                f"insert into public.t select n, n * {two}, nullif('v' || n % 3, 'v1')"
                f" from generate_series({one}, {one + three}) n on conflict do nothing",
                f"insert into public.t select n, n + {two}, 'up'"
                f" from generate_series({one}, {one + three}) n"
                " on conflict (id) do update set a = excluded.a",
                f"update public.t set a = a + {two} where id between {one} and {two}",
                f"update public.t set id = id + 200 where id between {one} and {one + 3}"
                " and not exists (select from public.t o where o.id >= 200)",
                f"delete from public.t where a % {three} = 0",
                merge.format(one, one + three, three).replace("%%", "%")
                if capture.db.server_version >= 150000
                else f"delete from public.t where id % {three} = 1",
                "truncate public.t"
                if three < 5
                else "update public.t set id = id + 300"
                " where id < 3 and not exists (select from public.t o where o.id >= 300)",
                f"begin; delete from public.t where id < {one}; rollback",
            )
        )
        await capture.db.execute(statement)
    await _adds_up(capture, "id, a, b")


async def test_partitions_add_up(capture: Capture) -> None:
    db = capture.db
    refresh = "select tailrace.refresh_capture('flow')"
    await db.execute(
        "create table public.t (id int primary key, a text) partition by range (id);"
        " create table public.t1 partition of public.t for values from (0) to (100);"
        " create table public.t2 partition of public.t for values from (100) to (200)"
    )
    await capture.add("t")
    await db.execute(KEEP)
    for statement in (
        "insert into public.t values (1, 'x'), (101, 'y')",
        "insert into public.t1 values (2, 'x')",
        "update public.t set id = id + 102 where id < 3",
        "update public.t2 set a = 'z' where id = 104",
        "create table public.t3 partition of public.t for values from (200) to (300)",
        # before anybody has noticed the new one
        "insert into public.t values (201, 'through the root')",
        "insert into public.t3 values (202, 'into the part')",
        "update public.t3 set a = 'direct' where id = 202",
        "update public.t set a = 'by way of the root' where id = 201",
        "delete from public.t3 where id = 201",
        refresh,
        "update public.t set id = id + 100 where id = 101 or id = 103",
        "truncate public.t2",
        "delete from public.t where id = 202",
        "alter table public.t detach partition public.t3",
        refresh,
        "insert into public.t values (5, 'late')",
    ):
        await db.execute(statement)
        if statement not in ("alter table public.t detach partition public.t3",):
            await _adds_up(capture)
    assert not [event for event in await capture.events() if event.type == "tailrace.untracked"]
    await db.execute("truncate public.t")
    await _adds_up(capture)


@pytest.mark.parametrize("together", [False, True])
async def test_partition_that_comes_with_rows_is_told_of(capture: Capture, together: bool) -> None:
    db = capture.db
    await db.execute("create table public.t (id int primary key, a text) partition by range (id)")
    await capture.add("t")
    await db.execute(KEEP)
    made = "create table public.t1 (like public.t); insert into public.t1 values (1, 'x')"
    joined = "alter table public.t attach partition public.t1 for values from (0) to (9)"
    for text in [f"{made}; {joined}"] if together else [made, joined]:
        await db.execute(text)
    await db.execute("select tailrace.refresh_capture('flow')")
    assert await capture.replay("public.t") == {"(1,x)"}
    assert [event.table for event in await capture.events() if event.type == "tailrace.untracked"]


async def test_columns_that_come_and_go(capture: Capture) -> None:
    await _table(capture)
    await capture.db.execute("insert into public.t values (1, 'x')")
    await capture.db.execute("alter table public.t add b int default 5")
    await capture.db.execute("update public.t set a = 'y'")
    old = [event for event in await capture.events() if event.type == "row:O"]
    assert [event.rows for event in old] == [("(1,x,5)",)]
    relations = await capture.db.fetch_all("select column_names, old_images from tailrace.relation")
    assert all(row.old_images for row in relations if len(row.column_names) == 3)
