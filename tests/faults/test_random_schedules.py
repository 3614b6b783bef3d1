"""Random commands, random faults, random load on five nodes: in the end nothing is lost or doubled.

``make test`` runs ten short schedules, ``make soak`` two hundred longer ones. ``SEED=4711`` runs
that one, ``SCHEDULES=50`` so many from SEED on, ``STEPS=8`` makes them longer.
"""

from __future__ import annotations

import os

import pytest

from fixtures.schedule import run_schedule
from fixtures.server import Server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

FIRST = int(os.environ.get("SEED", "1"))
COUNT = int(os.environ.get("SCHEDULES", "1" if "SEED" in os.environ else "10"))
STEPS = int(os.environ.get("STEPS", "3"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
async def test_nothing_is_lost_or_doubled_whatever_is_done_and_broken(
    server: Server, template: str, seed: int
) -> None:
    await run_schedule(server, seed, STEPS)
