"""Acceptance D-01, D-02, D-14, D-23, D-24, D-27: commands on the seed's five nodes, under load."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import pytest
import pytest_asyncio

from fixtures.chk import check
from fixtures.load import writing
from fixtures.server import Server
from fixtures.tree import PROVIDERS, QUEUE, SYNC, SYNCED, WITHIN, Place, Tree, planted
from fixtures.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]


async def nodes_of(tree: Tree, name: str) -> dict[str, dict[str, object]]:
    """What ``status`` says of every node, asked at one of them."""
    document = (await tree.at(name, "status", "--format", "json")).json
    return {str(node["node"]): node for node in document["nodes"]}


async def everybody_known(place: Place) -> bool:
    """Whether a node knows all five members, all alive."""
    return await place.members() == dict.fromkeys(PROVIDERS, False)


# ---------------------------------------------------------------- D-01, D-02, D-24


async def test_every_node_knows_all_members_and_shows_one_tree(tree: Tree) -> None:
    """D-01."""
    for place in tree:
        await eventually(lambda place=place: everybody_known(place), WITHIN)
        found = await nodes_of(tree, place.name)
        assert {name: node["provider"] for name, node in found.items()} == PROVIDERS
        for name, node in found.items():
            assert node["type"] == ("root" if name == "node1" else "branch")
            assert node["attributes"] == ({"sync_watermark": SYNC} if name in SYNCED else {})
            assert node["lag_seconds"] is not None
            assert node["errors"] == []


@pytest.mark.parametrize("kind", ["root", "leaf"])
async def test_sync_watermark_is_for_branches_only(tree: Tree, kind: str) -> None:
    """D-02: nothing has been made, and nothing has been registered anywhere."""
    before = await tree["node1"].members()
    place = await tree.add_place("node6")
    words = ["--provider", tree["node1"].location] if kind == "leaf" else []
    try:
        refused = await tree.at(
            "node6", f"create-{kind}", "node6", "--queue", QUEUE, "--sync-watermark", SYNC, *words,
            status=1,
        )  # fmt: skip
        assert "sync" in refused.complaint
        assert await place.value("select count(*) from pgq_node.node_info") == 0
        assert await place.value("select count(*) from pgq.queue") == 0
        assert await tree["node1"].members() == before
    finally:
        await tree.remove_place("node6")


async def test_creating_a_node_again_does_not_change_its_attribute(tree: Tree) -> None:
    """D-02, second part."""
    place = tree["node4"]
    again = await tree.at(
        "node4", "create-branch", "node4", place.location, "--queue", QUEUE,
        "--provider", tree["node2"].location, "--sync-watermark", "node4",
    )  # fmt: skip
    assert "already" in again.err
    stored = await place.value("select node_attrs from pgq_node.node_info")
    assert parse_qs(stored) == {"sync_watermark": [SYNC]}


async def test_location_of_another_database_is_refused(tree: Tree) -> None:
    """D-24; with --nocheck it is taken."""
    place = await tree.add_place("node6")
    words = (
        "create-branch", "node6", tree["node5"].location, "--queue", QUEUE,
        "--provider", tree["node1"].location,
    )  # fmt: skip
    try:
        refused = await tree.at("node6", *words, status=None)
        assert refused.status != 0
        assert "node6" not in await tree["node1"].members()
        assert await place.value("select count(*) from pgq_node.node_info") == 0
        await tree.at("node6", *words, "--nocheck")
        assert await place.node() == ("branch", "node1")
        assert "node6" in await tree["node1"].members()
        await tree.at("node1", "drop-node", "node6")
        await eventually(lambda: everybody_known(tree["node5"]), WITHIN)
    finally:
        await place.value("select pgq_node.drop_node(%s, 'node6')", QUEUE)
        await tree.remove_place("node6")


# ---------------------------------------------------------------- D-14


async def test_pause_returns_when_the_worker_has_acknowledged_and_resume_goes_on(
    tree: Tree,
) -> None:
    """D-14: while node2 rests nobody below it gets anything; all of it comes afterwards."""
    node2, node4 = tree["node2"], tree["node4"]
    async with writing(tree) as load:
        await tree.at("node2", "pause")
        row = await node2.db.fetch_one(
            "select * from pgq_node.get_consumer_state(%s, 'node2_worker')", QUEUE
        )
        assert (row.paused, row.uptodate) == (True, True)
        stays = await node2.position()
        await eventually(lambda: at_least(node4, stays), WITHIN)
        written = load.written
        await eventually(lambda: load.written > written + 20, WITHIN)
        assert await node2.position() == stays
        assert await node4.position() == stays
        await tree.at("node2", "resume")
        await eventually(lambda: at_least(node4, stays + 20), WITHIN)


async def at_least(place: Place, tick: int) -> bool:
    """Whether a node's worker has come to a tick."""
    at = await place.position()
    assert at >= tick, at
    return True


