"""Workers in trouble: uncertain commits, lost connections, a second runner, a step left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from fixtures.cascade import (
    QUEUE,
    Cascade,
    TestNode,
    differences,
    equal_everywhere,
    running,
)
from fixtures.proxy import MakeProxy
from fixtures.waiting import eventually
from tailrace import faults
from tailrace.cascade.worker import NodeWorker
from tailrace.errors import ConnectionLost, Fenced, LostPosition, TailraceError
from tailrace.replication.consumer import ApplyingConsumer
from tailrace.service import together

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("modelled")]

Worker = NodeWorker | ApplyingConsumer
Employ = Callable[..., Worker]


@pytest_asyncio.fixture
async def employ() -> AsyncIterator[Employ]:
    """Make workers that are put away when the test ends: ``employ(node)``."""
    made: list[Worker] = []

    def make(node: TestNode, *, dsn: str | None = None, mirror: bool = False) -> Worker:
        kind = NodeWorker if mirror else ApplyingConsumer
        made.append(kind(dsn or node.dsn, QUEUE, node.worker))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def catch_up(worker: Worker) -> None:
    """Let a worker do all there is, whatever happens on the way.

    A session that was closed or ended may keep its lock for a moment; until then nothing is done.
    """

    async def nothing_left() -> bool:
        try:
            return not await worker.run_once() and worker.seated
        except ConnectionLost:
            return False

    await eventually(nothing_left, within=20)


async def root_and_leaf(cascade: Cascade) -> tuple[TestNode, TestNode]:
    """A root and a leaf that have a table, ticked by hand."""
    root = await cascade.root(by_hand=True)
    leaf = await cascade.leaf("node2", root)
    await root.add_table()
    await leaf.add_table()
    await leaf.set_live()
    return root, leaf


async def insert(root: TestNode, *ids: int) -> None:
    """Write rows and make a tick."""
    for number in ids:
        await root.db.execute("insert into public.t values (%s, 'x')", number)
    await root.tick()


# ------------------------------------------------------------------ uncertain commits


async def test_leaf_whose_connection_is_cut_after_commit_was_sent_applies_once(
    cascade: Cascade, proxy: MakeProxy, employ: Employ
) -> None:
    root, leaf = await root_and_leaf(cascade)
    through = await proxy(leaf.dsn)
    worker = employ(leaf, dsn=through.dsn)
    await catch_up(worker)
    await insert(root, 1, 2)
    through.cut_after_sent(b"COMMIT")
    with pytest.raises(ConnectionLost):
        await worker.run_once()
    assert await equal_everywhere(root, leaf)  # it was committed, though nobody told us
    await insert(root, 3)
    await catch_up(worker)
    assert await equal_everywhere(root, leaf)


@pytest.mark.parametrize(("events", "sent"), [(1, b"mirror_write"), (150, b"COMMIT")])
async def test_branch_whose_connection_is_cut_after_commit_was_sent_mirrors_once(
    cascade: Cascade, proxy: MakeProxy, employ: Employ, events: int, sent: bytes
) -> None:
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root)
    through = await proxy(branch.dsn)
    worker = employ(branch, dsn=through.dsn, mirror=True)
    await catch_up(worker)
    for _ in range(events):
        await root.event()
    tick = await root.tick()
    through.cut_after_sent(sent)
    with pytest.raises(ConnectionLost):
        await worker.run_once()
    assert await branch.position() == tick
    assert tick not in await branch.ticks()
    await root.event()
    await root.tick()
    await catch_up(worker)
    assert await branch.ticks() == await root.ticks()
    assert await differences(root, branch) == []


async def test_work_goes_on_after_every_connection_of_a_leaf_was_cut(
    cascade: Cascade, proxy: MakeProxy, employ: Employ
) -> None:
    root, leaf = await root_and_leaf(cascade)
    through = await proxy(leaf.dsn)
    worker = employ(leaf, dsn=through.dsn)
    await insert(root, 1)
    await catch_up(worker)
    through.cut()
    await insert(root, 2)
    await catch_up(worker)
    assert await equal_everywhere(root, leaf)


async def test_terminated_backends_of_the_provider_do_no_harm(cascade: Cascade) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    for node in (root, branch, leaf):
        await node.add_table()
    async with running(root, branch, leaf):
        for number in range(12):
            await root.db.execute(
                "insert into public.t select i, 'x' from generate_series(%s::int, %s) i",
                number * 50, number * 50 + 49,
            )  # fmt: skip
            victim = (root, branch)[number % 2]
            await victim.db.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and application_name like 'tailrace:flow/%'"
            )
        await eventually(lambda: equal_everywhere(root, branch, leaf), within=40)
    assert await differences(root, branch) == []


# ------------------------------------------------------------------ a second runner


async def test_runner_that_was_replaced_writes_nothing_and_comes_back_later(
    cascade: Cascade, employ: Employ
) -> None:
    root, leaf = await root_and_leaf(cascade)
    worker = employ(leaf)
    await catch_up(worker)
    before = await leaf.position()
    # what another runner does that got the lock after we lost it without noticing
    await leaf.db.execute("select tailrace.take_over(%s, %s, 'other')", QUEUE, leaf.worker)
    await insert(root, 1)
    with pytest.raises(Fenced, match='taken over by runner "other"'):
        await worker.run_once()
    assert await leaf.rows() == []
    assert await leaf.position() == before
    assert await leaf.error() is None
    await catch_up(worker)
    assert await equal_everywhere(root, leaf)


async def test_mirror_that_was_replaced_writes_nothing(cascade: Cascade, employ: Employ) -> None:
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root)
    worker = employ(branch, mirror=True)
    await catch_up(worker)
    before = await branch.ticks()
    await branch.db.execute("select tailrace.take_over(%s, %s, 'other')", QUEUE, branch.worker)
    await root.event()
    await root.tick()
    with pytest.raises(Fenced):
        await worker.run_once()
    assert await branch.ticks() == before
    await catch_up(worker)
    assert await differences(root, branch) == []


async def test_tick_made_late_by_a_replaced_mirror_changes_nothing(
    cascade: Cascade, employ: Employ
) -> None:
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root)
    slow, quick = employ(branch, mirror=True), employ(branch, mirror=True)
    await catch_up(slow)
    await root.event()
    await root.tick()
    with faults.watching("mirror.after_events_commit") as between:
        between.hold()
        stuck = asyncio.create_task(slow.run_once())
        await between.wait()
        # its session dies, it has not noticed
        await branch.db.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s",
            f"tailrace:{QUEUE}/{branch.worker}",
        )
        between.release()
        with pytest.raises(TailraceError):
            await stuck
    await root.event()
    await root.tick()
    await catch_up(quick)
    assert await branch.ticks() == await root.ticks()
    assert await differences(root, branch) == []


async def test_two_runners_at_once_apply_everything_once(cascade: Cascade, employ: Employ) -> None:
    root, leaf = await root_and_leaf(cascade)
    workers = [employ(leaf), employ(leaf)]
    await insert(root, 0)

    async def write() -> None:
        for number in range(1, 20):
            await insert(root, number)

    async def compete(worker: Worker) -> None:
        while len(await rows_of(cascade, leaf)) < 20:
            try:
                await worker.run_once()
            except Fenced:
                pass
            await worker.close()  # gives the lock back, so the other one may have its turn

    await asyncio.wait_for(together(write(), compete(workers[0]), compete(workers[1])), 50)
    assert await equal_everywhere(root, leaf)


async def rows_of(cascade: Cascade, node: TestNode) -> list[object]:
    """Read the test table over a connection of its own, as several ask at once."""
    db = await cascade.connect(node.db)
    try:
        return await db.fetch_all("select id from public.t")
    finally:
        await db.close()


async def test_server_gives_up_a_runner_whose_host_has_died_within_seconds(
    cascade: Cascade,
) -> None:
    leaf = await cascade.root()
    db = await cascade.connect(leaf.db, replica=True)
    idle, interval, count = [
        int(str(await db.fetch_value(f"select current_setting('tcp_keepalives_{name}')")))
        for name in ("idle", "interval", "count")
    ]
    assert 0 < idle + interval * count <= 15


# ------------------------------------------------------------------ a step left out


async def test_tick_left_out_is_made_with_the_time_and_sequence_of_the_provider(
    cascade: Cascade, employ: Employ
) -> None:
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root)
    worker = employ(branch, mirror=True)
    await catch_up(worker)
    await root.event()
    await root.event()
    tick = await root.tick()
    with faults.armed("mirror.after_events_commit:error"):
        with pytest.raises(faults.InjectedFault):
            await worker.run_once()
    assert tick not in await branch.ticks()
    await root.event()
    await root.tick()
    await catch_up(worker)
    query = (
        "select tick_time, tick_event_seq from pgq.tick join pgq.queue on queue_id = tick_queue"
        " where tick_id = %s"
    )
    assert await branch.db.fetch_one(query, tick) == await root.db.fetch_one(query, tick)
    assert await differences(root, branch) == []


async def test_mirror_whose_missing_tick_the_provider_has_lost_says_so(
    cascade: Cascade, employ: Employ
) -> None:
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root)
    worker = employ(branch, mirror=True)
    await catch_up(worker)
    await root.event()
    tick = await root.tick()
    with faults.armed("mirror.after_events_commit:error"):
        with pytest.raises(faults.InjectedFault):
            await worker.run_once()
    await root.db.execute("delete from pgq.tick where tick_id = %s", tick)
    with pytest.raises(LostPosition, match=f"must make tick {tick}"):
        await worker.run_once()
    assert "tailrace change-provider" in (await branch.error() or "")


async def test_every_tick_above_the_global_watermark_is_on_every_branch(cascade: Cascade) -> None:
    root = await cascade.root()
    near = await cascade.branch("node2", root)
    far = await cascade.branch("node3", near)
    async with running(root, near, far):

        async def moved() -> bool:
            await root.event()
            mark = await root.subscription(".global_watermark")
            return mark is not None and mark > 5

        await eventually(moved, within=30, what="the global watermark moves", every=0.05)
        stop = await eventually(lambda: both_at(root, near, far), within=20)
        mark = await root.subscription(".global_watermark")
        assert mark is not None
        wanted = [tick for tick in await root.ticks() if mark <= tick <= stop]
        for node in (near, far):
            assert [tick for tick in await node.ticks() if mark <= tick <= stop] == wanted
    assert await differences(root, near) == []
    assert await differences(near, far) == []


async def both_at(root: TestNode, *branches: TestNode) -> int:
    """Return the root's newest tick once all branches have it."""
    newest = (await root.ticks())[-1]
    positions = [await node.position() for node in branches]
    assert min(positions) >= newest - 1, (newest, positions)
    return newest - 1
