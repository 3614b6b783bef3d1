"""The protocol of merged queues, as a second small state machine (docs/design/workers.md).

One part queue is merged into a combined queue that two databases hold, a root and a branch. Both
have a leaf of the part queue. On the combined root the leaf applies a batch, copies it into the
combined queue and says with one more event up to where; on the branch the leaf waits behind, and
``.apply`` moves its position when it meets that event. The combined root may be switched, taken
over with rows given up, or lost and resurrected, and every runner may die between two steps.

An event of the part queue is a bit. A combined queue is a row of items: the number of an event, or
``-1 - tick`` for "all up to this tick of the part queue is in here" (pgq.tick-id).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from model.flaws import Flaw
from model.state import Violation


class Runner(NamedTuple):
    """What the process that serves a leaf has in memory."""

    merges: bool
    """What it took for its duty when it read its settings."""
    start: int
    end: int
    """Equal to ``start``: no batch is under way."""
    events: int


class Site(NamedTuple):
    """One of the two databases."""

    is_root: bool
    is_open: bool
    """The combined queue takes events here."""
    at: int
    """Position of the leaf in the part queue."""
    rows: int
    lacks: int
    """Rows that were given up by a promotion that did not wait."""
    queue: tuple[int, ...]
    ticks: tuple[int, ...]
    """How long the combined queue was at each of its ticks."""
    applied: int
    """Tick of the combined queue up to which the branch's tables have it."""
    runner: Runner | None
    owes: int
    """Only where it is broken: the position is still to be told."""


class State(NamedTuple):
    """Both databases, and the part queue."""

    part: tuple[int, ...]
    """The events up to each tick."""
    kept: tuple[int, int]
    """Up to which tick the part's provider may forget, by leaf."""
    forgotten: int
    sites: tuple[Site, Site]
    alive: int
    grave: int
    """Tick of the combined queue that the lost root has in common with the new one."""
    goal: str
    writes: int


Step = Callable[[Flaw | None, State], State | None]


def start(goal: str, *, writes: int) -> State:
    """Everything is empty and quiet."""
    site = Site(
        is_root=True, is_open=True, at=0, rows=0, lacks=0, queue=(), ticks=(0,),
        applied=0, runner=None, owes=0,
    )  # fmt: skip
    branch = site._replace(is_root=False, is_open=False)
    return State(
        part=(0,), kept=(0, 0), forgotten=0, sites=(site, branch), alive=0b11, grave=0,
        goal=goal, writes=writes,
    )  # fmt: skip


def put(s: State, n: int, site: Site) -> State:
    """Return the state with one database changed."""
    return s._replace(sites=(site, s.sites[1]) if n == 0 else (s.sites[0], site))


def told(queue: tuple[int, ...]) -> int:
    """Up to which tick of the part queue a combined queue says that it has everything."""
    return next((-1 - item for item in reversed(queue) if item < 0), 0)


def brought(queue: tuple[int, ...]) -> int:
    """The events in a combined queue; one that is in it twice is an error."""
    events = 0
    for item in queue:
        if item >= 0 and events >> item & 1:
            raise Violation("M-2", f"event {item} is in the combined queue twice")
        events |= 1 << item if item >= 0 else 0
    return events


# ---------------------------------------------------------------- the part queue


def write(_flaw: Flaw | None, s: State) -> State | None:
    """An event, and the tick that has it."""
    if not s.writes:
        return None
    return s._replace(part=(*s.part, s.part[-1] | 1 << len(s.part) - 1), writes=s.writes - 1)


def forget(_flaw: Flaw | None, s: State) -> State | None:
    """The part's provider rotates."""
    gone = s.part[min(s.kept)]
    return None if gone == s.forgotten else s._replace(forgotten=gone)


def finish(flaw: Flaw | None, s: State, n: int) -> State | None:
    """A leaf tells how far it is; where it waits behind, no further than where it stands."""
    site = s.sites[n]
    runner = site.runner
    if runner is None or not s.alive >> n & 1:
        return None
    done = runner.start if runner.merges else site.at
    if flaw is Flaw.FOLLOWER_FINISHES_AHEAD and not runner.merges:
        done = len(s.part) - 1
    if done <= s.kept[n]:
        return None
    return s._replace(kept=(done, s.kept[1]) if n == 0 else (s.kept[0], done))


