"""When ticks are made, by whom, and that each is younger than its lock."""

from __future__ import annotations

import pytest

from fixtures.databases import Connect
from fixtures.queues import Queue
from tailrace.db.connection import Database, Isolation
from tailrace.errors import DatabaseError, NotFound, WrongState
from tailrace.service import background

pytestmark = pytest.mark.sql

TICK = "select pgq.ticker('q')"


async def configure(queue: Queue, count: int, lag: str, idle: str) -> None:
    """Set the three rules of the ticker."""
    for setting, value in (
        ("ticker_max_count", str(count)),
        ("ticker_max_lag", lag),
        ("ticker_idle_period", idle),
    ):
        await queue.call("pgq.set_queue_config('q', %s, %s)", setting, value)


async def age_ticks(queue: Queue, by: str) -> None:
    """Let time pass: make all ticks older."""
    await queue.db.execute("update pgq.tick set tick_time = tick_time - %s::interval", by)


async def test_enough_events_make_a_tick(queue: Queue) -> None:
    await queue.insert("first")
    await queue.tick()
    await configure(queue, 5, "1 hour", "1 hour")
    for number in range(4):
        await queue.insert(str(number))
        assert await queue.tick() is None
    await queue.insert("fifth")
    assert await queue.tick() == 3


async def test_waiting_event_makes_a_tick_after_the_lag(queue: Queue) -> None:
    await queue.insert("first")
    await queue.tick()
    await configure(queue, 500, "1 second", "1 hour")
    await queue.insert("1")
    assert await queue.tick() is None
    await age_ticks(queue, "1 second")
    assert await queue.tick() == 3


async def test_first_event_of_all_is_not_counted_but_delivered(queue: Queue) -> None:
    await queue.tick()
    await configure(queue, 1, "1 hour", "1 hour")
    await queue.insert("1")
    assert await queue.call("ev_new from pgq.get_queue_info('q')") == 0
    assert await queue.tick() is None
    await age_ticks(queue, "2 hours")
    assert await queue.tick() == 3
    assert await queue.consume() == ["1"]


async def test_queue_with_a_single_tick_ticks_at_once(database: Database) -> None:
    queue = Queue(database)
    await queue.call("pgq.create_queue('q')")
    assert await queue.tick() == 2
    assert await queue.tick() is None


async def test_idle_ticks_come_at_growing_distance(queue: Queue) -> None:
    await queue.tick()
    await configure(queue, 500, "0", "10 seconds")
    gaps = []
    waited = 0
    while len(gaps) < 12:
        await age_ticks(queue, "1 second")
        waited += 1
        if await queue.tick() is not None:
            gaps.append(waited)
            waited = 0
    assert gaps == sorted(gaps)
    assert gaps[0] <= 2
    assert gaps[-1] == 10
    assert len(set(gaps)) >= 4


async def test_ticker_refuses_what_it_must_not_tick(queue: Queue) -> None:
    await queue.call("pgq.create_queue('plain')")
    with pytest.raises(NotFound, match='queue "none" does not exist'):
        await queue.call("pgq.ticker('none')")
    await queue.call("pgq.set_queue_config('q', 'ticker_paused', 'true')")
    with pytest.raises(WrongState, match='the ticker of queue "q" is paused'):
        await queue.tick()
    await queue.call("pgq.set_queue_config('q', 'ticker_paused', 'false')")
    await queue.call("pgq.set_queue_config('q', 'external_ticker', 'true')")
    with pytest.raises(WrongState, match="from another node"):
        await queue.tick()
    assert await queue.call("pgq.ticker()") == 1
    assert await queue.call("last_tick_id from pgq.get_queue_info('q')") == 1


