"""The network between the nodes of a tree fails in every way: who is not cut off goes on.

``tests/fixtures/proxy.py`` says what each way does. Every node is reached by the others through a
proxy of its own; between two certain nodes there can be one more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from fixtures.chk import check
from fixtures.load import writing
from fixtures.proxy import Proxy
from fixtures.server import Server
from fixtures.tree import HURRIED, WITHIN, Tree, planted
from fixtures.waiting import eventually

pytestmark = [
    pytest.mark.faults,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(150),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planted_tree(server: Server, template: str) -> AsyncIterator[Tree]:
    """One tree for all tests of this module."""
    async with planted(server, env=HURRIED, proxied=True) as tree:
        yield tree


@pytest_asyncio.fixture(loop_scope="module")
async def tree(planted_tree: Tree) -> AsyncIterator[Tree]:
    """The tree; whatever was broken, afterwards all is equal and no error is left."""
    yield planted_tree
    await planted_tree.settled()
    await check(*planted_tree)
    await planted_tree.recovered()
    for place in planted_tree:
        log = "".join(one.err for one in [*place.past, place.worker] if one is not None)
        assert "Traceback" not in log
        assert " ERROR " not in log


@asynccontextmanager
async def broken(proxy: Proxy, way: str) -> AsyncIterator[None]:
    """Let a network fail in one way while the block runs."""
    ways = {"cut": proxy.cut, "stall": proxy.stall, "deafen": proxy.deafen}
    if way == "refuse":
        proxy.refuse()
    else:
        ways[way]()
    if way == "deafen":
        proxy.cut()  # else those that are connected would notice nothing
    try:
        yield
    finally:
        proxy.resume()
        if way == "deafen":
            proxy.cut()  # whoever still waits for an answer would do so for ten seconds


@pytest.mark.parametrize("way", ["cut", "stall", "deafen", "refuse"])
async def test_a_branch_that_cannot_be_reached_holds_up_only_what_is_below_it(
    tree: Tree, way: str
) -> None:
    """node4 reads from node2, through node2's proxy; node2 itself is not held up by it."""
    proxy = tree["node2"].proxy
    assert proxy is not None
    async with writing(tree) as load:
        async with broken(proxy, way):
            await load.arrives("node2", "node3", "node5")
            if way != "cut":
                stays = await tree["node4"].position()
                await load.arrives("node5")
                assert await tree["node4"].position() <= stays + 1
        await load.arrives("node4")
    await load.check()


@pytest.mark.parametrize("way", ["stall", "refuse"])
async def test_the_root_out_of_reach_keeps_everything_until_it_is_reached_again(
    tree: Tree, way: str
) -> None:
    proxy = tree["node1"].proxy
    assert proxy is not None
    async with writing(tree) as load:
        async with broken(proxy, way):
            await load.goes_on()
        await load.arrives("node4", "node5")
    await load.check()


async def test_one_link_between_two_nodes_fails_and_the_others_do_not_notice(
    tree: Tree,
) -> None:
    """node3 cannot reach node1; node2 can."""
    node3, node1 = tree["node3"], tree["node1"]
    link = Proxy(node1.dsn)
    link.start()
    change = "update pgq_node.node_location set node_location = %s where node_name = 'node1'"
    await node3.db.execute(change, link.dsn)
    async with writing(tree) as load:
        await eventually(lambda: link.accepted > 0, WITHIN)
        await load.arrives("node3")
        async with broken(link, "refuse"):
            await load.arrives("node2", "node4")
            behind = await tree["node3"].position()
            await load.arrives("node4")
            assert await tree["node3"].position() <= behind + 1
        await load.arrives("node3", "node5")
        await node3.db.execute(change, node1.location)
        await load.arrives("node5")
    await load.check()
    await link.close()


async def test_a_member_of_a_sync_group_that_is_deaf_does_not_stop_events(tree: Tree) -> None:
    """node4 asks node5 for its watermark; the watermark stays, events flow (cascade.md 7.2)."""
    proxy = tree["node5"].proxy
    assert proxy is not None
    async with writing(tree) as load:
        async with broken(proxy, "refuse"):
            await load.arrives("node4")
            held = await tree["node4"].global_watermark()
            await load.arrives("node4", "node5")
            assert await tree["node4"].global_watermark() == held
        await eventually(lambda: beyond(tree, "node4", held), WITHIN)


async def beyond(tree: Tree, name: str, tick: int) -> bool:
    """Whether a node's global watermark has moved on."""
    return await tree[name].global_watermark() > tick


async def test_everything_is_cut_again_and_again(tree: Tree) -> None:
    async with writing(tree) as load:
        for _ in range(3):
            for place in tree:
                assert place.proxy is not None
                place.proxy.cut()
            await load.arrives("node2")
    await load.check()
