"""Global, partition and maintained watermarks (C-08, decisions of the specification)."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node
from tailrace.errors import TailraceError, UsageError

pytestmark = pytest.mark.sql


async def test_root_publishes_its_local_watermark(node: Node) -> None:
    await node.become_root()
    tick = await node.tick()
    assert await node.code("set_global_watermark", QUEUE, None) == 200
    assert await node.position(".global_watermark") == tick
    assert (await node.call("get_worker_state", QUEUE)).completed_tick == tick
    sent = [
        (event.ev_data, event.ev_extra1, event.ev_extra2)
        for event in await node.events("pgq.global-watermark")
    ]
    assert sent == [(str(tick), QUEUE, None)]


async def test_root_does_not_pass_what_a_subscriber_may_need(node: Node) -> None:
    await node.become_root()
    await node.call("register_subscriber", QUEUE, "node2", "w2", None)
    await node.tick()
    await node.call("set_global_watermark", QUEUE, None)
    assert await node.position(".global_watermark") == 1


async def test_root_accepts_an_explicit_tick_if_it_has_it(node: Node) -> None:
    await node.become_root()
    first = await node.tick()
    await node.tick()
    assert await node.code("set_global_watermark", QUEUE, first) == 200
    assert await node.position(".global_watermark") == first
    with pytest.raises(TailraceError, match="99"):
        await node.code("set_global_watermark", QUEUE, 99)


async def test_branch_takes_a_tick_that_it_has_and_sends_no_event(node: Node) -> None:
    await node.become_branch()
    await node.external_tick(5)
    assert await node.code("set_global_watermark", QUEUE, 5) == 200
    assert await node.position(".global_watermark") == 5
    assert await node.events("pgq.global-watermark") == []
    assert (await node.call("get_worker_state", QUEUE)).completed_tick == 1


async def test_branch_ignores_a_tick_that_it_does_not_have(node: Node) -> None:
    await node.become_branch()
    await node.external_tick(5)
    assert await node.code("set_global_watermark", QUEUE, 3) == 200
    assert await node.position(".global_watermark") == 1


async def test_watermark_of_a_branch_never_moves_back(node: Node) -> None:
    await node.become_branch()
    await node.external_tick(5)
    await node.external_tick(6)
    assert await node.code("set_global_watermark", QUEUE, 6) == 200
    assert await node.code("set_global_watermark", QUEUE, 5) == 200
    assert await node.position(".global_watermark") == 6


async def test_branch_without_a_tick_is_500(node: Node) -> None:
    await node.become_branch()
    assert await node.code("set_global_watermark", QUEUE, None) == 500
    assert await node.position(".global_watermark") == 1


async def test_leaf_ignores_the_global_watermark(node: Node) -> None:
    await node.become_leaf(completed=7)
    assert await node.code("set_global_watermark", QUEUE, 9) == 100
    assert await node.code("set_global_watermark", QUEUE, None) == 100
    assert (await node.call("get_worker_state", QUEUE)).completed_tick == 7


async def test_watermark_of_an_unknown_queue_is_404(node: Node) -> None:
    assert await node.code("set_global_watermark", "nowhere", None) == 404


async def merged(node: Node, combined_type: str) -> None:
    """Make the node a leaf at tick 7 whose events go into queue "all"."""
    for name in ("node1", "node2"):
        await node.call("register_location", "all", name, f"dbname={name}", False)
    provider, watermark = ("node1", 1) if combined_type == "branch" else (None, None)
    arguments = ("all", combined_type, "node2", "w_all", provider, watermark, None)
    assert await node.code("create_node", *arguments) == 200
    await node.become_leaf("all", completed=7)


async def test_worker_of_a_merged_queue_follows_the_combined_branch(node: Node) -> None:
    await merged(node, "branch")
    assert await node.code("set_partition_watermark", "all", QUEUE, 9) == 200
    assert (await node.call("get_worker_state", QUEUE)).completed_tick == 9
    with pytest.raises(UsageError, match="NULL"):
        await node.code("set_partition_watermark", "all", QUEUE, None)


async def test_leaf_that_merges_into_a_root_moves_by_itself(node: Node) -> None:
    await merged(node, "root")
    assert await node.code("set_partition_watermark", "all", QUEUE, 9) == 201
    assert (await node.call("get_worker_state", QUEUE)).completed_tick == 7


async def test_queue_that_is_not_merged_here_is_201(node: Node) -> None:
    await merged(node, "branch")
    assert await node.code("set_partition_watermark", "all", "nowhere", 9) == 201
    assert await node.code("set_partition_watermark", "nowhere", QUEUE, 9) == 201
    assert await node.code("set_partition_watermark", QUEUE, "all", 9) == 201


async def test_merged_leaf_without_its_worker_is_401(node: Node) -> None:
    await merged(node, "branch")
    await node.call("unregister_consumer", QUEUE, "w2")
    assert await node.code("set_partition_watermark", "all", QUEUE, 9) == 401


async def maintain(node: Node, queue: str = QUEUE) -> int:
    return int(await node.value("select pgq_node.maint_watermark(%s)", queue))


async def age_ticks(node: Node, age: str) -> None:
    await node.execute("update pgq.tick set tick_time = tick_time - %s::interval", age)


async def test_maintenance_publishes_a_watermark_of_five_minutes(node: Node) -> None:
    await node.become_root()
    await age_ticks(node, "6 minutes")
    tick = await node.tick()
    assert await maintain(node) == 0
    assert await node.position(".global_watermark") == tick
    assert len(await node.events("pgq.global-watermark")) == 1


async def test_maintenance_leaves_a_recent_watermark_alone(node: Node) -> None:
    await node.become_root()
    await age_ticks(node, "4 minutes")
    await node.tick()
    assert await maintain(node) == 0
    assert await node.position(".global_watermark") == 1


async def test_maintenance_of_a_branch_or_an_unknown_queue_does_nothing(node: Node) -> None:
    assert await maintain(node, "nowhere") == 0
    await node.become_branch()
    await node.external_tick(5)
    await age_ticks(node, "6 minutes")
    assert await maintain(node) == 0
    assert await node.position(".global_watermark") == 1
