"""What two sessions do to each other: ticks, watermarks, writers, notifications."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from fixtures.databases import Connect
from fixtures.waiting import eventually
from integration.cascade_sql.node import QUEUE, Node
from tailrace.errors import DatabaseError

pytestmark = pytest.mark.sql


async def blocked(observer: Node, session: Node) -> bool:
    """Whether a session waits for a lock, or for other transactions to end."""
    found = await observer.value(
        "select true from pg_stat_activity where pid = %s and state = 'active'"
        " and (wait_event_type = 'Lock' or wait_event = 'PgSleep')",
        session.database.backend_pid,
    )
    return bool(found)


async def finished_after(waiting: Awaitable[int], observer: Node, session: Node) -> asyncio.Task:
    """Start a call and return when it waits for somebody."""

    async def run() -> int:
        return await waiting

    task = asyncio.create_task(run())
    await eventually(lambda: blocked(observer, session), what="the call waits")
    assert not task.done()
    return task


async def test_final_tick_waits_for_writers_and_has_their_events(
    node: Node, connect: Connect
) -> None:
    writer, admin = Node(await connect(node.database)), Node(await connect(node.database))
    await node.become_root()
    await node.execute("select pgq.register_consumer(%s, 'reader')", QUEUE)
    async with writer.database.transaction():
        written = await writer.insert_event()
        assert await admin.code("demote_root", QUEUE, 1, None) == 200
        task = await finished_after(admin.code("demote_root", QUEUE, 2, None), node, admin)
    assert await task == 200
    batch = await node.value("select pgq.next_batch(%s, 'reader')", QUEUE)
    events = await node.database.fetch_all("select * from pgq.get_batch_events(%s)", batch)
    assert [event.ev_id for event in events] == [written]


async def test_final_tick_waits_for_a_writer_that_has_only_asked_for_the_table(
    node: Node, connect: Connect
) -> None:
    writer, admin = Node(await connect(node.database)), Node(await connect(node.database))
    await node.become_root()
    await node.execute("select pgq.register_consumer(%s, 'reader')", QUEUE)
    async with writer.database.transaction():
        table = await writer.value("select pgq.current_event_table(%s)", QUEUE)
        assert await admin.code("demote_root", QUEUE, 1, None) == 200
        task = await finished_after(admin.code("demote_root", QUEUE, 2, None), node, admin)
        await writer.execute(
            f"insert into {table} (ev_id, ev_time, ev_type) values (77, now(), 'test')"
        )
    assert await task == 200
    batch = await node.value("select pgq.next_batch(%s, 'reader')", QUEUE)
    events = await node.database.fetch_all("select * from pgq.get_batch_events(%s)", batch)
    assert [event.ev_id for event in events] == [77]


async def test_final_tick_does_not_wait_for_those_who_only_read(
    node: Node, connect: Connect
) -> None:
    reader = Node(await connect(node.database))
    await node.become_root()
    async with reader.database.transaction("repeatable read"):
        assert await reader.value("select count(*) from pgq.queue") == 1
        assert await node.code("demote_root", QUEUE, 1, None) == 200
        assert await node.code("demote_root", QUEUE, 2, None) == 200


async def test_final_tick_lets_a_subscriber_be_registered_meanwhile(
    node: Node, connect: Connect
) -> None:
    other, admin = Node(await connect(node.database)), Node(await connect(node.database))
    await node.become_root()
    async with other.database.transaction():
        await other.insert_event()
        await admin.code("demote_root", QUEUE, 1, None)
        task = await finished_after(admin.code("demote_root", QUEUE, 2, None), node, admin)
        assert await other.code("register_subscriber", QUEUE, "node2", "w2", None) == 200
    assert await task == 200


async def test_waiting_for_writers_does_not_stop_the_ticks_of_other_queues(
    node: Node, connect: Connect
) -> None:
    writer, admin = Node(await connect(node.database)), Node(await connect(node.database))
    await node.execute("select pgq.create_queue('other')")
    await node.become_root()
    async with writer.database.transaction():
        await writer.insert_event()
        await admin.code("demote_root", QUEUE, 1, None)
        task = await finished_after(admin.code("demote_root", QUEUE, 2, None), node, admin)
        assert await node.value("select pgq.ticker('other')") is not None
    assert await task == 200


async def test_no_other_tick_is_made_while_the_final_one_is_not_committed(
    node: Node, connect: Connect
) -> None:
    admin, ticker = Node(await connect(node.database)), Node(await connect(node.database))
    await node.execute("select pgq.create_queue('other')")
    await node.become_root()
    await admin.code("demote_root", QUEUE, 1, None)
    await ticker.execute("set lock_timeout = '50ms'")
    async with admin.database.transaction():
        await admin.code("demote_root", QUEUE, 2, None)
        with pytest.raises(DatabaseError, match="lock timeout"):
            await ticker.value("select pgq.ticker('other')")
    assert await ticker.value("select pgq.ticker('other')") is not None


async def test_promotion_waits_for_a_tick_that_is_being_made(node: Node, connect: Connect) -> None:
    worker, admin = Node(await connect(node.database)), Node(await connect(node.database))
    await node.become_branch(100)
    async with worker.database.transaction():
        await worker.external_tick(101)
        task = await finished_after(admin.code("promote_branch", QUEUE), node, admin)
    assert await task == 200
    assert (await node.call("get_worker_state", QUEUE)).completed_tick == 101


async def test_of_two_promotions_one_finds_a_root(node: Node, connect: Connect) -> None:
    first, second = Node(await connect(node.database)), Node(await connect(node.database))
    await node.become_branch()
    async with first.database.transaction():
        assert await first.code("promote_branch", QUEUE) == 200
        task = await finished_after(second.code("promote_branch", QUEUE), node, second)
    assert await task == 301


async def test_new_subscriber_waits_for_a_watermark_that_moves(
    node: Node, connect: Connect
) -> None:
    root, other = Node(await connect(node.database)), Node(await connect(node.database))
    await node.become_root()
    tick = await node.tick()
    async with root.database.transaction():
        await root.call("set_global_watermark", QUEUE, None)
        task = await finished_after(
            other.code("register_subscriber", QUEUE, "node2", "w2", None), node, other
        )
    assert await task == 200
    assert await node.position(".node2.watermark") == tick


async def test_watermark_does_not_pass_a_subscriber_that_is_being_registered(
    node: Node, connect: Connect
) -> None:
    root, other = Node(await connect(node.database)), Node(await connect(node.database))
    await node.become_root()
    await node.tick()
    async with other.database.transaction():
        await other.call("register_subscriber", QUEUE, "node2", "w2", None)
        task = await finished_after(root.code("set_global_watermark", QUEUE, None), node, root)
    assert await task == 200
    assert await node.position(".global_watermark") == 1


async def test_final_tick_and_promotion_wake_those_who_wait(node: Node, connect: Connect) -> None:
    listener = await connect(node.database)
    await node.become_root()
    await node.code("demote_root", QUEUE, 1, None)
    await listener.listen()
    await node.code("demote_root", QUEUE, 2, None)
    heard = await listener.notifications(timeout=10)
    assert [notification.payload for notification in heard] == [QUEUE]
    await node.code("demote_root", QUEUE, 3, "node2")
    await node.code("promote_branch", QUEUE)
    heard = await listener.notifications(timeout=10)
    assert [notification.payload for notification in heard] == [QUEUE]
