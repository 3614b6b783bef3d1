"""The mirror: a branch's copy of the queue, tick by tick."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode, differences
from tailrace.cascade.worker import NodeWorker

Mirror = NodeWorker


class Pair:
    """A root, a branch and the branch's worker."""

    def __init__(self, root: TestNode, branch: TestNode) -> None:
        self.root = root
        self.branch = branch
        self.worker = NodeWorker(branch.dsn, QUEUE, branch.worker)

    async def catch_up(self) -> None:
        """Let the worker do all there is."""
        while await self.worker.run_once():
            pass


@pytest_asyncio.fixture
async def pair(cascade: Cascade) -> AsyncIterator[Pair]:
    """A root and a branch."""
    root = await cascade.root(by_hand=True)
    made = Pair(root, await cascade.branch("node2", root))
    yield made
    await made.worker.close()


async def test_branch_has_the_same_events_under_the_same_ids_and_ticks(pair: Pair) -> None:
    await pair.root.event("(1,a)")
    await pair.root.event('(2,"x ""y"" \\\\ z")')
    await pair.root.tick()
    await pair.root.tick()  # one without events
    await pair.root.event("(3,)")
    await pair.root.tick()
    await pair.catch_up()
    assert await pair.branch.ticks() == await pair.root.ticks()
    assert await differences(pair.root, pair.branch) == []
    assert await pair.branch.position() == (await pair.root.ticks())[-1]
