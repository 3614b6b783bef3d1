"""The listener wakes whom a tick concerns, and everybody after it was cut off."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from fixtures.waiting import eventually
from tailrace.db import locks
from tailrace.db.listen import Listener
from tailrace.service import background


@asynccontextmanager
async def listening(dsn: str, *queues: str):
    """A running listener with an event for each queue, heard of its readiness already."""
    listener = Listener(dsn)
    events = {queue: asyncio.Event() for queue in queues}
    for queue, event in events.items():
        listener.register(queue, event)
    async with background(listener.run(), name="listener") as task:
        for event in events.values():  # connecting wakes everybody
            await asyncio.wait_for(event.wait(), 10)
            event.clear()
        yield listener, events, task
        listener.request_stop()
        await asyncio.wait_for(task, 10)


async def test_tick_wakes_only_its_queue(empty_database):
    async with listening(empty_database.dsn, "orders", "other") as (_, events, _task):
        await empty_database.execute("select pg_notify('tailrace_tick', 'orders')")
        await asyncio.wait_for(events["orders"].wait(), 10)
        assert not events["other"].is_set()


async def test_real_tick_wakes(database):
    await database.execute("select pgq.create_queue('orders')")
    async with listening(database.dsn, "orders") as (_, events, _task):
        await database.execute("select pgq.force_tick('orders'), pgq.ticker('orders')")
        await asyncio.wait_for(events["orders"].wait(), 10)


async def test_everybody_is_woken_after_a_lost_connection(empty_database, proxy):
    middle = await proxy(empty_database.dsn)
    async with listening(middle.dsn, "orders", "other") as (_, events, _task):
        middle.cut()
        for event in events.values():
            await asyncio.wait_for(event.wait(), 10)
            event.clear()
        await empty_database.execute("select pg_notify('tailrace_tick', 'orders')")
        await asyncio.wait_for(events["orders"].wait(), 10)


async def test_database_that_was_away_for_a_while_is_heard_again(new_database, database):
    """That it does not exist is no error that waiting mends, mostly; the process has more to do."""
    there = await new_database()
    name = there.dbname
    async with listening(there.dsn, "orders") as (listener, events, task):
        await there.close()
        await database.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s", name
        )
        await database.execute(f'alter database "{name}" rename to "{name}_away"')
        await eventually(lambda: listener.failures > 1)
        assert not task.done()
        await database.execute(f'alter database "{name}_away" rename to "{name}"')
        await asyncio.wait_for(events["orders"].wait(), 20)


async def test_unregistered_event_stays_quiet(empty_database):
    async with listening(empty_database.dsn, "a", "b") as (listener, events, _task):
        listener.unregister("a", events["a"])
        listener.unregister("a", events["a"])
        for queue in ("a", "b"):
            await empty_database.execute("select pg_notify('tailrace_tick', %s)", queue)
        await asyncio.wait_for(events["b"].wait(), 10)
        assert not events["a"].is_set()


async def test_stopping_ends_the_wait_and_closes_the_connection(empty_database):
    async with listening(empty_database.dsn, "orders"):
        pass

    async def gone() -> bool:
        return not await empty_database.fetch_value(
            "select count(*) from pg_stat_activity where application_name = 'tailrace:listener'"
            " and datname = current_database()"
        )

    await eventually(gone)


async def test_lock_is_one_sessions_until_it_gives_it_back(empty_database, connect):
    other = await connect(empty_database)
    assert await locks.acquire(empty_database, "worker orders")
    assert not await locks.acquire(other, "worker orders")
    assert await locks.acquire(other, "worker other")
    await locks.release(empty_database, "worker orders")
    async with locks.held(other, "worker orders") as got:
        assert got
        assert not await locks.acquire(empty_database, "worker orders")
    assert await locks.acquire(empty_database, "worker orders")


async def test_lock_ends_with_its_session(empty_database, connect):
    other = await connect(empty_database)
    assert await locks.acquire(other, "worker orders")
    await other.close()
    await locks.release(other, "worker orders")
    await eventually(lambda: locks.acquire(empty_database, "worker orders"))


@pytest.mark.parametrize("held_before", [True, False])
async def test_block_is_told_whether_it_holds_the_lock(empty_database, connect, held_before):
    other = await connect(empty_database)
    if held_before:
        assert await locks.acquire(other, "x")
    async with locks.held(empty_database, "x") as got:
        assert got is not held_before
