"""A root and the nodes that read from it (C-02)."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node
from tailrace.errors import AlreadyExists, NotFound, TailraceError, UsageError

pytestmark = pytest.mark.sql


async def test_new_root_promises_nothing_before_its_newest_tick(node: Node) -> None:
    await node.become_root()
    state = await node.call("get_worker_state", QUEUE)
    assert state.ret_code == 100
    assert (state.node_type, state.node_name) == ("root", "node1")
    assert (state.provider_node, state.provider_location) == ("node1", "dbname=node1")
    assert (state.paused, state.uptodate, state.cur_error) == (False, False, None)
    assert (state.completed_tick, state.local_queue_top) == (1, 1)
    assert (state.global_watermark, state.local_watermark) == (1, 1)
    assert (state.combined_queue, state.combined_type) == (None, None)
    assert await node.consumers() == {".global_watermark": 1}


async def test_root_takes_over_an_existing_queue_at_its_newest_tick(node: Node) -> None:
    await node.execute("select pgq.create_queue(%s)", QUEUE)
    await node.insert_event()
    newest = await node.tick()
    await node.become_root()
    assert await node.consumers() == {".global_watermark": newest}
    assert (await node.call("get_worker_state", QUEUE)).completed_tick == newest


async def test_second_creation_is_refused(node: Node) -> None:
    await node.become_root()
    assert await node.code("create_node", QUEUE, "root", "node1", "w1", None, None, None) == 401
    assert await node.code("create_node", QUEUE, "leaf", "node1", "w1", "node2", 1, None) == 401


@pytest.mark.parametrize(
    ("provider", "watermark", "combined"),
    [("node2", None, None), (None, 1, None), (None, None, "other")],
)
async def test_root_takes_no_provider_watermark_or_combined_queue(
    node: Node, provider: str | None, watermark: int | None, combined: str | None
) -> None:
    await node.locations("node1", "node2")
    arguments = (QUEUE, "root", "node1", "w1", provider, watermark, combined)
    assert await node.code("create_node", *arguments) == 401
    assert (await node.call("get_node_info", QUEUE)).ret_code == 404


@pytest.mark.parametrize(
    ("node_type", "worker", "combined"),
    [("twig", "w1", None), (None, "w1", None), ("root", None, None)],
)
async def test_unknown_type_or_missing_worker_is_an_error_and_leaves_nothing(
    node: Node, node_type: str | None, worker: str | None, combined: str | None
) -> None:
    await node.locations("node1")
    with pytest.raises(UsageError, match="cannot be created"):
        await node.code("create_node", QUEUE, node_type, "node1", worker, None, None, combined)
    assert await node.value("select count(*) from pgq.queue") == 0


async def test_node_without_a_location_cannot_be_created(node: Node) -> None:
    with pytest.raises(NotFound, match='node "node1" of queue "orders" has no location'):
        await node.code("create_node", QUEUE, "root", "node1", "w1", None, None, None)


async def test_subscribers_begin_at_the_global_watermark(node: Node) -> None:
    await node.become_root()
    await node.tick()
    for name, worker in (("node2", "w2"), ("node3", "w3")):
        made = await node.call("register_subscriber", QUEUE, name, worker, None)
        assert (made.ret_code, made.global_watermark) == (200, 1)
    assert await node.consumers() == {
        ".global_watermark": 1,
        ".node2.watermark": 1,
        ".node3.watermark": 1,
        "w2": 1,
        "w3": 1,
    }
    shown = [tuple(row) for row in await node.rows("get_subscriber_info", QUEUE)]
    assert shown == [("node2", "w2", 1), ("node3", "w3", 1)]


async def test_subscriber_that_comes_from_elsewhere_goes_on_at_its_own_tick(node: Node) -> None:
    await node.become_root()
    tick = await node.tick()
    made = await node.call("register_subscriber", QUEUE, "node2", "w2", tick)
    assert (made.ret_code, made.global_watermark) == (200, 1)
    assert await node.position("w2") == tick
    assert await node.position(".node2.watermark") == 1


async def test_unregistered_subscriber_leaves_no_consumer_behind(node: Node) -> None:
    await node.become_root()
    await node.call("register_subscriber", QUEUE, "node2", "w2", None)
    assert await node.code("unregister_subscriber", QUEUE, "node2") == 200
    assert await node.consumers() == {".global_watermark": 1}
    assert await node.code("unregister_subscriber", QUEUE, "node2") == 304
    assert await node.code("unregister_subscriber", "nowhere", "node2") == 304


async def test_subscribing_to_an_unknown_queue_is_404(node: Node) -> None:
    made = await node.call("register_subscriber", "nowhere", "node2", "w2", None)
    assert (made.ret_code, made.global_watermark) == (404, None)


async def test_subscribing_twice_is_an_error_and_moves_nothing(node: Node) -> None:
    await node.become_root()
    await node.call("register_subscriber", QUEUE, "node2", "w2", None)
    tick = await node.tick()
    with pytest.raises(AlreadyExists, match="already a subscriber"):
        await node.call("register_subscriber", QUEUE, "node2", "w2", tick)
    assert await node.position("w2") == 1


async def test_subscribing_at_a_tick_that_is_not_kept_is_an_error(node: Node) -> None:
    await node.become_root()
    with pytest.raises(TailraceError, match="99"):
        await node.call("register_subscriber", QUEUE, "node2", "w2", 99)
    assert await node.consumers() == {".global_watermark": 1}


async def test_subscriber_without_a_location_is_an_error(node: Node) -> None:
    await node.become_root()
    with pytest.raises(NotFound, match='node "node9" of queue "orders" has no location'):
        await node.call("register_subscriber", QUEUE, "node9", "w9", None)


async def test_watermark_of_a_subscriber_only_moves_forward(node: Node) -> None:
    await node.become_root()
    await node.call("register_subscriber", QUEUE, "node2", "w2", None)
    await node.tick()
    tick = await node.tick()
    assert await node.code("set_subscriber_watermark", QUEUE, "node2", tick) == 200
    assert await node.code("set_subscriber_watermark", QUEUE, "node2", tick) == 100
    assert await node.code("set_subscriber_watermark", QUEUE, "node2", tick - 1) == 405
    assert await node.code("set_subscriber_watermark", QUEUE, "node2", None) == 200
    assert await node.position(".node2.watermark") == tick
    assert await node.code("set_subscriber_watermark", QUEUE, "node9", tick) == 404
    assert await node.code("set_subscriber_watermark", "nowhere", "node2", tick) == 404
    with pytest.raises(TailraceError, match=str(tick + 50)):
        await node.code("set_subscriber_watermark", QUEUE, "node2", tick + 50)


async def test_local_watermark_is_the_lowest_of_all_other_consumers(node: Node) -> None:
    await node.become_root()
    newest = await node.tick()
    await node.execute("select pgq.register_consumer(%s, 'plain')", QUEUE)
    info = await node.call("get_node_info", QUEUE)
    assert (info.local_watermark, info.global_watermark) == (newest, 1)
    await node.call("register_subscriber", QUEUE, "node2", "w2", newest)
    info = await node.call("get_node_info", QUEUE)
    assert info.local_watermark == 1  # the watermark of node2 stands at the global one
    await node.call("set_subscriber_watermark", QUEUE, "node2", newest)
    await node.tick()
    info = await node.call("get_node_info", QUEUE)
    assert info.local_watermark == newest
    assert info.worker_last_tick == newest + 1  # on the root, the newest tick


async def test_node_info_shows_worker_and_provider(node: Node) -> None:
    await node.become_root()
    await node.call("set_consumer_paused", QUEUE, "w1", True)
    info = await node.call("get_node_info", QUEUE)
    assert info.ret_code == 100
    assert (info.node_type, info.node_name, info.worker_name) == ("root", "node1", "w1")
    assert (info.provider_node, info.provider_location) == ("node1", "dbname=node1")
    assert (info.worker_paused, info.worker_uptodate) == (True, False)
    assert (info.combined_queue, info.combined_type, info.target_for) == (None, None, None)


async def test_unknown_queue_has_one_row_with_404(node: Node) -> None:
    info = await node.call("get_node_info", "nowhere")
    assert info.ret_code == 404
    assert set(info[2:]) == {None}
    state = await node.call("get_worker_state", "nowhere")
    assert state.ret_code == 404
    assert set(state[2:]) == {None}


async def test_is_root_and_is_leaf_know_this_node_only(node: Node) -> None:
    await node.become_root()
    assert await node.value("select pgq_node.is_root_node(%s)", QUEUE) is True
    assert await node.value("select pgq_node.is_leaf_node(%s)", QUEUE) is False
    for function in ("is_root_node", "is_leaf_node"):
        with pytest.raises(NotFound, match='queue "nowhere" has no node'):
            await node.value(f"select pgq_node.{function}('nowhere')")
