"""takeover of a node that is lost: acceptance D-19, and a lost branch."""

from __future__ import annotations

import pytest

from fixtures.cascade import OPTIONS, QUEUE
from fixtures.cascade import running as serving
from fixtures.waiting import eventually
from integration.switch.conftest import FIVE, Tree, served
from integration.switch.losing import lost
from tailrace.cascade.operation import Hands
from tailrace.cascade.promoting import Promote
from tailrace.db.dsn import parameters

pytestmark = pytest.mark.usefixtures("modelled")


async def at_least(tree: Tree, name: str, rows: int) -> bool:
    return len(await tree[name].rows()) >= rows


async def test_new_root_is_brought_up_to_the_most_advanced_before_others_are_moved(
    tree: Tree,
) -> None:
    await tree.grow(FIVE, set())
    rest = [tree[name] for name in ("node3", "node4", "node5")]
    async with serving(*rest):
        async with serving(tree["node1"], tree["node2"]):
            await tree.write()
            await eventually(lambda: at_least(tree, "node2", 10), within=20)
        async with serving(tree["node1"]):  # node2 stands still
            await tree.write()
            await eventually(lambda: at_least(tree, "node3", 25), within=20)
        async with lost(tree["node1"], tree["node2"]):
            async with serving(tree["node2"], options=OPTIONS):
                told = await tree.takeover("node2", "node1", status=1)
                assert "--dead-root" in told.err
                words = ("--dead-root", "--plan", "--format", "json")
                names = [s["name"] for s in (await tree.takeover("node2", "node1", *words)).json]
                assert names.index("await-passed") < names.index("promote")
                assert "switch" in names[names.index("promote") :]
                await tree.takeover("node2", "node1", "--dead-root")
                del tree.nodes["node1"]
                assert await tree.shape() == {
                    "node2": "node2", "node3": "node2", "node4": "node2", "node5": "node3",
                }  # fmt: skip
                for name in tree.nodes:
                    assert (await tree.facts(name))["members"]["node1"]["dead"]
                assert "node1.gravestone" in (await tree.facts("node2"))["readers"]
                await tree.check("node1")


async def test_ticks_go_on_far_above_whatever_the_lost_root_may_have_had(tree: Tree) -> None:
    """And a leaf that was ahead of every branch is not given other events under its ticks."""
    await tree.grow({"node1": None, "node2": "node1", "leaf": "node1", "other": "node1"},
                    {"leaf", "other"})  # fmt: skip
    async with serving(tree["leaf"]):
        async with serving(tree["node1"], tree["node2"], tree["other"]):
            await tree.write()
            await eventually(lambda: at_least(tree, "node2", 10), within=20)
            await eventually(lambda: at_least(tree, "other", 10), within=20)
        async with serving(tree["node1"]):
            await tree.write()
            await eventually(lambda: at_least(tree, "leaf", 25), within=20)
        ahead = (await tree.facts("leaf"))["positions"]["leaf_worker"]["tick"]
        for name, tick in {"reports": 1, "hasty": ahead, ".savepoint.1": ahead}.items():
            await tree["other"].db.execute(
                "select pgq_node.register_consumer(%s, %s, 'node1', %s)", QUEUE, name, tick
            )
        async with lost(tree["node1"], tree["node2"]):
            async with serving(tree["node2"], tree["other"]):
                top = (await tree.facts("node2"))["newest"]
                assert ahead > top
                told = await tree.takeover("node2", "node1", "--dead-root", status=1)
                assert f"has completed tick {ahead}, but the events after tick {top}" in told.err
                unmoved = '"leaf", "other/.savepoint.1", "other/hasty"'
                assert f"these could not be moved: {unmoved}" in told.err
                assert (await tree.facts("node2"))["readers"]["reports"] == 1
                assert await tree.provider("other") == "node2"
                await tree.write("node2")
                await eventually(lambda: beyond(tree, "node2", top + 1_000_000), within=20)
                positions = (await tree.facts("leaf"))["positions"]
                assert positions["leaf_worker"]["tick"] == ahead
                again = await tree.takeover("node2", "node1", "--dead-root", status=1)
                assert "these could not be moved" in again.err


async def test_new_root_that_was_paused_goes_on_before_it_is_promoted(tree: Tree) -> None:
    """Its tables get what a survivor had; nothing has to be given up, and no pause is left."""
    async with served(tree, {"node1": None, "node2": "node1", "node3": "node1"}):
        await tree.at("node2", "pause")
        await tree.at("node3", "pause")
        assert "State:              paused" in (await tree.at("node2", "node-info")).out
        await tree.at("node3", "resume")
        await tree.write()
        await eventually(lambda: at_least(tree, "node3", 10), within=20)
        await tree.at("node3", "pause")
        async with lost(tree["node1"], tree["node2"]):
            words = ("--dead-root", "--plan", "--format", "json")
            planned = (await tree.takeover("node2", "node1", *words)).json
            names = [step["name"] for step in planned]
            assert names.index("await-passed") < names.index("await-tables")
            assert "resume" in names[: names.index("await-tables")]
            await tree.takeover("node2", "node1", "--dead-root")
            del tree.nodes["node1"]
            await tree.check("node1")


async def test_survivor_that_answers_again_in_the_middle_is_moved_as_well(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Node3 was away, and paused, when the command began; it is as if it had been there then."""
    promote = Promote.do

    async def promote_and_come_back(step: Promote, hands: Hands) -> None:
        await promote(step, hands)
        name = parameters(tree["node3"].dsn)["dbname"]
        await hands.db("node2").execute(f'alter database "{name}" allow_connections true')

    async with served(tree, {"node1": None, "node2": "node1", "node3": "node1"}):
        await tree.write()
        await eventually(lambda: at_least(tree, "node3", 10), within=20)
        await tree.at("node3", "pause")
        async with lost(tree["node1"], tree["node2"]), lost(tree["node3"], tree["node2"]):
            monkeypatch.setattr(Promote, "do", promote_and_come_back)
            told = await tree.takeover("node2", "node1", "--dead-root")
            assert 'node "node3" cannot be asked and is left as it is' in told.err
        del tree.nodes["node1"]
        tree["node3"].db = await tree.connect("node3")
        assert await tree.shape() == {"node2": "node2", "node3": "node2"}
        await tree.check("node1")


async def beyond(tree: Tree, name: str, tick: int) -> bool:
    return bool((await tree.facts(name))["newest"] > tick)


async def test_what_read_from_a_lost_branch_is_moved(tree: Tree) -> None:
    await tree.grow(
        {"node1": None, "node2": "node1", "node3": "node2", "node4": "node2", "leaf": "node3"},
        {"leaf"},
    )
    rest = [node for name, node in tree.nodes.items() if name != "node2"]
    async with serving(*rest):
        async with serving(tree["node2"]):
            await tree.write()
            await eventually(lambda: at_least(tree, "leaf", 10), within=20)
        async with lost(tree["node2"], tree["node1"]):
            del tree.nodes["node2"]
            await tree.takeover("node3", "node2", "--dead-branch")
            assert await tree.shape() == {
                "node1": "node1", "node3": "node1", "node4": "node3", "leaf": "node3",
            }  # fmt: skip
            assert (await tree.facts("leaf"))["members"]["node2"]["dead"]
            await tree.check("node2")
