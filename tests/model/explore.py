"""Going through the states of a scenario: all of them, or some at random.

``exhaustively`` is breadth first, so the trace it shows for a violation is a shortest one.
``at_random`` is driven by a seed and nothing else; the same seed is the same schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from model import admin, protocol, queues, watermarks
from model.flaws import Flaw
from model.invariants import check
from model.state import State, Violation

Step = Callable[[Flaw | None, Any], Any]
Action = tuple[str, Step]


class Found(Exception):
    """A violation, and the way there."""

    def __init__(self, violation: Violation, trace: list[str]) -> None:
        way = "\n".join(f"  {number:3} {step}" for number, step in enumerate(trace, start=1))
        super().__init__(f"{violation}\n{way}")
        self.invariant = violation.invariant
        self.trace = trace


@dataclass
class Scenario:
    """Where to begin, and which kinds of step there are."""

    name: str
    start: Any
    flaw: Flaw | None = None
    without: frozenset[str] = frozenset()
    """Kinds of step that are left out to keep the number of states small."""
    possible: Callable[[Any, Flaw | None], list[tuple[str, str, Step]]] | None = None
    """All steps, where it is not those of a cascade."""
    check: Callable[[Any, Any], None] = check
    actions: list[Action] = field(init=False)

    def __post_init__(self) -> None:
        self.actions = [
            (f"{kind} {label}".rstrip(), step)
            for kind, label, step in (self.possible or _actions)(self.start, self.flaw)
            if kind not in self.without
        ]


def _actions(start: State, flaw: Flaw | None) -> list[tuple[str, str, Step]]:
    made: list[tuple[str, str, Step]] = [("admin", "", admin.proceed)]
    for n, node in enumerate(start.nodes):
        made += [(name, str(n), _on(function, n)) for name, function in _OF_EVERY_NODE]
        made += [(f"stale {name}", str(n), _on(function, n, True)) for name, function in _STALE]
        if flaw is Flaw.ACKNOWLEDGED_UNREAD:
            made.append(("acknowledge unread", str(n), _on(protocol.acknowledge_unread, n)))
        if node.tables:
            made += [("apply", f"{n}", _on(protocol.apply, n))]
            made += [("apply", f"{n} far", _on(protocol.apply, n, protocol.NEWEST))]
        if node.kind == "leaf" or flaw is Flaw.MERGED_TICKS:
            made += [("fetch", f"{n} far", _on(protocol.fetch, n, protocol.NEWEST))]
    return made


def _on(function: Callable[..., State | None], *args: int) -> Step:
    return lambda flaw, s: function(flaw, s, *args)


_OF_EVERY_NODE: list[tuple[str, Callable[..., State | None]]] = [
    ("write", queues.write),
    ("begin write", queues.begin_write),
    ("commit writes", queues.commit_writes),
    ("ticker", queues.tick),
    ("rotate", queues.rotate),
    ("read", protocol.read),
    ("crash", protocol.crash),
    ("replace", protocol.replace),
    ("fetch", protocol.fetch),
    ("commit", protocol.commit_batch),
    ("tick", protocol.make_tick),
    ("finish", protocol.finish),
    ("report", watermarks.report),
    ("agree", watermarks.agree),
    ("publish", watermarks.publish),
]
_STALE: list[tuple[str, Callable[..., State | None]]] = [
    ("commit", protocol.commit_batch),
    ("tick", protocol.make_tick),
    ("finish", protocol.finish),
    ("report", watermarks.report),
]


def _take(scenario: Scenario, state: State, action: Action, trace: list[str]) -> State | None:
    name, step = action
    try:
        after = step(scenario.flaw, state)
        if after is not None:
            trace.append(name)
            scenario.check(state, after)
    except Violation as violation:
        if not trace or trace[-1] != name:
            trace.append(name)
        raise Found(violation, trace) from None
    return after


# ---------------------------------------------------------------- all of them


def exhaustively(scenario: Scenario, most: int = 5_000_000) -> int:
    """Visit every state that can be reached; return how many there are."""
    parents: dict[State, tuple[State, str] | None] = {scenario.start: None}
    front = [scenario.start]
    while front:
        following = []
        for state in front:
            for name, step in scenario.actions:
                try:
                    after = step(scenario.flaw, state)
                    if after is None or after in parents:
                        continue
                    scenario.check(state, after)
                except Violation as violation:
                    raise Found(violation, [*_way(parents, state), name]) from None
                parents[after] = (state, name)
                following.append(after)
        assert len(parents) <= most, f"{scenario.name}: more than {most} states"
        front = following
    return len(parents)


def _way(parents: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    steps = []
    while (parent := parents[state]) is not None:
        state, name = parent
        steps.append(name)
    return steps[::-1]


# ---------------------------------------------------------------- one of them


def lead(scenario: Scenario, *steps: str) -> Scenario:
    """Return the scenario as it is after these steps, to go on from there."""
    state, trace, actions = scenario.start, list[str](), dict(scenario.actions)
    for step in steps:
        after = _take(scenario, state, (step, actions[step]), trace)
        assert after is not None, f"step {step!r} is not possible after {trace}"
        state = after
    return replace(scenario, start=state)


# ---------------------------------------------------------------- some of them


# How often a step is tried beside others: enough progress that something can go wrong far along.
_WEIGHTS = {"fetch": 6, "commit": 6, "tick": 6, "report": 6, "agree": 6, "publish": 4, "crash": 1,
            "read": 2, "replace": 1, "ticker": 4, "admin": 3, "begin write": 1}  # fmt: skip
TRIES = 8


def at_random(scenario: Scenario, random: Random, steps: int) -> State:
    """Take so many steps, whatever comes, then let everybody finish; return where it ends."""
    state, trace = scenario.start, list[str]()
    pool = [
        action for action in scenario.actions
        for _ in range(_WEIGHTS.get(action[0].rstrip(" 0123456789"), 2))
    ]  # fmt: skip
    for _ in range(steps):
        for _ in range(TRIES):
            after = _take(scenario, state, pool[int(random.random() * len(pool))], trace)
            if after is not None:
                state = after
                break
    return settle(scenario, state, trace)


# What still has to be done when nothing goes wrong any more, and in this order, if possible.
_USEFUL = ("commit writes", "tick", "commit", "read", "admin", "apply", "fetch", "ticker")


def settle(scenario: Scenario, state: State, trace: list[str]) -> State:
    """No more crashes and writes: in the end every live node has everything."""
    useful = [
        action for kind in _USEFUL for action in scenario.actions
        if action[0].rstrip(" 0123456789") == kind
    ]  # fmt: skip
    trace.append("(from here on nothing goes wrong)")
    moved = True
    while moved:
        moved = False
        for action in useful:
            while (after := _take(scenario, state, action, trace)) is not None:
                state, moved = after, True
                if action[0].startswith("read"):
                    break
    _everybody_has_everything(state, trace)
    return state


def _everybody_has_everything(s: State, trace: list[str]) -> None:
    top = len(s.truth) - 1
    for n, node in enumerate(s.nodes):
        if not node.kind or node.kind == "root" or not s.living(n):
            continue
        tables = node.applied_tick if node.kind == "branch" and node.tables else node.completed
        if node.completed != top or tables != top:
            text = (
                f"node {n} ends at tick {node.completed}, its tables at {tables}, the root at {top}"
            )
            raise Found(Violation("I-5", text), trace)
    if s.goal is not None:
        raise Found(Violation("I-5", f"the command {s.goal} never ends"), trace)
