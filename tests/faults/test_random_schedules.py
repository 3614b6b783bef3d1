"""Random commands, random faults, random load on five nodes: in the end nothing is lost or doubled.

``make test`` runs ten short schedules, ``make soak`` two hundred longer ones. ``SEED=4711`` runs
that one, ``SCHEDULES=50`` so many from SEED on, ``STEPS=8`` makes them longer.
"""

from __future__ import annotations

import os

import pytest

from fixtures.plan import Planner, below, root_of
from fixtures.schedule import run_schedule
from fixtures.server import Server
from fixtures.tree import NAMES

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

FIRST = int(os.environ.get("SEED", "1"))
COUNT = int(os.environ.get("SCHEDULES", "1" if "SEED" in os.environ else "10"))
STEPS = int(os.environ.get("STEPS", "3"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
async def test_nothing_is_lost_or_doubled_whatever_is_done_and_broken(
    server: Server, template: str, seed: int
) -> None:
    await run_schedule(server, seed, STEPS)


def test_a_number_always_makes_the_same_plan() -> None:
    for seed in range(50):
        first, second = (list(map(str, Planner(seed).steps(8))) for _ in range(2))
        assert first == second


def test_plans_meet_every_command_and_every_fault_and_keep_one_tree() -> None:
    commands, faults = set(), set()
    for seed in range(200):
        for step in Planner(seed).steps(8):
            assert below(step.shape, root_of(step.shape)) == set(NAMES)
            commands.add(step.words[0])
            faults.add(step.fault.kind if step.fault else None)
    assert commands == {"change-provider", "takeover", "pause", "set-attr"}
    assert len(faults) == 11
