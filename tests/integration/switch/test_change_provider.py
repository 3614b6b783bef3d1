"""change-provider: nodes move, nothing is lost or doubled, nobody keeps events for who has left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade
from fixtures.cascade import running as serving
from fixtures.command import Tailrace
from fixtures.waiting import eventually
from integration.switch.conftest import FIVE, Tree, served, writing

MIXED = {"node1": None, "node2": "node1", "node3": "node1", "leaf": "node2"}


async def test_nodes_change_their_providers_under_load(tree: Tree) -> None:
    """Acceptance D-15."""
    async with served(tree, FIVE):
        async with writing(tree["node1"].db):
            await tree.change_provider("node4", "node3")
            moved = await tree.change_provider("node1", "node2", "--node", "node5")
        assert 'node "node5" reads from node "node2"' in moved.err
        assert await tree.shape() == FIVE | {"node1": "node1", "node4": "node3", "node5": "node2"}
        await tree.check()


async def test_node_that_was_paused_goes_on_as_a_whole(tree: Tree) -> None:
    """A consumer that was paused alone stays so."""
    async with served(tree, FIVE):
        await tree.at("node4", "pause")
        await tree.change_provider("node4", "node3")
        assert await tree.paused() == []
        await tree.at("node4", "pause", "--consumer", "node4.apply")
        info = (await tree.at("node4", "node-info")).out
        assert "its tables stand still: node4.apply is paused" in info
        await tree.change_provider("node4", "node2")
        assert await tree.paused() == ["node4.apply"]
        await tree.at("node4", "resume", "--consumer", "node4.apply")
        await tree.check()


async def test_old_provider_that_does_not_answer_is_told_when_it_does(tree: Tree) -> None:
    """Until then it keeps events, so whoever has to come back is told how."""
    lead = "update pgq_node.node_location set node_location = %s where node_name = 'node2'"
    move = ("node1", "node3", "--node", "node4")
    async with served(tree, FIVE):
        await tree["node1"].db.execute(lead, "host=127.0.0.1 port=1 dbname=away")
        moved = await tree.change_provider(*move)
        assert 'node "node2" may still keep events for a node that has left it' in moved.err
        assert (await tree.registered())["node2"] == {"node4"}
        await tree["node1"].db.execute(lead, tree["node2"].dsn)
        again = await tree.change_provider(*move)
        assert "may still keep events" not in again.err
        assert (await tree.registered())["node2"] == set()
        await tree.check()


async def test_takeover_that_is_run_again_lets_who_was_away_let_go(tree: Tree) -> None:
    lead = "update pgq_node.node_location set node_location = %s where node_name = 'node3'"
    take = ("node1", "node5", "--node", "node2")
    async with served(tree, FIVE):
        await tree["node1"].db.execute(lead, "host=127.0.0.1 port=1 dbname=away")
        taken = await tree.takeover(*take)
        assert 'node "node3" may still keep events for a node that has left it' in taken.err
        assert await tree.provider("node5") == "node2"
        assert (await tree.registered())["node3"] == {"node5"}
        await tree["node1"].db.execute(lead, tree["node3"].dsn)
        again = await tree.takeover(*take)
        assert "may still keep events" not in again.err
        assert (await tree.registered())["node3"] == set()
        await tree.check()


async def test_node_that_its_provider_has_forgotten_is_registered_again(still: Tree) -> None:
    """The error of its worker names this command."""
    register = "select subscriber_node from pgq_node.subscriber_info"
    await still["node2"].db.execute("select pgq_node.unregister_subscriber(%s, 'leaf')", QUEUE)
    assert await still["node2"].db.fetch_value(register) is None
    told = await still.change_provider("leaf", "node2")
    assert 'register node "leaf" on node "node2"' in told.err
    assert await still["node2"].db.fetch_value(register) == "leaf"
    told = await still.change_provider("leaf", "node2")
    assert 'reads from node "node2" already' in told.err


@pytest_asyncio.fixture
async def still(cascade: Cascade, tailrace: Tailrace) -> Tree:
    """A tree that nobody serves."""
    tree = Tree(cascade, tailrace)
    await tree.grow(MIXED, {"leaf"})
    return tree


async def all_facts(tree: Tree) -> dict[str, Any]:
    return {name: await tree.facts(name) for name in tree.nodes}


async def test_what_cannot_work_is_refused_before_anything_is_changed(still: Tree) -> None:
    before = await all_facts(still)
    for words, complaint in {
        ("node2", "node2"): 'node "node2" cannot be its own provider',
        ("node3", "leaf"): 'node "leaf" is a leaf and cannot be a provider',
        ("node1", "node2"): "tailrace takeover node1",
        ("node2", "nix"): 'there is no node "nix" in queue "flow"; its nodes: leaf, node1',
        ("nix", "node2"): 'there is no node "nix"',
    }.items():
        node, provider = words
        told = await still.change_provider("node1", provider, "--node", node, status=1)
        assert complaint in told.complaint
    told = await still.change_provider("leaf", "node3", "--consumer", "nix", status=1)
    assert "it has: leaf_worker" in told.complaint
    told = await still.at("leaf", "change-provider", status=2)
    assert "--provider NODE" in told.complaint
    assert await all_facts(still) == before


async def test_nothing_happens_when_the_node_reads_from_there_already(still: Tree) -> None:
    before = await all_facts(still)
    told = await still.change_provider("leaf", "node2")
    assert 'node "leaf" reads from node "node2" already' in told.err
    assert await all_facts(still) == before


async def test_a_circle_is_refused(tree: Tree) -> None:
    await tree.grow({"a": None, "b": "a", "c": "b"}, set())
    told = await tree.change_provider("b", "c", status=1)
    assert 'gets its events by way of node "b"' in told.complaint


async def test_plan_names_the_steps_and_does_none(still: Tree) -> None:
    before = await all_facts(still)
    shown = await still.change_provider("leaf", "node3", "--plan", "--format", "json")
    assert [(step["name"], step["node"]) for step in shown.json] == [
        ("subscribe", "node3"),
        ("pause", "leaf"),
        ("switch", "leaf"),
        ("acknowledge", "leaf"),
        ("unsubscribe", "node2"),
    ]
    assert await all_facts(still) == before


async def test_gives_up_while_nobody_serves_the_node_and_undoes_its_pause(still: Tree) -> None:
    told = await still.at(
        "leaf", "change-provider", "--provider", "node3", "--timeout", "0.3", status=1
    )
    assert 'waiting for consumer "leaf_worker" of node "leaf" to pause' in told.err
    assert "tailrace run" in told.err
    assert await still.paused() == []
    assert await still.provider("leaf") == "node2"
    assert (await still.registered())["node3"] == set()


async def test_tick_that_the_new_provider_has_dropped_is_refused_at_once(still: Tree) -> None:
    """A node below a lagging sync group may be further back than the rest of the tree keeps."""
    async with serving(*still.nodes.values()):
        await still.write()
        await eventually(lambda: has_ticks(still, "node3", 3), within=20)
    await still["node3"].db.execute(
        "delete from pgq.tick where tick_id <= (select last_tick_id from pgq_node.local_state"
        " where consumer_name = 'node3_worker') and tick_id < (select max(tick_id) from pgq.tick)"
    )
    await still["leaf"].db.execute("update pgq_node.local_state set last_tick_id = 1")
    before = await all_facts(still)
    told = await still.change_provider("leaf", "node3", status=1)
    assert (
        'has completed tick 1 of queue "flow", which node "node3" does not have' in told.complaint
    )
    assert "sync group" in told.complaint
    assert await all_facts(still) == before


async def has_ticks(tree: Tree, name: str, ticks: int) -> bool:
    return bool((await tree.facts(name))["newest"] > ticks)


async def test_plain_consumer_and_pins_move_with_the_node(tree: Tree) -> None:
    async with served(tree, MIXED, leaves=frozenset({"leaf"})):
        await tree.write()
        await eventually(lambda: has_rows(tree, "leaf"), within=20)
        for name in ("reports", ".savepoint.1", ".savepoint.2"):
            await plain_consumer(tree, name)
        acknowledging = asyncio.create_task(acknowledge(tree, "reports"))
        await tree.change_provider("leaf", "node3")
        await acknowledging
        facts = await tree.facts("leaf")
        readers = (await tree.facts("node3"))["readers"]
        for name in ("leaf_worker", "reports", ".savepoint.1", ".savepoint.2"):
            assert facts["positions"][name]["provider"] == "node3"
            assert name in readers
        for name in ("reports", ".savepoint.1", ".savepoint.2"):
            assert readers[name] == facts["positions"][name]["tick"]
        assert not {"leaf_worker", "reports", ".savepoint.1"} & set(
            (await tree.facts("node2"))["readers"]
        )

        await tree["leaf"].db.execute(
            "update pgq_node.local_state set last_tick_id = 0 where consumer_name = '.savepoint.1'"
        )
        told = await tree.change_provider("leaf", "node1", status=1)
        assert 'pin ".savepoint.1"' in told.complaint
        assert "--give-up-pins" in told.complaint
        acknowledging = asyncio.create_task(acknowledge(tree, "reports"))
        await tree.change_provider("leaf", "node1", "--give-up-pins")
        await acknowledging
        positions = (await tree.facts("leaf"))["positions"]
        assert ".savepoint.1" not in positions
        assert positions[".savepoint.2"]["provider"] == "node1"

        acknowledging = asyncio.create_task(acknowledge(tree, "reports"))
        await tree.change_provider("leaf", "node2", "--consumer", "reports")
        await acknowledging
        positions = (await tree.facts("leaf"))["positions"]
        assert positions["reports"]["provider"] == "node2"
        assert positions["leaf_worker"]["provider"] == "node1"


async def has_rows(tree: Tree, name: str) -> bool:
    return bool(await tree[name].rows())


async def plain_consumer(tree: Tree, name: str) -> None:
    """Register a consumer that writes into the leaf, where its worker reads."""
    facts = await tree.facts("leaf")
    tick = facts["positions"]["leaf_worker"]["tick"]
    await tree["node2"].db.execute("select pgq.register_consumer_at(%s, %s, %s)", QUEUE, name, tick)
    await tree["leaf"].db.execute(
        "select pgq_node.register_consumer(%s, %s, 'node2', %s)", QUEUE, name, tick
    )


async def acknowledge(tree: Tree, name: str) -> None:
    """Be the process of a plain consumer that is asked to pause and to go on."""
    db = await tree.connect("leaf")
    query = "select paused, uptodate from pgq_node.local_state where consumer_name = %s"
    update = "update pgq_node.local_state set uptodate = true where consumer_name = %s"

    async def told(paused: bool) -> bool:
        row = await db.fetch_one(query, name)
        assert row is not None
        if row.paused == paused and not row.uptodate:
            await db.execute(update, name)
            return True
        return False

    await eventually(lambda: told(True), within=20)
    await eventually(lambda: told(False), within=20)


@pytest.mark.timeout(120)
async def test_nobody_gives_up_what_is_needed_below_a_node_that_has_moved(tree: Tree) -> None:
    """node3 has told of much more than the consumer below node4 has; then node4 moves below it."""
    async with served(tree, FIVE | {"node4": "node2"}):
        await tree["node4"].db.execute("select pgq.register_consumer(%s, 'lagger')", QUEUE)
        needed = (await tree.facts("node4"))["readers"]["lagger"]

        async def told_more() -> bool:
            await tree.write(rows=2)
            return (await tree.facts("node1"))["readers"][".node3.watermark"] > needed

        await eventually(told_more, within=20, every=0.1)
        moved = await tree.change_provider("node4", "node3")
        assert 'let node "node1" keep what is needed below node "node3"' in moved.err
        kept = (await tree.facts("node1"))["readers"]
        assert kept[".node3.watermark"] <= needed

        async def published_again() -> bool:
            await tree.write(rows=2)
            readers = (await tree.facts("node1"))["readers"]
            assert readers[".global_watermark"] <= needed
            return readers[".node2.watermark"] > needed  # nothing below it holds it any more

        await eventually(published_again, within=20, every=0.1)
        # so node4 can go anywhere else, too
        await tree.change_provider("node4", "node1")
        await tree["node4"].db.execute("select pgq.unregister_consumer(%s, 'lagger')", QUEUE)
        await tree.check()
