"""Jobs that read what other jobs write, and tables that no cascade knows."""

from __future__ import annotations

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.process import StartProcess
from fixtures.sqljobs import job_row, make_job, rows, run_job, status
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.errors import StatementError, Timeout, Unsupported, WrongState
from tailrace.jobs.manager import Manager

TABLES = """
    create table public.orders (id int primary key, day date, amount int);
    create table public.by_day (day date primary key, total bigint, n bigint);
    create table public.by_month (month int primary key, total bigint, days bigint)
"""
BY_DAY = """
    insert into by_day as d select day, sum(amount * _weight), sum(_weight)
    from changes.orders group by day
    on conflict (day) do update set total = d.total + excluded.total, n = d.n + excluded.n;
    delete from by_day where n = 0
"""
BY_MONTH = """
    insert into by_month as m select extract(month from day), sum(total * _weight), sum(_weight)
    from changes.by_day group by 1
    on conflict (month) do update set total = m.total + excluded.total,
        days = m.days + excluded.days;
    delete from by_month where days = 0
"""
FILL = (
    "insert into public.orders select n, date '2026-01-01' + n % 90, n"
    " from generate_series(1, 500) n"
)
WANTED = (
    "select extract(month from day)::int, sum(amount), count(distinct day)"
    " from public.orders group by 1"
)


async def _right(db: Database, source: Database | None = None) -> bool:
    assert await rows(db, "select * from public.by_month") == await rows(source or db, WANTED)
    return True


async def test_database_without_a_cascade_keeps_sums_of_sums(database: Database):
    db = database
    await db.execute(TABLES)
    await make_job(db, "by_day", BY_DAY, {"initial": "snapshot"})
    await make_job(db, "by_month", BY_MONTH, {"initial": "snapshot"})
    for statement in (
        FILL,
        "update public.orders set amount = amount * 2 where id % 3 = 0",
        "update public.orders set day = day + 31 where id % 5 = 0",
        "delete from public.orders where extract(month from day) = 2",
        "truncate public.orders",
        FILL,
    ):
        await db.execute(statement)
        await run_job(db, "by_day", "by_month")
        await _right(db)
    listed = await db.fetch_all("select job_name, kind from tailrace.jobs order by 1")
    assert [tuple(row) for row in listed] == [("by_day", "sql"), ("by_month", "sql")]
    # the local queue is of no concern to who looks after cascades
    assert await db.fetch_all("select 1 from pgq_node.node_info where queue_name <> %s", "x")
    async with Manager(db) as manager:
        assert {job.job_name for job in (await manager.list_jobs()).jobs} == {"by_day", "by_month"}


async def test_drain_of_the_last_goes_through_those_before_it(cascade: Cascade):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.db.execute(TABLES)
        await node.db.execute(f"select tailrace.add_table('{QUEUE}', 'orders')")
    async with running(root, leaf):
        await make_job(leaf.db, "by_day", BY_DAY)
        await make_job(leaf.db, "by_month", BY_MONTH)
        await eventually(lambda: _is(leaf.db, "by_month", "RUNNING"))
        for _ in range(3):
            await root.db.execute(FILL)
            async with Manager(leaf.db, timeout=20) as manager:
                await manager.stop("by_month", drain=True)
            assert await _right(leaf.db, root.db)
            assert await status(leaf, "by_month") == "FINISHED"
            await root.db.execute("delete from public.orders")
            async with Manager(leaf.db, timeout=20) as manager:
                await manager.start("by_month")
        await eventually(lambda: _right(leaf.db, root.db))
        # the one before it stands still, and who waits is told so
        async with Manager(leaf.db, timeout=20) as manager:
            await manager.stop("by_day")
            await root.db.execute(FILL)
            impatient = Manager(leaf.db, timeout=0.3)
            with pytest.raises(Timeout, match=r'job "by_day" to reach tick .*, the job goes on'):
                await impatient.stop("by_month", drain=True)
            await leaf.db.execute(
                "select tailrace.request_stop_job('by_month', with_drain => true)"
            )
            await manager.start("by_day")
        await eventually(lambda: _is(leaf.db, "by_month", "FINISHED"))
        await _right(leaf.db, root.db)


