"""An old root comes back after a failover (``resurrect``, cascade.md 8).

What it had beyond the gravestone's tick, nobody else has seen, and the new root has given the same
numbers to other ticks. So until it has forgotten that, its history is not the cascade's: its
database answers (``State.back``), and nothing is asked of it.
"""

from __future__ import annotations

from model.flaws import Flaw
from model.state import (
    NO_TICK,
    State,
    Subscriber,
    Tick,
    grave,
    place_subscriber,
    without_subscriber,
)


def come_back(s: State, n: int) -> State:
    """The database answers again; transactions that were open when it was lost are gone."""
    node = s.nodes[n]
    return s._replace(back=s.back | 1 << n).put(n, node._replace(open=0, runner=None))


def step_down(s: State, n: int, provider: int) -> State:
    """tailrace.step_down: the last steps of a demotion, and the pause, in one transaction."""
    node = s.nodes[n]
    if node.seen != node.newest.seen:  # the final tick, of which nobody else will hear
        final = Tick(node.newest.tick_id + 1, node.seen, node.seq)
        node = node._replace(ticks=(*node.ticks, final))
    if node.kind == "root":
        node = node._replace(
            kind="branch", provider=provider, completed=node.newest.tick_id, applied_tick=NO_TICK
        )
    return s.put(n, node._replace(writable=False, paused=True, uptodate=False))


def forget(flaw: Flaw | None, s: State, n: int, provider: int, tick_id: int) -> State:
    """tailrace.forget_lost_events: the queue is as it was at a tick. From here on it counts again.

    Rows of lost events stay in the tables; the model counts them as gone.
    """
    node = s.nodes[n]
    tick = node.tick(tick_id)
    assert tick is not None
    if flaw is not Flaw.RETURNED_WITH_LOST_EVENTS:
        node = node._replace(seen=tick.seen, stored=node.stored & tick.seen)
    position = tick_id if flaw is not Flaw.RETURNED_AT_ITS_OWN_TOP else node.completed
    node = node._replace(
        ticks=tuple(one for one in node.ticks if one.tick_id <= tick_id),
        completed=position, provider=provider, paused=True, uptodate=False, subscribers=(),
        applied=node.applied & tick.seen,
        applied_tick=min(node.applied_tick, tick_id),
        watermark=min(node.watermark, tick_id),
        marks=tuple(one for one in node.marks if tick.seen >> one[0] & 1),
    )  # fmt: skip
    return s._replace(alive=s.alive | 1 << n, back=s.back & ~(1 << n)).put(n, node)


def register_again(s: State, n: int, provider: int) -> State:
    """tailrace.replace_gravestone: there is no moment in which nobody keeps its events."""
    there = s.nodes[provider]
    stone = there.subscriber(grave(n))
    assert stone is not None
    there = place_subscriber(there, Subscriber(n, stone.position, stone.watermark))
    return s.put(provider, without_subscriber(there, grave(n)))


def proceed(flaw: Flaw | None, s: State, n: int, root: int) -> State | None:
    """The next step of ``resurrect``; None: it is done."""
    node, there = s.nodes[n], s.nodes[root]
    stone = there.subscriber(grave(n))
    if not s.answers(n):
        return come_back(s, n)
    if node.writable:
        return s.put(n, node._replace(writable=False))
    if not s.living(n):
        if not (node.kind == "branch" and node.paused):
            return step_down(s, n, root)
        assert stone is not None
        if flaw is Flaw.GRAVESTONE_GIVEN_UP_EARLY:
            s = s.put(root, without_subscriber(there, grave(n)))
        return forget(flaw, s, n, root, stone.position)
    if stone is not None:
        return register_again(s, n, root)
    if there.subscriber(n) is None:
        return register_where_it_stands(s, n, root)
    if node.paused:
        return s.put(n, node._replace(paused=False, uptodate=False))
    return None


def register_where_it_stands(s: State, n: int, root: int) -> State:
    """Only where it is broken: the bookmark has gone before."""
    there, node = s.nodes[root], s.nodes[n]
    entry = Subscriber(n, node.completed, there.watermark)
    return s.put(root, place_subscriber(there, entry))
