"""Watermarks: never too high, passed upwards and downwards, agreed on in a sync group."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode
from fixtures.waiting import eventually
from tailrace.cascade.worker import NodeWorker
from tailrace.replication.consumer import ApplyingConsumer

PERIODS = {"local_watermark_period": 0.0}
GLOBAL = ".global_watermark"
Worker = NodeWorker | ApplyingConsumer


class Crew:
    """The workers of all nodes of a test, which publish after each batch."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}

    def hire(self, *nodes: TestNode, leaf: bool = False) -> None:
        """Make the workers of some nodes; they work in this order."""
        for node in nodes:
            self.workers[node.name] = (
                ApplyingConsumer(node.dsn, QUEUE, node.worker, **PERIODS)
                if leaf
                else NodeWorker(
                    node.dsn, QUEUE, node.worker, **PERIODS, global_watermark_period=0.0
                )
            )

    async def work(self, *, without: tuple[str, ...] = ()) -> None:
        """Let each do all there is."""
        for name, worker in self.workers.items():
            if name in without:
                continue
            while await worker.run_once():
                pass

    async def close(self) -> None:
        """Put them away."""
        for worker in self.workers.values():
            await worker.close()


@pytest_asyncio.fixture
async def crew() -> AsyncIterator[Crew]:
    """Workers."""
    made = Crew()
    yield made
    await made.close()


async def tick(root: TestNode) -> int:
    """Make an event and a tick."""
    await root.event("x", "some:thing", "x")
    return await root.tick()


async def test_leaf_reports_its_position_to_its_provider(cascade: Cascade, crew: Crew) -> None:
    root = await cascade.root(by_hand=True)
    leaf = await cascade.leaf("node2", root)
    crew.hire(leaf, leaf=True)
    await root.event("x", "pgq.location-info", QUEUE)
    newest = await root.tick()
    await crew.work()
    assert await root.subscription(".node2.watermark") == newest


async def test_branch_reports_the_lowest_of_all_below_it(cascade: Cascade, crew: Crew) -> None:
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root)
    crew.hire(branch)
    first = await tick(root)
    await crew.work()
    await branch.db.execute("select pgq.register_consumer(%s, 'slow')", QUEUE)
    for _ in range(3):
        await tick(root)
        await crew.work()
    # .global_watermark of the branch does not count, the slow consumer does
    assert await root.subscription(".node2.watermark") == first


async def test_root_publishes_what_all_have_finished_and_branches_follow(
    cascade: Cascade, crew: Crew
) -> None:
    root = await cascade.root(by_hand=True)
    near = await cascade.branch("node2", root)
    far = await cascade.branch("node3", near)
    crew.hire(root, near, far)

    async def published() -> bool:
        await tick(root)
        await crew.work()
        marks = [await node.subscription(GLOBAL) or 0 for node in (root, near, far)]
        assert marks[0] >= marks[1] >= marks[2]
        assert marks[0] <= await far.position()
        return marks[2] > 3

    await eventually(published, within=20)


async def test_watermark_that_has_not_moved_is_not_published_again(
    cascade: Cascade, crew: Crew
) -> None:
    root = await cascade.root(by_hand=True)
    crew.hire(root)
    await root.tick()
    await crew.work()
    count = "select count(*) from pgq.event_1 where ev_type = 'pgq.global-watermark'"
    published = await root.db.fetch_value(count)
    await crew.work()
    await crew.work()
    assert await root.db.fetch_value(count) == published


# ------------------------------------------------------------------ sync groups


class Seed:
    """Five nodes: 1 above 2 and 3, 4 below 2, 5 below 3; 4 and 5 agree with each other."""

    def __init__(self, nodes: list[TestNode], crew: Crew) -> None:
        self.root, self.node2, self.node3, self.node4, self.node5 = nodes
        self.crew = crew

    async def load(self, rounds: int = 6, without: tuple[str, ...] = ()) -> None:
        """Write, tick and let everybody work, a few times."""
        for _ in range(rounds):
            await tick(self.root)
            await self.crew.work(without=without)

    async def until_past(self, mark: int, *nodes: TestNode, without: tuple[str, ...] = ()) -> None:
        """Go on until the global watermark of these nodes has passed a tick."""

        async def passed() -> bool:
            await self.load(1, without)
            marks = {node.name: await self.mark(node) for node in nodes}
            assert min(marks.values()) > mark, marks
            return True

        await eventually(passed, within=20)

    async def mark(self, node: TestNode) -> int:
        """Global watermark of a node."""
        value = await node.subscription(GLOBAL)
        assert value is not None
        return value