async def test_external_ticks_are_stored_as_they_are(queue: Queue) -> None:
    tick = "pgq.ticker('q', %s, '2020-01-01 00:00:00+00', %s)"
    with pytest.raises(WrongState, match="a ticker of its own"):
        await queue.call(tick, 50, 700)
    await queue.call("pgq.set_queue_config('q', 'external_ticker', 'true')")
    assert await queue.call(tick, 50, 700) == 50
    row = await queue.db.fetch_one(
        "select tick_time::text, tick_event_seq from pgq.tick where tick_id = 50"
    )
    assert tuple(row) == ("2020-01-01 00:00:00+00", 700)
    sequences = (
        "array[pgq.seq_getval(queue_tick_seq), pgq.seq_getval(queue_event_seq)] from pgq.queue"
    )
    assert await queue.call(sequences) == [50, 700]
    assert await queue.call(tick, 40, 600) == 40
    assert await queue.call(sequences) == [50, 700]
    with pytest.raises(DatabaseError) as caught:
        await queue.call(tick, 50, 700)
    assert caught.value.sqlstate == "23505"
    await queue.call("pgq.set_queue_config('q', 'ticker_paused', 'true')")
    with pytest.raises(WrongState, match="paused"):
        await queue.call(tick, 60, 700)


async def test_force_tick_makes_the_next_run_tick(queue: Queue) -> None:
    await queue.tick()
    await configure(queue, 7, "1 hour", "1 hour")
    assert await queue.call("pgq.force_tick('q')") == 2
    assert await queue.call("last_value from pgq.event_1_id_seq") == 1 + 2 * 7 + 1000
    assert await queue.call("pgq.ticker()") == 1
    assert await queue.call("pgq.force_tick('q')") == 3


@pytest.mark.parametrize("setting", ["external_ticker", "ticker_paused"])
async def test_force_tick_leaves_a_queue_alone_that_does_not_tick(
    queue: Queue, setting: str
) -> None:
    await queue.call("pgq.set_queue_config('q', %s, 'true')", setting)
    assert await queue.call("pgq.force_tick('q')") == 1
    assert await queue.call("pgq.seq_getval('pgq.event_1_id_seq')") == 1
    assert await queue.call("pgq.force_tick('none')") is None


async def test_ticks_of_the_future_are_an_error(queue: Queue) -> None:
    """A dump that was restored into a younger cluster must not lose events in silence."""
    await queue.tick()
    await queue.db.execute("update pgq.tick set tick_snapshot = '4000000000:4000000000:'")
    with pytest.raises(WrongState, match='queue "q": transaction ids of tick 2'):
        await queue.tick()


# ---------------------------------------------------------------- the lock


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
@pytest.mark.parametrize("call", ["ticker('q')", "ticker()", "ticker('q', 9, now(), 9)"])
async def test_ticks_need_a_transaction_that_is_read_committed(
    queue: Queue, call: str, isolation: Isolation
) -> None:
    with pytest.raises(WrongState, match=f"ticks cannot be made in a {isolation} transaction"):
        async with queue.db.transaction(isolation):
            await queue.call(f"pgq.{call}")


async def test_tick_sees_what_was_committed_while_it_waited_for_the_lock(
    queue: Queue, connect: Connect
) -> None:
    ticker, holder = await connect(queue.db), await connect(queue.db)
    await holder.execute("begin; lock table pgq.tick in share row exclusive mode")
    await ticker.execute("begin; select 1")
    async with background(ticker.fetch_value(TICK), name="ticker") as call:
        await queue.makes_wait(ticker)
        await queue.insert("while it waited")
        await holder.execute("commit")
        assert await call == 2
    await ticker.execute("commit")
    assert await queue.consume() == ["while it waited"]


async def test_second_ticker_finds_that_nothing_is_left_to_do(
    queue: Queue, connect: Connect
) -> None:
    await queue.insert("first")
    await queue.tick()
    await configure(queue, 1, "1 hour", "1 hour")
    await queue.insert("1")
    ticker = await connect(queue.db)
    await queue.db.execute("begin")
    assert await queue.tick() == 3
    async with background(ticker.fetch_value(TICK), name="ticker") as call:
        await queue.makes_wait(ticker)
        await queue.db.execute("commit")
        assert await call is None
    assert await queue.call("max(tick_id) from pgq.tick") == 3


