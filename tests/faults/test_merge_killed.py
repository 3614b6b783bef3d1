"""``tailrace run`` killed at every reach point of the merge protocol: nothing lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.merge import COMBINED, PARTS, Merge, events, merge, position
from fixtures.process import StartProcess
from fixtures.striking import LONG, Action, Strikes
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


@pytest.mark.parametrize("action", LONG)
async def test_nothing_is_lost_or_doubled_when_struck_at_each_of_them_in_turn(
    merge: Merge, process: StartProcess, tmp_path: Path, action: Action
) -> None:
    """Each process first mends what the one before has left, then dies or freezes at its point.

    In the end the model goes through what was done in each of the queues.
    """
    settings = SETTINGS | {faults.TRACE_VARIABLE: str(tmp_path / "trace")}
    await merge.write()
    await merge.add_tables()

    async def meanwhile() -> None:
        await merge.write()
        # locations, which a follower acts on
        await merge.s1.execute(
            "select pgq_node.register_location('p1', 'gone', 'dbname=gone', true)"
        )

    strikes = Strikes(process, merge.all, settings, action, merge.equal)
    for number, point in enumerate([*COPY, "apply.after_commit", *POINTS]):
        await merge.write()
        await strikes.strike(point, 1 if point in COPY else 1 + number % 2, meanwhile)
    await merge.write()
    await strikes.mend()
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
    for queue in (COMBINED, *PARTS):
        replay_or_keep(Trace.read(tmp_path / "trace", queue))
