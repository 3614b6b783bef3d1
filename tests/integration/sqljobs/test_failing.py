"""When a SQL job cannot go on: what is tried again, what ends it, what it says."""

from __future__ import annotations

import logging
from functools import partial

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.sqljobs import make_job, rows, run_job, status
from fixtures.waiting import eventually
from tailrace.errors import LostChanges
from tailrace.jobs.manager import Manager

TABLES = """
    create table public.src (id int primary key, g int, x int, note text);
    create table public.sums (g int primary key, x bigint check (x < 1000), n bigint)
"""
SUMS = """
    delete from sums where n is null;
    insert into sums as s select g, sum(x * _weight), sum(_weight) from changes.src group by g
    on conflict (g) do update set x = s.x + excluded.x, n = s.n + excluded.n
"""
WANTED = "select g, sum(x), count(*) from public.src group by g"


async def _root(cascade: Cascade) -> TestNode:
    root = await cascade.root()
    await root.db.execute(TABLES)
    await root.db.execute(f"select tailrace.add_table('{QUEUE}', 'src')")
    return root


async def _is(node: TestNode, wanted: str, name: str = "sums") -> bool:
    return await status(node, name) == wanted


async def _right(node: TestNode, source: TestNode | None = None) -> bool:
    found = await rows(node.db, "select * from public.sums where n <> 0")
    assert found == await rows((source or node).db, WANTED)
    return True


async def _error(node: TestNode, name: str = "sums") -> str:
    return str(
        await node.db.fetch_value("select error from tailrace.jobs where job_name = %s", name)
    )


async def test_statement_that_fails_is_tried_until_it_succeeds(cascade: Cascade):
    root = await _root(cascade)
    await make_job(root.db, "sums", SUMS)
    async with running(root):
        await root.db.execute("insert into public.src values (1, 1, 5), (2, 2, 900)")
        await eventually(partial(_right, root))
        await root.db.execute("insert into public.src values (3, 2, 200)")
        await eventually(partial(_is, root, "RESTARTING"))
        said = await eventually(partial(_error, root))
        assert 'job "sums", statement 2, ticks ' in said
        assert 'violates check constraint "sums_x_check"' in said
        await root.db.execute("insert into public.src values (4, 3, 1)")
        await root.db.execute("alter table public.sums drop constraint sums_x_check")
        await eventually(partial(_right, root))
        await eventually(partial(_is, root, "RUNNING"))
        assert await root.errors() == []
        assert await _error(root) == "None", "it is over"


async def test_job_that_has_been_tried_often_enough_is_failed_and_can_be_started(
    cascade: Cascade, caplog: pytest.LogCaptureFixture
):
    root = await _root(cascade)
    caplog.set_level(logging.INFO, logger="tailrace")
    await make_job(root.db, "sums", SUMS, {"restart.attempts": "2"})
    async with running(root):
        await root.db.execute("insert into public.src values (1, 1, 1000)")
        await eventually(partial(_is, root, "FAILED"))
        assert "sums_x_check" in await _error(root)
        assert (
            await root.db.fetch_value("select failures from tailrace.job where kind = 'sql'") == 3
        )
        async with Manager(root.db, timeout=20) as manager:
            await manager.start("sums")  # it meets the same batch again
            await eventually(partial(_is, root, "FAILED"))
            await root.db.execute("alter table public.sums drop constraint sums_x_check")
            await manager.start("sums")
            await eventually(partial(_right, root))
            assert await status(root, "sums") == "RUNNING"
            assert await _error(root) == "None"
            await manager.stop("sums")
            await manager.drop("sums")
    assert caplog.text.count(": failed: ") == 2
    assert "works again" not in caplog.text, "none of those that failed for good"


@pytest.mark.parametrize(
    ("unseen", "complaint"),
    [
        (
            "set session_replication_role = local; update public.src set x = 0;"
            " set session_replication_role = origin",
            'event .*: table "public.src" was changed without an event for each row',
        ),
        (
            f"select tailrace.remove_table('{QUEUE}', 'public.src')",
            'table "public.src" was removed from its queue',
        ),
        (
            "update tailrace.table_info set old_images = false;"
            " select tailrace.build_capture(capture_id) from tailrace.table_info;"
            " update public.src set x = 0",
            'changes of table "public.src" came without the values that were there before',
        ),
    ],
    ids=["role local", "removed", "older descriptor"],
)
async def test_changes_that_went_unseen_end_the_job(cascade: Cascade, unseen: str, complaint: str):
    root = await _root(cascade)
    await make_job(root.db, "sums", SUMS)
    await root.db.execute("insert into public.src values (1, 1, 1)")
    await run_job(root.db, "sums")
    await root.db.execute(unseen)
    with pytest.raises(LostChanges, match=complaint):
        await run_job(root.db, "sums")
    assert await status(root, "sums") == "FAILED"
    assert "create it again with 'initial' = 'snapshot'" in await _error(root)
    async with Manager(root.db, timeout=0.3) as manager:
        await manager.drop("sums")
    if "remove_table" in unseen:
        await root.db.execute(f"select tailrace.add_table('{QUEUE}', 'src')")
    await root.db.execute("truncate public.sums")
    await make_job(root.db, "sums", SUMS, {"initial": "snapshot"})
    await root.db.execute("update public.src set g = 7")
    await run_job(root.db, "sums")
    await _right(root)


