"""A partitioned table is one table: whatever is done to its parts, events name the root."""

from __future__ import annotations

import pytest

from fixtures.captured import Capture
from tailrace.errors import Unsupported

ROOT = (
    "create table p (id int, k text, v text, primary key (id, k)) partition by list (k);"
    " create table p_a partition of p for values in ('a');"
    " create table p_b (v text, extra int, k text not null, id int not null);"
    " alter table p_b drop column extra;"
    " alter table p attach partition p_b for values in ('b');"
    " create table p_c partition of p for values in ('c', 'd') partition by list (k);"
    " create table p_cc partition of p_c for values in ('c')"
)


async def _root(capture: Capture) -> None:
    await capture.db.execute("set search_path = public, pg_catalog")
    await capture.db.execute(ROOT)
    assert await capture.add("p") == 200
    await capture.db.execute(
        "insert into p select n, (array['a','b','c'])[1 + n % 3], 'v' || n"
        " from generate_series(1, 30) n"
    )


async def _same(capture: Capture) -> None:
    assert await capture.replay("public.p") == await capture.present("public.p", "id, k, v")


async def _refresh(capture: Capture) -> int:
    return int(await capture.db.fetch_value("select tailrace.refresh_capture('flow')"))


async def test_statements_on_the_root_and_on_every_part(capture: Capture) -> None:
    await _root(capture)
    for statement in (
        "update p set v = 'root' where id < 10",
        "update p_b set v = 'part' where id > 5",
        "update p_c set v = 'middle'",
        "insert into p_cc values (100, 'c', 'leaf')",
        "delete from p_b where id = 1",
        "delete from p_c where id = 100",
        "update p_b set id = id + 1000 where id = 7",
    ):
        await capture.db.execute(statement)
        await _same(capture)
    tables = {event.table for event in await capture.events() if event.type.startswith("row:")}
    assert tables == {"public.p"}


async def test_rows_that_move_between_parts(capture: Capture) -> None:
    await _root(capture)
    await capture.db.execute("update p set k = 'b' where k = 'a' and id < 12")
    await capture.db.execute("update p set k = 'c', id = id + 500 where k = 'b'")
    await _same(capture)


async def test_truncate_of_a_part_is_deletes_and_of_the_root_one_event(capture: Capture) -> None:
    await _root(capture)
    await capture.db.execute("truncate p_c")
    await _same(capture)
    assert not [event for event in await capture.events() if event.type == "row:T"]
    await capture.db.execute("begin; truncate p; insert into p values (1, 'a', 'after'); commit")
    await _same(capture)
    letters = [letter for letter, _ in await capture.rows("public.p")]
    assert letters[-2:] == ["T", "I"]


async def test_new_partition_written_before_anyone_noticed_it(capture: Capture) -> None:
    await _root(capture)
    await capture.db.execute("create table p_e partition of p for values in ('e')")
    for statement in (
        "insert into p_e values (1, 'e', 'direct'), (2, 'e', 'direct')",
        "insert into p values (3, 'e', 'through the root')",
        "update p_e set id = 20, v = 'moved' where id = 2",
        "delete from p_e where id = 1",
    ):
        await capture.db.execute(statement)
        await _same(capture)
    assert await _refresh(capture) == 1
    assert await _refresh(capture) == 0
    before = len(await capture.events())
    await capture.db.execute("insert into p_e values (9, 'e', 'noticed'), (10, 'e', 'noticed')")
    assert len(await capture.events()) == before + 1
    await _same(capture)


async def test_attached_partition_brings_its_rows(capture: Capture) -> None:
    await _root(capture)
    await capture.db.execute(
        "create table p_f (id int, k text, v text, primary key (id, k));"
        " insert into p_f select n, 'f', 'brought' from generate_series(1, 500) n;"
        " alter table p attach partition p_f for values in ('f')"
    )
    assert await _refresh(capture) == 1
    await _same(capture)


async def test_detached_partition_takes_its_rows_and_is_let_go(capture: Capture) -> None:
    await _root(capture)
    await capture.db.execute(
        "alter table p detach partition p_a;"
        " create table p_a2 partition of p for values in ('a');"
        " insert into p select id, k, 'came back' from p_a where id < 10"
    )
    await _refresh(capture)
    await _same(capture)
    before = len(await capture.events())
    await capture.db.execute("insert into p_a values (77, 'a', 'nobody cares')")
    assert len(await capture.events()) == before


async def test_part_alone_is_refused_and_names_the_table_to_add(capture: Capture) -> None:
    await capture.db.execute(
        "create table public.p (id int primary key) partition by range (id);"
        " create table public.p_1 partition of public.p for values from (1) to (9)"
    )
    with pytest.raises(Unsupported, match=r'"public.p_1" is a part of table "public.p"'):
        await capture.add("p_1")


async def test_inherited_tables_are_refused_on_both_sides(capture: Capture) -> None:
    await capture.db.execute(
        "create table public.h (id int primary key, v text);"
        " create table public.h_1 (more int, primary key (id)) inherits (public.h)"
    )
    with pytest.raises(Unsupported, match="no inherit public"):
        await capture.add("h")
    with pytest.raises(Unsupported, match="no inherit public"):
        await capture.add("h_1")
    await capture.db.execute("alter table public.h_1 no inherit public.h")
    await capture.add("h")
    await capture.db.execute(
        "insert into public.h values (1, 'parent'); insert into public.h_1 values (2, 'child', 7);"
        " update public.h set v = v || '!'; delete from public.h_1 where id = 5;"
        " update public.h_1 set v = 'direct'"
    )
    assert await capture.replay("public.h") == await capture.present("public.h", "id, v")
