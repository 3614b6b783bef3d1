"""The program as a process: it leaves at once, and nothing is missing all the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tailrace.cli.main import COMMANDS


def program(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    """Run it; what it says comes through pipes, so it is written in one go at the end."""
    return subprocess.run(
        [sys.executable, "-m", "tailrace", *words],
        text=True, check=False, timeout=30,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more,
    )  # type: ignore[call-overload, no-any-return]  # fmt: skip


def test_all_that_was_said_is_there() -> None:
    done = program("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for group in COMMANDS.values() for name in group)


def test_status_is_the_commands() -> None:
    done = program("sqll")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'there is no command "sqll"; did you mean sql?' in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full here")
def test_output_that_cannot_be_written_is_a_failure() -> None:
    with open("/dev/full", "w") as full:
        done = program("--help", stdout=full)
    assert done.returncode != 0
    assert "No space left on device" in done.stderr