async def test_pause_waits_for_a_worker_that_does_not_run_until_its_timeout(tree: Tree) -> None:
    """D-14, cascade.md 8: nobody acknowledges. Withdrawn, the node goes on as before."""
    await tree.rest("node5")
    refused = await tree.at("node5", "pause", "--timeout", "0.5", status=None)
    assert refused.status == 1
    waiting = await tree.command("node5", "resume")
    await eventually(lambda: connected(tree["node5"], "resume"), 30)
    assert waiting.returncode is None
    await tree.work("node5")
    assert await waiting.wait(30) == 0


async def test_wait_root_returns_once_the_node_is_beyond_what_the_root_has_now(tree: Tree) -> None:
    """D-14."""
    async with writing(tree):
        await tree.at("node4", "pause")
        top = await tree["node1"].newest_tick()
        waiting = [
            await tree.command("node4", "wait-root"),
            await tree.command("node4", "wait-provider"),
        ]
        await eventually(lambda: connected(tree["node4"], "wait-root", "wait-provider"), 30)
        assert [one.returncode for one in waiting] == [None, None]
        await tree.at("node4", "resume")
        for one in waiting:
            assert await one.wait(60) == 0, one.err
        assert await tree["node4"].position() > top
    for words in (("wait-root",), ("wait-provider",)):
        assert "root" in (await tree.at("node1", *words)).err


async def connected(place: Place, *commands: str) -> bool:
    """Whether commands are at work in a node's database."""
    names = [f"tailrace:{command}" for command in commands]
    found = await place.db.fetch_all(
        "select distinct application_name from pg_stat_activity"
        " where datname = current_database() and application_name = any(%s)", names,
    )  # fmt: skip
    return len(found) == len(names)


# ---------------------------------------------------------------- D-27


async def test_error_shows_in_status_and_goes_with_its_cause(tree: Tree) -> None:
    """D-27: a row in the way on node3 stops what is applied there, and nothing else."""
    node3 = tree["node3"]
    await node3.db.execute(
        "begin; set local session_replication_role = replica;"
        " insert into public.t values (999999, 'in the way'); commit"
    )
    await tree["node1"].db.execute("insert into public.t values (999999, 'from the root')")

    async def shown() -> str:
        lines = (await tree.at("node1", "status")).out.splitlines()
        return "\n".join(line for line in lines if "ERR: " in line)

    said = await eventually(shown, WITHIN)
    assert "node3.apply" in said
    assert "public.t" in said
    await eventually(lambda: tree.all_equal("node5", "node4"), WITHIN)
    await node3.db.execute(
        "begin; set local session_replication_role = replica;"
        " delete from public.t where id = 999999; commit"
    )
    await tree.settled()
    assert await shown() == ""
    assert [line for line in tree.complaints() if "node3" not in line] == []
    tree.forget_complaints()


# ---------------------------------------------------------------- D-23


@pytest_asyncio.fixture(loop_scope="module")
async def own_tree(server: Server, template: str) -> AsyncIterator[Tree]:
    """A tree for tests that take nodes out of it."""
    async with planted(server) as tree:
        yield tree


async def test_nodes_are_dropped_from_the_outside_in(own_tree: Tree) -> None:
    """D-23: not while somebody reads from it; then it is gone everywhere, reachable or not."""
    tree = own_tree
    async with writing(tree):
        refused = await tree.at("node1", "drop-node", "node3", status=1)
        assert "node5" in refused.complaint
        await tree.rest("node5")
        await tree.at("node1", "drop-node", "node5")
        for place in tree:
            if place.name == "node5":
                continue
            await eventually(lambda place=place: unknown(place, "node5"), WITHIN)
        node5 = tree["node5"]
        assert await node5.value("select count(*) from pgq_node.node_info") == 0
        assert await node5.value("select count(*) from pgq.queue") == 0
        assert "node5" not in await nodes_of(tree, "node1")

        async with tree.lost("node4"):
            warned = await tree.at("node1", "drop-node", "node4")
            assert "warning" in warned.err
        for name in ("node1", "node2", "node3"):
            await eventually(lambda name=name: unknown(tree[name], "node4"), WITHIN)
    left = ("node1", "node2", "node3")
    await tree.settled(*left)
    await check(*(tree[name] for name in left))


async def unknown(place: Place, node: str) -> bool:
    """Whether nothing of a node is left at another one."""
    assert node not in await place.members()
    assert node not in await place.subscribers()
    assert [name for name in await place.consumers() if node in name] == []
    return True
