"""Watermarks: never too high, passed upwards and downwards, agreed on in a sync group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode
from fixtures.proxy import MakeProxy
from fixtures.waiting import eventually
from tailrace.cascade import watermark
from tailrace.cascade.worker import NodeWorker
from tailrace.db.connection import Database
from tailrace.errors import WrongState
from tailrace.replication.consumer import ApplyingConsumer

PERIODS = {"local_watermark_period": 0.0}
GLOBAL = ".global_watermark"
Worker = NodeWorker | ApplyingConsumer


class Crew:
    """The workers of all nodes of a test, which publish after each batch."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}

    def hire(self, *nodes: TestNode, leaf: bool = False, global_period: float = 0.0) -> None:
        """Make the workers of some nodes; they work in this order."""
        for node in nodes:
            self.workers[node.name] = (
                ApplyingConsumer(node.dsn, QUEUE, node.worker, **PERIODS)
                if leaf
                else NodeWorker(
                    node.dsn, QUEUE, node.worker, **PERIODS, global_watermark_period=global_period
                )
            )

    async def work(self, *, without: tuple[str, ...] = ()) -> None:
        """Let each do all there is."""
        for name, worker in self.workers.items():
            if name in without:
                continue
            while await worker.run_once():
                pass

    async def replace(self, *nodes: TestNode) -> None:
        """Let others take over from the workers of some nodes, as after a restart."""
        for node in nodes:
            await self.workers[node.name].close()
        self.hire(*nodes)

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


async def test_root_publishes_once_a_period_whether_its_watermark_has_moved_or_not(
    cascade: Cascade, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So an idle tree has one event a period, whatever its workers do."""
    now = 1000.0
    monkeypatch.setattr(watermark, "monotonic", lambda: now)
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root)
    crew.hire(root, branch, global_period=300.0)
    await hold(root)
    published = "select count(*) from pgq.event_1 where ev_type = 'pgq.global-watermark'"
    for count in (1, 2, 3):
        for _ in range(3):
            await crew.work()
            await root.tick()
        assert await root.db.fetch_value(published) == count
        now += 300.0


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


async def hold(node: TestNode) -> int:
    """Let a plain consumer need what this node has now."""
    await node.db.execute("select pgq.register_consumer(%s, 'lagger')", QUEUE)
    held = await node.subscription("lagger")
    assert held is not None
    return held


async def locate(node: TestNode, member: str, dsn: str) -> None:
    """Let one node believe that another one is elsewhere."""
    await node.db.execute(
        "update pgq_node.node_location set node_location = %s where node_name = %s", dsn, member
    )


async def test_group_agrees_after_a_restart_though_the_root_stands_still(seed: Seed) -> None:
    """The new runners have to hear the root, which has nothing new to say."""
    held = await hold(seed.node4)
    await seed.until_past(held, seed.root)
    stop = await hold(seed.root)

    async def stands() -> bool:
        await seed.load(1)
        return await seed.mark(seed.root) == await seed.mark(seed.node2) == stop

    await eventually(stands, within=20)
    await seed.load(2)  # everybody has heard of that
    await seed.crew.replace(seed.node4, seed.node5)
    await seed.node4.db.execute("select pgq.unregister_consumer(%s, 'lagger')", QUEUE)
    await seed.until_past(held, seed.node4, seed.node5)
    assert await seed.mark(seed.node4) <= stop


async def test_location_that_leads_to_another_member_holds_the_group(
    seed: Seed, caplog: pytest.LogCaptureFixture
) -> None:
    """Node2 needs less than node5, for which it would answer."""
    held = await hold(seed.node5)
    await locate(seed.node4, "node5", seed.node2.dsn)
    await seed.until_past(held, seed.root, seed.node2)
    await seed.load(2)
    assert await seed.mark(seed.node4) <= held
    assert 'sync node "node5" has a location that leads to node "node2"' in caplog.text


async def test_member_that_nobody_has_heard_of_holds_the_group(
    seed: Seed, caplog: pytest.LogCaptureFixture
) -> None:
    """S-15b: the cascade may be half set up."""
    await seed.until_past(await seed.mark(seed.node4), seed.node4)
    await seed.node4.db.execute(
        "select pgq_node.set_node_attrs(%s, 'sync_watermark=node4%%2Cnode6%%2Cnode5')", QUEUE
    )

    async def missed() -> bool:
        await seed.load(1)
        return 'sync node "node6" is not known here' in caplog.text

    await eventually(missed, within=20)
    before = await seed.mark(seed.node4)
    await seed.until_past(before, seed.root, seed.node5)
    await seed.load(2)
    assert await seed.mark(seed.node4) == before


@pytest.mark.parametrize("answer", ["404", "NULL"])
async def test_member_without_a_watermark_holds_the_group(
    seed: Seed, cascade: Cascade, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    """cascade.md 7.2."""
    await seed.until_past(await seed.mark(seed.node4), seed.node4)
    if answer == "404":
        await locate(seed.node4, "node5", (await cascade.new_database()).dsn)
    else:
        await seed.node5.db.execute(
            "create or replace function pgq_node.local_watermark(i_queue_name text)"
            " returns bigint language sql as 'select null::bigint'"
        )
    before = await seed.mark(seed.node4)
    await seed.until_past(before, seed.root, seed.node2)
    await seed.load(2)
    assert await seed.mark(seed.node4) == before
    assert 'sync node "node5" has no watermark' in caplog.text


async def test_period_is_over_before_members_are_asked(
    cascade: Cascade, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-14: what fails there is not tried again with each batch, and batches go on."""
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root, sync=("node2", "node3"))
    await cascade.branch("node3", root)
    crew.hire(root)
    await crew.work()
    await tick(root)
    asked: list[str] = []

    async def fail(_: watermark.Watermark, location: str, name: str) -> int:
        asked.append(name)
        raise WrongState(f"no way to {location}")

    monkeypatch.setattr(watermark.Watermark, "_ask", fail)
    worker = NodeWorker(branch.dsn, QUEUE, branch.worker, local_watermark_period=1000.0)
    crew.workers["node2"] = worker
    with pytest.raises(WrongState, match="no way"):
        await worker.run_once()
    for _ in range(3):
        newest = await tick(root)
        await crew.work()
    assert await branch.position() == newest
    assert asked == ["node3"]


async def test_member_that_stalls_after_it_was_connected_to_holds_events_for_a_moment_only(
    seed: Seed, proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await seed.until_past(await seed.mark(seed.node4), seed.node4)  # so the root has been heard
    line = await proxy(seed.node5.dsn)
    await locate(seed.node4, "node5", line.dsn)

    class Stalling:
        @staticmethod
        async def connect(*words: Any, **options: Any) -> Database:
            db = await Database.connect(*words, **options)
            line.stall()
            return db

    monkeypatch.setattr(watermark, "PEER_SECONDS", 0.2)
    monkeypatch.setattr(watermark, "Database", Stalling)
    before, newest = await seed.mark(seed.node4), await tick(seed.root)
    async with asyncio.timeout(6):
        await seed.crew.work()
    assert await seed.node4.position() >= newest
    assert await seed.mark(seed.node4) == before
    assert 'sync node "node5" does not answer within 0.2 s' in caplog.text
    monkeypatch.undo()
    line.resume()
    await seed.until_past(before, seed.node4)


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
