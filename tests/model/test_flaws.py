"""Each deliberate mistake is caught, by the invariant that is there for it."""

from __future__ import annotations

import pytest

from model.explore import Found, Scenario, exhaustively, lead
from model.flaws import Flaw
from model.scenarios import tree
from model.test_merging import MISTAKES

ROOT = ("root", 0)


def branch(provider: int) -> tuple[str, int]:
    return "branch", provider


def leaf(provider: int) -> tuple[str, int]:
    return "leaf", provider


NO_OPEN_WRITERS = frozenset({"begin write", "commit writes"})
PAIR = tree(ROOT, branch(0), writes=2)
CHAIN = tree(ROOT, branch(0), leaf(1), writes=1, publishes=1)
SYNC_CHAIN = tree(ROOT, branch(0), leaf(1), groups={1: (1,)}, writes=2, publishes=1)
SWITCH = tree(ROOT, branch(0), tables=(0, 1), writes=2, goal=("switch", 0, 1))
SWITCH_AND_GO_ON = tree(ROOT, branch(0), writes=2, publishes=1, goal=("switch", 0, 1))
FAIL = tree(ROOT, branch(0), writes=1, replacements=1, goal=("fail", 0, 1))
FAIL_TWO = tree(ROOT, branch(0), branch(0), writes=1, goal=("fail", 0, 2))
SYNC_BESIDE = tree(ROOT, branch(0), branch(0), groups={1: (1,)}, writes=1)
RETURN = tree(ROOT, branch(0), writes=1, goal=("return", 0, 1))
RETURN_REPLACED = tree(ROOT, branch(0), writes=2, replacements=1, goal=("return", 0, 1))
RETURN_LATE = tree(ROOT, branch(0), writes=2, publishes=1, goal=("return", 0, 1))
MOVE = lead(
    Scenario("move", tree(
        ROOT, branch(0), branch(0), leaf(1), goal=("change", 3, 2), writes=1, publishes=1
    )),
    *[f"read {n}" for n in range(4)], "write 0", "ticker 0",
    *["fetch 2", "commit 2", "tick 2", "finish 2", "report 2"],
    *["fetch 1", "commit 1", "tick 1", "finish 1"],
).start  # fmt: skip
JOIN = tree(ROOT, branch(0), branch(0), unborn=(2,), goal=("join", 2, 0), writes=1)

SCENARIOS = {
    Flaw.TICK_WITH_EVENTS: (PAIR, "I-3"),
    Flaw.FINISH_BEFORE_COMMIT: (PAIR, "I-2"),
    Flaw.POSITION_FROM_MEMORY: (PAIR, "I-1"),
    Flaw.NO_EPOCH_CHECK: (FAIL, "I-9"),
    Flaw.MERGED_TICKS: (PAIR, "I-4"),
    Flaw.SEQUENCE_FROM_MEMORY: (SWITCH, "I-4"),
    Flaw.WATERMARK_OF_MIRROR_ONLY: (CHAIN, "I-6"),
    Flaw.WATERMARK_NOT_KEPT: (PAIR, "I-7"),
    Flaw.SYNC_ABOVE_UPSTREAM: (SYNC_BESIDE, "I-6"),
    Flaw.SYNC_FOLLOWS_ROOT: (SYNC_CHAIN, "I-6"),
    Flaw.JOINS_AT_NEWEST: (JOIN, "I-6"),
    Flaw.ACKNOWLEDGED_UNREAD: (FAIL, "I-9"),
    Flaw.PROMOTED_BEFORE_APPLIED: (SWITCH, "I-8"),
    Flaw.PROMOTED_BEFORE_DEMOTED: (SWITCH, "I-8"),
    Flaw.PROMOTED_BEHIND_SURVIVOR: (FAIL_TWO, "I-4"),
    Flaw.SURVIVORS_NOT_PAUSED: (FAIL_TWO, "I-4"),
    Flaw.SURVIVORS_MOVED_FIRST: (FAIL_TWO, "I-5"),
    Flaw.OLD_ROOT_REGISTERED_LATE: (SWITCH_AND_GO_ON, "I-6"),
    Flaw.FINAL_TICK_IN_HASTE: (SWITCH, "I-4"),
    Flaw.RETURNED_WITH_LOST_EVENTS: (RETURN, "I-4"),
    Flaw.RETURNED_AT_ITS_OWN_TOP: (RETURN, "I-4"),
    Flaw.TELLS_WHILE_STEPPED_DOWN: (RETURN_REPLACED, "I-2"),
    Flaw.GRAVESTONE_GIVEN_UP_EARLY: (RETURN_LATE, "I-5"),
    Flaw.REPORTS_NOT_LOWERED: (MOVE, "I-6"),
}


