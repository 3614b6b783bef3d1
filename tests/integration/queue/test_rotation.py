"""Tables take turns, and no event goes with a table that is emptied."""

from __future__ import annotations

import pytest
import pytest_asyncio

from fixtures.databases import Connect
from fixtures.queues import Queue
from tailrace.db.connection import Database, Isolation
from tailrace.errors import DatabaseError, LostPosition, NotFound
from tailrace.service import background

pytestmark = [pytest.mark.sql, pytest.mark.usefixtures("silence")]

STEP1 = "pgq.maint_rotate_tables_step1('q')"
STEP2 = "pgq.maint_rotate_tables_step2()"


async def current_table(queue: Queue) -> int:
    table: int = await queue.call("queue_cur_table from pgq.get_queue_info('q')")
    return table


async def rotate(queue: Queue) -> None:
    """Rotate once, both steps."""
    assert await queue.call(STEP1) == 0
    assert await queue.call(STEP2) == 0


@pytest_asyncio.fixture
async def rotating(queue: Queue) -> Queue:
    """The queue, with rotation always due."""
    await queue.call("pgq.set_queue_config('q', 'rotation_period', '0')")
    return queue


async def test_queue_without_consumers_rotates_freely(rotating: Queue) -> None:
    queue = rotating
    await queue.call("pgq.unregister_consumer('q', 'c')")
    assert await queue.call(STEP1) == 0
    assert await current_table(queue) == 1
    assert await queue.call(STEP1) == 0
    assert await current_table(queue) == 1  # step 2 is missing
    assert await queue.call(STEP2) == 0
    assert await queue.call(STEP1) == 0
    assert await current_table(queue) == 2
    assert await queue.call(STEP2) == 0
    assert await queue.call(STEP1) == 0
    assert await current_table(queue) == 0


async def test_rotation_waits_for_its_period(queue: Queue) -> None:
    await queue.call("pgq.unregister_consumer('q', 'c')")
    assert await queue.call(STEP1) == 0
    assert await current_table(queue) == 0
    await queue.db.execute("update pgq.queue set queue_switch_time = now() - interval '3 hours'")
    assert await queue.call(STEP1) == 0
    assert await current_table(queue) == 1


async def test_slow_consumer_holds_rotation_back_and_loses_nothing(rotating: Queue) -> None:
    queue = rotating
    expected = []
    for number in range(6):
        await queue.insert(str(number))
        expected.append(str(number))
        await queue.tick()
        await rotate(queue)
    # A queue starts as if it had just been rotated, so a consumer at its first tick holds it.
    assert await current_table(queue) == 0
    assert await queue.consume() == expected
    await queue.tick()
    await queue.consume()
    await rotate(queue)
    assert await current_table(queue) == 1


async def test_events_cross_a_rotation(rotating: Queue) -> None:
    queue = rotating
    seen, expected = [], []
    for number in range(12):
        await queue.insert(f"{number} before")
        await queue.tick()
        seen += await queue.consume()
        await queue.insert(f"{number} not read")
        await rotate(queue)
        await queue.insert(f"{number} after")
        expected += [f"{number} before", f"{number} not read", f"{number} after"]
    await queue.tick()
    seen += await queue.consume()
    assert seen == expected
    # It went round more than once, so tables were emptied.
    assert await queue.call("count(*) from pgq.event_1") < len(expected)


async def test_open_transaction_of_a_writer_carries_its_events_over_rotations(
    rotating: Queue, connect: Connect
) -> None:
    queue, writer = rotating, await connect(rotating.db)
    await writer.execute("begin")
    await writer.execute("select pgq.insert_event('q', 'kind', 'early')")
    for _ in range(4):
        await queue.tick()
        await queue.consume()
        await rotate(queue)
    await writer.execute("select pgq.insert_event('q', 'kind', 'late')")
    await writer.execute("commit")
    await queue.tick()
    assert await queue.consume() == ["early", "late"]


async def test_table_in_use_is_not_waited_for(rotating: Queue, connect: Connect) -> None:
    queue, reader = rotating, await connect(rotating.db)
    await queue.call("pgq.unregister_consumer('q', 'c')")
    await reader.execute("begin; select * from pgq.event_1_1")
    assert await queue.call(STEP1) == 0
    assert await current_table(queue) == 0
    await reader.execute("commit")
    assert await queue.call(STEP1) == 0
    assert await current_table(queue) == 1


async def test_lost_position_of_the_slowest_consumer_is_an_error(rotating: Queue) -> None:
    queue = rotating
    await queue.tick()
    await queue.db.execute("delete from pgq.tick where tick_id = 1")
    with pytest.raises(LostPosition, match='consumer "c": tick 1 of queue "q" is needed'):
        await queue.call(STEP1)


async def test_ticks_that_nobody_can_need_are_deleted_one_rotation_late(rotating: Queue) -> None:
    queue = rotating
    await queue.call("pgq.unregister_consumer('q', 'c')")
    await queue.call(STEP2)
    old = await queue.tick()
    await rotate(queue)
    assert await queue.call("count(*) from pgq.tick where tick_id = %s", old) == 1
    new = await queue.tick()
    await rotate(queue)
    assert await queue.call("array_agg(tick_id) from pgq.tick") == [new]


