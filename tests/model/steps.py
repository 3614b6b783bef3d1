"""What each line of a trace means in the model: the names of docs/design/model.md, one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model import admin, protocol, queues
from model.state import (
    NO_TICK,
    Event,
    Runner,
    State,
    Subscriber,
    Tick,
    place_subscriber,
    without_subscriber,
)


class NotAllowed(Exception):
    """The model cannot do this step now."""


@dataclass(frozen=True)
class Facts:
    """A line in the model's terms."""

    step: str
    line: Mapping[str, Any]
    number: Mapping[int, int]
    names: Sequence[str]
    node: int | None
    worker: bool
    """It is about the node's worker, not about ``<node>.apply`` or another consumer there."""
    empty: frozenset[int]

    @property
    def n(self) -> int:
        """The node; every step has one."""
        if self.node is None:
            raise NotAllowed("a node that no worker has told of")
        return self.node

    def tick(self, key: str) -> int:
        """A tick, by the model's number."""
        return self.number[self.line[key]]

    def other(self, key: str) -> int | None:
        """Another node that is named; None: it is not part of the trace."""
        name = self.line[key]
        return self.names.index(name) if name in self.names else None


def require(condition: object, text: str) -> None:
    """Refuse the step unless something holds."""
    if not condition:
        raise NotAllowed(text)


def possible(after: State | None, text: str) -> State:
    """Refuse the step when the model could not do it."""
    if after is None:
        raise NotAllowed(text)
    return after


# ---------------------------------------------------------------- what no line tells of


def reveal(s: State, tick: int, empty: frozenset[int]) -> State:
    """Let the root make the ticks up to one that is mentioned now for the first time."""
    while len(s.truth) <= tick:
        root = next((n for n, o in enumerate(s.nodes) if o.writable and s.living(n)), None)
        if root is None:
            raise NotAllowed(f"tick {len(s.truth)} while there is no root")
        s = _root_tick(s, root, len(s.truth) in empty)
    return s


def _root_tick(s: State, root: int, empty: bool) -> State:
    """The watermarks published meanwhile go along with other events, if there are any."""
    node = s.nodes[root]
    if not empty:
        bit = 1 << len(s.events)
        s = s._replace(events=(*s.events, Event(len(s.events) + 1, "row", 0)))
        node = node._replace(
            seen=node.seen | node.open | bit, stored=node.stored | node.open | bit, open=0,
            applied=node.applied | node.open | bit if node.tables else 0, seq=len(s.events),
        )  # fmt: skip
    return queues.make_root_tick(s.put(root, node), root)


def appear(s: State, facts: Facts) -> State:
    """A node as its worker first finds it."""
    kind, completed = facts.line["type"], facts.tick("completed")
    node = s.nodes[facts.n]._replace(
        kind=kind, completed=completed, paused=facts.line["paused"], writable=kind == "root"
    )
    if kind == "root":
        # Its ticks, but the first, come as they are mentioned.
        node = node._replace(provider=facts.n, ticks=(Tick(1, 0, 0),))
        return reveal(s.put(facts.n, node), completed, facts.empty)
    provider = facts.other("provider")
    require(provider is not None and s.nodes[provider].kind, "its provider has not appeared")
    assert provider is not None
    s = reveal(s, completed, facts.empty)
    has = s.truth[completed]
    node = node._replace(provider=provider)
    if kind == "leaf":
        node = node._replace(applied=has)
    else:
        newest = facts.tick("newest")
        ticks = tuple(Tick(t, s.truth[t], 0) for t in range(1, newest + 1))
        node = node._replace(seen=has, stored=has, ticks=ticks, seq=len(s.events))
    there = place_subscriber(s.nodes[provider], Subscriber(facts.n, completed, completed))
    return s.put(provider, there).put(facts.n, node)


# ---------------------------------------------------------------- runners


def take(s: State, facts: Facts) -> State:
    """Somebody else has the seat now; the one before may not have noticed."""
    node = s.nodes[facts.n]
    if not facts.worker or not node.kind:
        return s
    stale = node.runner if node.runner is not None else node.stale
    return s.put(facts.n, node._replace(runner=None, stale=stale))


def fail(s: State, facts: Facts) -> State:
    """Nothing is remembered."""
    node = s.nodes[facts.n]
    if not facts.worker or node.runner is None:
        return s
    return s.put(facts.n, node._replace(runner=None, stale=node.runner))


def read(s: State, facts: Facts) -> State:
    """What the database says must be what the model says."""
    if not facts.worker:
        return _read_by_apply(s, facts)
    s = _unwritten(s, facts) if s.nodes[facts.n].kind else appear(s, facts)
    node, line = s.nodes[facts.n], facts.line
    require(node.kind == line["type"], f"it is a {node.kind}")
    require(node.provider == facts.other("provider"), "it has another provider")
    require(node.paused == line["paused"], "the pause is otherwise")
    if node.kind != "root":
        require(node.completed == facts.tick("completed"), f"it has completed {node.completed}")
    if node.kind == "branch":
        require(node.newest.tick_id == facts.tick("newest"), f"its top is {node.newest.tick_id}")
    return protocol.read(None, s, facts.n) or s


