"""What the queue tells about itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.queues import Queue
from tailrace.db.connection import Database
from tailrace.errors import DatabaseError

pytestmark = pytest.mark.sql


async def test_version_is_one_that_daemons_accept(database: Database) -> None:
    version = await database.fetch_value("select pgq.version()")
    assert version == "3.5"
    assert await database.fetch_value("select pgq.upgrade_schema()") == 0


async def test_queues_are_listed_by_name(queue: Queue) -> None:
    for name in ("zebra", "Ant", "ant"):
        await queue.call("pgq.create_queue(%s)", name)
    rows = await queue.db.fetch_all("select queue_name from pgq.get_queue_info()")
    names = [row.queue_name for row in rows]
    in_order = await queue.call("array_agg(queue_name order by queue_name) from pgq.queue")
    assert names == in_order
    assert await queue.call("count(*) from pgq.get_queue_info(null)") == 4
    assert await queue.call("count(*) from pgq.get_queue_info('ant')") == 1
    assert await queue.call("count(*) from pgq.get_queue_info('none')") == 0


async def test_rate_is_taken_from_the_last_twenty_ticks(queue: Queue) -> None:
    assert await queue.call("ev_per_sec from pgq.get_queue_info('q')") is None
    for _ in range(24):
        await queue.insert("1", "2")
        await queue.tick()
    await queue.db.execute(
        "update pgq.tick set tick_time = '2020-01-01'::timestamptz + tick_id * interval '1 second'"
    )
    # Tick 25 has seen 48 events, tick 5 has seen 8.
    assert await queue.call("ev_per_sec from pgq.get_queue_info('q')") == pytest.approx(2.0)


async def test_new_events_are_those_since_the_newest_tick(queue: Queue) -> None:
    await queue.insert("1", "2")
    await queue.tick()
    await queue.insert("3", "4", "5")
    row = await queue.db.fetch_one("select ev_new, last_tick_id from pgq.get_queue_info('q')")
    assert tuple(row) == (3, 2)


async def test_lag_is_the_age_of_the_last_finished_tick(queue: Queue) -> None:
    await queue.tick()
    await queue.db.execute("update pgq.tick set tick_time = now() - interval '1 hour'")
    await queue.db.execute("update pgq.subscription set sub_active = now() - interval '1 day'")
    row = await queue.db.fetch_one("select lag, last_seen from pgq.get_consumer_info('q', 'c')")
    assert timedelta(hours=1) <= row.lag < timedelta(hours=1, minutes=5)
    assert timedelta(days=1) <= row.last_seen < timedelta(days=1, minutes=5)
    await queue.next_batch()
    row = await queue.db.fetch_one("select lag, last_seen from pgq.get_consumer_info('q', 'c')")
    assert row.last_seen < timedelta(minutes=5)


async def test_pending_events_reach_from_the_last_tick_to_the_newest(queue: Queue) -> None:
    await queue.insert("1", "2", "3")
    await queue.tick()
    await queue.insert("4")
    assert await queue.call("pending_events from pgq.get_consumer_info('q', 'c')") == 2
    await queue.tick()
    assert await queue.call("pending_events from pgq.get_consumer_info('q', 'c')") == 3
    await queue.consume()
    assert await queue.call("pending_events from pgq.get_consumer_info('q', 'c')") == 0


async def test_consumers_are_listed_by_queue_and_name(queue: Queue) -> None:
    await queue.call("pgq.create_queue('a')")
    for name, consumer in (("q", "b"), ("a", "z"), ("a", "c")):
        await queue.call("pgq.register_consumer(%s, %s)", name, consumer)
    info = "select queue_name, consumer_name from pgq.get_consumer_info"
    everything = [("a", "c"), ("a", "z"), ("q", "b"), ("q", "c")]
    for arguments, expected in (
        ("()", everything),
        ("(null)", everything),
        ("(null, null)", everything),
        ("('q')", everything[2:]),
        ("(null, 'c')", [everything[0], everything[3]]),
        ("('a', 'z')", [everything[1]]),
    ):
        rows = await queue.db.fetch_all(info + arguments)
        assert [tuple(row) for row in rows] == expected, arguments


async def test_idle_cooperative_member_has_no_position(queue: Queue) -> None:
    await queue.db.execute("update pgq.subscription set sub_last_tick = null")
    row = await queue.db.fetch_one(
        "select consumer_name, lag, last_tick, pending_events from pgq.get_consumer_info('q')"
    )
    assert tuple(row) == ("c", None, None, None)


async def test_sequences_are_looked_at_without_moving_them(queue: Queue) -> None:
    sequence = "pgq.event_1_id_seq"
    assert await queue.call("pgq.seq_getval(%s)", sequence) == 1
    assert await queue.insert("x") == [1]
    assert await queue.call("pgq.seq_getval(%s)", sequence) == 1
    assert await queue.call("pgq.seq_setval(%s, 10)", sequence) == 10
    assert await queue.call("pgq.seq_setval(%s, 5)", sequence) == 10
    assert await queue.insert("x") == [11]
    await queue.db.execute('create sequence public."Odd.name" start 7')
    assert await queue.call("pgq.seq_getval('public.Odd.name')") == 7
    with pytest.raises(DatabaseError):
        await queue.call("pgq.seq_getval('none')")


async def test_names_are_split_at_the_first_dot_and_quoted(database: Database) -> None:
    for name, quoted in (
        ("a", "public.a"),
        ("a.b.c", 'a."b.c"'),
        ("A.select", '"A"."select"'),
        ('x"y', 'public."x""y"'),
    ):
        assert await database.fetch_value("select pgq.quote_fqname(%s)", name) == quoted
