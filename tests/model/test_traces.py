"""Real runs, written down and gone through by the model."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, equal_everywhere
from fixtures.process import StartProcess
from fixtures.waiting import eventually
from model.replay import Disallowed, Trace, replay

SETTINGS = {
    "TAILRACE_LOCAL_WATERMARK_PERIOD": "100ms",
    "TAILRACE_GLOBAL_WATERMARK_PERIOD": "100ms",
    "TAILRACE_POLL": "100ms",
}


async def three(cascade: Cascade) -> tuple[TestNode, TestNode, TestNode]:
    """A root, a branch below it and a leaf below that, with one table that is live."""
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    await root.db.execute("select pgq.set_queue_config(%s, 'ticker_idle_period', '50 ms')", QUEUE)
    for node in (root, branch, leaf):
        await node.add_table()
    await branch.set_live()
    await leaf.set_live()
    await branch.db.execute("select tailrace.ensure_apply(%s)", QUEUE)
    return root, branch, leaf


@pytest.fixture
async def trace(cascade: Cascade, process: StartProcess, tmp_path: Path) -> Trace:
    """Three nodes under load, their runner killed between a batch's events and its tick."""
    nodes = await three(cascade)
    flags = [word for node in nodes for word in ("--db", node.dsn)]
    env = SETTINGS | {"TAILRACE_TRACE": str(tmp_path / "trace")}
    first = 0

    async def write() -> None:
        nonlocal first
        first += 5
        query = "insert into public.t select i, 'a' from generate_series(%s::int, %s::int) i"
        await nodes[0].db.execute(query, first, first + 4)

    fault = {"TAILRACE_FAULT": "mirror.after_events_commit@3:kill"}
    killed = await process("run", *flags, env=env | fault)

    async def died() -> bool:
        await write()
        return killed.returncode is not None

    await eventually(died, within=30, what="the runner to die", every=0.05)
    assert killed.returncode == -signal.SIGKILL, killed.err
    await write()
    second = await process("run", *flags, env=env)
    for _ in range(3):
        await write()
        await eventually(lambda: equal_everywhere(*nodes), within=20, what="equal tables")
    published = "select last_tick > 2 from pgq.get_consumer_info(%s, '.global_watermark')"

    async def known() -> bool:
        await write()
        return bool(await nodes[1].db.fetch_value(published, QUEUE))

    await eventually(known, within=20, what="the branch to hear of the watermark", every=0.1)
    second.send(signal.SIGTERM)
    assert await second.wait() == 0, second.err
    return Trace.read(tmp_path / "trace", QUEUE)


def changed(trace: Trace, step: str, consumer: str | None = None, **facts: object) -> Trace:
    """The trace with the facts of the last such step being others."""
    lines = [json.loads(json.dumps(line)) for line in trace.lines]
    place = max(
        k
        for k, line in enumerate(lines)
        if line["step"] == step and consumer in (None, line["consumer"])
    )
    lines[place] |= facts
    return Trace(lines)


def moved(trace: Trace, step: str, before: str) -> Trace:
    """The trace with the last step about a tick written down before the one that brings the tick.

    A provider may also be told of an older one, which would do no harm there.
    """
    lines = list(trace.lines)
    for place in reversed(range(len(lines))):
        line = lines[place]
        for earlier in reversed(range(place)):
            other = lines[earlier]
            if (
                (line["step"], other["step"]) == (step, before)
                and line["consumer"] == other["consumer"]
                and line["tick"] == other["end"]
            ):
                lines.insert(earlier, lines.pop(place))
                return Trace(lines)
    raise AssertionError(f"no {step} after {before}")


def without(trace: Trace, drop: Callable[[int, dict[str, Any]], bool]) -> Trace:
    """The trace without some of its lines."""
    return Trace([line for k, line in enumerate(trace.lines) if not drop(k, line)])