def _unwritten(s: State, facts: Facts) -> State:
    """What a runner before has committed, dying before it wrote that down: one transaction."""
    node = s.nodes[facts.n]
    if node.runner is not None or node.stale is None or node.kind == "root":
        return s
    mute = node.stale
    if node.completed < facts.tick("completed") and mute.doing == "idle":
        s = reveal(s, facts.tick("completed"), facts.empty)
        s = s.put(facts.n, node._replace(runner=mute))
        s = _batch(s, facts.n, facts.tick("completed"))
    elif mute.doing == "unticked" and node.newest.tick_id < facts.tick("newest"):
        s = possible(protocol.make_tick(None, s, facts.n, True), "no tick could be made")
        return s
    return s.put(facts.n, s.nodes[facts.n]._replace(runner=None, stale=mute))


def _read_by_apply(s: State, facts: Facts) -> State:
    node, tick = s.nodes[facts.n], facts.tick("completed")
    require(node.kind == "branch", "it is no branch")
    if node.applied_tick == NO_TICK or not node.tables:
        require(node.tick(tick), "that tick is not here")
        node = node._replace(tables=True, applied=s.truth[tick], applied_tick=tick)
        return s.put(facts.n, node)
    if node.applied_tick < tick:  # the one before died without writing it down
        s = possible(protocol.apply(None, s, facts.n, tick), "its tables cannot be there")
    require(s.nodes[facts.n].applied_tick == tick, f"its tables are at {node.applied_tick}")
    return s


# ---------------------------------------------------------------- batches


def _runner(s: State, n: int) -> Runner:
    runner = s.nodes[n].runner
    if runner is None:
        raise NotAllowed("nobody has the seat and has read the settings")
    return runner


def _batch(s: State, n: int, end: int) -> State:
    s = possible(protocol.fetch(None, s, n, end), f"no batch up to tick {end} can be read")
    s = possible(protocol.commit_batch(None, s, n), "nothing can be committed")
    require(s.nodes[n].completed == end, "the batch is refused")
    return s


def events(s: State, facts: Facts) -> State:
    """A mirror's events; an applying consumer's rows."""
    start, end = facts.tick("start"), facts.tick("end")
    s = reveal(s, end, facts.empty)
    if not facts.worker:
        require(s.nodes[facts.n].applied_tick == start, "its tables are elsewhere")
        return possible(protocol.apply(None, s, facts.n, end), f"no events up to tick {end}")
    kind = "leaf" if facts.step == "apply" else "branch"
    require(s.nodes[facts.n].kind == kind, f"it is no {kind}")
    require(_runner(s, facts.n).position == start, "the position is another")
    s = _batch(s, facts.n, end)
    without = _runner(s, facts.n).doing != "unticked"
    require(kind == "leaf" or without == (facts.step == "empty"), "events or no events")
    return s


def tick(s: State, facts: Facts) -> State:
    """A mirror's tick, which somebody else may have made meanwhile."""
    require(s.nodes[facts.n].completed >= facts.tick("tick"), "its events are not there")
    if _runner(s, facts.n).doing == "unticked":
        require(_runner(s, facts.n).end == facts.tick("tick"), "another tick is missing")
        s = possible(protocol.make_tick(None, s, facts.n), "it cannot be made")
    require(s.nodes[facts.n].tick(facts.tick("tick")), "it is not there")
    return s


def finish(s: State, facts: Facts) -> State:
    """The provider may forget; of its own queue a branch has told already."""
    done, provider = facts.tick("tick"), facts.other("provider")
    node = s.nodes[facts.n]
    if not facts.worker:
        require(done <= node.applied_tick, "its tables are not there yet")
        return s
    require(done <= node.completed, f"it has completed {node.completed}")
    if provider is None or provider == facts.n:
        return s
    entry = s.nodes[provider].subscriber(facts.n)
    if entry is None:
        raise NotAllowed("it is not registered there")
    moved = entry._replace(position=max(entry.position, done))
    return s.put(provider, place_subscriber(s.nodes[provider], moved))


# ---------------------------------------------------------------- watermarks


def report(s: State, facts: Facts) -> State:
    """What is told upstream may be too low, never too high."""
    mark, provider, node = facts.tick("tick"), facts.other("provider"), s.nodes[facts.n]
    runner = node.runner or node.stale
    if runner is None:
        raise NotAllowed("nobody has the seat and has done a batch")
    require(runner.start != NO_TICK, "no batch has been done")
    highest = runner.start if node.syncs else runner.end
    if node.kind == "branch" and not node.syncs:
        highest = min(highest, node.local_watermark)
    require(mark <= highest, f"it may say {highest} at most")
    entry = None if provider is None else s.nodes[provider].subscriber(facts.n)
    if provider is None or entry is None or facts.line["code"] != 200:
        return s
    moved = entry._replace(watermark=max(entry.watermark, mark))
    return s.put(provider, place_subscriber(s.nodes[provider], moved))


