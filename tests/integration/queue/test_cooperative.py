"""Schema pgq_coop: members share the batches of one consumer; spec/queue.md 6, acceptance A-20."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from fixtures.databases import Connect
from fixtures.queues import Queue
from tailrace.db.connection import Database
from tailrace.errors import AlreadyExists, UsageError, WrongState
from tailrace.service import together

pytestmark = pytest.mark.sql

NEXT = "pgq_coop.next_batch('q', 'c', %s)"
TAKE = "pgq_coop.next_batch('q', 'c', %s, '1 hour')"


async def silent(queue: Queue, member: str) -> None:
    """Let a member have been heard of a day ago."""
    await queue.db.execute(
        "update pgq.subscription set sub_active = now() - interval '1 day' from pgq.consumer"
        " where co_id = sub_consumer and co_name = %s",
        f"c.{member}",
    )


async def info(queue: Queue, consumer: str) -> tuple[object, ...] | None:
    row = await queue.db.fetch_one(
        "select last_tick, current_batch, next_tick from pgq.get_consumer_info('q', %s)", consumer
    )
    return None if row is None else tuple(row)


async def test_life_of_a_group(queue: Queue) -> None:
    """Acceptance A-20."""
    register = "pgq_coop.register_subconsumer('q', 'c', %s)"
    assert [await queue.call(register, one) for one in ("s1", "s1", "s2")] == [1, 0, 1]
    assert await queue.call(NEXT, "s1") is None
    assert await info(queue, "c.s1") == (None, None, None)
    await queue.insert("1", "2", "3")
    await queue.tick()
    first = await queue.call(NEXT, "s1")
    assert first is not None
    assert await queue.call(NEXT, "s1") == first
    assert await queue.call(NEXT, "s2") is None
    assert await info(queue, "c") == (2, None, None)
    assert await info(queue, "c.s1") == (1, first, 2)
    await queue.insert("4")
    await queue.tick()
    second = await queue.call(NEXT, "s2")
    assert [row.ev_data for row in await queue.events(second)] == ["4"]
    finish = "pgq_coop.finish_batch(%s)"
    assert [await queue.call(finish, second) for _ in range(2)] == [1, 0]
    assert await queue.call(TAKE, "s2") is None
    await silent(queue, "s1")
    assert await queue.call(TAKE, "s2") == first
    assert [row.ev_data for row in await queue.events(first)] == ["1", "2", "3"]
    leave = "pgq_coop.unregister_subconsumer('q', 'c', %s, %s)"
    assert await queue.call(leave, "s1", 0) == 0
    with pytest.raises(WrongState, match=f'member "s2" .* has batch {first} open'):
        await queue.call(leave, "s2", 0)
    assert [await queue.call(leave, "s2", 1) for _ in range(2)] == [1, 0]


async def test_names_that_nobody_knows_are_registered_by_asking(database: Database) -> None:
    queue = Queue(database)
    await queue.make()
    assert await queue.call(NEXT, "s1") is None
    assert await queue.call(NEXT, "s2") is None
    assert await queue.call("pgq.unregister_consumer('q', 'c.s1')") == 1
    assert await queue.call("pgq.unregister_consumer('q', 'c')") == 2


async def test_consumer_with_a_batch_of_its_own_shares_nothing(queue: Queue) -> None:
    await queue.insert("1")
    await queue.tick()
    batch = await queue.next_batch()
    with pytest.raises(WrongState, match=f'consumer "c" .* has batch {batch} open itself'):
        await queue.call(NEXT, "s1")
    assert await queue.call("pgq_coop.finish_batch(%s)", batch) == 0
    assert await queue.call("pgq.finish_batch(%s)", batch) == 1
    assert await queue.call(NEXT, "s1") is None


async def test_consumer_by_itself_is_no_member(queue: Queue) -> None:
    await queue.call("pgq.register_consumer('q', 'c.s1')")
    with pytest.raises(AlreadyExists, match="registered by itself"):
        await queue.call(NEXT, "s1")
    with pytest.raises(UsageError, match="needs a name"):
        await queue.call(NEXT, None)


async def test_open_batch_of_a_member_holds_rotation_back(queue: Queue) -> None:
    await queue.call("pgq.set_queue_config('q', 'rotation_period', '0')")
    await queue.insert("1")
    await queue.tick()
    batch = await queue.call(NEXT, "s1")
    for _ in range(6):
        await queue.call("pgq.maint_rotate_tables_step1('q')")
        await queue.call("pgq.maint_rotate_tables_step2()")
        await queue.tick()
        assert await queue.call(NEXT, "s2") is not None
        await queue.call("pgq_coop.finish_batch((select sub_batch from pgq.subscription"
            " join pgq.consumer on co_id = sub_consumer where co_name = 'c.s2'))")  # fmt: skip
    assert [row.ev_data for row in await queue.events(batch)] == ["1"]


async def test_retried_events_come_to_any_member(queue: Queue) -> None:
    await queue.insert("1", "2")
    await queue.tick()
    batch = await queue.call(NEXT, "s1")
    assert await queue.call("pgq.event_retry(%s, 1, 0)", batch) == 1
    await queue.call("pgq_coop.finish_batch(%s)", batch)
    assert await queue.call("pgq.maint_retry_events()") == 1
    await queue.tick()
    again = await queue.call(NEXT, "s2")
    assert [(row.ev_data, row.ev_retry) for row in await queue.events(again)] == [("1", 1)]


async def test_conditions_count_for_members_as_well(queue: Queue) -> None:
    await queue.insert("1", "2")
    await queue.tick()
    custom = "pgq_coop.next_batch_custom('q', 'c', 's1', %s::interval, %s, null)"
    assert await queue.call(custom, "1 hour", None) is None
    assert await queue.call(custom, None, 1000) is None
    assert await queue.call(custom, None, 1) is not None


async def test_each_event_reaches_one_member_whoever_dies(queue: Queue, connect: Connect) -> None:
    """Members ask at the same moment; some vanish with their batch, which others take over."""
    choose = random.Random(1)
    sessions = [await connect(queue.db) for _ in range(3)]
    done: Counter[str] = Counter()
    written = [str(number) for number in range(60)]
    for number in written:
        await queue.insert(number)
        await queue.tick()

    async def work(member: str, session: Database) -> bool:
        batch = await session.fetch_value(f"select {TAKE}", member)
        if batch is None:
            return False
        if choose.random() < 0.3:
            await silent(queue, member)
            return True
        rows = await session.fetch_all("select ev_data from pgq.get_batch_events(%s)", batch)
        if await session.fetch_value("select pgq_coop.finish_batch(%s)", batch):
            done.update(row.ev_data for row in rows)
        return True

    for _ in range(200):
        names = [f"s{choose.randrange(5)}", "s5", "s6"]
        worked = await together(*(work(*one) for one in zip(names, sessions, strict=True)))
        if not any(worked) and sum(done.values()) >= len(written):
            break
    assert done == Counter(written)


async def test_reader_may_share_and_writer_may_not(queue: Queue) -> None:
    await queue.db.execute("set role pgq_reader")
    assert await queue.call(NEXT, "s1") is None
    await queue.db.execute("set role pgq_writer")
    with pytest.raises(Exception, match="permission denied"):
        await queue.call(NEXT, "s1")
    await queue.db.execute("reset role")
