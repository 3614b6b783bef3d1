"""Trees to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from model.state import NO_TICK, Node, State, Subscriber, Tick

FIRST = Tick(1, 0, 0)


def tree(
    *nodes: tuple[str, int],
    tables: Sequence[int] = (),
    groups: Mapping[int, tuple[int, ...]] | None = None,
    goal: tuple[str, int, int] | None = None,
    unborn: Sequence[int] = (),
    writes: int = 2,
    publishes: int = 0,
    replacements: int = 0,
) -> State:
    """Make a cascade in which all has been quiet since tick 1.

    Each node is its kind and its provider. Unborn ones are to be created in the course of things.
    """
    count = len(nodes)
    made = []
    for n, (kind, provider) in enumerate(nodes):
        born = n not in unborn
        holds = born and kind != "leaf"
        below = [k for k, (_, p) in enumerate(nodes) if k != n and p == n and k not in unborn]
        made.append(Node(
            kind=kind if born else "", wanted=kind, provider=provider,
            completed=1 if born else 0, paused=False, uptodate=True, runner=None, stale=None,
            writable=kind == "root",
            ticks=(FIRST,) if holds else (), seen=0, stored=0, open=0, seq=0, watermark=1,
            subscribers=tuple(Subscriber(k, 1, 1) for k in below) if holds else (),
            marks=(), base=0,
            tables=n in tables, applied=0,
            applied_tick=1 if n in tables and kind == "branch" and born else NO_TICK,
            known=sum(1 << k for k in range(count) if k not in unborn), dead=0,
            group=(groups or {}).get(n, ()), late=0, came_with=0,
        ))  # fmt: skip
    return State(
        nodes=tuple(made), alive=(1 << count) - 1, events=(), truth=(0, 0), goal=goal, back=0,
        writes=writes, publishes=publishes, replacements=replacements,
    )  # fmt: skip


def random_tree(random: Random) -> State:
    """Make some tree of up to five nodes, with or without sync groups, tables and a command."""
    count = random.randint(2, 5)
    parents = [0] + [random.randrange(n) for n in range(1, count)]
    inner = {0, *parents[1:]}
    kinds = ["root"]
    for n in range(1, count):
        kinds.append("branch" if n in inner or random.random() < 0.5 else "leaf")
    branches = [n for n in range(1, count) if kinds[n] == "branch"]
    groups: dict[int, tuple[int, ...]] = {}
    if branches and random.random() < 0.5:
        group = tuple(sorted(random.sample(branches, random.randint(1, len(branches)))))
        groups = {n: group for n in group if random.random() < 0.9}
    tables = [n for n in range(count) if random.random() < 0.5]
    goal = _random_goal(random, kinds, parents)
    return tree(
        *zip(kinds, parents, strict=True),
        groups=groups, tables=tables, goal=goal,
        unborn=(goal[1],) if goal is not None and goal[0] == "join" else (),
        writes=random.randint(2, 8), publishes=random.randint(0, 3),
        replacements=random.randint(0, 2),
    )  # fmt: skip


def _random_goal(
    random: Random, kinds: Sequence[str], parents: Sequence[int]
) -> tuple[str, int, int] | None:
    others = list(range(1, len(kinds)))
    branches = [n for n in others if kinds[n] == "branch"]
    command = random.choice(["", "change", "switch", "fail", "return", "join"])
    if command in ("switch", "fail", "return") and branches:
        return command, 0, random.choice(branches)
    if command == "join":
        return command, others[-1], parents[-1]  # the last one has nobody below it
    if command == "change":
        moved = random.choice(others)
        holders = [
            n for n in [0, *branches] if n != parents[moved] and not _below(n, moved, parents)
        ]
        if holders:
            return "change", moved, random.choice(holders)
    return None


def _below(n: int, top: int, parents: Sequence[int]) -> bool:
    while n != 0 and n != top:
        n = parents[n]
    return n == top