async def _is(db: Database, name: str, wanted: str) -> bool:
    return await status(db, name) == wanted


async def test_circles_and_replicated_targets_are_refused(cascade: Cascade):
    root = await cascade.root()
    db = root.db
    await db.execute(TABLES)
    await db.execute(f"select tailrace.add_table('{QUEUE}', 'orders')")
    await make_job(db, "by_day", BY_DAY)
    await make_job(db, "by_month", BY_MONTH)
    with pytest.raises(Unsupported, match=r'changes of table "public.by_day", which it writes'):
        await make_job(db, "x", "insert into by_day select day, total from changes.by_day")
    with pytest.raises(Unsupported, match=r'changes of table "public.by_day", which it writes'):
        await make_job(db, "x", "insert into by_day (total) select total from changes.by_month")
    with pytest.raises(StatementError, match="is replicated by a cascade"):
        await make_job(db, "x", "insert into orders (id) select total from changes.by_day")
    with pytest.raises(Unsupported, match=r"reads one queue.*public.orders from flow"):
        await make_job(
            db, "x", "delete from by_month using changes.orders;"
            " delete from by_month using changes.by_day",
        )  # fmt: skip
    with pytest.raises(WrongState, match='is written by job "by_month" and cannot be replicated'):
        await db.execute(f"select tailrace.add_table('{QUEUE}', 'by_month')")
    assert await db.fetch_value("select count(*) from tailrace.job where kind = 'sql'") == 2


async def test_dropped_job_leaves_nothing_behind(cascade: Cascade):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.db.execute(TABLES)
        await node.db.execute(f"select tailrace.add_table('{QUEUE}', 'orders')")
    await make_job(leaf.db, "by_day", BY_DAY)
    await make_job(leaf.db, "by_month", BY_MONTH)
    consumer = (await job_row(leaf.db, "by_day")).consumer_name
    assert await root.subscription(consumer) is not None
    async with Manager(leaf.db) as manager:
        with pytest.raises(WrongState, match='job "by_day" is CREATED; DROP needs one that has'):
            await manager.drop("by_day")
        for name in ("by_month", "by_day"):
            await manager.stop(name)
            await manager.drop(name)
    assert await root.subscription(consumer) is None
    count = "select count(*) from tailrace.{}"
    for table in ("job_relation", "job_leaving"):
        assert await leaf.db.fetch_value(count.format(table)) == 0
    captured = "select count(*) from pg_trigger where tgrelid = 'public.by_day'::regclass"
    assert await leaf.db.fetch_value(captured) == 0
    # by psql, with nobody there to reach the provider: a runner does it later
    await make_job(leaf.db, "by_day", BY_DAY)
    consumer = (await job_row(leaf.db, "by_day")).consumer_name
    await leaf.db.execute("call tailrace.stop_job('by_day')")
    await leaf.db.execute("select tailrace.drop_job('by_day')")
    assert await root.subscription(consumer) is not None
    async with running(leaf):
        await eventually(lambda: _gone(root, consumer))


async def _gone(node: TestNode, consumer: str) -> bool:
    return await node.subscription(consumer) is None


async def test_run_until_idle_goes_through_the_chain(cascade: Cascade, process: StartProcess):
    root = await cascade.root()
    await root.db.execute(TABLES)
    await root.db.execute(f"select tailrace.add_table('{QUEUE}', 'orders')")
    await make_job(root.db, "by_day", BY_DAY)
    await make_job(root.db, "by_month", BY_MONTH)
    await root.db.execute(FILL)
    run = await process("run", "--db", root.dsn, "--queue", QUEUE, "--until-idle")
    assert await run.wait(30) == 0, run.err
    assert await _right(root.db)
