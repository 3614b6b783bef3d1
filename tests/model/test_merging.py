"""Merged queues: every state, mistakes on purpose, and that in the end everything is everywhere."""

from __future__ import annotations

import pytest

from model import merging
from model.explore import Found, Scenario, exhaustively
from model.flaws import Flaw

GOALS = ("", "switch", "anyway", "return")


def scenario(goal: str, flaw: Flaw | None = None, *, writes: int = 2) -> Scenario:
    return Scenario(
        f"merge {goal}", merging.start(goal, writes=writes), flaw,
        possible=merging.actions, check=merging.check,
    )  # fmt: skip


@pytest.mark.parametrize("goal", GOALS)
def test_nothing_is_merged_twice_or_never(goal: str) -> None:
    assert exhaustively(scenario(goal)) > 500


MISTAKES = {
    Flaw.POSITION_TOLD_APART: ("", "M-2"),
    Flaw.POSITION_BY_MIRROR: ("", "M-1"),
    Flaw.MERGED_INTO_CLOSED_QUEUE: ("switch", "M-2"),
    Flaw.MERGES_BEFORE_APPLIED: ("switch", "M-1"),
    Flaw.POSITION_LEFT_BEHIND: ("anyway", "M-1"),
    Flaw.FOLLOWER_FINISHES_AHEAD: ("switch", "M-5"),
    Flaw.POSITION_KEPT_AT_RETURN: ("return", "M-1"),
    Flaw.ROWS_KEPT_AT_RETURN: ("return", "M-1"),
}


@pytest.mark.parametrize("flaw", MISTAKES, ids=lambda flaw: flaw.name.lower())
def test_mistake_is_caught(flaw: Flaw) -> None:
    goal, invariant = MISTAKES[flaw]
    with pytest.raises(Found) as found:
        exhaustively(scenario(goal, flaw))
    assert found.value.invariant == invariant, found.value


@pytest.mark.parametrize("goal", GOALS)
def test_in_the_end_both_have_everything_once(goal: str) -> None:
    made = scenario(goal)
    state, moved = made.start, True
    useful = [(name, step) for name, step in made.actions if not name.startswith("crash")]
    while moved:
        moved = False
        for _, step in useful:
            after = step(None, state)
            if after is not None:
                made.check(state, after)
                state, moved = after, True
    everything = state.part[-1]
    assert state.goal == ""
    assert everything == 0b11
    for site in state.sites:
        assert (site.rows, site.at, merging.told(site.queue)) == (everything, 2, 2)
        assert merging.brought(site.queue) == everything
