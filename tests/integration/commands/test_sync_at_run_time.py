"""A sync group set and removed while the nodes are served: each takes effect within a period."""

from __future__ import annotations

from contextlib import AsyncExitStack

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.cascade import cascade as cascade  # the fixture
from fixtures.waiting import eventually
from tailrace.cascade.attributes import change
from tailrace.cascade.leaving import Leaving
from tailrace.cascade.node import need_node


async def mark(node: TestNode) -> int:
    """Where the node's global watermark is."""
    return int(await node.subscription(".global_watermark") or 0)


async def set_group(node: TestNode, group: str | None) -> None:
    await change(node.db, await need_node(node.db, QUEUE), {"sync_watermark": group})


async def test_group_counts_as_soon_as_it_is_set_and_no_longer_once_removed(
    cascade: Cascade,
) -> None:
    root = await cascade.root("root")
    for setting, value in (("ticker_max_lag", "20ms"), ("ticker_idle_period", "100ms")):
        await root.db.execute("select pgq.set_queue_config(%s, %s, %s)", QUEUE, setting, value)
    left, right = [await cascade.branch(name, root) for name in ("left", "right")]
    async with running(root, left, right):
        await eventually(lambda: passed(right, 3), 20)
        await right.db.execute("select pgq.register_consumer(%s, 'lagger')", QUEUE)
        stands = await right.subscription("lagger")
        assert stands is not None
        await set_group(right, "right,left")
        await set_group(left, "right,left")
        # right tells its own progress only, so the root goes on ...
        await eventually(lambda: passed(root, stands + 10), 20)
        # ... and both members stay with the lagging consumer.
        assert await mark(left) <= stands
        assert await mark(right) <= stands
        await set_group(left, None)
        await eventually(lambda: passed(left, stands + 10), 20)
        assert await mark(right) <= stands


async def test_group_goes_on_without_a_member_that_was_dropped(cascade: Cascade) -> None:
    root = await cascade.root("root")
    for setting, value in (("ticker_max_lag", "20ms"), ("ticker_idle_period", "100ms")):
        await root.db.execute("select pgq.set_queue_config(%s, %s, %s)", QUEUE, setting, value)
    group = ("left", "right")
    left, right = [await cascade.branch(name, root, sync=group) for name in group]
    async with running(root, left, right):
        await eventually(lambda: passed(left, 3), 20)
        async with AsyncExitStack() as stack:
            leaving = Leaving(root.db, QUEUE, "right", stack)
            await leaving.look()
            await leaving.finish()
        newest = (await root.ticks())[-1]
        await eventually(lambda: passed(left, newest), 20)


async def passed(node: TestNode, tick: int) -> bool:
    return await mark(node) > tick


async def test_names_of_members_are_decoded_like_any_url(cascade: Cascade) -> None:
    node = await cascade.branch("nöde/1", await cascade.root("root"))
    await node.db.execute(
        "update pgq_node.node_info set node_attrs = %s",
        "x=1&sync_watermark=n%C3%B6de%2F1%2C+b%2cc",
    )
    members = await node.db.fetch_value("select tailrace.sync_members(%s)", QUEUE)
    assert members == ["nöde/1", "b", "c"]
    for attributes, wanted in (("sync_watermark=", []), ("y=2", None)):
        await node.db.execute("update pgq_node.node_info set node_attrs = %s", attributes)
        assert await node.db.fetch_value("select tailrace.sync_members(%s)", QUEUE) == wanted
