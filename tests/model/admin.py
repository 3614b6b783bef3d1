"""Admin commands: what an administrator's command does next, from what it observes.

A command remembers nothing between two steps: it looks at all nodes that can be reached and does
the first thing that is not done yet. So a command that was killed and is run again is the same
thing as one that goes on, and the model needs no separate crash of it. Sources: cascade.md 8.
"""

from __future__ import annotations

from model import returning
from model.flaws import Flaw
from model.promises import late_where_hidden, moved, newest
from model.protocol import highest_id
from model.queues import insert_own, make_root_tick
from model.state import (
    NO_TICK,
    Node,
    State,
    Subscriber,
    Tick,
    Violation,
    grave,
    place_subscriber,
    without_subscriber,
)


def proceed(flaw: Flaw | None, s: State) -> State | None:
    """Do the next step of the command under way; None: it waits for somebody else."""
    if s.goal is None:
        return None
    command, first, second = s.goal
    match command:
        case "change":
            return change_provider(flaw, s, first, second)
        case "switch":
            return _switchover(flaw, s, first, second)
        case "fail":
            return _failover(flaw, s, first, second)
        case "return":
            return _fail_and_return(flaw, s, first, second)
        case "join":
            return _join(flaw, s, first, second)
    raise AssertionError(command)


def _done(s: State) -> State:
    return s._replace(goal=None)


# ---------------------------------------------------------------- single transactions


def set_paused(s: State, n: int, paused: bool) -> State:
    """Set the flag; it is not acknowledged yet."""
    return s.put(n, s.nodes[n]._replace(paused=paused, uptodate=False))


def register(s: State, at: int, n: int, tick_id: int) -> State:
    """``register_subscriber``: the watermark at the provider's, the worker at the tick given."""
    there = s.nodes[at]
    return moved(s, n).put(at, place_subscriber(there, Subscriber(n, tick_id, there.watermark)))


def lower_reports(s: State, n: int) -> State | None:
    """``tailrace.lower_report``: what a node, and those above it, have told their providers may be
    more than is true since somebody reads from it; as far as the others have not acted on it yet.
    """
    while not s.nodes[n].syncs:
        node, up = s.nodes[n], s.nodes[n].provider
        there = s.nodes[up]
        entry = there.subscriber(n)
        if up == n or entry is None:
            return None
        mark = max(node.local_watermark, there.watermark)
        if entry.watermark > mark and there.tick(mark) is not None:
            return s.put(up, place_subscriber(there, entry._replace(watermark=mark)))
        n = up
    return None


def set_provider(s: State, n: int, provider: int) -> State:
    """``change_consumer_provider``."""
    return s.put(n, s.nodes[n]._replace(provider=provider, uptodate=False))


def make_missing_tick(s: State, n: int) -> State:
    """``pgq_node.make_missing_tick``: from the data alone."""
    node = s.nodes[n]
    seq = max(highest_id(s, node), node.newest.seq)
    return s.put(n, node._replace(ticks=(*node.ticks, Tick(node.completed, node.seen, seq))))


def demote_1(s: State, n: int) -> State:
    """No more writing, no more ticking."""
    return s.put(n, s.nodes[n]._replace(writable=False))


def demote_3(s: State, n: int, provider: int) -> State:
    """The old root is a branch; its mirror will make ``<node>.apply`` again."""
    s = late_where_hidden(s)
    node = s.nodes[n]
    return s.put(n, node._replace(
        kind="branch", provider=provider, completed=node.newest.tick_id,
        paused=False, uptodate=False,
        applied_tick=NO_TICK,
    ))  # fmt: skip


def promote(flaw: Flaw | None, s: State, n: int) -> State | None:
    """``promote_branch``: a missing tick is made; the tables must have reached the top."""
    node = s.nodes[n]
    if node.newest.tick_id < node.completed:
        s = make_missing_tick(s, n)
        node = s.nodes[n]
    top = node.newest
    behind = node.tables and node.applied_tick < top.tick_id
    if behind and flaw is not Flaw.PROMOTED_BEFORE_APPLIED:
        return None
    node = node._replace(
        kind="root", writable=True, provider=n, completed=top.tick_id,
        paused=False, uptodate=False,
        seq=top.seq, applied_tick=NO_TICK,
    )  # fmt: skip
    return late_where_hidden(s).put(n, node)._replace(truth=s.truth[: top.tick_id + 1])


# ---------------------------------------------------------------- commands


def _paused(s: State, n: int) -> State | bool:
    """Return the step that pauses a node, or whether it has been acknowledged."""
    node = s.nodes[n]
    return node.uptodate if node.paused else set_paused(s, n, True)


