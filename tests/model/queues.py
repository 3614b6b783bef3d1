"""What happens to a queue without any runner: writers, the ticker, rotation, its watermark.

Each function is one transaction on one database. It returns the state after it, or None when it is
not possible now.
"""

from __future__ import annotations

from model.flaws import Flaw
from model.state import Event, Node, State, Tick, Violation


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


def move_watermark(flaw: Flaw | None, node: Node, tick_id: int) -> Node:
    """A branch's ``.global_watermark``: to a tick that is here, never back."""
    if node.tick(tick_id) is None:
        return node
    if tick_id <= node.watermark and flaw is not Flaw.WATERMARK_MOVES_BACK:
        return node
    return node._replace(watermark=tick_id)
