"""Commands killed at each of their reach points and typed again: what they do is complete."""

from __future__ import annotations

import os
import signal

import pytest

from fixtures.chk import check
from fixtures.load import Load, writing
from fixtures.server import Server
from fixtures.tree import HURRIED, QUEUE, WITHIN, Tree, planted
from fixtures.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

MANY = 20
# `make soak` freezes a takeover at each of its steps, `make test` at some.
EACH = 1 if "STRIKES" in os.environ else 4


async def test_branch_whose_creation_was_killed_again_and_again_is_made_once(
    server: Server, template: str
) -> None:
    """Below another branch, so that root and provider are two; under load, with workers running."""
    async with planted(server, env=HURRIED) as tree:
        place = await tree.add_place("node6")
        words = (
            "create-branch", "node6", place.location, "--queue", QUEUE,
            "--provider", tree["node4"].location,
        )  # fmt: skip
        async with writing(tree) as load:
            killed = 0
            while await dies(tree, "node6", words, killed + 1):
                killed += 1
                assert killed < MANY
            assert killed >= 2
            assert await place.node() == ("branch", "node4")
            assert await tree["node4"].subscribers() == {"node6"}
            for place in tree:
                await eventually(lambda place=place: knows(tree, place.name), WITHIN)
            await tree.work("node6")
            await load.goes_on()
        target = await tree["node1"].newest_tick()
        await eventually(lambda: reaches(tree, "node6", target), WITHIN)
        await check(*tree, rewriters=("node4", "node5", "node6"))


@pytest.mark.parametrize("mark", ["tag-dead", "tag-alive"])
async def test_mark_that_reached_only_some_nodes_reaches_all_when_set_again(
    server: Server, template: str, mark: str
) -> None:
    """No worker runs, so nobody hears of it by an event."""
    async with planted(server, tables=False, working=False) as tree:
        if mark == "tag-alive":
            await tree.at("node2", "tag-dead", "node5")
        killed = 0
        while await dies(tree, "node2", (mark, "node5"), killed + 1):
            killed += 1
            assert killed < MANY
        assert killed >= 1
        for place in tree:
            if place.name != "node5":
                assert (await place.members()).get("node5", mark == "tag-dead") is (
                    mark == "tag-dead"
                )


async def test_takeover_frozen_before_each_of_its_steps_goes_on_when_it_wakes_up(
    server: Server, template: str
) -> None:
    """The root's role goes to and fro under load, each time with a stop one step later."""
    async with planted(server, env=HURRIED) as tree:
        async with writing(tree) as load:
            old, new, nth = "node1", "node2", 1
            while await freezes(tree, load, (new, "takeover", old, "--timeout", "30"), nth):
                load.at, old, new, nth = new, new, old, nth + EACH
                assert nth < MANY
            load.at = new
            assert nth > 9
            assert await tree.root() == new
        await load.check()
        await check(*tree)


async def test_move_that_is_frozen_and_typed_again_elsewhere_is_made_once(
    server: Server, template: str
) -> None:
    async with planted(server, env=HURRIED) as tree:
        async with writing(tree) as load:
            await twice(tree, "node5", ("change-provider", "--provider", "node2"), 2)
            assert await tree["node5"].node() == ("branch", "node2")
            await load.goes_on()
        await check(*tree)


async def twice(tree: Tree, name: str, words: tuple[str, ...], nth: int) -> None:
    """Freeze a command at its n-th reach point, type it once more, and wake the first one up.

    The second one is told who is at work, or does it all; then the first finds nothing left to do,
    or says in a line what is the matter.
    """
    first = await tree.command(name, *words, env={"TAILRACE_FAULT": f"*@{nth}:stop"})
    await eventually(lambda: first.frozen, WITHIN, what=f"{words} to freeze")
    second = await tree.command(name, *words)
    refused = await second.wait(60) != 0
    assert not refused or "is at work on node" in second.err, second.err
    first.send(signal.SIGCONT)
    status = await first.wait(60)
    assert status == 0 or not refused, first.err
    assert status in (0, 1), first.err
    assert "Traceback" not in first.err


async def freezes(tree: Tree, load: Load, words: tuple[str, ...], nth: int) -> bool:
    """Whether the command was frozen at its n-th reach point; it has done its work in any case."""
    process = await tree.command(*words, env={"TAILRACE_FAULT": f"*@{nth}:stop"})

    async def struck() -> bool:
        return process.frozen or process.returncode is not None

    await eventually(struck, WITHIN, what="the command to stop or to end", every=0.02)
    frozen = process.frozen
    if frozen:
        await load.goes_on(2)
        process.send(signal.SIGCONT)
    assert await process.wait(60) == 0, process.err
    return frozen


async def dies(tree: Tree, name: str, words: tuple[str, ...], nth: int) -> bool:
    """Whether the command was killed at its n-th reach point, or else has done its work."""
    process = await tree.command(name, *words, env={"TAILRACE_FAULT": f"*@{nth}:kill"})
    status = await process.wait(60)
    assert status in (0, -signal.SIGKILL), process.err
    return status != 0


async def knows(tree: Tree, name: str) -> bool:
    """Whether a node knows the new one."""
    return "node6" in await tree[name].members()


async def reaches(tree: Tree, name: str, tick: int) -> bool:
    """Whether a node has come to a tick."""
    return await tree[name].newest_tick() >= tick
