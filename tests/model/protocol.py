"""The steps of a node's worker and of ``<node>.apply``.

Each function is one transaction on one database, or one look at it. It returns the state after it,
or None when it is not possible now, and raises ``Violation`` where a commit itself shows that
something is wrong. Sources: cascade.md 5.2, docs/design/batches.md, and the code named beside each.
"""

from __future__ import annotations

from model.flaws import Flaw
from model.queues import move_watermark
from model.state import NO_TICK, Node, Runner, State, Tick, Violation, place_subscriber

NEXT = 0
NEWEST = -1


# ---------------------------------------------------------------- a runner comes and goes


def read(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """Take the seat if it is free, read the settings, acknowledge them (tailrace.refresh_consumer).

    A batch that had been fetched is given up: the settings may be others now.
    """
    node = s.nodes[n]
    if not s.answers(n) or not node.kind:
        return None
    runner = node.runner
    if runner is not None and runner.doing == "unticked" and runner.seq != NO_TICK:
        return None  # in the middle of a tick
    there = runner is not None and runner.linked and runner.provider == node.provider
    new = Runner(
        doing="idle", linked=there or not node.paused,
        provider=node.provider, paused=node.paused, position=node.completed,
        start=NO_TICK, end=NO_TICK, events=0, marks=(), seq=NO_TICK,
        upstream=NO_TICK if runner is None else runner.upstream, reported=False,
    )  # fmt: skip
    if node.kind == "branch":
        if node.newest.tick_id < node.completed:
            new = new._replace(doing="unticked", end=node.completed)
        elif node.tables and node.applied_tick == NO_TICK:
            # tailrace.ensure_apply
            node = node._replace(applied_tick=node.completed)
    if new == runner and node.uptodate:
        return None
    return s.put(n, node._replace(uptodate=True, runner=new))


def acknowledge_unread(flaw: Flaw | None, s: State, n: int) -> State | None:
    """Only where it is broken: the flag is set by somebody who has not looked."""
    node = s.nodes[n]
    if flaw is not Flaw.ACKNOWLEDGED_UNREAD or node.uptodate or node.runner is None:
        return None
    return s.put(n, node._replace(uptodate=True))


def crash(flaw: Flaw | None, s: State, n: int) -> State | None:
    """The runner dies, or loses its connections: in both cases it has forgotten everything."""
    node = s.nodes[n]
    runner = node.runner
    if runner is None:
        return None
    if flaw is Flaw.POSITION_FROM_MEMORY and runner.start != NO_TICK:
        # It cannot tell whether its COMMIT arrived, and believes what it remembers.
        return s.put(n, node._replace(runner=runner._replace(doing="idle", position=runner.start)))
    return s.put(n, node._replace(runner=None))


def replace(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """The runner loses its lock without noticing, and another one may come (tailrace.take_over)."""
    node = s.nodes[n]
    if node.runner is None or node.stale is not None or not s.replacements:
        return None
    s = s._replace(replacements=s.replacements - 1)
    return s.put(n, node._replace(runner=None, stale=node.runner))


# ---------------------------------------------------------------- batches


def fetch(flaw: Flaw | None, s: State, n: int, end: int = NEXT) -> State | None:
    """Read the next batch from the provider: one tick for a mirror, as many as it likes for a leaf.

    The settings in use are those in memory, which may be older than those in the database.
    """
    node = s.nodes[n]
    runner = node.runner
    if (
        runner is None
        or runner.doing != "idle"
        or runner.paused
        or node.kind not in ("branch", "leaf")
    ):
        return None
    provider = s.nodes[runner.provider]
    if not s.answers(runner.provider) or not provider.ticks:
        return None
    here = provider.tick(runner.position)
    registered = provider.subscriber(n)
    if here is None or registered is None or registered.position > runner.position:
        return None  # "lost position": the worker stops and says so
    to = _chosen(provider.later(runner.position), end)
    if to is None or (end == NEWEST and node.kind != "leaf" and flaw is not Flaw.MERGED_TICKS):
        return None
    events = to.seen & ~here.seen
    if events & ~provider.stored:
        raise Violation("I-7", f"node {runner.provider} has dropped events that node {n} must read")
    marks = tuple(one for one in provider.marks if events >> one[0] & 1)
    return s.put(n, node._replace(runner=runner._replace(
        doing="fetched", start=runner.position, end=to.tick_id,
        events=events, marks=marks, seq=to.seq, reported=False,
    )))  # fmt: skip


def _chosen(later: tuple[Tick, ...], end: int) -> Tick | None:
    """Where the batch is to end: the next tick, the newest one beyond that, or a certain one."""
    if end == NEXT:
        return later[0] if later else None
    if end == NEWEST:
        return later[-1] if len(later) > 1 else None
    return next((one for one in later if one.tick_id == end), None)


def commit_batch(flaw: Flaw | None, s: State, n: int, stale: bool = False) -> State | None:
    """Effect and position in one transaction that compares runner and position first.

    cascade/worker.py ``_write_events``, replication/consumer.py ``_apply``, tailrace.advance.
    """
    node = s.nodes[n]
    runner = node.stale if stale else node.runner
    if runner is None or runner.doing != "fetched" or not s.answers(n):
        return None
    if not _may_commit(flaw, node, runner, stale):
        return s.put(n, node._replace(**{"stale" if stale else "runner": None}))
    if node.uptodate and (node.paused or node.provider != runner.provider):
        raise Violation("I-9", f"the worker of node {n} acts on settings from before the last ones")
    before = node.applied if node.kind == "leaf" else node.seen
    if runner.events & before:
        raise Violation("I-1", f"node {n} takes events in that it has already")
    if node.kind == "branch" and runner.end != runner.start + 1:
        raise Violation(
            "I-4", f"node {n} goes from tick {runner.start} to {runner.end} in one step"
        )
    if node.kind == "leaf":
        after, runner = _apply(node, runner)
    else:
        after, runner = _mirror(flaw, s, node, runner)
    return s.put(n, after._replace(**{"stale" if stale else "runner": runner}))


def _may_commit(flaw: Flaw | None, node: Node, runner: Runner, stale: bool) -> bool:
    """What the database compares: the epoch, the position, and that a mirror is on a branch."""
    if stale and flaw is not Flaw.NO_EPOCH_CHECK:
        return False
    if node.completed != runner.start and flaw is not Flaw.POSITION_FROM_MEMORY:
        return False
    return node.kind in ("branch", "leaf")


def _apply(node: Node, runner: Runner) -> tuple[Node, Runner]:
    after = node._replace(completed=runner.end, applied=node.applied | runner.events)
    done = runner._replace(doing="idle", position=runner.end, events=0, marks=(), seq=NO_TICK)
    return after, done


def _mirror(flaw: Flaw | None, s: State, node: Node, runner: Runner) -> tuple[Node, Runner]:
    """Bring events in and obey those of the cascade; an empty batch gets its tick at once."""
    before = node
    node = node._replace(
        completed=runner.end,
        seen=node.seen | runner.events,
        stored=node.stored | runner.events,
    )
    for bit, mark in runner.marks:
        runner = runner._replace(upstream=mark)
        if not node.syncs or flaw is Flaw.SYNC_FOLLOWS_ROOT:
            node = move_watermark(flaw, node, mark)
        told = node.watermark if node.syncs else mark
        node = node._replace(marks=(*node.marks, (bit, told)))
    for number, event in enumerate(s.events):
        if event.kind == "place" and runner.events >> number & 1:
            node = node._replace(known=node.known | 1 << event.data)
    if flaw is Flaw.TICK_WITH_EVENTS:
        made = Tick(runner.end, before.seen, runner.seq)
        node = node._replace(ticks=(*node.ticks, made))
        return node, _rested(runner)
    if not runner.events:
        return _ticked(node, runner.end, runner.seq), _rested(runner)
    return node, runner._replace(doing="unticked", position=runner.end, events=0, marks=())


def _ticked(node: Node, tick_id: int, seq: int) -> Node:
    made = Tick(tick_id, node.seen, max(seq, node.newest.seq))
    return node._replace(ticks=(*node.ticks, made))


def _rested(runner: Runner) -> Runner:
    return runner._replace(doing="idle", position=runner.end, events=0, marks=(), seq=NO_TICK)


def make_tick(flaw: Flaw | None, s: State, n: int, stale: bool = False) -> State | None:
    """The tick of a batch whose events are committed (tailrace.mirror_tick); harmless repeated.

    A runner that found it missing takes its sequence value from the provider's tick and the data.
    """
    node = s.nodes[n]
    runner = node.stale if stale else node.runner
    if runner is None or runner.doing != "unticked" or not s.answers(n):
        return None
    seq = runner.seq
    if seq == NO_TICK:
        if runner.paused:
            return None
        provider = s.nodes[runner.provider]
        there = provider.tick(runner.end) if s.answers(runner.provider) else None
        if there is None:
            return None
        seq = max(there.seq, highest_id(s, node))
    if node.newest.tick_id < runner.end <= node.completed:
        after = _ticked(node, runner.end, seq)
        if flaw is Flaw.SEQUENCE_FROM_MEMORY and runner.seq == NO_TICK:
            last = after.newest._replace(seq=0)
            after = after._replace(ticks=(*after.ticks[:-1], last))
        node = after
    done = runner._replace(doing="idle", position=runner.end, events=0, marks=(), seq=NO_TICK)
    return s.put(n, node._replace(**{"stale" if stale else "runner": done}))


def highest_id(s: State, node: Node) -> int:
    """Return the highest event id in a queue."""
    return max((e.ev_id for k, e in enumerate(s.events) if node.stored >> k & 1), default=0)


def finish(flaw: Flaw | None, s: State, n: int, stale: bool = False) -> State | None:
    """Tell the provider how far it may forget, now or later (tailrace.finish_range).

    Over the connection that was made for reading (``Provider.follow``). So an old root that has
    stepped down tells nobody the position that it is about to lose: it is paused all the while.
    """
    node = s.nodes[n]
    runner = node.stale if stale else node.runner
    if (
        runner is None
        or node.kind == "root"
        or (not runner.linked and flaw is not Flaw.TELLS_WHILE_STEPPED_DOWN)
    ):
        return None
    done = runner.position
    if flaw is Flaw.FINISH_BEFORE_COMMIT and runner.doing == "fetched":
        done = runner.end
    elif runner.doing != "idle":
        return None
    provider = s.nodes[runner.provider]
    entry = provider.subscriber(n) if s.answers(runner.provider) else None
    if entry is None or entry.position >= done or provider.tick(done) is None:
        return None
    return s.put(runner.provider, place_subscriber(provider, entry._replace(position=done)))


def apply(_flaw: Flaw | None, s: State, n: int, end: int = NEXT) -> State | None:
    """``<node>.apply`` of a branch: rows, position and what the queue knows are one transaction."""
    node = s.nodes[n]
    if not s.answers(n) or node.kind != "branch" or node.applied_tick == NO_TICK:
        return None
    here = node.tick(node.applied_tick)
    if here is None:
        raise Violation("I-5", f"node {n} lacks tick {node.applied_tick}, where its tables are")
    to = _chosen(node.later(node.applied_tick), end)
    if to is None:
        return None
    events = to.seen & ~here.seen
    if events & ~node.stored:
        raise Violation("I-7", f"node {n} has dropped events that its tables lack")
    if events & node.applied:
        raise Violation("I-1", f"node {n} applies events a second time")
    return s.put(n, node._replace(applied=node.applied | events, applied_tick=to.tick_id))
