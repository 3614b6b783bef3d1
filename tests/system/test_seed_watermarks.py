"""Acceptance D-03 to D-09: watermarks of the seed's five nodes, under load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
import pytest_asyncio

from fixtures.load import writing
from fixtures.tree import PERIOD, QUEUE, SYNC, SYNCED, WITHIN, Place, Tree, constant
from fixtures.waiting import eventually
from tailrace.db.connection import Database

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

ANNOUNCED = """
    select ev_data::bigint as tick from {table} where ev_type = 'pgq.global-watermark'
"""


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _watermarks_are_never_too_high(tree: Tree) -> AsyncIterator[None]:
    """I-6, looked at all the time: no watermark is above a tick that somebody has yet to complete.

    Both only grow, so a watermark that is read before the positions may be compared with them. In
    D0 nobody is isolated but what lags *below* node4 and node5.
    """
    task = asyncio.create_task(_compare_for_ever(tree))
    yield
    task.cancel()
    ended = (await asyncio.gather(task, return_exceptions=True))[0]
    if not isinstance(ended, asyncio.CancelledError):
        raise ended  # too high, or it could not look any more


async def _compare_for_ever(tree: Tree) -> None:
    async with AsyncExitStack() as stack:
        watched = [
            replace(
                place,
                db=await stack.enter_async_context(await Database.connect(place.dsn, name="watch")),
            )
            for place in tree
        ]
        while True:
            marks = {place.name: await place.global_watermark() for place in watched}
            for place in watched:
                position = await place.position()
                too_high = {name: mark for name, mark in marks.items() if mark > position}
                # the root's own position is where it last published
                assert not too_high or place.name == "node1", (place.name, position, too_high)
            await asyncio.sleep(PERIOD / 4)


@asynccontextmanager
async def lagger(place: Place) -> AsyncIterator[int]:
    """A plain consumer that never consumes: what was there when it came is needed for ever."""
    await place.value("select pgq.register_consumer(%s, 'lagger')", QUEUE)
    start = await place.consumer("lagger")
    assert start is not None
    try:
        yield start
    finally:
        await place.value("select pgq.unregister_consumer(%s, 'lagger')", QUEUE)


async def exceeds(place: Place, tick: int) -> bool:
    """Whether a node's global watermark is beyond a tick; says where it is, if not."""
    mark = await place.global_watermark()
    assert mark > tick, f"{place.name}: global watermark {mark}, wanted above {tick}"
    return True


async def ticked_beyond(place: Place, tick: int) -> bool:
    """Whether a node's queue has got so many ticks."""
    return await place.newest_tick() > tick


async def test_attribute_is_stored_where_it_was_given(tree: Tree) -> None:
    for place in tree:
        stored = await place.value("select node_attrs from pgq_node.node_info")
        if place.name in SYNCED:
            assert parse_qs(stored) == {"sync_watermark": [SYNC]}
        else:
            assert stored is None


async def test_normal_branches_follow_the_root_and_sync_nodes_their_group(tree: Tree) -> None:
    """D-04: node2 and node3 take what the root announced, node4 and node5 the lowest of theirs."""
    table = await tree["node1"].value("select queue_data_pfx from pgq.queue")
    start = await tree["node1"].newest_tick()
    async with writing(tree):
        for place in tree:
            await eventually(lambda place=place: exceeds(place, start), WITHIN)
    announced = {
        row.tick for row in await tree["node1"].db.fetch_all(ANNOUNCED.format(table=table))
    }
    assert await tree["node2"].global_watermark() in announced
    assert await tree["node3"].global_watermark() in announced
    for name in SYNCED:
        mark = await tree[name].global_watermark()
        assert mark <= max(announced)
        for other in SYNCED:
            assert mark <= await tree[other].local_watermark()


async def test_lag_below_a_sync_node_holds_its_group_and_nobody_else(tree: Tree) -> None:
    """D-05."""
    async with writing(tree), lagger(tree["node4"]) as needed:

        async def reported() -> bool:
            mark = await tree["node2"].consumer(".node4.watermark")
            assert mark is not None
            assert mark > needed + 5, mark
            return True

        await eventually(reported, WITHIN)
        for name in ("node1", "node2", "node3"):
            await eventually(lambda name=name: exceeds(tree[name], needed + 5), WITHIN)
        assert await tree["node4"].local_watermark() <= needed
        for name in SYNCED:
            assert await tree[name].global_watermark() <= needed
    async with writing(tree):
        for name in SYNCED:
            await eventually(lambda name=name: exceeds(tree[name], needed + 5), WITHIN)


async def test_own_lag_of_a_sync_node_is_not_hidden(tree: Tree) -> None:
    """D-07: its worker's position on node2 stays, and with it the watermark of the root."""
    await tree.rest("node4")
    async with writing(tree):
        mark = await constant(
            lambda: tree["node2"].consumer(".node4.watermark"), during=3 * PERIOD, within=60
        )
        held = await constant(tree["node1"].global_watermark, during=3 * PERIOD, within=WITHIN)
        assert held <= await tree["node2"].consumer("node4_worker")
        assert mark <= await tree["node4"].position()
        await eventually(lambda: ticked_beyond(tree["node1"], held + 5), WITHIN)
        await tree.work("node4")
        await eventually(lambda: exceeds(tree["node1"], held + 5), WITHIN)


async def test_dead_member_of_the_group_does_not_hold_it(tree: Tree) -> None:
    """D-09: node5 lags and its worker is gone; tagged dead, it counts no more.

    Its own lag goes on holding the root (D-07), so the group gets as far as node5 itself had come.
    """
    async with writing(tree), lagger(tree["node5"]) as needed:

        async def reported() -> bool:
            mark = await tree["node3"].consumer(".node5.watermark")
            assert mark is not None
            assert mark > needed + 10, mark
            return True

        await eventually(reported, WITHIN)
        await tree.rest("node5")
        held = await constant(tree["node4"].global_watermark, during=3 * PERIOD, within=WITHIN)
        assert held <= needed
        await tree.at("node1", "tag-dead", "node5")
        await eventually(lambda: exceeds(tree["node4"], needed + 5), WITHIN)
        await tree.at("node1", "tag-alive", "node5")
    await tree.work("node5")
