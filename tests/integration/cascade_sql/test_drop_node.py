"""Removing nodes (C-10)."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node

pytestmark = pytest.mark.sql


async def names(node: Node) -> list[str]:
    return [row.node_name for row in await node.rows("get_queue_locations", QUEUE)]


async def test_dropping_what_nobody_knows_is_fine(node: Node) -> None:
    assert await node.code("drop_node", "asd", "asd") == 200
    assert await node.code("drop_node", None, None) == 200


async def test_dropped_subscriber_leaves_nothing_on_the_provider(node: Node) -> None:
    await node.become_root()
    await node.call("register_subscriber", QUEUE, "node2", "w2", None)
    assert await node.code("drop_node", QUEUE, "node2") == 200
    assert await node.consumers() == {".global_watermark": 1}
    assert await node.rows("get_subscriber_info", QUEUE) == []
    assert await names(node) == ["node1", "node3"]
    sent = await node.events("pgq.unregister-location")
    assert [event.ev_data for event in sent] == ["node2"]
    assert await node.code("drop_node", QUEUE, "node2") == 200


async def test_provider_cannot_be_dropped(node: Node) -> None:
    await node.become_branch()
    assert await node.code("drop_node", QUEUE, "node1") == 405
    assert await names(node) == ["node1", "node2", "node3"]


async def test_dropped_local_node_takes_its_queue_and_everything_with_it(node: Node) -> None:
    await node.become_root()
    await node.insert_event()
    await node.call("register_subscriber", QUEUE, "node2", "w2", None)
    await node.execute("select pgq.register_consumer(%s, 'plain')", QUEUE)
    assert await node.code("drop_node", QUEUE, "node1") == 200
    assert (await node.call("get_node_info", QUEUE)).ret_code == 404
    for table in (
        "pgq.queue",
        "pgq.subscription",
        "pgq.tick",
        "pgq_node.node_location",
        "pgq_node.node_info",
        "pgq_node.local_state",
        "pgq_node.subscriber_info",
    ):
        assert await node.value(f"select count(*) from {table}") == 0, table


async def test_dropped_branch_takes_its_applying_consumer_with_it(node: Node) -> None:
    await node.become_branch()
    await node.execute("select pgq.register_consumer(%s, 'node2.apply')", QUEUE)
    await node.call("register_consumer", QUEUE, "node2.apply", "node2", 1)
    assert await node.code("drop_node", QUEUE, "node2") == 200
    assert await node.value("select count(*) from pgq.queue") == 0
    assert await node.value("select count(*) from pgq_node.local_state") == 0


async def test_dropped_leaf_leaves_nothing(node: Node) -> None:
    await node.become_leaf()
    assert await node.code("drop_node", QUEUE, "node2") == 200
    assert await names(node) == []


async def test_other_queues_are_not_touched(node: Node) -> None:
    await node.become_root()
    await node.call("register_location", "other", "node1", "dbname=node1", False)
    await node.call("create_node", "other", "root", "node1", "w1", None, None, None)
    assert await node.code("drop_node", QUEUE, "node1") == 200
    assert (await node.call("get_node_info", "other")).ret_code == 100
    assert await node.value("select queue_name from pgq.queue") == "other"


async def test_a_tree_is_removed_name_by_name(node: Node) -> None:
    await node.become_root()
    for name in ("node2", "node3", "node1", "node1"):
        assert await node.code("drop_node", QUEUE, name) == 200
    assert await names(node) == []


async def test_dropped_node_can_be_created_again(node: Node) -> None:
    await node.become_branch(100)
    await node.call("drop_node", QUEUE, "node2")
    await node.become_branch(200)
    assert await node.ticks() == [200]
