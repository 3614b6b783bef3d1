"""Consumers that write into this node: position, error, pause, provider (C-05)."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node
from tailrace.errors import NotFound, UsageError

pytestmark = pytest.mark.sql


@pytest.fixture
async def branch(node: Node) -> Node:
    """node2 with a consumer "copy" beside its worker, at tick 1 of node1."""
    await node.become_branch()
    assert await node.code("register_consumer", QUEUE, "copy", "node1", 1) == 200
    return node


async def test_registered_consumer_shows_its_state(branch: Node) -> None:
    state = await branch.call("get_consumer_state", QUEUE, "copy")
    assert (state.ret_code, state.node_type, state.node_name) == (100, "branch", "node2")
    assert state.completed_tick == 1
    assert (state.provider_node, state.provider_location) == ("node1", "dbname=node1")
    assert (state.paused, state.uptodate, state.cur_error) == (False, False, None)
    shown = [tuple(row) for row in await branch.rows("get_consumer_info", QUEUE)]
    assert shown == [
        ("copy", "node1", 1, False, False, None),
        ("w2", "node1", 1, False, False, None),
    ]


async def test_second_registration_sets_provider_and_position_anew(branch: Node) -> None:
    await branch.call("set_consumer_error", QUEUE, "copy", "broken")
    await branch.call("set_consumer_uptodate", QUEUE, "copy", True)
    assert await branch.code("register_consumer", QUEUE, "copy", "node3", 44) == 201
    state = await branch.call("get_consumer_state", QUEUE, "copy")
    assert (state.completed_tick, state.provider_node) == (44, "node3")
    assert (state.uptodate, state.cur_error) == (True, "broken")


async def test_registering_needs_a_queue_a_provider_and_a_tick(branch: Node) -> None:
    assert await branch.code("register_consumer", "nowhere", "copy", "node1", 1) == 404
    with pytest.raises(NotFound, match='node "node9"'):
        await branch.code("register_consumer", QUEUE, "copy", "node9", 1)
    with pytest.raises(UsageError, match="tick"):
        await branch.code("register_consumer", QUEUE, "copy", "node1", None)


async def test_error_shows_until_the_next_completed_batch(branch: Node) -> None:
    assert await branch.code("set_consumer_error", QUEUE, "copy", "no space left") == 100
    assert (await branch.call("get_consumer_state", QUEUE, "copy")).cur_error == "no space left"
    assert await branch.code("set_consumer_completed", QUEUE, "copy", 5) == 100
    state = await branch.call("get_consumer_state", QUEUE, "copy")
    assert (state.completed_tick, state.cur_error) == (5, None)


async def test_error_of_an_unknown_consumer_is_ignored(branch: Node) -> None:
    assert await branch.code("set_consumer_error", QUEUE, "nobody", "text") == 101
    assert await branch.code("set_consumer_error", "nowhere", "copy", "text") == 101


async def test_completed_tick_of_an_unknown_consumer_is_404(branch: Node) -> None:
    assert await branch.code("set_consumer_completed", QUEUE, "nobody", 5) == 404
    assert await branch.code("set_consumer_completed", "nowhere", "copy", 5) == 404
    with pytest.raises(UsageError, match="NULL"):
        await branch.code("set_consumer_completed", QUEUE, "copy", None)


async def test_pause_waits_to_be_acknowledged_and_a_repeated_one_does_not(branch: Node) -> None:
    await branch.call("set_consumer_uptodate", QUEUE, "copy", True)
    assert await branch.code("set_consumer_paused", QUEUE, "copy", True) == 200
    state = await branch.call("get_consumer_state", QUEUE, "copy")
    assert (state.paused, state.uptodate) == (True, False)
    assert await branch.code("set_consumer_uptodate", QUEUE, "copy", True) == 200
    assert await branch.code("set_consumer_paused", QUEUE, "copy", True) == 201
    state = await branch.call("get_consumer_state", QUEUE, "copy")
    assert (state.paused, state.uptodate) == (True, True)
    assert await branch.code("set_consumer_paused", QUEUE, "copy", False) == 200


async def test_flags_of_an_unknown_consumer_are_404_and_null_is_an_error(branch: Node) -> None:
    for function in ("set_consumer_paused", "set_consumer_uptodate"):
        assert await branch.code(function, QUEUE, "nobody", True) == 404
        assert await branch.code(function, "nowhere", "copy", True) == 404
        with pytest.raises(UsageError, match="true or false"):
            await branch.code(function, QUEUE, "copy", None)


async def test_uptodate_can_be_withdrawn(branch: Node) -> None:
    await branch.call("set_consumer_uptodate", QUEUE, "copy", True)
    assert await branch.code("set_consumer_uptodate", QUEUE, "copy", False) == 200
    assert (await branch.call("get_consumer_state", QUEUE, "copy")).uptodate is False


async def test_changed_provider_keeps_the_position_and_waits_to_be_seen(branch: Node) -> None:
    await branch.call("set_consumer_completed", QUEUE, "copy", 5)
    await branch.call("set_consumer_uptodate", QUEUE, "copy", True)
    assert await branch.code("change_consumer_provider", QUEUE, "copy", "node3") == 200
    state = await branch.call("get_consumer_state", QUEUE, "copy")
    assert (state.provider_node, state.provider_location) == ("node3", "dbname=node3")
    assert (state.completed_tick, state.uptodate) == (5, False)


async def test_unknown_node_or_consumer_changes_no_provider(branch: Node) -> None:
    assert await branch.code("change_consumer_provider", QUEUE, "copy", "node9") == 404
    assert await branch.code("change_consumer_provider", QUEUE, "nobody", "node3") == 404
    assert await branch.code("change_consumer_provider", "nowhere", "copy", "node3") == 404
    assert (await branch.call("get_consumer_state", QUEUE, "copy")).provider_node == "node1"


async def test_unregistered_consumer_is_forgotten(branch: Node) -> None:
    assert await branch.code("unregister_consumer", QUEUE, "copy") == 200
    state = await branch.call("get_consumer_state", QUEUE, "copy")
    assert (state.ret_code, state.node_name, state.completed_tick) == (404, "node2", None)
    assert await branch.code("unregister_consumer", QUEUE, "copy") == 200
    assert await branch.code("unregister_consumer", "nowhere", "copy") == 404


async def test_state_of_an_unknown_queue_is_404(branch: Node) -> None:
    state = await branch.call("get_consumer_state", "nowhere", "copy")
    assert state.ret_code == 404
    assert set(state[2:]) == {None}
    assert await branch.rows("get_consumer_info", "nowhere") == []
