"""A batch is what became visible between two ticks."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from fixtures.databases import Connect
from fixtures.queues import Queue
from tailrace.db.connection import Database
from tailrace.errors import LostPosition, NotFound
from tailrace.service import background

pytestmark = pytest.mark.sql

NOTHING = (None,) * 7


async def test_batch_stays_open_until_it_is_finished_once(database: Database) -> None:
    queue = Queue(database)
    await queue.call("pgq.create_queue('q')")
    await queue.call("pgq.register_consumer('q', 'c')")
    assert await queue.next_batch() is None
    assert await queue.call("pgq.ticker()") == 1
    batch = await queue.next_batch()
    assert batch is not None
    assert await queue.next_batch() == batch
    row = await database.fetch_one(
        "select prev_tick_id, tick_id, queue_name, consumer_name, seq_start, seq_end"
        " from pgq.get_batch_info(%s)",
        batch,
    )
    assert tuple(row) == (1, 2, "q", "c", 1, 1)
    row = await database.fetch_one(
        "select last_tick, current_batch, next_tick from pgq.get_consumer_info('q', 'c')"
    )
    assert tuple(row) == (1, batch, 2)
    assert await queue.call("pgq.finish_batch(%s)", batch) == 1
    assert await queue.call("pgq.finish_batch(%s)", batch) == 0
    with pytest.raises(NotFound, match=f"batch {batch} is not open"):
        await queue.events(batch)


async def test_batch_holds_the_events_before_its_tick_in_the_order_of_ids(queue: Queue) -> None:
    await queue.insert("1")
    await queue.call("pgq.insert_event('q', 'kind', '2', 'a', 'b', null, '')")
    await queue.insert("3")
    assert await queue.next_batch() is None
    await queue.tick()
    events = await queue.events(await queue.next_batch() or 0)
    assert [event.ev_id for event in events] == [1, 2, 3]
    assert [event.ev_data for event in events] == ["1", "2", "3"]
    second = events[1]
    assert (second.ev_extra1, second.ev_extra2, second.ev_extra3, second.ev_extra4) == (
        "a",
        "b",
        None,
        "",
    )
    assert all(event.ev_retry is None for event in events)


async def test_empty_batch_is_a_batch(queue: Queue) -> None:
    await queue.tick()
    batch = await queue.next_batch()
    assert batch is not None
    assert await queue.events(batch) == []
    assert await queue.call("pgq.finish_batch(%s)", batch) == 1


async def test_consumer_that_is_not_registered_gets_no_batch(queue: Queue) -> None:
    with pytest.raises(NotFound, match='consumer "none" is not registered on queue "q"'):
        await queue.next_batch("none")


async def test_lost_position_names_tick_and_oldest_kept(queue: Queue) -> None:
    await queue.tick()
    await queue.db.execute("delete from pgq.tick where tick_id = 1")
    with pytest.raises(LostPosition, match=r'"c": tick 1 of queue "q" is needed.*kept is 2'):
        await queue.next_batch()


async def test_consumers_do_not_disturb_each_other(queue: Queue) -> None:
    await queue.call("pgq.register_consumer('q', 'slow')")
    expected, seen = [], []
    for number in range(10):
        await queue.insert(str(number))
        expected.append(str(number))
        await queue.tick()
        seen += await queue.consume("c")
    assert seen == expected
    assert await queue.consume("slow") == expected


async def test_two_sessions_of_a_consumer_get_the_same_batch(
    queue: Queue, connect: Connect
) -> None:
    await queue.tick()
    other = await connect(queue.db)
    await queue.db.execute("begin")
    batch = await queue.next_batch()
    same = other.fetch_value("select pgq.next_batch('q', 'c')")
    async with background(same, name="consumer") as call:
        await queue.makes_wait(other)
        await queue.db.execute("commit")
        assert await call == batch


async def test_asking_in_vain_writes_nothing(queue: Queue) -> None:
    async with queue.db.transaction():
        assert await queue.next_batch() is None
        assert await queue.call("txid_current_if_assigned()") is None


# ---------------------------------------------------------------- conditions


async def ask(queue: Queue, *conditions: object) -> tuple[object, ...]:
    """Ask for a batch under conditions: minimal lag, count and interval."""
    row = await queue.db.fetch_one(
        "select * from pgq.next_batch_custom('q', 'c', %s::interval, %s, %s::interval)", *conditions
    )
    return tuple(row)


async def test_condition_that_does_not_hold_opens_no_batch(queue: Queue) -> None:
    await queue.insert("0")
    await queue.tick()
    await queue.consume()
    await queue.insert("1", "2", "3")
    await queue.tick()
    assert await ask(queue, "1 hour", None, None) == NOTHING
    assert await ask(queue, None, 10000, None) == NOTHING
    assert await ask(queue, None, None, "10 minutes") == NOTHING
    assert await ask(queue, "1 hour", 1, "0") == NOTHING
    assert await queue.call("current_batch from pgq.get_consumer_info('q', 'c')") is None
    assert await queue.next_batch() is not None


async def tick_after(queue: Queue, count: int) -> None:
    await queue.insert(*map(str, range(count)))
    await queue.tick()


async def test_consumer_far_behind_gets_batches_of_the_size_it_asks_for(queue: Queue) -> None:
    await tick_after(queue, 1)
    await queue.consume()
    for _ in range(6):
        await tick_after(queue, 10)
    row = await ask(queue, None, 20, None)
    assert row[1:3] == (4, 2)
    assert row[5] - row[6] == 20  # type: ignore[operator]


async def test_consumer_little_behind_gets_all_there_is(queue: Queue) -> None:
    await tick_after(queue, 1)
    await queue.consume()
    for _ in range(3):
        await tick_after(queue, 10)
    row = await ask(queue, None, 20, None)
    assert row[1:3] == (5, 2)


async def test_interval_counts_from_tick_to_tick(queue: Queue) -> None:
    for _ in range(5):
        await queue.tick()
    await queue.db.execute(
        "update pgq.tick set tick_time = '2020-01-01'::timestamptz + tick_id * interval '1 minute'"
    )
    assert await ask(queue, None, None, "6 minutes") == NOTHING
    row = await ask(queue, None, None, "2 minutes")
    assert row[1:3] == (3, 1)
    assert row[3] - row[4] == timedelta(minutes=2)  # type: ignore[operator]


async def test_open_batch_is_given_whatever_the_conditions(queue: Queue) -> None:
    await queue.tick()
    batch = await queue.next_batch()
    assert (await ask(queue, "1 hour", 10000, "1 year"))[0] == batch


# ---------------------------------------------------------------- cursors


async def test_cursor_gives_the_first_events_and_keeps_the_rest(queue: Queue) -> None:
    await queue.insert("1", "2", "3")
    await queue.tick()
    batch = await queue.next_batch()

    async def first(*args: object) -> list[int]:
        marks = ", ".join(["%s"] * len(args))
        rows = await queue.db.fetch_all(f"select * from pgq.get_batch_cursor({marks})", *args)
        return [row.ev_id for row in rows]

    async with queue.db.transaction():
        assert await first(batch, "c1", 10) == [1, 2, 3]
        assert await first(batch, "c2", 2) == [1, 2]
        assert [row.ev_id for row in await queue.db.fetch_all("fetch all from c2")] == [3]
        assert await first(batch, "c3", 10, "ev_id = 1 or ev_data = '1' -- ends here") == [1]
        assert await first(batch, "c4", 0) == []
        assert [row.ev_id for row in await queue.db.fetch_all("fetch 2 from c4")] == [1, 2]
        assert await first(batch, "Odd name", -1) == []
        assert len(await queue.db.fetch_all('fetch all from "Odd name"')) == 3
        assert await first(None, "c5", 10, None) == []
        assert await first(batch, None, 10, None) == []
        assert await first(batch, "c6", None, None) == []
        assert await queue.call("count(*) from pg_cursors where name in ('c5', 'c6')") == 0
    with pytest.raises(NotFound):
        await first(99, "c7", 10)


# ---------------------------------------------------------------- whose events


async def test_aborted_transactions_and_savepoints_leave_no_events(
    queue: Queue, connect: Connect
) -> None:
    writer = await connect(queue.db)
    insert = "select pgq.insert_event('q', 'kind', %s)"
    await writer.execute("begin")
    await writer.execute(insert, "never")
    await writer.execute("rollback")
    await writer.execute("begin")
    await writer.execute(insert, "kept")
    await writer.execute("savepoint s")
    await writer.execute(insert, "taken back")
    await writer.execute("rollback to savepoint s")
    await writer.execute("commit")
    await queue.tick()
    events = await queue.events(await queue.next_batch() or 0)
    assert [(event.ev_id, event.ev_data) for event in events] == [(2, "kept")]


async def test_late_commit_is_in_the_first_batch_that_saw_it(
    queue: Queue, connect: Connect
) -> None:
    writer = await connect(queue.db)
    await writer.execute("begin")
    await writer.execute("select pgq.insert_event('q', 'kind', 'early id')")
    await queue.insert("other")
    await queue.tick()
    assert await queue.consume() == ["other"]
    await writer.execute("select pgq.insert_event('q', 'kind', 'late id')")
    await writer.execute("commit")
    await queue.tick()
    events = await queue.events(await queue.next_batch() or 0)
    assert [(event.ev_id, event.ev_data) for event in events] == [(1, "early id"), (3, "late id")]


async def test_event_beside_a_tick_is_after_it(queue: Queue) -> None:
    async with queue.db.transaction():
        await queue.insert("before the call")
        await queue.tick()
        await queue.insert("after the call")
    assert await queue.consume() == []
    await queue.tick()
    assert await queue.consume() == ["before the call", "after the call"]


async def test_long_transaction_costs_one_id_and_not_a_scan_of_its_life(
    queue: Queue, connect: Connect
) -> None:
    writer = await connect(queue.db)
    await writer.execute("begin")
    await writer.execute("select pgq.insert_event('q', 'kind', 'long')")
    txid = await writer.fetch_value("select txid_current()")
    for _ in range(150):
        await queue.insert("short")
    before = await queue.tick()
    await writer.execute("commit")
    after = await queue.tick()
    sql = await queue.call("pgq.tick_range_sql(1, null, %s, %s)", before, after)
    assert f"'{{{txid}}}'" in sql
    assert [row.ev_data for row in await queue.db.fetch_all(sql)] == ["long"]
    assert await queue.consume() == ["short"] * 150 + ["long"]


async def test_near_transaction_widens_the_range(queue: Queue, connect: Connect) -> None:
    writer = await connect(queue.db)
    await writer.execute("begin")
    await writer.execute("select pgq.insert_event('q', 'kind', 'first')")
    txid = await writer.fetch_value("select txid_current()")
    await queue.insert("second")
    before = await queue.tick()
    await writer.execute("commit")
    after = await queue.tick()
    sql = await queue.call("pgq.tick_range_sql(1, null, %s, %s)", before, after)
    # transactions of other databases, as those of autovacuum, may have been open as well
    were_open = await queue.db.fetch_all(
        "select txid_snapshot_xip(tick_snapshot) as id from pgq.tick where tick_id = %s", before
    )
    (start,) = re.findall(r"ev_txid >= (\d+) ", sql)
    assert int(start) <= txid
    assert int(start) in {row.id for row in were_open}
    assert "any" not in sql
    assert [row.ev_data for row in await queue.db.fetch_all(sql)] == ["first"]


async def test_every_event_is_in_exactly_one_batch_whatever_is_open_at_its_ticks(
    queue: Queue, connect: Connect
) -> None:
    """Writers overlap in every way; batches and any merged range agree on the events."""
    writers = [await connect(queue.db) for _ in range(5)]
    committed = []
    for number in range(120):
        writer = writers[(number * number + 3 * number) % 5]
        if not writer.in_transaction:
            await writer.execute("begin")
        await writer.execute("select pgq.insert_event('q', 'kind', %s)", str(number))
        if number % 3 == 1:
            for done in writers[number % 2 :: 2]:
                await done.execute("commit" if number % 4 else "rollback")
        if number % 7 == 0:
            await queue.tick()
    for writer in writers:
        if writer.in_transaction:
            await writer.execute("commit")
    last = await queue.tick()
    rows = await queue.db.fetch_all("select ev_data from pgq.event_1 order by ev_id")
    committed = [row.ev_data for row in rows]
    assert sorted(await queue.consume()) == sorted(committed)
    for middle in range(1, last + 1):
        parts = []
        for span in ((1, middle), (middle, last)):
            sql = await queue.call("pgq.tick_range_sql(1, null, %s, %s)", *span)
            parts += [row.ev_data for row in await queue.db.fetch_all(sql)]
        assert sorted(parts) == sorted(committed), middle


async def test_range_of_lost_ticks_names_what_is_kept(queue: Queue) -> None:
    await queue.tick()
    with pytest.raises(LostPosition, match='tick 7 of queue "q" is needed, the oldest kept is 1'):
        await queue.call("pgq.tick_range_sql(1, null, 1, 7)")
    with pytest.raises(LostPosition, match="tick <NULL>"):
        await queue.call("pgq.tick_range_sql(1, null, null, 2)")
    with pytest.raises(NotFound, match="queue with id 77"):
        await queue.call("pgq.tick_range_sql(77, null, 1, 2)")