def told(trace: Trace, consumer: str) -> list[tuple[int, int]]:
    """Where a worker has told its provider of a watermark, and of which one."""
    return [
        (k, line["tick"])
        for k, line in enumerate(trace.lines)
        if line["step"] == "report" and line["consumer"] == consumer
    ]


def told_of_what_is_not_done(trace: Trace) -> Trace:
    """The leaf is not heard of any more before it comes to what the branch tells of last."""
    place, mark = told(trace, "node2_worker")[-1]
    start = min(
        k
        for k, line in enumerate(trace.lines)
        if line.get("consumer") == "node3_worker"
        and max(line.get("end") or 0, line.get("completed") or 0) >= mark
    )
    return without(
        trace, lambda k, line: k > place or (k >= start and line["consumer"] == "node3_worker")
    )


def told_of_what_is_only_done(trace: Trace) -> Trace:
    """The leaf has done what the branch tells of, but does not tell, and goes on with the next."""
    goes_on = max(k for k, line in enumerate(trace.lines) if line["consumer"] == "node3_worker")
    mark = max(tick for place, tick in told(trace, "node2_worker") if place < goes_on)
    leaf = {place for place, tick in told(trace, "node3_worker") if tick >= mark}
    return without(trace, lambda k, _: k in leaf)


def told_when_struck(trace: Trace) -> Trace:
    """The leaf is struck when it has told of a watermark, before it can write that down."""
    place, _ = told(trace, "node3_worker")[-1]
    return without(trace, lambda k, line: k >= place and line["consumer"] == "node3_worker")


@pytest.mark.timeout(180)
async def test_model_allows_what_a_killed_run_did_and_nothing_else(trace: Trace) -> None:
    end = replay(trace)
    seen = {line["step"] for line in trace.lines}
    assert {"take", "read", "events", "tick", "apply", "report", "publish", "finish"} <= seen
    root, branch, leaf = (end.nodes[trace.names.index(n)] for n in ("node1", "node2", "node3"))
    assert 1 < branch.watermark <= root.watermark <= leaf.completed <= branch.completed
    assert branch.applied == end.truth[branch.applied_tick]

    last = max(trace.ticks)
    for wrong in (
        moved(trace, "tick", before="events"),
        moved(trace, "finish", before="apply"),
        changed(trace, "finish", tick=last + 1),
        changed(trace, "report", tick=last + 1),
        changed(trace, "read", "node2_worker", paused=True),
        changed(trace, "apply", start=min(trace.ticks)),
        told_of_what_is_not_done(trace),
        told_of_what_is_only_done(trace),
    ):
        with pytest.raises(Disallowed):
            replay(wrong)
    replay(told_when_struck(trace))


def test_a_crash_takes_back_only_what_had_not_waited_for_the_disk() -> None:
    """The events of a mirror until their tick is made, and batches with others behind them."""

    def line(step: str, epoch: int, **facts: object) -> dict[str, object]:
        return {"step": step, "consumer": "b_worker", "epoch": epoch, **facts}

    def read(epoch: int, completed: int) -> dict[str, object]:
        return line("read", epoch, node="b", type="branch", completed=completed, newest=completed)

    ticked = [read(1, 1), line("events", 1, start=1, end=2), line("tick", 1, tick=2)]
    loose = [line("events", 1, start=2, end=3)]
    batches = [line("apply", 1, start=n, end=n + 1, sure=n < 3) for n in (2, 3, 4)]
    for lines, completed, lost in (
        (ticked + loose, 2, loose),
        (ticked + loose, 1, loose),
        (ticked + loose, 3, []),
        (ticked + batches, 4, batches[2:]),
        (ticked + batches, 2, batches[1:]),
    ):
        trace = Trace([*lines, read(2, completed)])
        kept = [one for one in trace.lines if one not in lost]
        assert trace.that_lasted({"b"}).lines == kept
        assert trace.that_lasted({"a"}).lines == trace.lines