async def test_queue_that_becomes_external_meanwhile_is_not_ticked(
    queue: Queue, connect: Connect
) -> None:
    """A root is demoted under the lock; a ticker that waits for it must look again."""
    ticker, admin = await connect(queue.db), await connect(queue.db)
    await admin.execute("begin; lock table pgq.tick in share row exclusive mode")
    await admin.execute("update pgq.queue set queue_external_ticker = true")
    async with background(ticker.fetch_value(TICK), name="ticker") as call:
        await queue.makes_wait(ticker)
        await admin.execute("commit")
        assert await call is None
    assert await queue.call("max(tick_id) from pgq.tick") == 1


async def test_idle_ticker_takes_no_lock_and_no_transaction_id(queue: Queue) -> None:
    await queue.tick()
    await configure(queue, 500, "1 hour", "1 hour")
    async with queue.db.transaction():
        assert await queue.tick() is None
        assert await queue.call("pgq.ticker()") == 0
        modes = await queue.db.fetch_all(
            "select mode from pg_locks where relation = 'pgq.tick'::regclass"
        )
        assert {row.mode for row in modes} == {"AccessShareLock"}
        assert await queue.call("txid_current_if_assigned()") is None


async def test_snapshots_of_ticks_never_go_back(queue: Queue, connect: Connect) -> None:
    writers = [await connect(queue.db) for _ in range(3)]
    for number in range(30):
        writer = writers[number % 3]
        await writer.execute("commit" if writer.in_transaction else "begin")
        if writer.in_transaction:
            await writer.execute("select pgq.insert_event('q', 'kind', 'x')")
        await queue.tick()
    wrong = await queue.db.fetch_all(
        "select * from (select tick_id, txid_snapshot_xmin(tick_snapshot)"
        " < lag(txid_snapshot_xmin(tick_snapshot)) over w or txid_snapshot_xmax(tick_snapshot)"
        " < lag(txid_snapshot_xmax(tick_snapshot)) over w as back"
        " from pgq.tick window w as (order by tick_id)) t where back"
    )
    assert wrong == []


# ---------------------------------------------------------------- waking listeners


async def test_each_tick_notifies_with_the_name_of_its_queue(
    queue: Queue, connect: Connect
) -> None:
    await queue.call("pgq.create_queue('external')")
    await queue.call("pgq.set_queue_config('external', 'external_ticker', 'true')")
    listener = await connect(queue.db)
    await listener.listen()

    async def heard() -> list[tuple[str, str]]:
        return [(one.channel, one.payload) for one in await listener.notifications(timeout=5)]

    await queue.tick()
    assert await heard() == [("tailrace_tick", "q")]
    await queue.call("pgq.ticker()")
    assert await heard() == [("tailrace_tick", "q")]
    await queue.call("pgq.ticker('external', 9, now(), 9)")
    assert await heard() == [("tailrace_tick", "external")]


async def test_inserting_does_not_notify(queue: Queue, connect: Connect) -> None:
    listener = await connect(queue.db)
    await listener.listen()
    await queue.insert("1", "2", "3")
    assert await listener.notifications(timeout=0.2) == []


async def test_make_tick_stores_the_snapshot_it_is_given(queue: Queue) -> None:
    await queue.db.execute("begin; lock table pgq.tick in share row exclusive mode")
    assert await queue.call("pgq.make_tick(1, '100:200:150', 77)") == 2
    await queue.db.execute("commit")
    row = await queue.db.fetch_one(
        "select tick_snapshot::text, tick_event_seq from pgq.tick where tick_id = 2"
    )
    assert tuple(row) == ("100:200:150", 77)
    with pytest.raises(NotFound, match="queue with id 99"):
        await queue.call("pgq.make_tick(99, '100:200:150', 77)")
