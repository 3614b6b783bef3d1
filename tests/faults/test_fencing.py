"""Two runners at work for one consumer: whatever one of them believes, no effect happens twice.

Doubled rows cannot hide: applied twice, an insert meets its own key and stops the worker.
"""

from __future__ import annotations

import signal

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, differences, equal_everywhere
from fixtures.process import StartProcess
from fixtures.waiting import eventually
from tailrace.errors import TailraceError
from tailrace.replication.consumer import ApplyingConsumer

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("modelled"), pytest.mark.timeout(120)]

SETTINGS = {"TAILRACE_RUNNER_TIMEOUT": "4s", "TAILRACE_POLL": "200ms"}


async def cascade_of_three(cascade: Cascade) -> list[TestNode]:
    """A root, a branch and a leaf with a live table."""
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    for node in (root, branch, leaf):
        await node.add_table()
    await branch.set_live()
    await leaf.set_live()
    return [root, branch, leaf]


async def write(root: TestNode, first: int) -> None:
    """A few rows, in transactions of their own."""
    for number in range(first, first + 5):
        await root.db.execute("insert into public.t values (%s, 'x')", number)


@pytest.mark.parametrize("point", ["apply.before_commit", "mirror.after_events_commit"])
async def test_runner_frozen_in_the_middle_is_replaced_and_does_nothing_when_it_wakes_up(
    cascade: Cascade, process: StartProcess, point: str
) -> None:
    nodes = await cascade_of_three(cascade)
    root = nodes[0]
    flags = [word for node in nodes for word in ("--db", node.dsn)]
    # What making the nodes has left takes fewer batches than that.
    first = await process("run", *flags, env=SETTINGS | {"TAILRACE_FAULT": f"{point}@6:stop"})
    await eventually(lambda: taken(nodes), within=40)
    second = await process("run", *flags, env=SETTINGS)
    written = 0

    async def stopped() -> bool:
        nonlocal written
        await write(root, written)
        written += 5
        return first.frozen

    await eventually(stopped, within=40, every=0.1)
    await write(root, written)
    await eventually(lambda: equal_everywhere(*nodes), within=40, what="the other one takes over")
    first.send(signal.SIGCONT)
    for number in range(4):
        await write(root, written + 5 + 5 * number)
        await eventually(lambda: equal_everywhere(*nodes), within=40)
    assert await differences(nodes[0], nodes[1]) == []
    for one in (first, second):
        one.send(signal.SIGTERM)
        assert await one.wait() == 0, one.err
    assert [await node.errors() for node in nodes] == [[], [], []]


@pytest.mark.parametrize("point", ["copy.in_data", "snapshot.before_tick_commit"])
async def test_copy_of_a_frozen_runner_is_made_by_another(
    cascade: Cascade, process: StartProcess, point: str
) -> None:
    """In the second case it holds the lock without which nobody can tick on the root."""
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await root.add_table()
    await root.db.execute("insert into public.t select i, 'x' from generate_series(-500, -1) i")
    await leaf.add_table()
    flags = [word for node in (root, leaf) for word in ("--db", node.dsn)]
    first = await process("run", *flags, env=SETTINGS | {"TAILRACE_FAULT": f"{point}:stop"})
    await eventually(lambda: first.frozen, within=40)
    second = await process("run", *flags, env=SETTINGS)
    await write(root, 0)
    await eventually(lambda: equal_everywhere(root, leaf), within=40)
    first.send(signal.SIGCONT)
    await write(root, 5)
    await eventually(lambda: equal_everywhere(root, leaf), within=20)
    for one in (first, second):
        one.send(signal.SIGTERM)
        assert await one.wait() == 0, one.err
    assert await leaf.errors() == []


async def taken(nodes: list[TestNode]) -> bool:
    """Whether somebody works for all consumers."""
    count = 0
    for node in nodes:
        count += await node.db.fetch_value("select count(*) from tailrace.runner")
    return count >= 4


async def test_busy_runner_is_left_alone(cascade: Cascade, process: StartProcess) -> None:
    """Its provider lets it wait for longer than a runner may be silent, but it is alive."""
    nodes = await cascade_of_three(cascade)
    root, _, leaf = nodes
    flags = [word for node in nodes for word in ("--db", node.dsn)]
    settings = SETTINGS | {"TAILRACE_FAULT": "apply.before_commit@1:stall"}
    await process("run", *flags, env=settings)
    await eventually(lambda: taken(nodes), within=40)
    before = await epochs(leaf)
    second = await process("run", *flags, env=SETTINGS)
    await second.says("another runner is at work")
    await write(root, 0)
    await eventually(lambda: silent_for(leaf, 5), within=40)
    assert "has not been heard of" not in second.err
    assert await epochs(leaf) == before


async def silent_for(node: TestNode, seconds: float) -> bool:
    """Whether the worker's session has said nothing for longer than a runner may be silent."""
    return bool(
        await node.db.fetch_value(
            "select exists (select from pg_stat_activity where state = 'idle in transaction'"
            " and application_name = %s and clock_timestamp() - state_change > %s * interval '1 s'"
            " and datname = current_database())",
            f"tailrace:{QUEUE}/{node.worker}", seconds,
        )
    )  # fmt: skip


async def epochs(node: TestNode) -> list[int]:
    """How often each consumer of a node has been taken over."""
    rows = await node.db.fetch_all("select epoch from tailrace.runner order by consumer_name")
    return [row.epoch for row in rows]


async def test_lock_that_was_lost_while_the_connection_lives_lets_two_work_but_one_write(
    cascade: Cascade,
) -> None:
    root = await cascade.root(by_hand=True)
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.add_table()
    await leaf.set_live()
    workers = [ApplyingConsumer(leaf.dsn, QUEUE, leaf.worker) for _ in range(2)]
    for number in range(12):
        one, other = workers if number % 2 else reversed(workers)
        if one.seated:
            # a pooler that hands the session around, or an end that only the server has seen
            await one._seat.db.execute("select pg_advisory_unlock_all()")
        await root.db.execute("insert into public.t values (%s, 'x')", number)
        await root.tick()
        for worker in (other, one, other):
            try:
                await worker.run_once()
            except TailraceError:
                pass
    await eventually(lambda: done(workers[0], workers[1]), within=40)
    assert await equal_everywhere(root, leaf)
    for worker in workers:
        await worker.close()


async def done(*workers: ApplyingConsumer) -> bool:
    """Let all do what there is."""
    busy = False
    for worker in workers:
        try:
            busy = await worker.run_once() or busy
        except TailraceError:
            busy = True
        await worker.close()
    return not busy
