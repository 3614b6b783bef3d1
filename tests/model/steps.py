"""What the lines of runners mean in the model: the names of docs/design/model.md, one by one."""

from __future__ import annotations

from collections.abc import Callable

from model import protocol, queues
from model.facts import Facts, NotAllowed, possible, require
from model.promises import set_group, void_for
from model.state import (
    NO_TICK,
    Event,
    Node,
    Runner,
    State,
    Subscriber,
    Tick,
    place_subscriber,
)

# ---------------------------------------------------------------- what no line tells of


def reveal(s: State, tick: int, empty: frozenset[int]) -> State:
    """Let the root make the ticks up to one that is mentioned now for the first time."""
    while len(s.truth) <= tick:
        root = next((n for n, o in enumerate(s.nodes) if o.writable and s.living(n)), None)
        if root is None:
            raise NotAllowed(f"tick {len(s.truth)} while there is no root")
        s = root_tick(s, root, len(s.truth) in empty)
    return s


def root_tick(s: State, root: int, empty: bool) -> State:
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
    """A node as its worker first finds it, or as it is made."""
    kind = facts.line["type"]
    completed = facts.tick("completed") if facts.line.get("completed") is not None else 1
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
    return void_for(s.put(provider, there).put(facts.n, node), facts.n)


# ---------------------------------------------------------------- runners


def take(s: State, facts: Facts) -> State:
    """Somebody else has the seat now; the one before may not have noticed."""
    node = s.nodes[facts.n]
    if not node.kind:
        return s
    if not facts.worker:
        return s.put(facts.n, node._replace(apply_epoch=facts.line["epoch"]))
    if node.runner is not None:
        s = _told_in_silence(s, facts, facts.n, node.runner)
    stale = node.runner if node.runner is not None else node.stale
    node = s.nodes[facts.n]._replace(runner=None, stale=stale, epoch=facts.line["epoch"])
    return s.put(facts.n, node)


def _told_in_silence(s: State, facts: Facts, n: int, runner: Runner) -> State:
    """One that was struck may have told its provider something that it has not written down."""
    entry = s.nodes[runner.provider].subscriber(n)
    if entry is None or runner.provider == n:
        return s
    if facts.unwritten(n, "report"):
        mark = _highest(s.nodes[n], runner, own=s.nodes[n].syncs)
        entry = entry._replace(watermark=max(entry.watermark, mark))
    if runner.doing == "idle" and facts.unwritten(n, "finish"):
        entry = entry._replace(position=max(entry.position, runner.position))
    return s.put(runner.provider, place_subscriber(s.nodes[runner.provider], entry))


def _heard(s: State, facts: Facts) -> State:
    """What those who read here may have told just now; one that dies or hangs writes it late."""
    for number, node in enumerate(s.nodes):
        runner = node.runner or node.stale
        if runner is not None and runner.provider == facts.n and runner.start != NO_TICK:
            s = _told_in_silence(s, facts, number, runner)
    return s


def fail(s: State, facts: Facts) -> State:
    """Nothing is remembered."""
    node = s.nodes[facts.n]
    if not facts.worker or node.runner is None or facts.line["epoch"] < node.epoch:
        return s
    return s.put(facts.n, node._replace(runner=None, stale=node.runner))


def _belated(s: State, facts: Facts) -> bool:
    """A line of a runner that was frozen before it could write it, and has been replaced since."""
    node = s.nodes[facts.n]
    return bool(facts.line["epoch"] < (node.epoch if facts.worker else node.apply_epoch))


def read(s: State, facts: Facts) -> State:
    """What the database says must be what the model says."""
    if _belated(s, facts):
        return s
    if not facts.worker:
        return _read_by_apply(s, facts)
    s = _unwritten(s, facts) if s.nodes[facts.n].kind else appear(s, facts)
    s = set_group(s, facts.n, facts.group)
    s = _followed(s, facts)
    node, line = s.nodes[facts.n], facts.line
    require(node.kind == line["type"], f"it is a {node.kind}")
    require(node.provider == facts.other("provider"), "it has another provider")
    require(node.paused == line["paused"], "the pause is otherwise")
    if node.kind != "root":
        require(node.completed == facts.tick("completed"), f"it has completed {node.completed}")
    if node.kind == "branch":
        require(node.newest.tick_id == facts.tick("newest"), f"its top is {node.newest.tick_id}")
    return protocol.read(None, s, facts.n) or s


def _followed(s: State, facts: Facts) -> State:
    """The combined queue moves a leaf that waits behind one of its branches."""
    node = s.nodes[facts.n]
    if facts.line.get("combined") != "branch" or node.completed >= facts.tick("completed"):
        return s
    completed = facts.tick("completed")
    s = reveal(s, completed, facts.empty)
    rows = s.truth[completed]
    return s.put(facts.n, node._replace(completed=completed, applied=rows, seen=rows))


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
    if _belated(s, facts):
        node = s.nodes[facts.n]
        reached = node.completed if facts.worker else node.applied_tick
        require(reached >= end, "a runner that was replaced cannot write")
        return s
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
    if node.kind == "leaf" and runner.start == NO_TICK:
        highest = node.completed  # it may be moved by a combined queue, without any batch
    else:
        require(runner.start != NO_TICK, "no batch has been done")
        highest = _highest(node, runner, own=facts.line.get("own"))
        if mark > highest:
            s = _heard(s, facts)
            node = s.nodes[facts.n]
            highest = _highest(node, runner, own=facts.line.get("own"))
    require(mark <= highest, f"it may say {highest} at most")
    entry = None if provider is None else s.nodes[provider].subscriber(facts.n)
    if provider is None or entry is None or facts.line.get("code", 200) != 200:
        return s
    moved = entry._replace(watermark=max(entry.watermark, mark))
    return s.put(provider, place_subscriber(s.nodes[provider], moved))


def _highest(node: Node, runner: Runner, *, own: bool) -> int:
    """A sync node speaks of its own progress; others of all that they know to be needed."""
    if own:
        return runner.start
    return runner.end if node.kind != "branch" else min(runner.end, node.local_watermark)


def publish(s: State, facts: Facts) -> State:
    """The root's; as an event it goes along with the next tick that has any."""
    mark, node = facts.tick("tick"), s.nodes[facts.n]
    require(node.writable, "it is not the root")
    require(not _runner(s, facts.n).paused, "it is paused")
    if mark > node.local_watermark:
        s = _heard(s, facts)
        node = s.nodes[facts.n]
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
    # a root that is struck, or slow, has told what it has not written down
    roots = [n for n, one in enumerate(s.nodes) if one.kind == "root"]
    told = node.marks or any(facts.unwritten(n, "publish") for n in roots)
    require(told, "nothing has come from above yet")
    return s.put(facts.n, queues.move_watermark(None, node, mark))


STEPS: dict[str, Callable[[State, Facts], State]] = {
    "take": take, "read": read, "fail": fail,
    "events": events, "empty": events, "apply": events, "tick": tick, "finish": finish,
    "report": report, "publish": publish, "agree": agree,
}  # fmt: skip
