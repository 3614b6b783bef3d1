"""Ten thousand random schedules, each told by its seed.

``MODEL_SEED=4711`` runs that one and shows its steps; ``MODEL_SCHEDULES=100000`` runs so many.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from model.explore import Found, Scenario, at_random
from model.scenarios import random_tree

ONLY = os.environ.get("MODEL_SEED")
COUNT = int(os.environ.get("MODEL_SCHEDULES", "10000"))
STEPS = 50
PARTS = 10
"""So that two processes can share the work."""


def run(seed: int) -> None:
    random = Random(seed)
    try:
        at_random(Scenario(f"seed {seed}", random_tree(random)), random, STEPS)
    except Found as found:
        again = f"MODEL_SEED={seed} .venv/bin/pytest tests/model/test_random.py"
        raise AssertionError(f"schedule {seed}: {found}\nagain with: {again}") from None


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_found_in_random_schedules(part: int) -> None:
    for seed in [int(ONLY)] if ONLY else range(part, COUNT, PARTS):
        run(seed)


def test_the_same_seed_is_the_same_schedule() -> None:
    def end() -> object:
        random = Random(7)
        return at_random(Scenario("seed 7", random_tree(random)), random, STEPS)

    assert end() == end()
