"""A branch and a leaf, as create_node makes them (C-04)."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node
from tailrace.errors import NotFound, TailraceError, UsageError

pytestmark = pytest.mark.sql


async def test_new_branch_takes_events_and_ticks_from_its_worker_only(node: Node) -> None:
    await node.become_branch()
    assert await node.value("select pgq_node.is_root_node(%s)", QUEUE) is False
    flags = await node.database.fetch_one(
        "select queue_external_ticker, queue_disable_insert from pgq.queue"
    )
    assert tuple(flags) == (True, True)
    with pytest.raises(TailraceError):
        await node.insert_event()
    with pytest.raises(TailraceError):
        await node.tick()
    await node.mirror_event(17)
    await node.external_tick(2, 17)
    assert await node.ticks() == [1, 2]


async def test_branch_begins_with_the_tick_of_the_watermark_and_has_none_before(
    node: Node,
) -> None:
    await node.become_branch(100)
    assert await node.ticks() == [100]
    assert await node.consumers() == {".global_watermark": 100}
    info = await node.call("get_node_info", QUEUE)
    assert (info.node_type, info.global_watermark, info.local_watermark) == ("branch", 100, 100)
    state = await node.call("get_worker_state", QUEUE)
    assert (state.completed_tick, state.local_queue_top) == (100, 100)
    assert (state.provider_node, state.provider_location) == ("node1", "dbname=node1")


async def test_events_mirrored_after_creation_are_in_the_batch_after_the_first_tick(
    node: Node,
) -> None:
    await node.become_branch(100)
    await node.execute("select pgq.register_consumer(%s, 'reader')", QUEUE)
    await node.mirror_event(17)
    await node.external_tick(101, 17)
    batch = await node.database.fetch_one("select * from pgq.next_batch_info(%s, 'reader')", QUEUE)
    assert (batch.prev_tick_id, batch.cur_tick_id) == (100, 101)
    events = await node.database.fetch_all("select * from pgq.get_batch_events(%s)", batch.batch_id)
    assert [event.ev_id for event in events] == [17]


@pytest.mark.parametrize(("provider", "watermark"), [(None, 1), ("node1", None)])
async def test_branch_needs_provider_and_watermark(
    node: Node, provider: str | None, watermark: int | None
) -> None:
    await node.locations("node1", "node2")
    arguments = (QUEUE, "branch", "node2", "w2", provider, watermark, None)
    assert await node.code("create_node", *arguments) == 401
    assert await node.value("select count(*) from pgq.queue") == 0


async def test_branch_cannot_have_a_combined_queue(node: Node) -> None:
    await node.locations("node1", "node2")
    with pytest.raises(UsageError, match="only a leaf"):
        await node.code("create_node", QUEUE, "branch", "node2", "w2", "node1", 1, "other")


async def test_provider_without_a_location_is_an_error_and_leaves_nothing(node: Node) -> None:
    await node.locations("node2")
    with pytest.raises(NotFound, match='node "node1" of queue "orders" has no location'):
        await node.code("create_node", QUEUE, "branch", "node2", "w2", "node1", 1, None)
    assert await node.value("select count(*) from pgq.queue") == 0


async def test_first_tick_of_a_branch_is_not_made_in_an_old_snapshot(node: Node) -> None:
    await node.locations("node1", "node2")
    with pytest.raises(TailraceError, match="repeatable read"):
        async with node.database.transaction("repeatable read"):
            await node.code("create_node", QUEUE, "branch", "node2", "w2", "node1", 100, None)


async def test_branch_provides_to_others(node: Node) -> None:
    await node.become_branch(100)
    made = await node.call("register_subscriber", QUEUE, "node3", "w3", None)
    assert (made.ret_code, made.global_watermark) == (200, 100)


async def test_leaf_has_a_position_but_no_queue(node: Node) -> None:
    await node.become_leaf(completed=7)
    assert await node.value("select count(*) from pgq.queue") == 0
    assert await node.value("select pgq_node.is_leaf_node(%s)", QUEUE) is True
    info = await node.call("get_node_info", QUEUE)
    assert (info.node_type, info.worker_last_tick) == ("leaf", 7)
    assert (info.local_watermark, info.global_watermark) == (7, None)
    state = await node.call("get_worker_state", QUEUE)
    assert (state.completed_tick, state.local_queue_top) == (7, None)


async def test_leaf_does_not_confuse_a_plain_queue_of_its_name_with_its_own(node: Node) -> None:
    await node.execute("select pgq.create_queue(%s)", QUEUE)
    await node.become_leaf(completed=7)
    state = await node.call("get_worker_state", QUEUE)
    assert (state.local_queue_top, state.global_watermark) == (None, None)


async def test_leaf_cannot_provide(node: Node) -> None:
    await node.become_leaf()
    assert await node.code("register_subscriber", QUEUE, "node1", "w1", None) == 401


async def test_leaf_of_a_combined_queue_that_is_not_here_is_refused(node: Node) -> None:
    await node.locations("node1", "node2")
    arguments = (QUEUE, "leaf", "node2", "w2", "node1", 7, "nowhere")
    assert await node.code("create_node", *arguments) == 401


async def test_leaf_without_a_start_is_an_error(node: Node) -> None:
    await node.locations("node1", "node2")
    with pytest.raises(UsageError, match="completed"):
        await node.code("create_node", QUEUE, "leaf", "node2", "w2", "node1", None, None)
    with pytest.raises(UsageError, match="no node is named"):
        await node.code("create_node", QUEUE, "leaf", "node2", "w2", None, 7, None)


async def test_merged_leaf_and_its_combined_queue_know_each_other(node: Node) -> None:
    await node.call("register_location", "all", "node1", "dbname=node1", False)
    await node.call("create_node", "all", "root", "node1", "w_all", None, None, None)
    await node.become_leaf("all")
    leaf = await node.call("get_node_info", QUEUE)
    assert (leaf.combined_queue, leaf.combined_type) == ("all", "root")
    assert (await node.call("get_node_info", "all")).target_for == [QUEUE]
    state = await node.call("get_worker_state", QUEUE)
    assert (state.combined_queue, state.combined_type) == ("all", "root")
