"""A root that was set back has given ids of ticks again: nobody goes on behind those of before."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode
from fixtures.waiting import eventually
from tailrace.cascade.seated import SeatedConsumer
from tailrace.cascade.worker import NodeWorker
from tailrace.errors import ConnectionLost, LostPosition
from tailrace.replication.consumer import ApplyingConsumer

TIMES = "update pgq.tick set tick_time = tick_time - interval '1 second' where tick_id = any (%s)"
END_READERS = """
    select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = current_database() and application_name like '%%/read'
"""


class Below:
    """A node below the root, and who brings it the root's events."""

    def __init__(self, root: TestNode, node: TestNode, reader: SeatedConsumer) -> None:
        self.root = root
        self.node = node
        self.reader = reader

    async def catch_up(self) -> int:
        """Bring all there is, and return the tick."""
        await eventually(self._nothing_left, 20, what="the node to catch up")
        return await self.node.position()

    async def _nothing_left(self) -> bool:
        return not await self.reader.run_once()

    async def set_back(self, ticks: list[int]) -> None:
        """Make ticks of the root others than they were, and one more; end connections to it."""
        await self.root.db.execute(TIMES, ticks)
        await self.root.event()
        await self.root.tick()
        await self.root.db.execute(END_READERS)

    async def once(self) -> bool:
        """Try a pass; False: the connection was lost."""
        try:
            await self.reader.run_once()
        except ConnectionLost:
            return False
        return True


@pytest_asyncio.fixture(params=["branch", "leaf"])
async def below(request: pytest.FixtureRequest, cascade: Cascade) -> AsyncIterator[Below]:
    """A branch and its mirror, or a leaf and its worker; two batches have been brought."""
    root = await cascade.root(by_hand=True)
    reader: SeatedConsumer
    if request.param == "branch":
        node = await cascade.branch("node2", root)
        reader = NodeWorker(node.dsn, QUEUE, node.worker)
    else:
        node = await cascade.leaf("node2", root)
        reader = ApplyingConsumer(node.dsn, QUEUE, node.worker)
    made = Below(root, node, reader)
    for _ in range(3):
        await root.event()
        await root.tick()
        await made.catch_up()
    yield made
    await reader.close()


async def test_ticks_given_twice_are_not_taken_for_the_first(below: Below) -> None:
    top = await below.node.position()
    await below.set_back([top - 1, top])
    for _ in range(2):
        with pytest.raises(LostPosition, match=f'tick {top} of queue "{QUEUE}" .* is not the one'):
            await eventually(below.once, 20, what="the connection to be made again")
    assert await below.node.position() == top


async def test_one_tick_of_another_time_is_one_that_a_takeover_had_to_make(below: Below) -> None:
    top = await below.node.position()
    await below.set_back([top])
    await eventually(below.once, 20, what="the connection to be made again")
    assert await below.catch_up() == top + 1


@pytest.mark.parametrize("below", ["leaf"], indirect=True)
async def test_position_that_was_moved_by_hand_is_believed(below: Below) -> None:
    """As ``reset`` does it, while the process of the node's worker goes on."""
    top = await below.node.position()
    await below.set_back([top - 1, top])
    with pytest.raises(LostPosition):
        await eventually(below.once, 20, what="the connection to be made again")
    await below.node.db.execute(
        "select pgq_node.set_consumer_completed(%s, %s, %s)", QUEUE, below.node.worker, top + 1
    )
    await eventually(below.once, 20, what="the connection to be made again")
    assert await below.catch_up() == top + 1
