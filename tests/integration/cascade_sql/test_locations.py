"""Members of the tree: register_location, unregister_location, get_queue_locations (C-01)."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node
from tailrace.errors import UsageError

pytestmark = pytest.mark.sql


async def members(node: Node) -> list[tuple[str, str, bool]]:
    rows = await node.rows("get_queue_locations", QUEUE)
    return [(row.node_name, row.node_location, row.dead) for row in rows]


async def test_registered_locations_are_listed(node: Node) -> None:
    await node.locations("node1", "node2", "node3", "node4", "node5")
    assert await members(node) == [(f"node{n}", f"dbname=node{n}", False) for n in range(1, 6)]


async def test_second_registration_replaces_the_location(node: Node) -> None:
    await node.locations("node1")
    assert await node.code("register_location", QUEUE, "node1", "dbname=other", False) == 200
    assert await members(node) == [("node1", "dbname=other", False)]


async def test_null_location_keeps_the_stored_one_and_sets_dead(node: Node) -> None:
    await node.locations("node1")
    assert await node.code("register_location", QUEUE, "node1", None, True) == 200
    assert await members(node) == [("node1", "dbname=node1", True)]
    assert await node.code("register_location", QUEUE, "node1", None, False) == 200
    assert await members(node) == [("node1", "dbname=node1", False)]


async def test_null_location_of_an_unknown_node_adds_nothing_and_does_not_say_it_did(
    node: Node,
) -> None:
    answer = await node.call("register_location", QUEUE, "node1", None, True)
    assert answer.ret_code == 200
    assert answer.ret_note == (
        'node "node1" is not known here and no location was given: nothing is registered'
    )
    assert await members(node) == []
    for location in ("dbname=node1", None):
        answer = await node.call("register_location", QUEUE, "node1", location, True)
        assert answer.ret_note == 'location of node "node1" is registered'


async def test_missing_dead_flag_is_an_error(node: Node) -> None:
    with pytest.raises(UsageError, match="one is NULL"):
        await node.code("register_location", QUEUE, "node1", "dbname=node1", None)


async def test_unregistered_location_is_gone_and_unknown_the_second_time(node: Node) -> None:
    await node.locations("node1", "node2")
    assert await node.code("unregister_location", QUEUE, "node1") == 200
    assert await node.code("unregister_location", QUEUE, "node1") == 301
    assert [name for name, _, _ in await members(node)] == ["node2"]


async def test_location_of_the_node_itself_cannot_be_unregistered(node: Node) -> None:
    await node.become_branch()
    assert await node.code("unregister_location", QUEUE, "node2") == 403
    assert len(await members(node)) == 3


async def test_location_of_the_provider_cannot_be_unregistered(node: Node) -> None:
    await node.become_branch()
    assert await node.code("unregister_location", QUEUE, "node1") == 403
    assert len(await members(node)) == 3


async def test_location_that_a_helper_consumer_reads_from_cannot_be_unregistered(
    node: Node,
) -> None:
    await node.become_branch()
    await node.call("register_consumer", QUEUE, "copy", "node3", 1)
    assert await node.code("unregister_location", QUEUE, "node3") == 403
    assert await node.code("drop_node", QUEUE, "node3") == 405


async def test_unregistering_a_location_drops_an_obsolete_subscription(node: Node) -> None:
    await node.become_root()
    await node.call("register_subscriber", QUEUE, "node3", "w3", None)
    assert await node.code("unregister_location", QUEUE, "node3") == 200
    assert await node.consumers() == {".global_watermark": 1}
    assert await node.rows("get_subscriber_info", QUEUE) == []


async def test_root_tells_the_others_of_a_location(node: Node) -> None:
    await node.become_root()
    assert await node.events("pgq.location-info") == []  # nothing before it was the root
    await node.call("register_location", QUEUE, "node2", "dbname=moved", False)
    await node.call("register_location", QUEUE, "node3", None, True)
    sent = [
        (e.ev_data, e.ev_extra1, e.ev_extra2, e.ev_extra3, e.ev_extra4)
        for e in await node.events("pgq.location-info")
    ]
    assert sent == [
        ("node2", QUEUE, "dbname=moved", "false", None),
        ("node3", QUEUE, None, "true", None),
    ]


async def test_root_tells_the_others_of_a_removal_even_of_an_unknown_node(node: Node) -> None:
    await node.become_root()
    assert await node.code("unregister_location", QUEUE, "node3") == 200
    assert await node.code("unregister_location", QUEUE, "nowhere") == 301
    sent = [
        (e.ev_data, e.ev_extra1, e.ev_extra2) for e in await node.events("pgq.unregister-location")
    ]
    assert sent == [("node3", QUEUE, None), ("nowhere", QUEUE, None)]


async def test_branch_says_nothing_about_locations(node: Node) -> None:
    await node.become_branch()
    await node.locations("node4")
    await node.call("unregister_location", QUEUE, "node4")
    assert await node.events("pgq.location-info") == []
    assert await node.events("pgq.unregister-location") == []
