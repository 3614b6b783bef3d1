"""Who may rely on which watermark, and from when on.

A watermark promises that nobody needs what lies below it. Nodes behind a sync node are not asked
(their group looks after them), and a node that joins has not been asked yet. For those the promises
made so far are void: ``late`` says from which tick on a node counts, ``came_with`` what its
watermark was then.
"""

from __future__ import annotations

from model.state import State


def newest(s: State) -> int:
    """The last tick that any root has made."""
    return len(s.truth) - 1


def above(s: State, n: int) -> list[int]:
    """Return the nodes between this one and the top, that included, nearest first."""
    found: list[int] = []
    higher = s.nodes[n].provider
    while higher != n and higher not in found:
        found.append(higher)
        higher = s.nodes[higher].provider
    return found


def hidden_behind(s: State, n: int) -> int | None:
    """Return the sync node nearest above a node."""
    for higher in above(s, n):
        if s.nodes[higher].syncs:
            return higher
    return None


def void_for(s: State, n: int) -> State:
    """What was promised so far, others may have acted on: it is void for this node and below."""
    for number, node in enumerate(s.nodes):
        if node.kind and (number == n or n in above(s, number)):
            s = s.put(number, node._replace(late=newest(s), came_with=node.watermark))
    return s


def moved(s: State, n: int) -> State:
    """A node gets another place: what it gave up before, it has given up for its new group, too."""
    if hidden_behind(s, n) is not None:
        return void_for(s, n)
    for number, node in enumerate(s.nodes):
        if node.kind and (number == n or n in above(s, number)):
            s = s.put(number, node._replace(came_with=node.watermark))
    return s


def late_where_hidden(s: State) -> State:
    """Who was behind a sync node may be needed to be asked from now on, but was not so far."""
    for number, node in enumerate(s.nodes):
        if node.kind and hidden_behind(s, number) is not None:
            s = s.put(number, node._replace(late=newest(s)))
    return s


def set_group(s: State, n: int, group: tuple[int, ...]) -> State:
    """``set-attr``: a node agrees with others from now on, or follows the root again."""
    if s.nodes[n].group == group:
        return s
    s = late_where_hidden(void_for(s, n))
    return s.put(n, s.nodes[n]._replace(group=group))


def set_dead(s: State, n: int, dead: bool) -> State:
    """``tag-dead``, ``tag-alive``: everybody is told; who was dead has not been asked meanwhile."""
    if not dead:
        s = void_for(s, n)
    bit = 1 << n
    nodes = tuple(
        node._replace(dead=node.dead | bit if dead else node.dead & ~bit) for node in s.nodes
    )
    return s._replace(nodes=nodes)
