"""``tailrace run`` killed at every reach point of the merge protocol: nothing lost or doubled."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from fixtures.merge import COMBINED, PARTS, Merge, events, merge, position
from fixtures.process import Process, StartProcess
from fixtures.waiting import eventually
from model.replay import Trace, replay_or_keep
from tailrace import faults

__all__ = ["merge"]

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

HERE = ("replication/passing.py", "cascade/follower.py")
POINTS = sorted(name for name, place in faults.declared().items() if place in HERE)
COPY = ["copy.after_data", "copy.after_commit", "hand_over.after_apply"]
SETTINGS = {"TAILRACE_LOCAL_WATERMARK_PERIOD": "100ms", "TAILRACE_POLL": "200ms"}


def test_the_design_page_says_what_happens_at_each_of_them() -> None:
    page = (Path(__file__).parents[2] / "docs" / "design" / "workers.md").read_text()
    assert [point for point in POINTS if f"`{point}`" not in page] == []


async def test_nothing_is_lost_or_doubled_when_killed_at_each_of_them_in_turn(
    merge: Merge, process: StartProcess, tmp_path: Path
) -> None:
    """Each process first mends what the one before has left, then dies at the next point.

    In the end the model goes through what was done in each of the queues.
    """
    settings = SETTINGS | {faults.TRACE_VARIABLE: str(tmp_path / "trace")}
    await merge.write()
    await merge.add_tables()
    flags = [word for db in merge.all for word in ("--db", db.dsn)]
    for number, point in enumerate([*COPY, "apply.after_commit", *POINTS]):
        await merge.write()
        fault = f"{point}@{1 if point in COPY else 1 + number % 2}:kill"
        killed = await process("run", *flags, env=settings | {"TAILRACE_FAULT": fault})

        async def died(one: Process = killed) -> bool:
            await merge.write()  # what it waits for may need something to do
            # locations, which a follower acts on
            await merge.s1.execute(
                "select pgq_node.register_location('p1', 'gone', 'dbname=gone', true)"
            )
            return one.returncode is not None

        await eventually(died, within=40, what=f"{fault} ({killed.err[-2000:]})", every=0.2)
        assert killed.returncode == -signal.SIGKILL, f"{fault}: {killed.err}"
    await merge.write()
    last = await process("run", *flags, env=settings)
    await eventually(merge.equal, within=40, what=last.err)
    sent = [
        int(data)
        for _, data, part in await events(merge.t1, COMBINED, "pgq.tick-id")
        if part == "p1"
    ]
    assert sent == sorted(set(sent))
    assert sent[-1] <= await position(merge.t1, "p1")
    assert await merge.t2.fetch_value(
        "select dead from pgq_node.node_location where queue_name = 'p1' and node_name = 'gone'"
    )
    last.send(signal.SIGTERM)
    assert await last.wait(20) == 0
    for queue in (COMBINED, *PARTS):
        replay_or_keep(Trace.read(tmp_path / "trace", queue))
