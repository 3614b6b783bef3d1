"""Workers and the ticker frozen, killed and doubled on all nodes of a tree, under load."""

from __future__ import annotations

import signal

import pytest

from fixtures.chk import check
from fixtures.load import Load, writing
from fixtures.process import Process, start
from fixtures.server import Server
from fixtures.tree import HURRIED, NAMES, Tree, planted

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]


async def test_each_worker_frozen_then_killed_in_turn_loses_and_doubles_nothing(
    server: Server, template: str
) -> None:
    """node1's process is the ticker of all: while it is frozen nothing moves, then everything."""
    async with planted(server, env=HURRIED) as tree:
        async with writing(tree) as load:
            for name in NAMES:
                worker = tree[name].worker
                assert worker is not None
                tree.frozen = True
                worker.send(signal.SIGSTOP)
                await load.goes_on()
                worker.send(signal.SIGCONT)
                await load.goes_on()
                await tree.kill(name)
                await load.goes_on()
                await tree.work(name)
            await load.arrives()
        await load.check()
        await check(*tree)


async def test_of_two_runners_the_other_goes_on_when_one_freezes_or_dies(
    server: Server, template: str
) -> None:
    """Twins for the root, with its ticker, and for a branch. The frozen one wakes up: no effect."""
    env = HURRIED | {"TAILRACE_RUNNER_TIMEOUT": "2s"}
    async with planted(server, env=env) as tree:
        twins = {
            name: await start("run", "--db", tree[name].dsn, env=tree.env)
            for name in ("node1", "node3")
        }
        for name, twin in twins.items():
            tree[name].past.append(twin)
        async with writing(tree) as load:
            for name, twin in twins.items():
                first = tree[name].worker
                assert first is not None
                for frozen in (first, twin):
                    await frozen_while(frozen, tree, load)
                await tree.kill(name)
                await load.arrives()
        await load.check()
        await check(*tree)
        await tree.recovered()


async def frozen_while(process: Process, tree: Tree, load: Load) -> None:
    """Freeze a runner until the other one has done its work, and let it go on."""
    tree.frozen = True
    process.send(signal.SIGSTOP)
    try:
        await load.arrives("node3", "node5")
    finally:
        process.send(signal.SIGCONT)
