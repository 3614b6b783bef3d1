"""What the model knows: the databases of a cascade, and what their runners remember.

Everything is an immutable tuple of numbers, so that a state is its own key in a set and unchanged
nodes are shared. A set of events is a bit mask: bit ``k`` is the k-th event that was ever written
anywhere. Ticks are numbered 1, 2, 3 without a gap. Nodes are numbers too; node 0 starts as root.
"""

from __future__ import annotations

from typing import NamedTuple

NO_TICK = -1


class Violation(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


class Event(NamedTuple):
    """One event: its id in the queue, and what kind of event the cascade takes it for."""

    ev_id: int
    kind: str
    """``row``, ``mark`` (pgq.global-watermark) or ``place`` (pgq.location-info)."""
    data: int


class Tick(NamedTuple):
    """A tick in one queue."""

    tick_id: int
    seen: int
    """Events that its snapshot sees, those dropped since then included."""
    seq: int
    """Value of the event sequence."""


class Subscriber(NamedTuple):
    """What a provider holds for a node that reads from it (or for a gravestone)."""

    node: int
    """Its number; that of a gravestone is ``grave(node)``."""
    position: int
    watermark: int


def grave(node: int) -> int:
    """The number under which a bookmark for a lost root is registered."""
    return -1 - node


class Runner(NamedTuple):
    """What a process that serves a node's worker has in memory; None in its place: nobody is."""

    doing: str
    """``idle``, ``fetched`` (batch read, nothing written), ``unticked`` (events committed)."""
    provider: int
    paused: bool
    position: int
    start: int
    """Where the batch that is under way, or was the last, begins; ``NO_TICK``: none yet."""
    end: int
    events: int
    marks: tuple[tuple[int, int], ...]
    """Watermarks that the batch's ``mark`` events tell, as the provider has them."""
    seq: int
    """Sequence value for the tick to be made; ``NO_TICK``: a runner before us knew it."""
    upstream: int
    """Last global watermark that came from above; ``NO_TICK``: none since the start."""
    reported: bool
    """The watermark has gone upstream, the sync group comes next."""
    linked: bool = False
    """It has a connection to the provider: one that was paused from the start has not."""


class Node(NamedTuple):
    """One database: node, worker, queue, tables."""

    kind: str
    """``root``, ``branch``, ``leaf``, or empty: not yet created."""
    wanted: str
    """What it will be created as."""
    # the worker
    provider: int
    completed: int
    paused: bool
    uptodate: bool
    runner: Runner | None
    stale: Runner | None
    """One that was replaced without noticing."""
    # the queue
    writable: bool
    ticks: tuple[Tick, ...]
    seen: int
    """Events ever committed here."""
    stored: int
    """Those of them that rotation has left."""
    open: int
    """Events of transactions that are not committed yet (root)."""
    seq: int
    watermark: int
    subscribers: tuple[Subscriber, ...]
    marks: tuple[tuple[int, int], ...]
    base: int
    """Events before this node's time: neither expected nor missed."""
    # the tables
    tables: bool
    applied: int
    applied_tick: int
    """Position of ``<node>.apply``; ``NO_TICK``: there is none."""
    # what it knows of the others
    known: int
    dead: int
    group: tuple[int, ...]
    """Members of its sync group; empty: no such attribute."""
    # for the checker only
    late: int
    """Promises made before this node came here are void for it until it has completed this."""
    came_with: int
    """Its watermark when it came here: whoever hides behind a sync node was not asked then."""
    epoch: int = 0
    """In a recorded run: that of the runner who has the seat."""
    apply_epoch: int = 0
    """The same, of ``<node>.apply``."""

    @property
    def newest(self) -> Tick:
        """Its last tick."""
        return self.ticks[-1]

    @property
    def syncs(self) -> bool:
        """Whether it agrees with a group instead of following the root."""
        return self.kind == "branch" and bool(self.group)

    def tick(self, tick_id: int) -> Tick | None:
        """Return a tick of its queue, if it is there; there are no gaps, unless all is broken."""
        ticks = self.ticks
        place = tick_id - ticks[0].tick_id if ticks else -1
        if 0 <= place < len(ticks) and ticks[place].tick_id == tick_id:
            return ticks[place]
        return next((one for one in ticks if one.tick_id == tick_id), None)

    def later(self, tick_id: int) -> tuple[Tick, ...]:
        """Return the ticks of its queue after a certain one."""
        place = len(self.ticks)
        while place and self.ticks[place - 1].tick_id > tick_id:
            place -= 1
        return self.ticks[place:]

    def subscriber(self, node: int) -> Subscriber | None:
        """Return what is registered for a node."""
        for subscriber in self.subscribers:
            if subscriber.node == node:
                return subscriber
        return None

    @property
    def local_watermark(self) -> int:
        """The lowest tick that somebody reading here still needs."""
        lowest = self.newest.tick_id
        for _, position, watermark in self.subscribers:
            lowest = min(lowest, position, watermark)
        return lowest if self.applied_tick == NO_TICK else min(lowest, self.applied_tick)


class State(NamedTuple):
    """The whole cascade."""

    nodes: tuple[Node, ...]
    alive: int
    """Databases that can be reached and are part of the cascade."""
    events: tuple[Event, ...]
    truth: tuple[int, ...]
    """For each tick id, the events up to it, as the root that made it had them."""
    goal: tuple[str, int, int] | None
    """What an administrator is about to do."""
    back: int
    """Databases that answer again, and hold what has been lost for all others."""
    # How much of each may still happen, so that there is an end.
    writes: int
    publishes: int
    replacements: int

    def living(self, node: int) -> bool:
        """Whether its database can be reached, and is part of the cascade."""
        return bool(self.alive >> node & 1)

    def answers(self, node: int) -> bool:
        """Whether its database can be reached, be it only that of an old root."""
        return bool((self.alive | self.back) >> node & 1)

    def put(self, number: int, node: Node) -> State:
        """Return the state with one node changed."""
        nodes = self.nodes
        return self._replace(nodes=(*nodes[:number], node, *nodes[number + 1 :]))


def place_subscriber(node: Node, new: Subscriber) -> Node:
    """Return the node with a registration added or changed, in an order that means nothing."""
    others = [one for one in node.subscribers if one.node != new.node]
    return node._replace(subscribers=tuple(sorted([*others, new])))


def without_subscriber(node: Node, number: int) -> Node:
    """Return the node with a registration gone."""
    rest = tuple(one for one in node.subscribers if one.node != number)
    return node._replace(subscribers=rest)
