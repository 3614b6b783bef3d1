"""The ticker: events are ticked soon after their commit, and nothing is ticked for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fixtures.databases import Connect
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.queue.ticker import Ticker

pytestmark = pytest.mark.sql

QUEUE = "orders"


async def make_queue(db: Database, name: str = QUEUE, idle: str = "1 hour") -> None:
    """Make a queue that ticks at once for events and next to never without."""
    await db.execute("select pgq.create_queue(%s)", name)
    for setting, value in (("ticker_max_lag", "10 ms"), ("ticker_idle_period", idle)):
        await db.execute("select pgq.set_queue_config(%s, %s, %s)", name, setting, value)


async def newest(db: Database, name: str = QUEUE) -> int:
    """Return the newest tick of a queue."""
    return int(await db.fetch_value("select last_tick_id from pgq.get_queue_info(%s)", name))


async def spin(db: Database, seconds: float = 0.15) -> tuple[int, str | None]:
    """Let the ticker run for a while; return the number of ticks and what failed."""
    row = await db.fetch_one(
        "call tailrace.run_ticker('4 ms', make_interval(secs => %s), null, null, null, null)",
        seconds,
    )
    assert row is not None
    return row.io_ticks, row.io_failed


async def age(db: Database) -> None:
    """Let the ticks before the newest be old.

    Ticks of an idle queue come at growing distance; so none is due soon.
    """
    await db.execute(
        "update pgq.tick as t set tick_time = tick_time - interval '1 day' where tick_id <"
        " (select max(n.tick_id) from pgq.tick as n where n.tick_queue = t.tick_queue)"
    )


async def settle(db: Database) -> None:
    """Let the ticker run until it finds nothing more to do."""
    while (await spin(db, 0.06))[0]:
        await age(db)
    await age(db)


async def insert(db: Database, name: str = QUEUE) -> None:
    """Insert an event."""
    await db.fetch_value("select pgq.insert_event(%s, 'row:I', '(1)')", name)


def reached(db: Database, tick: int, name: str = QUEUE) -> Callable[[], Awaitable[bool]]:
    """Return a check whether the queue has a tick."""

    async def check() -> bool:
        return await newest(db, name) >= tick

    return check


async def test_idle_queue_is_left_alone(database: Database) -> None:
    await make_queue(database)
    await settle(database)
    before = await newest(database)
    # other work of the database does not concern the queue
    await database.execute("create table public.other (i integer)")
    await database.execute("insert into public.other values (1)")
    assert await spin(database, 0.3) == (0, None)
    assert await newest(database) == before


async def test_committed_event_is_ticked_and_only_once(database: Database) -> None:
    await make_queue(database)
    await settle(database)
    await insert(database)
    await insert(database)
    assert (await spin(database))[0] == 1
    await age(database)
    assert await spin(database) == (0, None)


async def test_event_of_a_transaction_open_at_the_last_tick_does_not_wait_for_the_idle_period(
    database: Database, connect: Connect
) -> None:
    writer = await connect(database)
    await make_queue(database)
    await settle(database)
    async with writer.transaction():
        await insert(writer)
        await settle(database)  # its id has been counted by a tick that does not see it
        before = await newest(database)
    assert (await spin(database))[0] == 1
    assert await newest(database) == before + 1
    await age(database)
    assert await spin(database) == (0, None)


async def test_transaction_with_a_later_id_that_commits_first_hides_nothing(
    database: Database, connect: Connect
) -> None:
    early, late = await connect(database), await connect(database)
    await make_queue(database)
    await settle(database)
    async with early.transaction():
        await insert(early)
        async with late.transaction():
            await insert(late)
        await settle(database)
        before = await newest(database)
    assert (await spin(database))[0] == 1
    assert await newest(database) == before + 1


async def test_rolled_back_events_are_not_ticked_for(database: Database, connect: Connect) -> None:
    writer = await connect(database)
    await make_queue(database)
    await settle(database)
    with pytest.raises(ZeroDivisionError):
        async with writer.transaction():
            await insert(writer)
            await settle(database)
            raise ZeroDivisionError
    assert await spin(database) == (0, None)


async def test_event_written_before_a_rotation_and_committed_after_it_is_ticked(
    database: Database, connect: Connect
) -> None:
    writer = await connect(database)
    await make_queue(database)
    await settle(database)
    await database.execute("select pgq.set_queue_config(%s, 'rotation_period', '0')", QUEUE)
    async with writer.transaction():
        await insert(writer)
        await settle(database)
        await database.fetch_value("select pgq.maint_rotate_tables_step1(%s)", QUEUE)
        await database.fetch_value("select pgq.maint_rotate_tables_step2()")
        await settle(database)
    assert (await spin(database))[0] == 1


async def test_external_and_paused_queues_are_skipped(database: Database) -> None:
    for name, flag in (("external", "external_ticker"), ("paused", "ticker_paused")):
        await make_queue(database, name)
        await insert(database, name)
        await database.execute("select pgq.set_queue_config(%s, %s, 'true')", name, flag)
    assert await spin(database) == (0, None)


async def test_database_without_a_queue_to_tick_is_looked_at_now_and_then_only(
    database: Database,
) -> None:
    await make_queue(database)
    await database.execute("select pgq.set_queue_config(%s, 'external_ticker', 'true')", QUEUE)
    ticker = Ticker(database.dsn, duration=60)
    assert await asyncio.wait_for(ticker.run_once(), 5) is False
    await database.execute("select pgq.set_queue_config(%s, 'external_ticker', 'false')", QUEUE)
    await insert(database)
    ticker.request_stop()
    await ticker.run()


async def test_queue_that_fails_is_named_and_does_not_keep_others_waiting(
    database: Database,
) -> None:
    await make_queue(database, "broken")
    await make_queue(database, "sound")
    await settle(database)
    await database.execute(
        "update pgq.queue set queue_event_seq = 'pgq.no_such_seq' where queue_name = 'broken'"
    )
    await insert(database, "sound")
    ticks, failed = await spin(database)
    assert ticks == 1
    assert failed is not None
    assert failed.startswith('queue "broken": ')


async def test_idle_ticks_come_at_the_idle_period(database: Database) -> None:
    await make_queue(database, idle="50 ms")
    await settle_once(database)
    ticks, _ = await spin(database, 1.2)
    # the rules for idle queues are looked at a few times a second
    assert 2 <= ticks <= 8


async def settle_once(db: Database) -> None:
    """Make the ticks that a new queue gets at once."""
    await spin(db, 0.05)


async def test_tick_is_notified(database: Database, connect: Connect) -> None:
    ear = await connect(database)
    await make_queue(database)
    await settle(database)
    await ear.listen()
    await insert(database)
    await spin(database)
    heard = await ear.notifications(timeout=5)
    assert [(one.channel, one.payload) for one in heard] == [("tailrace_tick", QUEUE)]


async def test_ticker_service_ticks_until_it_is_stopped(database: Database) -> None:
    await make_queue(database)
    ticker = Ticker(database.dsn, duration=0.1)
    task = asyncio.create_task(ticker.run())
    before = await newest(database)
    await insert(database)
    await insert(database)
    await eventually(reached(database, before + 1))
    ticker.request_stop()
    await asyncio.wait_for(task, 10)


async def test_of_two_tickers_one_ticks_and_the_other_takes_over(database: Database) -> None:
    await make_queue(database)
    first, second = Ticker(database.dsn, duration=0.05), Ticker(database.dsn, duration=0.05)
    assert await first.run_once() is True
    assert await second.run_once() is False
    first.request_stop()
    await asyncio.wait_for(first.run(), 10)  # gives the lock back
    await eventually(second.run_once)
    second.request_stop()
    await asyncio.wait_for(second.run(), 10)


async def test_foreign_ticker_beside_ours_does_no_harm(
    database: Database, connect: Connect
) -> None:
    """pgqd calls pgq.ticker(); together no event is ticked twice or left out."""
    foreign, writer = await connect(database), await connect(database)
    await make_queue(database)
    await database.execute("select pgq.register_consumer(%s, 'c')", QUEUE)
    ticker = Ticker(database.dsn, duration=0.05)
    task = asyncio.create_task(ticker.run())
    for _ in range(60):
        await insert(writer)
        await foreign.execute("select pgq.ticker()")
    seen: list[int] = []

    async def all_seen() -> bool:
        batch = await database.fetch_value("select pgq.next_batch(%s, 'c')", QUEUE)
        if batch is not None:
            rows = await database.fetch_all("select ev_id from pgq.get_batch_events(%s)", batch)
            seen.extend(row.ev_id for row in rows)
            await database.execute("select pgq.finish_batch(%s)", batch)
        return len(seen) >= 60

    await eventually(all_seen)
    assert len(set(seen)) == len(seen) == 60
    ticker.request_stop()
    await asyncio.wait_for(task, 10)
