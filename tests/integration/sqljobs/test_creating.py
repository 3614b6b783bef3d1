"""CREATE JOB: what is refused, and that nothing is left of it."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode
from fixtures.sqljobs import job_row, make_job, rows, run_job
from tailrace.cascade.waiting import Patience
from tailrace.engines.postgres.creation import create_job
from tailrace.errors import AlreadyExists, StatementError, TailraceError, Timeout, UsageError

TABLES = """
    create table public.orders (id int primary key, day date, amount numeric, note text);
    create table public.items (id int primary key, price numeric);
    create table public.revenue (day date primary key, total numeric, n bigint);
    create table public.marked (id int primary key, _op text);
    create table public.loose (a int);
    create table public.folded (name text, n int);
    create unique index on public.folded (lower(name));
    create view public.seen as select * from public.orders;
    create function public.dice() returns int language sql volatile as 'select 1';
    create unlogged table public.fleeting (day date primary key);
    create schema other; create table other.orders (id int primary key, x int);
    create aggregate other.mode(int) (sfunc = int4pl, stype = int, initcond = '0')
"""

# (text, place and part of the complaint)
REFUSED = (
    ("insert into revenue select", "syntax error at end of input|reads no changes"),
    ("insert into revenue (day) selec day from changes.orders", "line 1, column 27: syntax error"),
    ("select * from changes.orders", "column 1: a job runs INSERT, UPDATE, DELETE, MERGE"),
    ("insert into revenue values (now())", "reads no changes.<table>"),
    ("truncate revenue", "a job runs INSERT"),
    ("insert into revenue (day) select day from changes.nosuch",
     'column 43: there is no table "nosuch"'),
    ("insert into nosuch (day) select day from changes.orders",
     'column 13: there is no table "nosuch"'),
    ("insert into revenue (day) select dya from changes.orders",
     'column 34: column "dya" does not exist'),
    ("insert into revenue (dy) select day from changes.orders", 'column "dy" of relation'),
    ("insert into revenue (day) select note from changes.orders", "of type text"),
    ("insert into revenue (day) select day from changes.orders o where orders.id = 1",
     'column 66: missing FROM-clause entry for table "orders"'),
    ("insert into revenue (day) select nofunc(day) from changes.orders", "function nofunc(date)"),
    ("insert into revenue (day) select day from changes.orders on conflict (n) do nothing",
     "no unique or exclusion constraint"),
    ("insert into revenue (day) select day from changes.seen", '"public.seen" is no table whose'),
    ("insert into seen (id) select id from changes.orders", '"public.seen" cannot be the target'),
    ("insert into fleeting (day) select day from changes.orders", "cannot be the target of a job"),
    ("insert into tailrace.hold (queue_name) select note from changes.orders",
     '"tailrace.hold" cannot be the target'),
    ("insert into pg_catalog.pg_class select * from changes.orders", "cannot be the target"),
    ("insert into revenue (n) select a from changes.loose", "has no primary key"),
    ("insert into revenue (n) select id from changes.marked", 'has a column "_op"'),
    ("insert into changes.revenue (day) select day from changes.orders", "is read, not written"),
    ("insert into revenue (day, n) select a.day, b.id from changes.orders a join changes.orders b"
     " using (id)", "changes are joined with changes"),
    ("insert into revenue (day) select day from changes.orders where id in"
     " (select id from changes.items)", "changes are joined with changes"),
    ("with c as (select * from changes.orders) delete from revenue r using c, c d"
     " where r.day = c.day", "changes are joined with changes"),
    ("insert into revenue (day, n) select day, max(id) from changes.orders group by 1",
     "column 42: over changes, max() of a batch"),
    ("insert into revenue (day, n) select day, min(id) from changes.orders group by 1", "min()"),
    ("insert into revenue (day, n) select day, avg(id) from changes.orders group by 1", "avg()"),
    ("insert into revenue (n) select array_length(array_agg(id), 1) from changes.orders",
     "column 45: over changes, array_agg() of a batch"),
    ("insert into revenue (n) select count(*) from changes.orders having bool_or(day is null)",
     "bool_or()"),
    ("insert into revenue (n) select 1 from (select day from changes.orders group by day"
     " having sum(_weight) > 5) x", "HAVING compares sum() of one batch"),
    ("insert into revenue (n) select 1 from changes.orders group by day"
     " having day is null or not (sum(_weight) + sum(id) <> 0 and 3 <= abs(count(*)))",
     "HAVING compares count()"),
    ("create table made as select day, sum(_weight) from changes.orders group by day",
     "a group would come again with every batch"),
    ("create table made as select count(*) from changes.orders", "a group would come again"),
    ("insert into revenue (day) select distinct day from changes.orders", "DISTINCT over changes"),
    ("insert into revenue (day) select distinct on (id) day from changes.orders", "DISTINCT"),
    ("insert into revenue (n) select count(distinct day) from changes.orders", "count(DISTINCT"),
    ("insert into revenue (day) select day from changes.orders order by 1 limit 3", "LIMIT"),
    ("insert into revenue (day) select day from changes.orders offset 1", "OFFSET"),
    ("insert into revenue (n) select row_number() over (order by id) from changes.orders",
     "window function row_number()"),
    ("insert into revenue (day) select day from changes.orders union select day from revenue",
     "UNION over changes"),
    ("insert into revenue (n) select m from (select max(id) as m from changes.orders) x", "max()"),
    ("insert into revenue (day) select day from changes.orders where dice() = 1",
     "column 64: which rows are written must not depend on dice(), which is volatile"),
    ("delete from revenue where random() < 0.5; insert into revenue (day)"
     " select day from changes.orders", "must not depend on random()"),
    ("insert into revenue (day, n) select day, id from changes.orders"
     " on conflict (day) do update set n = 1 where revenue.n > dice()", "dice()"),
    ("insert into revenue (n, day) select 1, date '2026-01-01' + dice() from changes.orders"
     " on conflict (day) do nothing", "dice()"),
    ("insert into revenue select date '2026-01-01' + dice() from changes.orders"
     " on conflict on constraint revenue_pkey do nothing", "column 48: which rows"),
    ("insert into revenue (day) select day + dice() from changes.orders on conflict do nothing",
     "column 40: which rows"),
    ("insert into revenue (day) select k from (select day + dice() as k from changes.orders) x"
     " on conflict (day) do nothing", "dice()"),
    ("with x (a, b) as (select id, day + dice() from changes.orders) insert into revenue"
     " select b from x on conflict (day) do nothing", "dice()"),
    ("insert into revenue (day) select day from changes.orders union all select day + dice()"
     " from changes.orders on conflict (day) do nothing", "changes are joined|dice()"),
    ("insert into revenue (day) select day from revenue union all select day + dice()"
     " from changes.orders on conflict (day) do nothing", "dice()"),
    ("insert into revenue select * from (select day + dice() as day from changes.orders) x"
     " on conflict (day) do nothing", "dice()"),
    ("insert into revenue (n) select 1 from (select day, dice() as d from changes.orders) x"
     " where d = 1", "dice()"),
    ("insert into revenue (n) select 1 from changes.orders where id = (select dice())", "dice()"),
    ("insert into revenue (n, total) select id + dice(), sum(id) from changes.orders group by 1",
     "dice()"),
    ("merge into revenue r using (select day + dice() as d from changes.orders) s on r.day = s.d"
     " when not matched then insert (day) values (s.d)", "dice()"),
    ("insert into folded select upper(note) || dice(), 1 from changes.orders"
     " on conflict (lower(name)) do nothing", "dice()"),
    ("insert into revenue (n) select $1 from changes.orders", "a job has no parameters"),
    ("create table made as select day from changes.orders with no data", "WITH NO DATA"),
    ("create temp table made as select day from changes.orders", "temporary table"),
    ("create materialized view made as select day from changes.orders", "materialized view"),
    ("create table revenue as select day from changes.orders", 'relation "revenue" already exists'),
    ("create table made as select id, id from changes.orders", 'column "id" specified more than'),
    ("insert into revenue (day) table changes.orders", "changes.<table> cannot stand here"),
    ("delete from revenue where n = 0; insert into revenue (day) select dy\nfrom changes.orders",
     "line 1, column 67: column"),
    ("insert into revenue (day)\n  select day\n  from changes.orders ö where ö.x = 1",
     "line 3, column 31: column"),
)  # fmt: skip

WRONG_SETTINGS = (
    ({"inital": "snapshot"}, "there is no setting 'inital' of a job; there are: initial"),
    ({"initial": "now"}, "'initial' is 'latest' or 'snapshot', not 'now'"),
    ({"restart.attempts": "-1"}, "'restart.attempts' is a number"),
    ({"queue": "nosuch"}, 'the tables of the job are not in queue "nosuch"'),
    ({"initial": "x", "b": "1"}, "'initial' is .*"),
    ({"key": "day"}, "'key' is the primary key of a table that the job creates, and this one"),
)
WRONG_KEYS = (
    ("create table made as", "nosuch", '\'key\': column "nosuch" of relation "made" does not'),
    ("create table if not exists revenue as", "day", "'key': multiple primary keys for table"),
)


@pytest_asyncio.fixture
async def root(cascade: Cascade) -> TestNode:
    node = await cascade.root()
    await node.db.execute(TABLES)
    for table in ("orders", "items", "marked"):
        await node.db.execute(f"select tailrace.add_table('{QUEUE}', '{table}')")
    return node


async def _nothing_left(node: TestNode) -> None:
    assert await node.db.fetch_value("select count(*) from tailrace.job where kind = 'sql'") == 0
    assert not await node.db.fetch_value("select bool_or(old_images) from tailrace.table_info")
    assert (
        await node.db.fetch_value(
            "select count(*) from pgq_node.node_info where queue_name = 'tailrace.local'"
        )
        == 0
    )
    assert await node.db.fetch_value("select to_regclass('public.made')") is None


async def test_what_cannot_be_a_job_is_refused_with_the_place(root: TestNode):
    wrong = []
    for text, complaint in REFUSED:
        with pytest.raises(TailraceError) as caught:
            await make_job(root.db, "job", text)
        said = str(caught.value)
        if not any(part in said for part in complaint.split("|")):
            wrong.append((text, said))
        assert "\n" not in said
        if isinstance(caught.value, StatementError):
            line, caret = caught.value.excerpt.splitlines()
            assert caret.strip() == "^"
            assert line in text or "…" in line
    assert wrong == []
    await _nothing_left(root)


# What is volatile and decides nothing; an aggregate whose author answers for it.
ALLOWED = (
    "insert into revenue (day, n) select day, dice() from changes.orders"
    " on conflict on constraint revenue_pkey do update set n = excluded.n",
    "insert into revenue (day, n) select d, x from (select day, dice() from changes.orders)"
    " as s (d, x) on conflict do nothing",
    "insert into folded select note, dice() from changes.orders on conflict (lower(name))"
    " do update set n = dice()",
    "insert into revenue (day, n) select day, other.mode(id) from changes.orders group by 1",
)


async def test_what_decides_nothing_may_answer_anew_each_time(root: TestNode):
    for number, text in enumerate(ALLOWED):
        await make_job(root.db, f"job{number}", text)


async def test_settings_are_checked_before_anything(root: TestNode):
    good = "insert into revenue (day) select day from changes.orders"
    for options, complaint in WRONG_SETTINGS:
        with pytest.raises(TailraceError, match=complaint):
            await make_job(root.db, "job", good, options)
    for made, key, complaint in WRONG_KEYS:
        with pytest.raises(UsageError, match=complaint):
            await make_job(root.db, "job", f"{made} select day from changes.orders", {"key": key})
    for name in ("", "  ", "x" * 201, "0123456789abcdef" * 2):
        with pytest.raises(UsageError, match="cannot be the name of a job"):
            await make_job(root.db, name, good)
    await _nothing_left(root)
    await make_job(root.db, "job", good)
    with pytest.raises(AlreadyExists, match='job "job" exists already'):
        await make_job(root.db, "job", good)


async def test_names_are_meant_as_where_the_job_was_created(root: TestNode):
    db = root.db
    await db.execute(f"select tailrace.add_table('{QUEUE}', 'other.orders')")
    await create_job(
        db, "one", "insert into public.revenue (day, n) select '2026-01-01', x from"
        " changes.orders as o where o.x > 0 on conflict do nothing",
        {}, schemas="other, pg_catalog",
    )  # fmt: skip
    await create_job(
        db, "two", 'create table "Odd Name" as select "other.orders".x, changes."other.orders".id,'
        ' _weight, _op, _event_id, _time from changes."other.orders"',
        {"key": "_event_id, _weight"}, schemas="public",
    )  # fmt: skip
    await db.execute("insert into other.orders values (1, 7); update other.orders set x = 0")
    await run_job(db, "one", "two")
    assert await rows(db, "select day, n from public.revenue") == ["(2026-01-01,7)"] * 1
    found = await rows(db, 'select x, id, _weight, _op from public."Odd Name"')
    assert found == ["(0,1,1,U)", "(7,1,-1,U)", "(7,1,1,I)"]
    relations = await db.fetch_all(
        "select job_name, direction, relation, is_changes, r.queue_name, table_name, column_names"
        " from tailrace.job_relation as r join tailrace.job using (job_id) order by 1, 2"
    )
    assert [tuple(row) for row in relations] == [
        ("one", "reads", "other.orders", True, QUEUE, "other.orders", ["x"]),
        ("one", "writes", "public.revenue", False, None, None, ["day", "n"]),
        ("two", "reads", "other.orders", True, QUEUE, "other.orders", ["id", "x"]),
        ("two", "writes", "public.Odd Name", False, None, None, None),
    ]


async def test_hours_are_those_of_who_creates_the_job(root: TestNode):
    db = root.db
    await db.execute("create table public.seen_at (id int, day date)")
    await db.execute("create table public.visits (id int primary key, at timestamptz)")
    await create_job(
        db, "visits", "insert into seen_at select id, at::date from changes.visits", {},
        schemas="public", time_zone="Asia/Tokyo",
    )  # fmt: skip
    await db.execute("insert into public.visits values (1, '2026-01-01 20:00+00')")
    await run_job(db, "visits")
    assert await rows(db, "select day from public.seen_at") == ["(2026-01-02)"]


async def test_open_writers_are_not_held_up_by_who_waits_for_them(root: TestNode, connect):
    writer, other = await connect(root.db), await connect(root.db)
    text = "insert into revenue (day) select day from changes.orders"
    async with writer.transaction():
        await writer.execute("insert into public.orders values (1)")
        creation = asyncio.create_task(make_job(root.db, "job", text))
        done, _ = await asyncio.wait([creation], timeout=0.5)
        assert not done
        await asyncio.wait_for(other.execute("insert into public.orders values (2)"), 2)
        with pytest.raises(Timeout, match=r'gave up .* the writers of table "public.orders" on'):
            await create_job(other, "late", text, {}, schemas="public", patience=Patience(0.1))
    await creation
    await db_has_only(root, "job")


async def db_has_only(node: TestNode, name: str) -> None:
    found = await node.db.fetch_all("select job_name from tailrace.job where kind = 'sql'")
    assert [row.job_name for row in found] == [name]


async def test_rights_are_those_of_who_creates_the_job(root: TestNode, connect):
    db = root.db
    await db.execute(
        "drop role if exists job_maker; create role job_maker login; grant pgq_admin to job_maker;"
        " grant create, usage on schema public to job_maker; grant select on public.items to"
        " job_maker"
    )
    theirs = await connect(db)
    await theirs.execute("set session authorization job_maker")
    text = "insert into revenue (day) select day from changes.orders"
    with pytest.raises(TailraceError, match=r"may not read table"):
        await make_job(theirs, "job", text)
    await db.execute("grant select on public.orders to job_maker")
    with pytest.raises(TailraceError, match="permission denied for table revenue"):
        await make_job(theirs, "job", text)
    await db.execute("grant insert on public.revenue to job_maker")
    with pytest.raises(TailraceError, match="may not have old values of table"):
        await make_job(theirs, "job", text)
    await db.execute("select tailrace.keep_old_images('flow', 'public.orders')")
    await make_job(theirs, "job", text)
    assert (await job_row(db, "job")).owner == "job_maker"
    await db.execute("insert into public.orders values (1, '2026-01-01')")
    await run_job(db, "job")
    assert len(await rows(db, "select day from public.revenue")) == 1
    await db.execute("revoke insert on public.revenue from job_maker")
    await db.execute("insert into public.orders values (2, '2026-01-02')")
    with pytest.raises(TailraceError, match=r'job "job", statement 1, ticks .* permission denied'):
        await run_job(db, "job")
    with pytest.raises(TailraceError, match='cannot give job "job" to role "postgres"'):
        await theirs.execute("update tailrace.job set owner = 'postgres' where kind = 'sql'")
    await theirs.close()
    await db.execute("drop owned by job_maker cascade; drop role job_maker")