def _leftover(s: State, n: int) -> int | None:
    """Return a node that still holds a registration which is not used any more."""
    for number, node in enumerate(s.nodes):
        if s.living(number) and number != s.nodes[n].provider and node.subscriber(n):
            return number
    return None


def _unregister(s: State, at: int, n: int) -> State:
    return s.put(at, without_subscriber(s.nodes[at], n))


def change_provider(flaw: Flaw | None, s: State, n: int, to: int) -> State | None:
    """``change-provider``; refused before anything is changed when the tick is not there."""
    node = s.nodes[n]
    if node.provider == to:
        if node.paused:
            return set_paused(s, n, False)
        old = _leftover(s, n)
        return _done(s) if old is None else _unregister(s, old, n)
    there = s.nodes[to]
    if there.kind not in ("root", "branch") or there.tick(node.completed) is None:
        return set_paused(s, n, False) if node.paused else _done(s)
    paused = _paused(s, n)
    if not isinstance(paused, bool):
        return paused
    if not paused:
        return None
    entry = there.subscriber(n)
    if entry is None:
        return register(s, to, n, node.completed)
    if entry.position != node.completed:
        return _unregister(s, to, n)  # left by a command that was killed long ago
    if flaw is not Flaw.REPORTS_NOT_LOWERED:
        lowered = lower_reports(s, to)
        if lowered is not None:
            return lowered
    return set_provider(s, n, to)


def _switchover(flaw: Flaw | None, s: State, old: int, new: int) -> State | None:
    before, after = s.nodes[old], s.nodes[new]
    if before.kind == "root" and after.kind == "branch":
        if flaw is not Flaw.PROMOTED_BEFORE_DEMOTED:
            ready = _close(flaw, s, old, new)
            if ready is not True:
                return ready
        return _hand_role_over(flaw, s, old, new)
    if before.kind == "root":
        if after.subscriber(old) is None:
            return register(s, new, old, before.newest.tick_id)
        left = _leftover(s, new)
        return demote_3(s, old, new) if left is None else _unregister(s, left, new)
    for node in (new, old):
        if s.nodes[node].paused:
            return set_paused(s, node, False)
    return _done(s)


def _close(flaw: Flaw | None, s: State, old: int, new: int) -> State | bool | None:
    """No more writes, the final tick, and the new root has it; True: all that is done."""
    before, after = s.nodes[old], s.nodes[new]
    if before.writable:
        return demote_1(s, old)
    if before.open and flaw is not Flaw.FINAL_TICK_IN_HASTE:
        return None
    if before.seen != before.newest.seen:
        return make_root_tick(s, old)
    if after.newest.tick_id < before.newest.tick_id:  # not only its events
        return set_paused(s, new, False) if after.paused else None
    return True


def _hand_role_over(flaw: Flaw | None, s: State, old: int, new: int) -> State | None:
    paused = _paused(s, new)
    if not isinstance(paused, bool):
        return paused
    made = promote(flaw, s, new) if paused else None
    if made is None or flaw is Flaw.OLD_ROOT_REGISTERED_LATE:
        return made
    # In the same transaction: from here on the new root forgets what nobody is known to need.
    return register(made, new, old, made.nodes[new].newest.tick_id)


def _failover(flaw: Flaw | None, s: State, old: int, new: int) -> State | None:
    if s.living(old):
        return _lose(s, old)
    if s.nodes[new].kind == "branch":
        if flaw is Flaw.SURVIVORS_MOVED_FIRST:
            behind = [n for n in _survivors(s, old) if n != new]
            if behind:
                return _force(s, behind[0], new)
        elif flaw is not Flaw.PROMOTED_BEHIND_SURVIVOR:
            ahead = _catch_up(flaw, s, old, new)
            if ahead is not True:
                return ahead
        return _make_root(flaw, s, old, new)
    for number in _survivors(s, old):
        if s.nodes[new].tick(s.nodes[number].completed) is None:
            return _give_up(s, number, new)
        return _kept_goal(s, change_provider(flaw, s, number, new))
    for number, node in enumerate(s.nodes):
        if s.living(number) and node.paused:
            return set_paused(s, number, False)
        left = _leftover(s, number) if s.living(number) and node.kind else None
        if left is not None:
            return _unregister(s, left, number)
    return _done(s)


def _fail_and_return(flaw: Flaw | None, s: State, old: int, new: int) -> State | None:
    """The root is lost and, when all is well again without it, comes back."""
    if s.nodes[old].kind == "root" and (s.living(old) or not s.answers(old)):
        after = _failover(flaw, s, old, new)
        over = after is not None and after.goal is None
        return returning.come_back(s, old) if over else after
    after = returning.proceed(flaw, s, old, new)
    return _done(s) if after is None else after