@pytest_asyncio.fixture
async def seed(cascade: Cascade, crew: Crew) -> Seed:
    """The cascade of the seed scenario."""
    group = ("node4", "node5")
    root = await cascade.root(by_hand=True)
    node2, node3 = await cascade.branch("node2", root), await cascade.branch("node3", root)
    crew.hire(root, node2, node3)
    await crew.work()
    node4 = await cascade.branch("node4", node2, sync=group)
    node5 = await cascade.branch("node5", node3, sync=group)
    crew.hire(node4, node5)
    made = Seed([root, node2, node3, node4, node5], crew)
    await made.load(3)
    return made


async def test_lag_below_a_sync_node_holds_its_group_and_nobody_else(seed: Seed) -> None:
    await seed.node4.db.execute("select pgq.register_consumer(%s, 'lagger')", QUEUE)
    held = await seed.node4.subscription("lagger")
    assert held is not None
    await seed.until_past(held, seed.root, seed.node2, seed.node3)
    for node in (seed.node4, seed.node5):
        assert await seed.mark(node) <= held, node.name
    reported = await seed.node2.subscription(".node4.watermark")
    assert reported is not None
    assert reported > held
    await seed.node4.db.execute("select pgq.unregister_consumer(%s, 'lagger')", QUEUE)
    await seed.until_past(held, seed.node4, seed.node5)


async def test_group_does_not_pass_the_watermark_of_the_root(seed: Seed) -> None:
    await seed.root.db.execute("select pgq.register_consumer(%s, 'lagger')", QUEUE)
    held = await seed.root.subscription("lagger")
    assert held is not None
    await seed.load(8)
    for node in (seed.root, seed.node2, seed.node3, seed.node4, seed.node5):
        assert await seed.mark(node) <= held, node.name


async def test_own_lag_of_a_sync_node_is_not_hidden(seed: Seed) -> None:
    await seed.load(2)
    stopped = await seed.node4.position()
    await seed.load(6, without=("node4",))
    assert await seed.mark(seed.root) <= stopped


async def test_events_below_a_sync_node_carry_the_watermark_of_the_group(
    seed: Seed, cascade: Cascade
) -> None:
    below = await cascade.branch("node6", seed.node4)
    seed.crew.hire(below)
    await seed.node5.db.execute("select pgq.register_consumer(%s, 'lagger')", QUEUE)
    held = await seed.node5.subscription("lagger")
    assert held is not None
    await seed.until_past(held, seed.node2)
    await seed.load(2)
    assert await seed.mark(below) <= held
    newest = await seed.node4.db.fetch_value(
        "select ev_data::bigint from pgq.event_1 where ev_type = 'pgq.global-watermark'"
        " order by ev_id desc limit 1"
    )
    assert newest <= held


@pytest.mark.parametrize("dead", [False, True])
async def test_member_that_cannot_be_asked_holds_the_group_until_it_is_dead(
    seed: Seed, dead: bool
) -> None:
    await seed.load(2)
    before = await seed.mark(seed.node4)
    everybody = (seed.root, seed.node2, seed.node3, seed.node4)
    for node in everybody:
        await node.db.execute(
            "update pgq_node.node_location set dead = %s,"
            " node_location = replace(node_location, 'node5', 'nowhere') where node_name = 'node5'",
            dead,
        )
    # the root does not wait for it either
    await seed.node3.db.execute("select pgq_node.unregister_subscriber(%s, 'node5')", QUEUE)
    if dead:
        await seed.until_past(before, seed.node4, without=("node5",))
    else:
        await seed.until_past(before, seed.root, without=("node5",))
        await seed.load(3, without=("node5",))
        assert await seed.mark(seed.node4) == before


async def test_nothing_is_agreed_on_before_the_root_has_been_heard(
    cascade: Cascade, crew: Crew
) -> None:
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root, sync=())
    crew.hire(branch)
    start = await branch.subscription(GLOBAL)
    for _ in range(3):
        await tick(root)
        await crew.work()
    assert await branch.subscription(GLOBAL) == start
    await root.db.execute("select pgq_node.set_global_watermark(%s, null)", QUEUE)
    await tick(root)
    await crew.work()
    assert (await branch.subscription(GLOBAL) or 0) > (start or 0)