def publish(s: State, facts: Facts) -> State:
    """The root's; as an event it goes along with the next tick that has any."""
    mark, node = facts.tick("tick"), s.nodes[facts.n]
    require(node.writable, "it is not the root")
    require(not _runner(s, facts.n).paused, "it is paused")
    require(mark <= node.local_watermark, f"it may say {node.local_watermark} at most")
    bit = len(s.events)
    s = s._replace(events=(*s.events, Event(bit + 1, "mark", mark)))
    return s.put(facts.n, node._replace(
        watermark=max(mark, node.watermark), open=node.open | 1 << bit,
        marks=(*node.marks, (bit, mark)),
    ))  # fmt: skip


def agree(s: State, facts: Facts) -> State:
    """A sync node's own; whether it is too high, the invariants say."""
    mark, node = facts.tick("tick"), s.nodes[facts.n]
    require(mark <= node.local_watermark, f"it may take {node.local_watermark} at most")
    require(_runner(s, facts.n).upstream != NO_TICK, "nothing has come from above yet")
    return s.put(facts.n, queues.move_watermark(None, node, mark))


# ---------------------------------------------------------------- commands


def _concerns(s: State, facts: Facts) -> bool:
    """A node that nobody serves does nothing; it will be found as it is when somebody does."""
    return facts.worker and facts.node is not None and bool(s.nodes[facts.node].kind)


def pause(s: State, facts: Facts) -> State:
    """The flag; setting it as it stands already changes nothing."""
    paused = facts.step == "pause"
    if not _concerns(s, facts) or s.nodes[facts.n].paused == paused:
        return s
    return admin.set_paused(s, facts.n, paused)


def register(s: State, facts: Facts) -> State:
    """A node may read here from a tick on."""
    reader, at = facts.other("subscriber"), facts.tick("tick")
    if reader is None or not _concerns(s, facts):
        return s
    require(s.nodes[facts.n].tick(at), "that tick is not here")
    return _registered(s, facts.n, reader, at)


def _registered(s: State, n: int, reader: int, at: int) -> State:
    s = admin.register(s, n, reader, at)
    return s.put(n, place_subscriber(s.nodes[n], Subscriber(reader, at, at)))


def unregister(s: State, facts: Facts) -> State:
    """It does not read here any more."""
    reader = facts.other("subscriber")
    if reader is None or not _concerns(s, facts):
        return s
    return s.put(facts.n, without_subscriber(s.nodes[facts.n], reader))


def change_provider(s: State, facts: Facts) -> State:
    """From now on, once the worker has seen it."""
    provider = facts.other("provider")
    if provider is None or not _concerns(s, facts):
        return s
    return admin.set_provider(s, facts.n, provider)


def demote(s: State, facts: Facts) -> State:
    """The three steps."""
    node, number = s.nodes[facts.n], facts.line["number"]
    require(node.kind == "root", "it is no root")
    if number == 1:
        return admin.demote_1(s, facts.n)
    require(not node.writable, "it still takes writes")
    final = facts.tick("tick")
    if number == 2:
        while len(s.truth) <= final:
            s = _root_tick(s, facts.n, len(s.truth) in facts.empty)
        return s
    require(node.newest.tick_id == final, f"its last tick is {node.newest.tick_id}")
    provider = facts.other("provider")
    return s if provider is None else admin.demote_3(s, facts.n, provider)


def reopen(s: State, facts: Facts) -> State:
    """The first two steps are taken back."""
    node = s.nodes[facts.n]
    require(node.kind == "root", "it is no root")
    return s.put(facts.n, node._replace(writable=True))


def _lose(s: State, root: int, last: int) -> State:
    """With the root, leaves are lost that were ahead of every queue that is left."""
    lost = [n for n, one in enumerate(s.nodes) if one.kind == "leaf" and one.completed > last]
    for n in [root, *lost]:
        s = s._replace(alive=s.alive & ~(1 << n))
    return s


def promote(s: State, facts: Facts) -> State:
    """Tables and queue have everything; a root that is lost does not count any more."""
    require(s.nodes[facts.n].kind == "branch", "it is no branch")
    if facts.line.get("lost") in facts.names:
        s = _lose(s, facts.names.index(facts.line["lost"]), facts.tick("tick"))
    s = possible(admin.promote(None, s, facts.n), "its tables are behind")
    top = s.nodes[facts.n].newest.tick_id
    require(top == facts.tick("tick"), f"its top is {top}")
    old = facts.line.get("old")
    return _registered(s, facts.n, facts.names.index(old), top) if old in facts.names else s


STEPS: dict[str, Callable[[State, Facts], State]] = {
    "take": take, "read": read, "fail": fail,
    "events": events, "empty": events, "apply": events, "tick": tick, "finish": finish,
    "report": report, "publish": publish, "agree": agree,
    "pause": pause, "resume": pause, "register": register, "unregister": unregister,
    "change_provider": change_provider, "demote": demote, "promote": promote,
    "reopen": reopen,
}  # fmt: skip
