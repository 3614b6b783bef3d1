"""Reach points do nothing unless armed, and exactly what they were told when they are."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tailrace import faults
from tailrace.errors import TailraceError
from tailrace.service import background


async def test_unarmed_point_does_nothing():
    await faults.reach("some.place")


async def test_fault_strikes_at_the_named_pass_only():
    with faults.armed("b@2:error"):
        await faults.reach("a")
        await faults.reach("b")
        with pytest.raises(faults.InjectedFault, match='"b"'):
            await faults.reach("b")
        await faults.reach("b")


async def test_star_counts_points_of_any_name():
    with faults.armed("*@3:error"):
        await faults.reach("a")
        await faults.reach("b")
        with pytest.raises(faults.InjectedFault, match='"c"'):
            await faults.reach("c")


def test_kill_ends_the_process_without_tidying_up():
    program = (
        "import asyncio\nfrom tailrace.faults import reach\n"
        "try:\n asyncio.run(reach('x'))\nfinally:\n print('tidied up')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"TAILRACE_FAULT": "x:kill"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == ""


@pytest.mark.parametrize("text", ["x", "x:explode", ":kill", "x@0:kill", "x@two:kill"])
def test_unreadable_fault_is_an_error(text):
    with pytest.raises(TailraceError, match="is not a fault"):
        faults.parse(text)


async def test_watch_sees_the_point_and_can_hold_the_code_there():
    passed = []

    async def work():
        await faults.reach("gate")
        passed.append(True)

    with faults.watching("gate") as watch:
        watch.hold()
        async with background(work(), name="work") as task:
            await watch.wait()
            assert passed == []
            watch.release()
            await task
    assert passed == [True]
    assert watch.count == 1


def test_declared_points_are_read_from_the_source():
    points = faults.declared()
    assert points["mirror.after_events_commit"] == "cascade/worker.py"
    assert "faults.py" not in points.values()


def test_nothing_is_traced_without_a_file(tmp_path: Path):
    faults.trace("tick", tick=7)
    assert list(tmp_path.iterdir()) == []


def test_traced_steps_are_lines_of_json_in_their_order(tmp_path: Path):
    with faults.tracing(tmp_path / "trace"):
        faults.trace("events", consumer="node2_worker", start=4, end=5)
        faults.trace("tick", consumer="node2_worker", tick=5)
    faults.trace("tick", consumer="node2_worker", tick=6)
    lines = (tmp_path / "trace").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": "events", "consumer": "node2_worker", "start": 4, "end": 5},
        {"step": "tick", "consumer": "node2_worker", "tick": 5},
    ]


def test_killed_process_leaves_the_steps_before_its_death(tmp_path: Path):
    program = (
        "import os, signal\nfrom tailrace.faults import trace\n"
        "trace('tick', tick=1)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    where = tmp_path / "trace"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"TAILRACE_TRACE": str(where)}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert json.loads(where.read_text()) == {"step": "tick", "tick": 1}


def test_unwritable_trace_is_an_error(tmp_path: Path):
    with pytest.raises(TailraceError, match="cannot be written"), faults.tracing(tmp_path):
        pass
