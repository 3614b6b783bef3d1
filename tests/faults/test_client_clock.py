"""The clocks of the machines that run workers jump by hours: nobody notices."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.chk import check
from fixtures.load import writing
from fixtures.server import Server
from fixtures.tree import HURRIED, WITHIN, planted
from fixtures.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

CLOCK = Path(__file__).with_name("clock")
JUMPING = {
    "CLOCK_JUMPS": "20000",
    "PYTHONPATH": os.pathsep.join(filter(None, (str(CLOCK), os.environ.get("PYTHONPATH")))),
}


def test_the_clock_that_processes_get_does_jump() -> None:
    """So that the test below can fail."""
    code = "import time; print([time.time() for _ in range(50)])"
    shown = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | JUMPING, capture_output=True, check=True
    )
    times = [float(one) for one in shown.stdout.decode().strip("[]\n").split(",")]
    assert max(times) - min(times) > 3600


async def test_workers_whose_clocks_jump_lose_nothing_and_do_not_stand_still(
    server: Server, template: str
) -> None:
    async with planted(server, env=HURRIED | JUMPING) as tree:
        start = await tree["node1"].global_watermark()
        async with writing(tree) as load:
            await eventually(lambda: load.written > 60, WITHIN)
            await tree.at("node4", "pause", "--timeout", "20")
            await tree.at("node4", "resume", "--timeout", "20")

            async def published() -> bool:
                for place in tree:
                    assert await place.global_watermark() > start, place.name
                return True

            await eventually(published, WITHIN)
        await load.check()
        await check(*tree)
        assert tree.complaints() == []