async def test_rotation_and_ticker_do_not_wait_for_each_other_forever(
    rotating: Queue, connect: Connect
) -> None:
    """Rotation holds the queue's row while it waits to delete ticks; a tick refers to that row."""
    queue, rotation = rotating, await connect(rotating.db)
    await queue.call("pgq.unregister_consumer('q', 'c')")
    await queue.db.execute("begin; lock table pgq.tick in share row exclusive mode")
    async with background(rotation.fetch_value(f"select {STEP1}"), name="rotation") as call:
        await queue.makes_wait(rotation)
        assert await queue.call("pgq.make_tick(1, txid_current_snapshot(), 1)") == 2
        await queue.db.execute("commit")
        assert await call == 0
    assert await current_table(queue) == 1


async def test_second_step_is_done_once(rotating: Queue) -> None:
    """Were it to go up with each call, no consumer could ever be past it."""
    step2 = "queue_switch_step2 from pgq.queue"
    before = await rotating.call(step2)
    assert await rotating.call(STEP2) == 0
    assert await rotating.call(step2) == before


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
@pytest.mark.parametrize(
    "write", ["pgq.insert_event('q', 'kind', 'old view')", "pgq.current_event_table('q')"]
)
async def test_writer_with_an_old_view_cannot_use_a_table_that_was_rotated_away(
    rotating: Queue, connect: Connect, isolation: Isolation, write: str
) -> None:
    queue, writer = rotating, await connect(rotating.db)
    with pytest.raises(DatabaseError) as caught:
        async with writer.transaction(isolation):
            await writer.execute("select count(*) from pgq.queue")  # this is its view from now on
            await queue.tick()
            await queue.consume()
            await queue.tick()
            await queue.consume()
            await rotate(queue)
            assert await current_table(queue) == 1
            await writer.execute(f"select {write}")
    assert caught.value.sqlstate == "40001"
    assert caught.value.retryable


async def test_writer_in_repeatable_read_may_go_on_after_its_first_event(
    rotating: Queue, connect: Connect
) -> None:
    queue, writer = rotating, await connect(rotating.db)
    async with writer.transaction("repeatable read"):
        await writer.execute("select pgq.insert_event('q', 'kind', '1')")
        await queue.tick()
        await queue.consume()
        await rotate(queue)
        await writer.execute("select pgq.insert_event('q', 'kind', '2')")
    await queue.tick()
    assert await queue.consume() == ["1", "2"]


async def test_writer_in_repeatable_read_does_not_hold_rotation_back(
    rotating: Queue, connect: Connect
) -> None:
    queue, writer = rotating, await connect(rotating.db)
    await queue.call("pgq.unregister_consumer('q', 'c')")
    async with writer.transaction("repeatable read"):
        await writer.execute("select pgq.insert_event('q', 'kind', '1')")
        await queue.db.execute("set lock_timeout = '5s'")
        await rotate(queue)
    assert await current_table(queue) == 1


async def test_registration_keeps_its_tick_from_a_rotation(
    rotating: Queue, connect: Connect
) -> None:
    queue, other = rotating, await connect(rotating.db)
    await queue.call("pgq.unregister_consumer('q', 'c')")
    await rotate(queue)
    await other.execute("begin")
    await other.execute("select pgq.register_consumer_at('q', 'late', 1)")
    await queue.db.execute("set lock_timeout = '50ms'")
    with pytest.raises(DatabaseError):
        await queue.call(STEP1)
    await other.execute("commit")
    assert await queue.call(STEP1) == 0
    assert await current_table(queue) == 1
    assert await queue.call("pgq.next_batch('q', 'late')") is None


# ---------------------------------------------------------------- the plan of maintenance


async def plan(queue: Queue) -> list[tuple[str, str | None]]:
    """Return what maintenance has to do, but for the vacuum of servers without autovacuum."""
    rows = await queue.db.fetch_all("select * from pgq.maint_operations()")
    return [tuple(row) for row in rows if row.func_name != "vacuum"]


async def test_maintenance_lists_rotation_and_extra_functions(queue: Queue) -> None:
    assert await plan(queue) == []
    await queue.call("pgq.create_queue('another')")
    await queue.db.execute("update pgq.queue set queue_extra_maint = '{b,a}' where queue_id = 1")
    assert await plan(queue) == [("b", "q"), ("a", "q")]
    await queue.db.execute("update pgq.queue set queue_rotation_period = '0'")
    assert await plan(queue) == [
        ("pgq.maint_rotate_tables_step1", "another"),
        ("pgq.maint_rotate_tables_step1", "q"),
        ("pgq.maint_rotate_tables_step2", None),
        ("b", "q"),
        ("a", "q"),
    ]


async def test_pending_second_step_is_listed_by_itself(rotating: Queue) -> None:
    await rotating.call("pgq.unregister_consumer('q', 'c')")
    await rotating.call(STEP1)
    assert await plan(rotating) == [("pgq.maint_rotate_tables_step2", None)]


async def test_every_listed_operation_can_be_run(rotating: Queue) -> None:
    for function, argument in await plan(rotating):
        call = f"{function}(%s)" if argument else f"{function}()"
        assert await rotating.call(call, *([argument] if argument else [])) == 0


async def test_vacuum_is_listed_only_where_autovacuum_is_off(database: Database) -> None:
    tables = await database.fetch_all("select name from pgq.maint_tables_to_vacuum() as t (name)")
    if await database.fetch_value("select current_setting('autovacuum')") == "off":
        names = [row.name for row in tables]
        assert names[:2] == ["pgq.subscription", "pgq.consumer"]
        for name in names:
            await database.execute(f"vacuum {name}")
    else:
        assert tables == []


async def test_unknown_queue_is_nothing_to_rotate(database: Database) -> None:
    assert await database.fetch_value("select pgq.maint_rotate_tables_step1('none')") == 0
    with pytest.raises(NotFound):
        await database.fetch_value("select pgq.current_event_table('none')")
