"""Commands that rewire a cascade, killed or failing before each of their steps, and run again."""

from __future__ import annotations

from functools import partial

import pytest

from fixtures.cascade import OPTIONS
from fixtures.cascade import running as serving
from fixtures.waiting import eventually
from integration.switch.conftest import Tree, served
from integration.switch.killing import Killed, dying_while_undoing, failed, killed
from integration.switch.losing import lost
from tailrace.cascade.promoting import Promote

pytestmark = [pytest.mark.usefixtures("modelled"), pytest.mark.timeout(300)]

FOUR = {"node1": None, "node2": "node1", "node3": "node1", "node4": "node2"}
MANY = 40


async def test_change_provider_goes_on_where_it_was_killed(tree: Tree) -> None:
    """Each run is killed after one step; the last one finds nothing left."""
    async with served(tree, FOUR):
        runs = 0
        while await killed(lambda: tree.change_provider("node4", "node3"), before=2):
            runs += 1
            assert runs < MANY
        assert runs >= 3
        assert await tree.provider("node4") == "node3"
        await tree.check()


async def test_switchover_killed_before_each_step_is_completed_by_the_next_run(tree: Tree) -> None:
    async with served(tree, FOUR):
        root, other, before = "node1", "node2", 1
        while await killed(partial(tree.takeover, other, root), before):
            facts = await tree.facts(other)  # from the first moment it keeps the old root's tick
            assert facts["type"] == "branch" or root in facts["subscribers"]
            await tree.takeover(other, root)
            assert (await tree.facts(other))["type"] == "root"
            assert (await tree.facts(root))["type"] == "branch"
            assert await tree.paused() == []
            await tree.write(other, rows=5)
            root, other, before = other, root, before + 1
            assert before < MANY
        assert before > 9
        await tree.check()


async def test_switchover_that_fails_before_promotion_leaves_everything_as_it_was(
    tree: Tree,
) -> None:
    async with served(tree, FOUR):
        shape, registered = await tree.shape(), await tree.registered()
        before = 1
        while await failed(lambda: tree.takeover("node2", "node1", status=None), before):
            facts = await tree.facts("node1")
            if facts["type"] != "root" or (await tree.facts("node2"))["type"] == "root":
                break
            assert not facts["closed"]
            assert await tree.paused() == []
            assert (await tree.shape(), await tree.registered()) == (shape, registered)
            await tree.write("node1", rows=5)
            before += 1
        assert before > 7  # the first step after the promotion
        await tree.takeover("node2", "node1")
        await tree.check()


async def test_undoing_that_is_killed_is_done_by_the_next_run_that_gives_up(tree: Tree) -> None:
    async with served(tree, FOUR):
        for undo in (1, 2):
            with dying_while_undoing(Promote, undo), pytest.raises(Killed):
                await tree.takeover("node2", "node1")
            assert (await tree.facts("node1"))["type"] == "root"
            await failed(lambda: tree.takeover("node2", "node1", status=None), 1)
            assert not (await tree.facts("node1"))["closed"]
            assert await tree.paused() == []
        await tree.check()


async def test_failover_goes_on_where_it_was_killed(tree: Tree) -> None:
    await tree.grow(FOUR | {"leaf": "node1"}, {"leaf"})
    others = [tree[name] for name in ("node2", "node3", "node4", "leaf")]
    async with serving(*others[1:]):
        async with serving(tree["node1"]):  # node2 lags behind
            await tree.write()
            await eventually(lambda: caught_up(tree, "node3", "leaf"), within=20)
        async with lost(tree["node1"], tree["node2"]), serving(tree["node2"], options=OPTIONS):
            del tree.nodes["node1"]
            await eventually(lambda: tree.seated(), within=20)
            runs = 0
            while await killed(lambda: tree.takeover("node2", "node1", "--dead-root"), before=2):
                runs += 1
                assert runs < MANY
            assert runs > 12
            shape = dict.fromkeys(("node2", "node3", "node4", "leaf"), "node2")
            assert await tree.shape() == shape
            await tree.check("node1")


async def caught_up(tree: Tree, *names: str) -> bool:
    """All have what the root has, and nothing newer is to come."""
    top = (await tree.facts("node1"))["newest"]
    rows = await tree["node1"].rows()
    return all(
        [(await tree[name].rows()) == rows and await tree[name].position() >= top for name in names]
    )


async def test_takeover_of_a_branch_goes_on_where_it_was_killed(tree: Tree) -> None:
    async with served(tree, FOUR):
        runs = 0
        while await killed(lambda: tree.takeover("node4", "node2", "--all"), before=2):
            runs += 1
            assert runs < MANY
        assert await tree.shape() == {
            "node1": "node1", "node2": "node4", "node3": "node1", "node4": "node1",
        }  # fmt: skip
        await tree.check()
