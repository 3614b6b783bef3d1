"""Events that are sent back come again later, to those who sent them back."""

from __future__ import annotations

import pytest

from fixtures.databases import Connect
from fixtures.queues import Queue
from tailrace.errors import DatabaseError, NotFound

pytestmark = pytest.mark.sql


async def move(queue: Queue) -> int:
    """Move all events that are due and return how many that were."""
    total = 0
    while moved := await queue.call("pgq.maint_retry_events()"):
        total += moved
    return total


async def test_retried_events_come_again_unchanged_to_their_consumer_only(queue: Queue) -> None:
    await queue.call("pgq.register_consumer('q', 'other')")
    await queue.insert("1", "2", "3")
    await queue.tick()
    batch = await queue.next_batch() or 0
    before = await queue.events(batch)
    assert await queue.call("pgq.event_retry(%s, 2, 0)", batch) == 1
    assert await queue.call("pgq.event_retry(%s, 2, 0)", batch) == 0
    assert await queue.call("pgq.batch_retry(%s, 0)", batch) == 2
    await queue.call("pgq.finish_batch(%s)", batch)
    assert await move(queue) == 3
    assert await queue.call("count(*) from pgq.retry_queue") == 0
    await queue.tick()
    again = await queue.events(await queue.next_batch() or 0)
    assert [(e.ev_id, e.ev_time, e.ev_type, e.ev_data) for e in again] == [
        (e.ev_id, e.ev_time, e.ev_type, e.ev_data) for e in before
    ]
    assert [event.ev_retry for event in again] == [1, 1, 1]
    assert await queue.consume("other") == ["1", "2", "3"]


async def test_second_retry_counts_on(queue: Queue) -> None:
    await queue.insert("1")
    await queue.tick()
    for expected in (1, 2, 3):
        batch = await queue.next_batch() or 0
        assert await queue.call("pgq.event_retry(%s, 1, 0)", batch) == 1
        await queue.call("pgq.finish_batch(%s)", batch)
        assert await move(queue) == 1
        await queue.tick()
        events = await queue.events(await queue.next_batch() or 0)
        assert [event.ev_retry for event in events] == [expected]


async def test_event_that_is_not_due_stays(queue: Queue) -> None:
    await queue.insert("1", "2")
    await queue.tick()
    batch = await queue.next_batch() or 0
    await queue.call("pgq.event_retry(%s, 1, 3600)", batch)
    await queue.call("pgq.event_retry(%s, 2, now() - interval '1 second')", batch)
    assert await move(queue) == 1
    assert await queue.call("array_agg(ev_id) from pgq.retry_queue") == [1]


async def test_at_most_ten_events_move_at_once_the_oldest_first(queue: Queue) -> None:
    await queue.insert(*map(str, range(1, 13)))
    await queue.tick()
    batch = await queue.next_batch() or 0
    for event in range(1, 13):
        await queue.call(
            "pgq.event_retry(%s, %s, now() - make_interval(mins => %s))", batch, event, event
        )
    assert await queue.call("pgq.maint_retry_events()") == 10
    assert await queue.call("array_agg(ev_id order by ev_id) from pgq.retry_queue") == [1, 2]
    assert await queue.call("pgq.maint_retry_events()") == 2
    assert await queue.call("pgq.maint_retry_events()") == 0


async def test_event_of_another_batch_cannot_be_sent_back(queue: Queue) -> None:
    await queue.insert("1")
    await queue.tick()
    batch = await queue.next_batch() or 0
    for event in (77, None):
        with pytest.raises(NotFound, match=f"is not in batch {batch}"):
            await queue.call("pgq.event_retry(%s, %s, 0)", batch, event)
    with pytest.raises(NotFound, match="batch 99 is not open"):
        await queue.call("pgq.batch_retry(99, 0)")


async def test_raw_retry_takes_any_id_or_draws_one(queue: Queue) -> None:
    raw = "pgq.event_retry_raw('q', %s, now(), %s, now(), 5, 'kind', 'x', null, null, null, null)"
    assert await queue.call(raw, "c", 666) == 666
    assert await queue.call(raw, "c", None) == 1
    with pytest.raises(DatabaseError):
        await queue.call(raw, "c", 666)
    with pytest.raises(NotFound, match='consumer "none" is not registered'):
        await queue.call(raw, "none", 667)
    assert await move(queue) == 2
    await queue.tick()
    events = await queue.events(await queue.next_batch() or 0)
    assert [(event.ev_id, event.ev_retry) for event in events] == [(1, 5), (666, 5)]


async def test_one_mover_at_a_time(queue: Queue, connect: Connect) -> None:
    other = await connect(queue.db)
    await other.execute("set lock_timeout = '50ms'")
    async with queue.db.transaction():
        await queue.call("pgq.maint_retry_events()")
        with pytest.raises(DatabaseError) as caught:
            await other.fetch_value("select pgq.maint_retry_events()")
        assert caught.value.sqlstate == "55P03"
    assert await other.fetch_value("select pgq.maint_retry_events()") == 0


async def test_retries_do_not_stop_at_a_queue_whose_inserts_are_disabled(queue: Queue) -> None:
    """On a branch nothing new may be inserted; its consumers may send events back all the same."""
    await queue.insert("1")
    await queue.tick()
    batch = await queue.next_batch() or 0
    await queue.call("pgq.batch_retry(%s, 0)", batch)
    await queue.call("pgq.finish_batch(%s)", batch)
    await queue.db.execute("update pgq.queue set queue_disable_insert = true")
    assert await move(queue) == 1
    await queue.tick()
    assert await queue.consume() == ["1"]


async def test_moved_events_make_the_ticker_tick(queue: Queue) -> None:
    await queue.insert("1", "2")
    await queue.tick()
    batch = await queue.next_batch() or 0
    await queue.call("pgq.batch_retry(%s, 0)", batch)
    await queue.call("pgq.finish_batch(%s)", batch)
    assert await queue.call("ev_new from pgq.get_queue_info('q')") == 0
    await move(queue)
    assert await queue.call("ev_new from pgq.get_queue_info('q')") == 2