def _give_up(s: State, n: int, root: int) -> State:
    """A node that nobody can feed any more; only some may come to that."""
    node, top = s.nodes[n], s.nodes[root].completed
    ahead = node.kind == "leaf" and node.completed > top  # of every queue that is left
    if not ahead and node.completed >= node.late:
        raise Violation(
            "I-7", f"node {n} at tick {node.completed} cannot be attached to node {root}"
        )
    return s._replace(alive=s.alive & ~(1 << n))


def _lose(s: State, old: int) -> State:
    """The database of the root is gone, and everybody alive is told so."""
    s = s._replace(alive=s.alive & ~(1 << old))
    nodes = tuple(node._replace(dead=node.dead | 1 << old) for node in s.nodes)
    return s._replace(nodes=nodes)


def _survivors(s: State, old: int) -> list[int]:
    return [
        number for number, node in enumerate(s.nodes)
        if s.living(number) and node.kind and node.provider == old
    ]  # fmt: skip


def _catch_up(flaw: Flaw | None, s: State, old: int, new: int) -> State | bool | None:
    """Bring the node to be promoted up to the most advanced survivor; True: it is there.

    All are paused before they are compared: one may hold a batch of the dead root in memory, and
    would still commit it after it had been found to be behind.
    """
    survivors = _survivors(s, old)
    if flaw is not Flaw.SURVIVORS_NOT_PAUSED:
        for number in survivors:
            if not s.nodes[number].paused:
                return set_paused(s, number, True)
        if not all(s.nodes[number].uptodate for number in survivors):
            return None
    branches = [n for n in survivors if s.nodes[n].kind == "branch"]
    most = max((s.nodes[n].completed for n in branches), default=0)
    node = s.nodes[new]
    if node.completed >= most:
        leaves = [n for n in survivors if s.nodes[n].completed > node.completed]
        return _give_up(s, leaves[0], new) if leaves else True
    ahead = next(n for n in branches if s.nodes[n].completed == most)
    if s.nodes[ahead].newest.tick_id < most:
        return make_missing_tick(s, ahead)  # its provider cannot be asked any more
    if node.provider != ahead:
        if s.nodes[ahead].tick(node.completed) is None:
            raise Violation("I-7", f"node {new} cannot catch up from node {ahead}")
        return _kept_goal(s, change_provider(flaw, s, new, ahead))
    return set_paused(s, new, False) if node.paused else None


def _kept_goal(s: State, after: State | None) -> State | None:
    return None if after is None else after._replace(goal=s.goal)


def _make_root(flaw: Flaw | None, s: State, old: int, new: int) -> State | None:
    """Pause, promote, and in the same transaction leave a gravestone at the last common tick."""
    paused = _paused(s, new)
    if not isinstance(paused, bool):
        return paused
    if not paused:
        return None
    node = s.nodes[new]
    if node.newest.tick_id < node.completed:
        return make_missing_tick(s, new)
    made = promote(flaw, s, new)
    if made is None:
        return None
    stone = Subscriber(grave(old), node.completed, node.watermark)
    return made.put(new, place_subscriber(made.nodes[new], stone))


def _force(s: State, n: int, to: int) -> State:
    """Only where it is broken: registered at what the new provider has."""
    there: Node = s.nodes[to]
    entry = Subscriber(n, there.newest.tick_id, there.watermark)
    return set_provider(s.put(to, place_subscriber(there, entry)), n, to)


def _told(s: State, n: int, of: int) -> State:
    """``register_location``."""
    return s.put(n, s.nodes[n]._replace(known=s.nodes[n].known | 1 << of))


def _join(flaw: Flaw | None, s: State, n: int, provider: int) -> State | None:
    """``create-branch``, ``create-leaf``: registered at the provider's watermark, then created."""
    node, there = s.nodes[n], s.nodes[provider]
    if node.kind:
        return _done(s)
    root = next((r for r, one in enumerate(s.nodes) if one.writable and s.living(r)), None)
    if root is None:
        return None
    if not s.nodes[root].known >> n & 1:
        return insert_own(flaw, _told(s, root, n), root, "place", n)
    entry = there.subscriber(n)
    if entry is None:
        start = there.newest.tick_id if flaw is Flaw.JOINS_AT_NEWEST else there.watermark
        s = _told(s, provider, n)
        return s.put(provider, place_subscriber(s.nodes[provider], Subscriber(n, start, start)))
    tick = there.tick(entry.position)
    assert tick is not None
    start = tick.tick_id
    return s.put(n, node._replace(
        kind=node.wanted, provider=provider, completed=start,
        ticks=(Tick(start, 0, tick.seq),) if node.wanted == "branch" else (), watermark=start,
        base=s.truth[start], known=there.known | 1 << n, dead=there.dead, late=newest(s),
    ))  # fmt: skip
