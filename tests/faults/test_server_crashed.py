"""The PostgreSQL of two nodes, the root among them, crashes under load and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.chk import check
from fixtures.load import writing
from fixtures.place import Place
from fixtures.server import SETTINGS, Server
from fixtures.tree import HURRIED, NAMES, WITHIN, Tree
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.embedded.cluster import Cluster

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

CRASHING = ("node1", "node3")


@pytest.fixture
def other(scratch: Path) -> Iterator[Cluster]:
    """A server of its own for the nodes that crash."""
    cluster = Cluster(scratch / "data")
    cluster.start(settings=SETTINGS, tied=True)
    yield cluster
    cluster.destroy()


async def on_two_servers(server: Server, other: Cluster) -> Tree:
    """D0 with some nodes on the server that will crash."""
    tree = Tree(server, HURRIED)
    async with await Database.connect(other.url(), name="test") as admin:
        for name in CRASHING:
            await admin.execute(f"create database {name}")
    for name in NAMES:
        if name in CRASHING:
            await tree.adopt(name, other.url(name))
        else:
            await tree.add_place(name)
        await tree.create(name)
    await tree.add_tables()
    await tree.work()
    return tree


async def crash(tree: Tree, other: Cluster) -> None:
    """End the server as a power cut would end its processes, and start it again."""
    tree.crashed |= set(CRASHING)
    other.stop(immediate=True)
    other.start(settings=SETTINGS, tied=True)
    for name in CRASHING:
        await tree[name].db.close()
        tree[name].db = await Database.connect(tree[name].dsn, name="test")


async def test_crash_of_the_root_and_a_branch_loses_nothing_and_doubles_nothing(
    server: Server, template: str, other: Cluster
) -> None:
    tree = await on_two_servers(server, other)
    try:
        async with writing(tree, pause=0.01) as load:
            for name in NAMES:  # who finds no server when it starts gives up
                await get_further(tree, name)
            for _ in range(3):
                seen = load.written
                await eventually(lambda seen=seen: load.written > seen + 30, WITHIN)
                await crash(tree, other)
                accepted = load.accepted
                await get_further(tree, "node5")
                await eventually(lambda seen=accepted: load.accepted > seen + 3, WITHIN)
        await load.check()
        await check(*tree)
        await tree.recovered()
        for place in tree:
            assert "Traceback" not in said(place)
            assert " ERROR " not in said(place)
    except AssertionError as error:
        for place in tree:
            error.add_note(f"{place.name} {await place.errors()}: {said(place)[-2000:]}")
        raise
    finally:
        await tree.close()
    tree.replay()


def said(place: Place) -> str:
    """What its processes have written."""
    return "".join(one.err for one in [*place.past, place.worker] if one is not None)


async def get_further(tree: Tree, name: str) -> None:
    """Wait until a node has got newer ticks."""
    top = await tree[name].newest_tick()

    async def further() -> bool:
        return await tree[name].newest_tick() > top

    await eventually(further, WITHIN, what=f"newer ticks on {name}")