async def test_job_lives_on_through_changes_of_its_source_that_do_not_concern_it(
    cascade: Cascade,
):
    root = await _root(cascade)
    db = root.db
    await make_job(db, "sums", SUMS)
    await db.execute(
        "create table public.log (id int, x int, op text, weight int, moment timestamptz)"
    )
    await make_job(db, "log", "insert into log select id, x, _op, _weight, _time from changes.src")
    for number, change in enumerate(
        (
            "alter table public.src add column y numeric default 3.5",
            "alter table public.src drop column note",
            "alter table public.src alter column x type bigint",
            "alter table public.src add column note int[] default '{1,2}'",
            "alter table public.src add column z int generated always as (g * 2) stored",
            "comment on table public.src is 'nothing'",
        )
    ):
        await db.execute(f"insert into public.src (id, g, x) values ({number}, 1, {number})")
        await db.execute(change)
        await db.execute(
            f"update public.src set x = x + 1; delete from public.src where id < {number}"
        )
        if number % 2:
            await run_job(db, "sums", "log")
    await run_job(db, "sums", "log")
    await _right(root)
    balance = "select id, x from public.log group by 1, 2 having sum(weight) > 0"
    assert await rows(db, balance) == await rows(db, "select id, x from public.src")
    await db.execute("alter table public.src rename column x to amount")
    await db.execute("update public.src set amount = 1")
    with pytest.raises(LostChanges, match='came without column "x", which the job uses'):
        await run_job(db, "sums")


async def test_values_of_all_kinds_come_through_both_ways(cascade: Cascade):
    root = await cascade.root()
    db = root.db
    await db.execute(
        "create type public.pair as (a int, b text); create type public.mood as enum ('sad', 'ok');"
        "create domain public.small as int check (value < 100);"
        "create table public.src (id int primary key, t text, a text[], p public.pair,"
        " m public.mood,"
        ' s public.small, j jsonb, b bytea, i interval, ts timestamptz, "Odd name" char(5),'
        " f float8, gen int generated always as (id + 1) stored);"
        "create table public.copy (like public.src); alter table public.copy drop column gen;"
        "create table public.marked (like public.copy)"
    )
    await db.execute(f"select tailrace.add_table('{QUEUE}', 'src')")
    columns = 'id, t, a, p, m, s, j, b, i, ts, "Odd name", f'
    await make_job(
        db, "copy",
        f"insert into copy select {columns} from changes.src where _weight > 0;"
        " delete from copy using changes.src c where c._weight < 0 and c.t is not distinct from"
        " copy.t and c.id = copy.id",
    )  # fmt: skip
    await make_job(
        db, "marked",
        f"insert into marked select {columns} from changes.src where _op = 'I';"
        " delete from marked using changes.src c where c._op in ('D', 'T') and c.id = marked.id",
    )  # fmt: skip
    nasty = (
        "''", "null", "'a,b'", "'\"'", "E'back\\\\slash'", "E'two\\nlines'", "'\\N'", "'(1,2)'",
        "E'x\"(1'", "E')\"\\n('", "repeat('long', 5000)", "'ö€😀'",
    )  # fmt: skip
    for number, text in enumerate(nasty):
        await db.execute(
            f"insert into public.src values ({number}, {text}, array[{text}, 'x', null],"
            f" row({number}, {text}), 'ok', 7, jsonb_build_object('k', {text}::text),"
            f" convert_to({text}, 'UTF8'), '1 day -2 hours', now(), 'a', 'NaN')"
        )
    await db.execute("insert into public.src (id) select generate_series(1000, 1300)")
    await run_job(db, "copy", "marked")
    wanted = await rows(db, f"select {columns} from public.src")
    for table in ("copy", "marked"):
        assert await rows(db, f"select {columns} from public.{table}") == wanted
    await db.execute("delete from public.src where id % 2 = 0 or id > 1200")
    await run_job(db, "copy", "marked")
    wanted = await rows(db, f"select {columns} from public.src")
    for table in ("copy", "marked"):
        assert await rows(db, f"select {columns} from public.{table}") == wanted
