"""Telling upwards what is still needed, and downwards what is not (cascade.md 6 and 7)."""

from __future__ import annotations

from model.flaws import Flaw
from model.queues import insert_own, move_watermark
from model.state import NO_TICK, State, place_subscriber


def report(flaw: Flaw | None, s: State, n: int, stale: bool = False) -> State | None:
    """After a batch, tell the provider what this node and all below it still need.

    S-12 to S-14; cascade/watermark.py ``publish_local``.
    """
    node = s.nodes[n]
    runner = node.stale if stale else node.runner
    if runner is None or runner.doing != "idle" or runner.start == NO_TICK or runner.reported:
        return None
    if node.kind not in ("branch", "leaf") or not s.living(n) or not s.living(runner.provider):
        return None
    provider = s.nodes[runner.provider]
    entry = provider.subscriber(n)
    if entry is None:
        return None
    mark = runner.end
    if node.syncs:
        mark = runner.start
    elif node.kind == "branch" and flaw is not Flaw.WATERMARK_OF_MIRROR_ONLY:
        mark = min(mark, node.local_watermark)
    moves = mark > entry.watermark and provider.tick(mark) is not None
    if not moves and not node.syncs:
        return None
    if moves:
        s = s.put(runner.provider, place_subscriber(provider, entry._replace(watermark=mark)))
    told = runner._replace(reported=True)
    return s.put(n, s.nodes[n]._replace(**{"stale" if stale else "runner": told}))


def agree(flaw: Flaw | None, s: State, n: int) -> State | None:
    """A sync node takes the lowest watermark of its group as its own (S-15, S-16, S-30, 7.2)."""
    node = s.nodes[n]
    runner = node.runner
    if runner is None or runner.doing != "idle" or not runner.reported or not node.syncs:
        return None
    done = s.put(n, node._replace(runner=runner._replace(reported=False, start=NO_TICK)))
    candidate = node.local_watermark
    if flaw is not Flaw.SYNC_ABOVE_UPSTREAM:
        if runner.upstream == NO_TICK:
            return done
        candidate = min(candidate, runner.upstream)
    for peer in node.group:
        if peer == n or node.dead >> peer & 1:
            continue
        if not node.known >> peer & 1:
            if flaw is Flaw.SYNC_IGNORES_UNKNOWN:
                continue
            return done
        if not s.living(peer) or not s.nodes[peer].kind:
            return done
        there = s.nodes[peer]
        candidate = min(
            candidate, there.completed if there.kind == "leaf" else there.local_watermark
        )
    moved = move_watermark(flaw, node, candidate)
    return done.put(n, moved._replace(runner=done.nodes[n].runner))


def publish(flaw: Flaw | None, s: State, n: int) -> State | None:
    """The root takes its local watermark as everybody's and sends it (set_global_watermark)."""
    node = s.nodes[n]
    if not (node.kind == "root" and node.writable and s.living(n) and s.publishes):
        return None
    if node.runner is None or node.runner.paused:
        return None
    mark = node.local_watermark
    if mark == node.watermark:
        return None
    bit = len(s.events)
    s = insert_own(flaw, s._replace(publishes=s.publishes - 1), n, "mark", mark)
    node = s.nodes[n]
    marks = (*node.marks, (bit, mark))
    return s.put(n, node._replace(watermark=mark, completed=mark, marks=marks))
