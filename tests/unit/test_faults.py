"""Reach points do nothing unless armed, and exactly what they were told when they are."""

import signal
import subprocess
import sys

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
