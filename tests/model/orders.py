"""What the lines of commands mean in the model: the names of docs/design/model.md, one by one."""

from __future__ import annotations

from collections.abc import Callable

from model import admin, returning
from model.facts import Facts, possible, require
from model.promises import set_dead, set_group
from model.state import (
    Node,
    State,
    Subscriber,
    Tick,
    grave,
    place_subscriber,
    without_subscriber,
)
from model.steps import appear, root_tick


def concerns(s: State, facts: Facts) -> bool:
    """A node that nobody serves does nothing; it will be found as it is when somebody does."""
    return facts.worker and facts.node is not None and bool(s.nodes[facts.node].kind)


def create(s: State, facts: Facts) -> State:
    """A node is made; one that was dropped may be made again."""
    s = s._replace(alive=s.alive | 1 << facts.n)
    return set_group(appear(s, facts), facts.n, facts.group)


def pause(s: State, facts: Facts) -> State:
    """The flag; setting it as it stands already changes nothing."""
    paused = facts.step == "pause"
    if s.nodes[facts.n].paused == paused:
        return s
    return admin.set_paused(s, facts.n, paused)


def register(s: State, facts: Facts) -> State:
    """A node may read here from a tick on."""
    reader, at = facts.other("subscriber"), facts.tick("tick")
    if reader is None:
        return s
    require(s.nodes[facts.n].tick(at), "that tick is not here")
    return _registered(s, facts.n, reader, at)


def _registered(s: State, n: int, reader: int, at: int) -> State:
    s = admin.register(s, n, reader, at)
    # Where it stands at least, nobody has written down; at most, where its worker does.
    return s.put(n, place_subscriber(s.nodes[n], Subscriber(reader, at, at)))


def unregister(s: State, facts: Facts) -> State:
    """It does not read here any more."""
    reader = facts.other("subscriber")
    if reader is None:
        return s
    return s.put(facts.n, without_subscriber(s.nodes[facts.n], reader))


def change_provider(s: State, facts: Facts) -> State:
    """From now on, once the worker has seen it."""
    provider = facts.other("provider")
    if provider is None:
        return s
    return admin.set_provider(s, facts.n, provider)


def demote(s: State, facts: Facts) -> State:
    """The three steps."""
    node, number = s.nodes[facts.n], facts.line["number"]
    require(node.kind == "root", "it is no root")
    if number == 1:
        return admin.demote_1(s, facts.n)
    require(not node.writable, "it still takes writes")
    if facts.line.get("tick") is None:
        return s  # whether it was made, the next one shows
    final = facts.tick("tick")
    if number == 2:
        while len(s.truth) <= final:
            s = root_tick(s, facts.n, len(s.truth) in facts.empty)
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
    told = facts.line.get("tick")
    require(told is None or top == facts.tick("tick"), f"its top is {top}")
    if facts.line.get("lost") in facts.names:
        stone = Subscriber(grave(facts.names.index(facts.line["lost"])), top, top)
        s = s.put(facts.n, place_subscriber(s.nodes[facts.n], stone))
    old = facts.line.get("old")
    return _registered(s, facts.n, facts.names.index(old), top) if old in facts.names else s


def lower(s: State, facts: Facts) -> State:
    """Less than it has told is true of a node since others read from it.

    That it is not below the global watermark is not asked: an event that tells of one travels in
    the model with a tick that may have been a little earlier.
    """
    reader, mark = facts.other("subscriber"), facts.tick("tick")
    entry = None if reader is None else s.nodes[facts.n].subscriber(reader)
    if entry is None:
        return s
    lowered = entry._replace(watermark=min(mark, entry.watermark))
    return s.put(facts.n, place_subscriber(s.nodes[facts.n], lowered))


def group(s: State, facts: Facts) -> State:
    """``set-attr``, and ``drop-node`` of a member."""
    return set_group(s, facts.n, facts.group)


def mark(s: State, facts: Facts) -> State:
    """``tag-dead``, ``tag-alive``."""
    subject = facts.other("subject")
    return s if subject is None else set_dead(s, subject, facts.line["dead"])


def drop(s: State, facts: Facts) -> State:
    """A node is gone; the first who has forgotten it stands for all, also for those far off."""
    subject = facts.other("subject")
    if subject is None:
        return s
    nodes = tuple(without_subscriber(node, subject) for node in s.nodes)
    return s._replace(nodes=nodes, alive=s.alive & ~(1 << subject))


# ---------------------------------------------------------------- an old root comes back


def step_down(s: State, facts: Facts) -> State:
    """It is a branch now, and paused."""
    provider = facts.other("provider")
    require(provider is not None, "it would read from a node that nobody knows")
    assert provider is not None
    return returning.step_down(s, facts.n, provider)


def forget(s: State, facts: Facts) -> State:
    """Its queue is as it was at the gravestone's tick."""
    provider, at = facts.other("provider"), facts.tick("tick")
    require(s.nodes[facts.n].kind == "branch", "it has not stepped down")
    require(provider is not None, "it would read from a node that nobody knows")
    assert provider is not None
    s = s.put(facts.n, _with_tick(s, s.nodes[facts.n], at))
    return returning.forget(None, s, facts.n, provider, at)


def _with_tick(s: State, node: Node, tick: int) -> Node:
    """A root's ticks come as they are mentioned, so the last ones before its loss may be new."""
    if node.tick(tick) is not None:
        return node
    ticks = (
        *node.ticks,
        *(Tick(t, s.truth[t], 0) for t in range(node.newest.tick_id + 1, tick + 1)),
    )
    return node._replace(
        ticks=ticks, seen=node.seen | s.truth[tick], stored=node.stored | s.truth[tick]
    )


def back(s: State, facts: Facts) -> State:
    """It reads where its gravestone stood."""
    reader, at = facts.other("subscriber"), facts.tick("tick")
    if reader is None:
        return s
    require(s.nodes[facts.n].tick(at), "that tick is not here")
    s = s.put(facts.n, without_subscriber(s.nodes[facts.n], grave(reader)))
    return _registered(s, facts.n, reader, at)


ORDERS: dict[str, Callable[[State, Facts], State]] = {
    "create": create, "pause": pause, "resume": pause,
    "register": register, "unregister": unregister, "change_provider": change_provider,
    "demote": demote, "promote": promote, "reopen": reopen,
    "lower": lower, "group": group, "mark": mark, "drop": drop,
    "step_down": step_down, "forget": forget, "return": back,
}  # fmt: skip
