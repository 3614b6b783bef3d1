"""Events go in: ids, times, limits, and who may."""

from __future__ import annotations

import pytest

from fixtures.databases import Connect
from fixtures.queues import Queue
from tailrace.errors import NotFound, WrongState

pytestmark = pytest.mark.sql

RAW = "pgq.insert_event_raw('q', %s, %s, %s, %s, 'kind', 'data', 'a', 'b', 'c', 'd')"


async def test_event_has_the_time_its_transaction_began(queue: Queue) -> None:
    async with queue.db.transaction():
        began = await queue.call("now()")
        await queue.insert("1")
        await queue.insert("2")
    rows = await queue.db.fetch_all("select ev_time, ev_txid from pgq.event_1")
    assert {row.ev_time for row in rows} == {began}
    assert len({row.ev_txid for row in rows}) == 1


async def test_raw_event_keeps_all_its_fields(queue: Queue) -> None:
    assert await queue.call(RAW, 100, "2020-01-01", 7, 3) == 100
    row = await queue.db.fetch_one(
        "select ev_id, ev_time::date::text, ev_owner, ev_retry, ev_type, ev_data,"
        " ev_extra1, ev_extra2, ev_extra3, ev_extra4 from pgq.event_1"
    )
    assert tuple(row) == (100, "2020-01-01", 7, 3, "kind", "data", "a", "b", "c", "d")


async def test_raw_event_without_id_and_time_gets_both(queue: Queue) -> None:
    assert await queue.call(RAW, None, None, None, None) == 1
    assert await queue.call("ev_time > now() - interval '1 hour' from pgq.event_1") is True


async def test_given_id_uses_up_a_number_all_the_same(queue: Queue) -> None:
    """The ticker counts by the sequence, so it must move with every event."""
    await queue.call(RAW, 100, None, None, None)
    await queue.call(RAW, 101, None, None, None)
    assert await queue.call("last_value from pgq.event_1_id_seq") == 2


async def test_unknown_queue_takes_no_event(queue: Queue) -> None:
    for name in ("none", None):
        with pytest.raises(NotFound):
            await queue.call("pgq.insert_event(%s, 'kind', 'x')", name)


@pytest.mark.parametrize("role", ["origin", "local"])
async def test_disabled_queue_refuses_events_of_users(queue: Queue, role: str) -> None:
    await queue.db.execute("update pgq.queue set queue_disable_insert = true")
    await queue.db.execute(f"set session_replication_role = {role}")
    for call in ("pgq.insert_event('q', 'kind', 'x')", "pgq.current_event_table('q')"):
        with pytest.raises(WrongState, match=r'queue "q" takes no events .* inserts are disabled'):
            await queue.call(call)


async def test_disabled_queue_takes_events_of_replication(queue: Queue, connect: Connect) -> None:
    await queue.db.execute("update pgq.queue set queue_disable_insert = true")
    worker = await connect(queue.db, replica=True)
    assert await worker.fetch_value("select pgq.insert_event('q', 'kind', 'x')") == 1
    assert await worker.fetch_value("select pgq.current_event_table('q')") == "pgq.event_1_0"


async def test_copied_events_are_delivered(queue: Queue) -> None:
    async with queue.db.transaction():
        table = await queue.call("pgq.current_event_table('q')")
        copy = f"copy {table} (ev_id, ev_time, ev_type, ev_data) from stdin"
        async with queue.db.copy_in(copy) as stream:
            await stream.write(b"500\t2020-01-01\tkind\tcopied\n")
    assert await queue.call("pgq.seq_getval('pgq.event_1_id_seq')") == 1
    await queue.tick()
    assert await queue.consume() == ["copied"]


async def test_copied_rows_without_id_draw_one(queue: Queue) -> None:
    async with queue.db.transaction():
        table = await queue.call("pgq.current_event_table('q')")
        async with queue.db.copy_in(f"copy {table} (ev_time, ev_data) from stdin") as stream:
            await stream.write(b"2020-01-01\t1\n2020-01-01\t2\n")
    assert await queue.call("array_agg(ev_id order by ev_data) from pgq.event_1") == [1, 2]


# ---------------------------------------------------------------- limits


async def limit(queue: Queue, value: int | None) -> None:
    await queue.db.execute("update pgq.queue set queue_per_tx_limit = %s", value)


async def test_transaction_may_insert_as_many_events_as_the_limit_says(queue: Queue) -> None:
    await limit(queue, 2)
    for _ in range(3):  # the count starts anew in each transaction
        async with queue.db.transaction():
            await queue.insert("1", "2")
    with pytest.raises(WrongState, match=r'queue "q" takes at most 2 event\(s\)'):
        async with queue.db.transaction():
            await queue.insert("1", "2", "3")
    assert await queue.call("count(*) from pgq.event_1") == 6


async def test_limits_count_each_queue_by_itself(queue: Queue) -> None:
    await queue.call("pgq.create_queue('second')")
    await limit(queue, 2)
    async with queue.db.transaction():
        for name in ("q", "second", "q", "second"):
            await queue.call("pgq.insert_event(%s, 'kind', 'x')", name)


async def test_limit_of_none_refuses_the_first_event(queue: Queue) -> None:
    await limit(queue, 0)
    with pytest.raises(WrongState, match="at most 0"):
        await queue.insert("1")


async def test_without_limit_any_number_goes(queue: Queue) -> None:
    await limit(queue, None)
    async with queue.db.transaction():
        await queue.call(
            "count(pgq.insert_event('q', 'kind', n::text)) from generate_series(1, 3000) as t (n)"
        )
    assert await queue.call("count(*) from pgq.event_1") == 3000
