"""The steps of a node's worker, of the ticker and of rotation.

Each function is one transaction on one database, or one look at it. It returns the state after it,
or None when it is not possible now, and raises ``Violation`` where a commit itself shows that
something is wrong. Sources: cascade.md 5.2, docs/design/batches.md, and the code named beside each.
"""

from __future__ import annotations

from model.flaws import Flaw
from model.state import (
    NO_TICK,
    Event,
    Node,
    Runner,
    State,
    Tick,
    Violation,
    place_subscriber,
)

NEXT = 0
NEWEST = -1

# ---------------------------------------------------------------- writers, ticks, rotation


def begin_write(
    _flaw: Flaw | None, s: State, n: int, kind: str = "row", data: int = 0
) -> State | None:
    """A transaction writes an event: the id is drawn, nobody else sees it yet."""
    node = s.nodes[n]
    if not (node.writable and s.living(n) and s.writes):
        return None
    ev_id = node.seq + 1
    bit = 1 << len(s.events)
    for number, event in enumerate(s.events):
        if event.ev_id == ev_id and node.seen >> number & 1:
            raise Violation("I-4", f"node {n} gives event id {ev_id} a second time")
    s = s._replace(events=(*s.events, Event(ev_id, kind, data)), writes=s.writes - 1)
    return s.put(n, node._replace(seq=ev_id, open=node.open | bit))


def commit_writes(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """The open transactions commit; rows and events are there at once."""
    node = s.nodes[n]
    if not node.open or not s.living(n):
        return None
    return s.put(n, _committed(node, node.open))


def write(flaw: Flaw | None, s: State, n: int) -> State | None:
    """Write and commit in one go."""
    begun = begin_write(flaw, s, n)
    return None if begun is None else commit_writes(flaw, begun, n)


def insert_own(flaw: Flaw | None, s: State, n: int, kind: str, data: int) -> State:
    """An event of the cascade itself, written and committed by a function of the root."""
    begun = begin_write(flaw, s._replace(writes=1), n, kind, data)
    assert begun is not None
    node = begun.nodes[n]
    return begun._replace(writes=s.writes).put(n, _committed(node, 1 << len(s.events)))


def _committed(node: Node, events: int) -> Node:
    return node._replace(
        open=node.open & ~events,
        seen=node.seen | events,
        stored=node.stored | events,
        applied=node.applied | events if node.tables else node.applied,
    )


def tick(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """The ticker of a root: what is committed now, and no more, belongs to the tick."""
    node = s.nodes[n]
    if not (node.writable and s.living(n)) or node.newest.seen == node.seen:
        return None
    return make_root_tick(s, n)


def make_root_tick(s: State, n: int) -> State:
    """Make the next tick; it is the truth about itself."""
    node = s.nodes[n]
    made = Tick(node.newest.tick_id + 1, node.seen, node.seq)
    s = s._replace(truth=(*s.truth, node.seen | node.base))
    return s.put(n, node._replace(ticks=(*node.ticks, made)))


def rotate(flaw: Flaw | None, s: State, n: int) -> State | None:
    """Forget what no consumer of this queue needs, ``.global_watermark`` being one of them."""
    node = s.nodes[n]
    if not s.living(n) or not node.ticks:
        return None
    lowest = node.local_watermark
    if flaw is not Flaw.WATERMARK_NOT_KEPT:
        lowest = min(lowest, node.watermark)
    if lowest <= node.ticks[0].tick_id:
        return None
    kept = tuple(one for one in node.ticks if one.tick_id >= lowest)
    return s.put(n, node._replace(ticks=kept, stored=node.stored & ~kept[0].seen))


# ---------------------------------------------------------------- a runner comes and goes


def read(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """Take the seat if it is free, read the settings, acknowledge them (tailrace.refresh_consumer).

    A batch that had been fetched is given up: the settings may be others now.
    """
    node = s.nodes[n]
    if not s.living(n) or not node.kind:
        return None
    runner = node.runner
    if runner is not None and runner.doing == "unticked" and runner.seq != NO_TICK:
        return None  # in the middle of a tick
    new = Runner(
        doing="idle",
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
    if not s.living(runner.provider) or not provider.ticks:
        return None
    here = provider.tick(runner.position)
    registered = provider.subscriber(n)
    if here is None or registered is None or registered.position > runner.position:
        return None  # "lost position": the worker stops and says so
    later = [one for one in provider.ticks if one.tick_id > runner.position]
    to = _chosen(later, end)
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


def _chosen(later: list[Tick], end: int) -> Tick | None:
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
    if runner is None or runner.doing != "fetched" or not s.living(n):
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
    if runner is None or runner.doing != "unticked" or not s.living(n):
        return None
    seq = runner.seq
    if seq == NO_TICK:
        if runner.paused:
            return None
        provider = s.nodes[runner.provider]
        there = provider.tick(runner.end) if s.living(runner.provider) else None
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
    """Tell the provider how far it may forget, now or later (tailrace.finish_range)."""
    node = s.nodes[n]
    runner = node.stale if stale else node.runner
    if runner is None or node.kind == "root":
        return None
    done = runner.position
    if flaw is Flaw.FINISH_BEFORE_COMMIT and runner.doing == "fetched":
        done = runner.end
    elif runner.doing != "idle":
        return None
    provider = s.nodes[runner.provider]
    entry = provider.subscriber(n) if s.living(runner.provider) else None
    if entry is None or entry.position >= done or provider.tick(done) is None:
        return None
    return s.put(runner.provider, place_subscriber(provider, entry._replace(position=done)))


def apply(_flaw: Flaw | None, s: State, n: int, end: int = NEXT) -> State | None:
    """``<node>.apply`` of a branch: rows, position and what the queue knows are one transaction."""
    node = s.nodes[n]
    if not s.living(n) or node.kind != "branch" or node.applied_tick == NO_TICK:
        return None
    later = [one for one in node.ticks if one.tick_id > node.applied_tick]
    here = node.tick(node.applied_tick)
    if here is None:
        raise Violation("I-5", f"node {n} lacks tick {node.applied_tick}, where its tables are")
    to = _chosen(later, end)
    if to is None:
        return None
    events = to.seen & ~here.seen
    if events & ~node.stored:
        raise Violation("I-7", f"node {n} has dropped events that its tables lack")
    if events & node.applied:
        raise Violation("I-1", f"node {n} applies events a second time")
    return s.put(n, node._replace(applied=node.applied | events, applied_tick=to.tick_id))


# ---------------------------------------------------------------- watermarks


def move_watermark(flaw: Flaw | None, node: Node, tick_id: int) -> Node:
    """A branch's ``.global_watermark``: to a tick that is here, never back."""
    if node.tick(tick_id) is None:
        return node
    if tick_id <= node.watermark and flaw is not Flaw.WATERMARK_MOVES_BACK:
        return node
    return node._replace(watermark=tick_id)


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