@pytest.mark.parametrize("flaw", SCENARIOS, ids=lambda flaw: flaw.name.lower())
def test_mistake_is_caught_by_its_invariant(flaw: Flaw) -> None:
    start, invariant = SCENARIOS[flaw]
    open_writers = flaw is Flaw.FINAL_TICK_IN_HASTE
    without = frozenset() if open_writers else NO_OPEN_WRITERS
    with pytest.raises(Found) as found:
        exhaustively(Scenario(flaw.name, start, flaw, without))
    assert found.value.invariant == invariant, found.value


def carry(*nodes: int, report: bool = True) -> list[str]:
    """The steps by which a tick of the root passes these nodes, one below or beside another."""
    steps = []
    for n in nodes:
        steps += [f"fetch {n}", f"commit {n}", f"tick {n}", f"finish {n}"]
        steps += [f"report {n}"] if report else []
    return steps


UNKNOWN_MEMBER = tree(
    ROOT, branch(0), branch(0), leaf(2), groups={1: (1, 2), 2: (1, 2)}, writes=2, publishes=1
)


def half_set_up(flaw: Flaw | None) -> Scenario:
    """Node 1 has not heard of node 2 yet, with which it is to agree; a leaf below that lags."""
    start = UNKNOWN_MEMBER
    start = start.put(1, start.nodes[1]._replace(known=0b1011))
    scenario = Scenario("half set up", start, flaw, NO_OPEN_WRITERS | {"crash"})
    every_tick = ["ticker 0", *carry(1, 2)]
    return lead(
        scenario,
        "read 0", "read 1", "read 2",
        "write 0", *every_tick, "agree 1", "agree 2",
        "write 0", *every_tick, "publish 0", "ticker 0",
    )  # fmt: skip


def test_sync_node_waits_until_it_knows_all_members() -> None:
    steps = (*carry(1), "agree 1")
    with pytest.raises(Found) as found:
        lead(half_set_up(Flaw.SYNC_IGNORES_UNKNOWN), *steps)
    assert found.value.invariant == "I-6"
    assert lead(half_set_up(None), *steps).start.nodes[1].watermark == 1


def moved_below_a_sync_node(flaw: Flaw | None) -> Scenario:
    """Node 3 has followed the root, and moves below a sync node whose watermark is lower."""
    start = tree(
        ROOT, branch(0), leaf(1), branch(0),
        groups={1: (1,)}, writes=3, publishes=2, goal=("change", 3, 1),
    )  # fmt: skip
    scenario = Scenario("moved below a sync node", start, flaw, NO_OPEN_WRITERS | {"crash"})
    both = ["ticker 0", *carry(1, 3)]
    led = lead(
        scenario,
        "read 0", "read 1", "read 3",
        "write 0", *both, "agree 1", "write 0", *both, "agree 1",
        "publish 0", *both, "agree 1",
        "admin", "read 3", *["admin"] * 3, "read 3", "admin", "admin",
    )  # fmt: skip
    assert led.start.nodes[3].provider == 1
    assert led.start.nodes[3].watermark > led.start.nodes[1].watermark
    return led


def test_watermark_of_a_branch_never_moves_back() -> None:
    steps = ("write 0", "ticker 0", *carry(1), "publish 0", "ticker 0", *carry(1, 3), *carry(3))
    with pytest.raises(Found) as found:
        lead(moved_below_a_sync_node(Flaw.WATERMARK_MOVES_BACK), *steps)
    assert found.value.invariant == "I-6"
    lead(moved_below_a_sync_node(None), *steps)


def test_every_mistake_has_its_test() -> None:
    elsewhere = {Flaw.SYNC_IGNORES_UNKNOWN, Flaw.WATERMARK_MOVES_BACK}
    assert {*SCENARIOS, *MISTAKES, *elsewhere} == set(Flaw)
