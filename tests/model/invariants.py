"""I-1 to I-9 of cascade.md 9, as questions to a state of the model.

Some show at the commit itself; those are raised in ``model.protocol`` and ``model.queues``. What
cannot be asked of one state alone (a watermark moving back) is asked of two.
"""

from __future__ import annotations

from model.promises import hidden_behind
from model.state import NO_TICK, Node, State, Tick, Violation


def check(before: State, s: State) -> None:
    """Raise ``Violation`` if something does not hold; what has not changed is not asked again."""
    rewritten = len(s.truth) < len(before.truth)
    for n, node in enumerate(s.nodes):
        if (node is before.nodes[n] and not rewritten) or not node.kind or not s.living(n):
            continue
        _has_what_it_says(s, n, node)
        if node.ticks:
            _ticks_mean_the_same(s, n, node, () if rewritten else before.nodes[n].ticks)
            _keeps_what_is_needed(n, node)
            if node.watermark < before.nodes[n].watermark:
                raise Violation("I-6", f"the watermark of node {n} moves back")
        _acts_on_its_settings(n, node)
    _one_root(s)
    _positions(s)
    _watermarks(s)


def _has_what_it_says(s: State, n: int, node: Node) -> None:
    """I-1: effects and position go together."""
    if node.kind == "branch":
        expected, found = s.truth[_known(s, n, node.completed)], node.seen | node.base
        if expected & ~found:
            raise Violation("I-1", f"node {n} says tick {node.completed} and lacks events of it")
        if found & ~expected:
            raise Violation("I-4", f"node {n} has events that are in no tick up to its position")
    tick = node.completed if node.kind == "leaf" else node.applied_tick
    if tick == NO_TICK or node.kind == "root":
        return
    if node.applied | node.base != s.truth[_known(s, n, tick)]:
        raise Violation("I-1", f"tables of node {n} are not as they were at tick {tick}")


def _known(s: State, n: int, tick: int) -> int:
    if tick >= len(s.truth):
        raise Violation("I-4", f"node {n} is at tick {tick}, which the root never made")
    return tick


def _ticks_mean_the_same(s: State, n: int, node: Node, asked: tuple[Tick, ...]) -> None:
    """I-3: a tick has all its events; I-4: and no others; and none is left out between two."""
    ticks, known = node.ticks, len(asked)
    if ticks is asked:
        return
    if not known or ticks[:known] != asked:
        known = 0
    expected_id = ticks[known - 1].tick_id + 1 if known else ticks[0].tick_id
    for tick_id, seen, _ in ticks[known:]:
        if tick_id != expected_id:
            raise Violation("I-4", f"node {n} has no tick {expected_id}, but one above it")
        expected_id += 1
        seen |= node.base
        expected = s.truth[_known(s, n, tick_id)]
        if expected & ~seen:
            raise Violation("I-3", f"tick {tick_id} of node {n} does not see all its events")
        if seen != expected:
            raise Violation("I-4", f"tick {tick_id} of node {n} has events it has nowhere else")


def _keeps_what_is_needed(n: int, node: Node) -> None:
    """I-7: nothing above the watermark is dropped."""
    tick = node.tick(node.watermark)
    if tick is None or node.seen & ~tick.seen & ~node.stored:
        raise Violation("I-7", f"node {n} has dropped events above its watermark {node.watermark}")


def _acts_on_its_settings(n: int, node: Node) -> None:
    """I-9: what was acknowledged is what the worker has in mind."""
    runner = node.runner
    if not node.uptodate or runner is None:
        return
    if runner.paused != node.paused or runner.provider != node.provider:
        raise Violation("I-9", f"the worker of node {n} does not know what it has acknowledged")


def _one_root(s: State) -> None:
    """I-8: one node takes writes; and its tables have all that its queue has."""
    roots = [n for n, node in enumerate(s.nodes) if node.writable and s.living(n)]
    if len(roots) > 1:
        raise Violation("I-8", f"nodes {roots} take writes")
    for n in roots:
        node = s.nodes[n]
        if node.tables and node.seen & ~node.applied:
            raise Violation("I-8", f"node {n} is root without the rows of all its events")


def _positions(s: State) -> None:
    """I-2: nothing is finished before it is done; I-5: everybody finds the tick to go on from."""
    for p, provider in enumerate(s.nodes):
        if not s.living(p):
            continue
        for n, position, _ in provider.subscribers:
            if n < 0:
                continue  # a gravestone
            node = s.nodes[n]
            if not node.kind or not s.living(n):
                continue
            if position > node.completed and node.kind != "root":
                raise Violation("I-2", f"node {p} holds tick {position} as finished by node {n}")
            if node.provider == p and provider.tick(node.completed) is None:
                raise Violation(
                    "I-5", f"node {n} is at tick {node.completed}, which node {p} lacks"
                )


def _watermarks(s: State) -> None:
    """I-6: no watermark is above what a live node has completed, unless a sync group hides it."""
    counted = [
        (n, node.completed, hidden_behind(s, n))
        for n, node in enumerate(s.nodes)
        if node.kind in ("branch", "leaf") and s.living(n) and node.completed >= node.late
    ]
    for h, holder in enumerate(s.nodes):
        if not holder.ticks or not holder.kind or not s.living(h):
            continue
        sync = h if holder.syncs else hidden_behind(s, h)
        group = () if sync is None else s.nodes[sync].group
        for n, completed, hidden in counted:
            if holder.watermark <= completed or holder.dead >> n & 1:
                continue
            if hidden is not None and holder.dead >> hidden & 1:
                continue
            if hidden is not None and holder.watermark <= holder.came_with:
                continue
            if hidden is None or hidden in group or hidden == sync:
                raise Violation(
                    "I-6", f"node {h} has watermark {holder.watermark}, node {n} is at {completed}"
                )