# ---------------------------------------------------------------- leaves


def read(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """Take the seat and read the settings."""
    site = s.sites[n]
    new = Runner(merges=site.is_root, start=site.at, end=site.at, events=0)
    if not s.alive >> n & 1 or site.runner == new:
        return None
    return put(s, n, site._replace(runner=new))


def crash(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """Everything that was only in memory is gone."""
    site = s.sites[n]
    return None if site.runner is None else put(s, n, site._replace(runner=None, owes=0))


def fetch(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """Read what comes next in the part queue; leaves take ticks together."""
    site, top = s.sites[n], len(s.part) - 1
    runner = site.runner
    if runner is None or not runner.merges or runner.end != runner.start or runner.start == top:
        return None
    events = s.part[top] & ~s.part[runner.start]
    if events & s.forgotten:
        raise Violation("M-5", f"events that the leaf on site {n} must merge have been forgotten")
    return put(s, n, site._replace(runner=runner._replace(end=top, events=events)))


def commit(flaw: Flaw | None, s: State, n: int) -> State | None:
    """Rows, their copies, position and what tells of it: one transaction, or nothing."""
    site = s.sites[n]
    runner = site.runner
    if runner is None or runner.end == runner.start:
        return None
    takes = site.is_root and site.is_open
    if site.at != runner.start or not (takes or flaw is Flaw.MERGED_INTO_CLOSED_QUEUE):
        return put(s, n, site._replace(runner=None))
    if runner.events & site.rows:
        raise Violation("M-1", f"rows come into the tables of site {n} a second time")
    items = tuple(k for k in range(len(s.part)) if runner.events >> k & 1)
    apart = flaw is Flaw.POSITION_TOLD_APART
    return put(s, n, site._replace(
        rows=site.rows | runner.events, at=runner.end,
        queue=site.queue + (items if apart else (*items, -1 - runner.end)),
        owes=runner.end if apart else 0,
        runner=runner._replace(start=runner.end, events=0),
    ))  # fmt: skip


def tell(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """Only where it is broken: the position follows in a transaction of its own."""
    site = s.sites[n]
    if not site.owes:
        return None
    return put(s, n, site._replace(queue=(*site.queue, -1 - site.owes), owes=0))


# ---------------------------------------------------------------- the combined queue


def tick(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """The root's ticker."""
    site = s.sites[n]
    if not (site.is_root and site.is_open and s.alive >> n & 1):
        return None
    if len(site.queue) == site.ticks[-1]:
        return None
    return put(s, n, site._replace(ticks=(*site.ticks, len(site.queue))))


def mirror(flaw: Flaw | None, s: State, n: int) -> State | None:
    """The next tick of the combined queue comes to the branch."""
    site, other = s.sites[n], s.sites[1 - n]
    if site.is_root or s.alive != 0b11 or len(other.ticks) == len(site.ticks):
        return None
    length = other.ticks[len(site.ticks)]
    queue = other.queue[:length]
    if queue[: len(site.queue)] != site.queue:
        raise Violation("M-3", f"the combined queues of sites {n} and {1 - n} have parted")
    at = told(queue) if flaw is Flaw.POSITION_BY_MIRROR else site.at
    return put(s, n, site._replace(queue=queue, ticks=(*site.ticks, length), at=at))


def apply(_flaw: Flaw | None, s: State, n: int) -> State | None:
    """The tables of the branch get a tick; the leaf's position goes along."""
    site = s.sites[n]
    if site.is_root or not s.alive >> n & 1 or site.applied + 1 >= len(site.ticks):
        return None
    items = site.queue[site.ticks[site.applied] : site.ticks[site.applied + 1]]
    rows = brought(items)
    if rows & site.rows:
        raise Violation("M-1", f"rows come into the tables of site {n} a second time")
    at = told(items) or site.at
    return put(s, n, site._replace(rows=site.rows | rows, at=at, applied=site.applied + 1))


# ---------------------------------------------------------------- the combined root changes


def proceed(flaw: Flaw | None, s: State) -> State | None:
    """The next step of the command under way, from what is the case."""
    old, new = s.sites
    if s.goal in ("switch", "anyway"):
        if new.is_root:
            return demote(s) if old.is_root else s._replace(goal="")
        if old.is_open:
            return put(s, 0, old._replace(is_open=False))
        if len(old.queue) != old.ticks[-1]:
            return put(s, 0, old._replace(ticks=(*old.ticks, len(old.queue))))
        return promote(flaw, s) if len(new.ticks) >= len(old.ticks) else None
    if s.goal == "return":
        if not new.is_root:
            lost = s._replace(alive=0b10, grave=len(new.ticks) - 1)
            return lost if s.alive == 0b11 else promote(flaw, s)
        return resurrect(flaw, s)
    return None


def promote(flaw: Flaw | None, s: State) -> State | None:
    """The branch becomes the root when its tables have its queue, or must not wait for them."""
    site = s.sites[1]
    if site.applied + 1 < len(site.ticks):
        if s.goal != "anyway" and flaw is not Flaw.MERGES_BEFORE_APPLIED:
            return None
        lacks = brought(site.queue) & ~site.rows
        site = site._replace(lacks=lacks, rows=site.rows | lacks)
        if flaw not in (Flaw.POSITION_LEFT_BEHIND, Flaw.MERGES_BEFORE_APPLIED):
            site = site._replace(at=told(site.queue))  # pgq_node.follow_parts
    return put(s, 1, site._replace(is_root=True, is_open=True))


def demote(s: State) -> State:
    """The old root is a branch, with all that it has in its tables."""
    old = s.sites[0]
    return put(s, 0, old._replace(is_root=False, applied=len(old.ticks) - 1))


def resurrect(flaw: Flaw | None, s: State) -> State:
    """What the lost root had beyond the gravestone goes; tables are loaded anew."""
    old = s.sites[0]
    queue = old.queue[: old.ticks[s.grave]]
    rows = old.rows if flaw is Flaw.ROWS_KEPT_AT_RETURN else brought(queue)
    at = old.at if flaw is Flaw.POSITION_KEPT_AT_RETURN else told(queue)
    old = old._replace(
        is_root=False, is_open=False, at=at, rows=rows, queue=queue,
        ticks=old.ticks[: s.grave + 1], applied=s.grave, runner=None, owes=0,
    )  # fmt: skip
    return put(s._replace(alive=0b11, goal=""), 0, old)


# ---------------------------------------------------------------- what must hold


def check(_before: State, s: State) -> None:
    """Raise ``Violation`` if something does not hold."""
    for n, site in enumerate(s.sites):
        if not s.alive >> n & 1:
            continue
        if site.rows != s.part[site.at]:
            raise Violation("M-1", f"tables of site {n} are not as they were at tick {site.at}")
        last = told(site.queue)
        if brought(site.queue) != s.part[last]:
            raise Violation("M-2", f"the combined queue of site {n} has not what it tells")
        if site.is_root and site.at != last:
            raise Violation("M-4", f"the leaf on site {n} is at {site.at}, its queue at {last}")
        if site.at > last:
            raise Violation("M-4", f"the leaf on site {n} leads: {site.at}, its queue is at {last}")


def actions(_start: State, flaw: Flaw | None) -> list[tuple[str, str, Step]]:
    """All that may happen."""
    made: list[tuple[str, str, Step]] = [
        ("write", "", write), ("forget", "", forget), ("admin", "", proceed),
    ]  # fmt: skip
    every = [
        ("read", read), ("crash", crash), ("fetch", fetch), ("commit", commit),
        ("finish", finish), ("tick", tick), ("mirror", mirror), ("apply", apply),
    ]  # fmt: skip
    if flaw is Flaw.POSITION_TOLD_APART:
        every.append(("tell", tell))
    for n in (0, 1):
        made += [(name, str(n), _on(function, n)) for name, function in every]
    return made


def _on(function: Callable[..., State | None], n: int) -> Step:
    return lambda flaw, s: function(flaw, s, n)
