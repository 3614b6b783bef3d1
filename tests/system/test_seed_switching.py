"""Acceptance D-15 to D-19: the seed's tree rewired by one command each, under load."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fixtures.chk import check
from fixtures.load import writing
from fixtures.server import Server
from fixtures.tree import PROVIDERS, QUEUE, WITHIN, Tree, planted
from fixtures.waiting import eventually
from tailrace.errors import TailraceError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]


async def providers(tree: Tree) -> dict[str, str | None]:
    """Who reads from whom; the root from nobody."""
    shape = await tree.shape()
    return {name: None if kind == "root" else provider for name, (kind, provider) in shape.items()}


async def registrations(tree: Tree) -> dict[str, set[str]]:
    """Who is registered where, by subscriptions as well as by the consumers of the queue."""
    found = {}
    for place in tree:
        found[place.name] = await place.subscribers()
        names = {f".{name}.watermark" for name in found[place.name]}
        workers = {f"{name}_worker" for name in found[place.name]}
        consumers = await place.consumers()
        assert {name for name in consumers if name.endswith(".watermark")} == names
        assert {name for name in consumers if name.endswith("_worker")} == workers
    return found


def wanted_registrations(wanted: dict[str, str | None]) -> dict[str, set[str]]:
    """Every node is registered at its provider, and nowhere else."""
    return {
        name: {other for other, provider in wanted.items() if provider == name} for name in wanted
    }


async def test_nodes_change_their_providers_and_nothing_is_lost(tree: Tree) -> None:
    """D-15: node4 and node5 swap providers under load, and go back."""
    async with writing(tree) as load:
        await tree.at("node4", "change-provider", "--provider", "node3")
        await tree.at("node5", "change-provider", "--provider", "node2")
        crossed = PROVIDERS | {"node4": "node3", "node5": "node2"}
        assert await providers(tree) == crossed
        assert await registrations(tree) == wanted_registrations(crossed)
        seen = load.written

        async def flows() -> bool:
            for name in ("node4", "node5"):
                found = await tree[name].rows("public.t")
                assert max(found, default=0) > seen
            return True

        await eventually(flows, WITHIN)
        await tree.at("node4", "change-provider", "--provider", "node3")  # nothing changes
        assert await providers(tree) == crossed
        await tree.at("node4", "change-provider", "--provider", "node2")
        await tree.at("node5", "change-provider", "--provider", "node3")
    await load.check()
    assert await providers(tree) == PROVIDERS
    assert await registrations(tree) == wanted_registrations(PROVIDERS)


async def test_a_node_that_cannot_provide_is_refused_and_the_old_one_goes_on(tree: Tree) -> None:
    """D-15: to itself, to a leaf, to a node below itself, to nobody."""
    await tree.add_place("node6")
    await tree.at(
        "node6", "create-leaf", "node6", tree["node6"].location, "--queue", QUEUE,
        "--provider", tree["node1"].location,
    )  # fmt: skip
    try:
        async with writing(tree) as load:
            for target in ("node4", "node6", "nobody"):
                refused = await tree.at(
                    "node4", "change-provider", "--provider", target, status=None
                )
                assert refused.status != 0, target
                assert target in refused.complaint
            below = await tree.at("node2", "change-provider", "--provider", "node4", status=None)
            assert below.status != 0
            seen = load.written
            await eventually(lambda: load.written > seen + 5, WITHIN)
        await load.check("node2", "node3", "node4", "node5")
    finally:
        await tree.at("node1", "drop-node", "node6")
        await tree.remove_place("node6")
    assert await providers(tree) == PROVIDERS
    assert await registrations(tree) == wanted_registrations(PROVIDERS)


# ---------------------------------------------------------------- D-17


async def test_a_branch_is_taken_over_with_or_without_those_below_it(tree: Tree) -> None:
    """D-17: node3 takes node2's place; node4 stays with node2, or with --all comes along."""
    async with writing(tree) as load:
        await tree.at("node3", "takeover", "node2")
        assert await providers(tree) == PROVIDERS | {"node2": "node3"}
        await tree.at("node2", "change-provider", "--provider", "node1")
        await tree.at("node3", "takeover", "node2", "--all")
        moved = PROVIDERS | {"node2": "node3", "node4": "node3"}
        assert await providers(tree) == moved
        assert await registrations(tree) == wanted_registrations(moved)
        await tree.at("node4", "change-provider", "--provider", "node2")
        await tree.at("node2", "change-provider", "--provider", "node1")
    await load.check()
    assert await providers(tree) == PROVIDERS


# ---------------------------------------------------------------- D-18


async def test_the_root_moves_under_load_and_back_again(tree: Tree) -> None:
    """D-18: the old root refuses writes, the new one takes them; every row is everywhere once."""
    before = await tree["node1"].newest_tick()
    async with writing(tree) as load:
        await tree.at("node2", "takeover", "node1")
        wanted = PROVIDERS | {"node1": "node2", "node2": None}
        assert await providers(tree) == wanted
        assert await registrations(tree) == wanted_registrations(wanted)
        with pytest.raises(TailraceError):
            await tree["node1"].db.execute("insert into public.t values (-1, 'too late')")
        load.at = "node2"
        seen = load.written

        async def flows() -> bool:
            for place in tree:
                assert max(await place.rows("public.t")) > seen + 5, place.name
            return True

        await eventually(flows, WITHIN)
        for place in tree:
            assert await place.newest_tick() > before
    await load.check()
    await check(*tree)
    async with writing(tree, "node2") as load:
        await tree.at("node1", "takeover", "node2")
        load.at = "node1"
        assert await providers(tree) == PROVIDERS
    await load.check()
    assert await registrations(tree) == wanted_registrations(PROVIDERS)


# ---------------------------------------------------------------- D-19


@pytest_asyncio.fixture(loop_scope="module")
async def own_tree(server: Server, template: str) -> AsyncIterator[Tree]:
    """A tree that loses its root."""
    async with planted(server) as tree:
        yield tree


async def test_a_lost_root_is_replaced_by_a_node_that_first_catches_up(own_tree: Tree) -> None:
    """D-19: node2 lags behind node3 when node1 is lost; what any survivor has is kept."""
    tree = own_tree
    async with writing(tree) as load:
        await eventually(lambda: load.written > 20, WITHIN)
        await eventually(lambda: ahead_of(tree, "node2", 5), WITHIN)
        await tree.rest("node2")
        seen = load.written
        await eventually(lambda: load.written > seen + 20, WITHIN)
    await tree.settled("node3", "node5")
    assert await tree["node2"].position() < await tree["node3"].position()
    async with tree.lost("node1"):
        await tree.at("node2", "status", "--dead", "node1")
        await tree.work("node2")
        await tree.at("node2", "takeover", "node1", "--dead-root")
        left = ("node2", "node3", "node4", "node5")
        shape = {name: await tree[name].node() for name in left}
        assert shape == {
            "node2": ("root", "node2"),
            "node3": ("branch", "node2"),
            "node4": ("branch", "node2"),
            "node5": ("branch", "node3"),
        }
        for name in left:
            assert (await tree[name].members())["node1"] is True
        assert "node1.gravestone" in await tree["node2"].consumers()
        load.at = "node2"
        await load.check("node2")
        async with writing(tree, "node2") as later:
            seen = later.written
            await eventually(lambda: later.written > seen + 20, WITHIN)
        await later.check(*left)
        await check(*(tree[name] for name in left))


async def ahead_of(tree: Tree, name: str, tick: int) -> bool:
    """Whether a node has passed a tick."""
    return await tree[name].position() > tick
