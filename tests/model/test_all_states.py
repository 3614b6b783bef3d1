"""Every state that small cascades can get into, with a crash possible between any two steps.

``MODEL_DEEP=1`` adds scenarios that take minutes; ``make soak`` runs them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations_with_replacement

import pytest

from model.explore import Scenario, exhaustively
from model.scenarios import tree
from model.state import State

ROOT = ("root", 0)
BRANCH, LEAF = "branch", "leaf"
AT_ONCE = frozenset({"begin write", "commit writes"})
"""Left out: writers that begin before a tick and commit after it."""
KEPT = frozenset({"rotate", "finish"})
"""Left out: queues that forget, and providers that hear what they may forget."""

# The provider of each node but the root, for every shape of a tree of up to four nodes.
SHAPES = [(0,), (0, 0), (0, 1), (0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 2)]

ALL_OF_IT = "MODEL_DEEP" in os.environ


def trees() -> Iterator[list[tuple[str, int]]]:
    """Every tree of up to four nodes, the ends being branches or leaves."""
    for shape in SHAPES:
        ends = [n for n in range(1, len(shape) + 1) if n not in shape]
        for kinds in combinations_with_replacement((BRANCH, LEAF), len(ends)):
            kind = dict(zip(ends, kinds, strict=True))
            yield [ROOT, *((kind.get(n, BRANCH), p) for n, p in enumerate(shape, start=1))]


def shown(nodes: list[tuple[str, int]]) -> str:
    """Name a tree: each node after the root by type and provider."""
    return "-".join(f"{kind[0]}{provider}" for kind, provider in nodes[1:])


@pytest.mark.parametrize("nodes", list(trees()), ids=shown)
def test_every_tree_of_up_to_four_nodes(nodes: list[tuple[str, int]]) -> None:
    without = AT_ONCE if len(nodes) < 4 or ALL_OF_IT else AT_ONCE | KEPT
    assert exhaustively(Scenario(shown(nodes), tree(*nodes, writes=1), without=without)) > 20


def explored(start: State, *, without: frozenset[str] = AT_ONCE) -> int:
    return exhaustively(Scenario("small", start, without=without))


SMALL = {
    "watermark goes up and comes down": tree(
        ROOT, (BRANCH, 0), (LEAF, 1), writes=1, publishes=1),
    "runners are replaced": tree(ROOT, (BRANCH, 0), writes=2, replacements=1),
    "a group of two, a leaf behind one of them": tree(
        ROOT, (BRANCH, 0), (BRANCH, 0), (LEAF, 2), groups={1: (1, 2), 2: (1, 2)},
        writes=1, publishes=1),
    "tables of a branch": tree(ROOT, (BRANCH, 0), tables=(1,), writes=2),
    "a branch joins": tree(
        ROOT, (BRANCH, 0), (BRANCH, 1), unborn=(2,), goal=("join", 2, 1), writes=1),
    "a leaf moves": tree(
        ROOT, (BRANCH, 0), (BRANCH, 0), (LEAF, 1), goal=("change", 3, 2), writes=1),
    "a leaf moves while watermarks go on": tree(
        ROOT, (BRANCH, 0), (BRANCH, 0), (LEAF, 1), goal=("change", 3, 2), writes=1, publishes=1),
    "switchover of four nodes": tree(
        ROOT, (BRANCH, 0), (BRANCH, 0), (LEAF, 1), writes=1, goal=("switch", 0, 2)),
}  # fmt: skip


LARGE = {
    "a chain, watermark, runners replaced": tree(
        ROOT, (BRANCH, 0), (LEAF, 1), writes=1, publishes=1, replacements=1),
    "a branch joins, a watermark": tree(
        ROOT, (BRANCH, 0), (BRANCH, 1), unborn=(2,), goal=("join", 2, 1), writes=1, publishes=1),
    "four nodes and a watermark": tree(
        ROOT, (BRANCH, 0), (LEAF, 1), (LEAF, 1), writes=1, publishes=1),
    "a leaf moves, queues forget": tree(
        ROOT, (BRANCH, 0), (BRANCH, 0), (LEAF, 1), goal=("change", 3, 2), writes=1),
    "switchover in a chain, two writes": tree(
        ROOT, (BRANCH, 0), (BRANCH, 1), writes=2, goal=("switch", 0, 2)),
    "failover, runners replaced": tree(
        ROOT, (BRANCH, 0), (BRANCH, 0), writes=1, replacements=1, goal=("fail", 0, 2)),
    "failover of four nodes": tree(
        ROOT, (BRANCH, 0), (BRANCH, 0), (LEAF, 1), writes=1, goal=("fail", 0, 2)),
}  # fmt: skip
LEFT_OUT = {
    "a branch joins": KEPT,
    "a leaf moves": frozenset({"rotate", "report", "crash"}),
    "a leaf moves while watermarks go on": frozenset({"rotate", "finish", "crash"}),
}
CASES = SMALL | (LARGE if ALL_OF_IT else {})


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", CASES)
def test_cascade(name: str) -> None:
    without = AT_ONCE | LEFT_OUT.get(name, frozenset())
    assert explored(CASES[name], without=without) > 100


SWITCHOVERS = {
    "of two nodes": tree(
        ROOT, (BRANCH, 0), tables=(0, 1), writes=1, goal=("switch", 0, 1)),
    "to one of two branches": tree(
        ROOT, (BRANCH, 0), (BRANCH, 0), writes=1, goal=("switch", 0, 2)),
    "to the end of a chain": tree(
        ROOT, (BRANCH, 0), (BRANCH, 1), writes=1, goal=("switch", 0, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", SWITCHOVERS)
def test_switchover(name: str) -> None:
    assert explored(SWITCHOVERS[name], without=frozenset()) > 500


RETURNS = {
    "of two nodes": tree(ROOT, (BRANCH, 0), writes=1, goal=("return", 0, 1)),
    "with tables": tree(ROOT, (BRANCH, 0), tables=(0, 1), writes=1, goal=("return", 0, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", RETURNS)
def test_old_root_comes_back(name: str) -> None:
    assert explored(RETURNS[name]) > 500


FAILOVERS = {
    "of two nodes, with a runner that was replaced": tree(
        ROOT, (BRANCH, 0), tables=(0, 1), writes=1, replacements=1, goal=("fail", 0, 1)),
    "with another survivor": tree(
        ROOT, (BRANCH, 0), (BRANCH, 0), writes=1, goal=("fail", 0, 2)),
    "with a leaf that may be ahead": tree(
        ROOT, (BRANCH, 0), (LEAF, 0), writes=1, goal=("fail", 0, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILOVERS)
def test_failover(name: str) -> None:
    assert explored(FAILOVERS[name]) > 500
