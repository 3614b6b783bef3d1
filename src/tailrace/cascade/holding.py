"""Who keeps a watermark back: from the root, or from a sync group, down to the one to blame.

A node's watermark is the lowest position of the consumers of its queue. When that one stands for a
node below, the search goes on there, until it ends at a consumer that reads for itself, a worker
that is behind, a node that does not answer, or a report that is simply not due yet. A sync branch
reports only its own progress, so from above the search ends there; what is below it holds its
group, and is looked for from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tailrace.cascade.nodestatus import GLOBAL_WATERMARK, NodeStatus, QueueConsumer
from tailrace.cascade.topology import Topology

Why = Literal[
    "behind", "not told yet", "left", "dead", "unreachable", "unknown", "upstream", "not asked"
]
PeerState = Literal["self", "asked", "dead", "unknown", "unreachable", "not asked", "no watermark"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is to blame: a consumer of a node's, or a node as a whole.

    ``now`` is where a node is that has not told it yet; ``reads_from`` is the provider of one that
    has ``left`` without being unregistered, since its old provider did not answer then.
    """

    node: str
    consumer: str
    tick: int | None
    why: Why = "behind"
    lag: float | None = None
    now: int | None = None
    reads_from: str | None = None


@dataclass(frozen=True, slots=True)
class Peer:
    """One member of a sync group, as the node whose group it is sees it."""

    node: str
    state: PeerState
    watermark: int | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """A sync branch's group, where each stands, and who holds all of them."""

    peers: tuple[Peer, ...]
    agreed: int | None
    held_by: Holder | None


def root_holder(topology: Topology) -> Holder | None:
    """Find who keeps the root's watermark below its newest tick."""
    root = topology.root
    return None if root is None else _follow(topology, root, frozenset())


def agreement(topology: Topology, node: NodeStatus) -> Agreement | None:
    """Describe the sync group of a branch; None when it has none."""
    group = node.sync_group
    if group is None:
        return None
    others = [name for name in dict.fromkeys(group) if name != node.name]
    peers = (
        Peer(node.name, "self", node.local_watermark),
        *(_peer(topology, node, name) for name in others),
    )
    return Agreement(peers, node.global_watermark, _group_holder(topology, node, peers))


def _peer(topology: Topology, node: NodeStatus, name: str) -> Peer:
    known = node.members.get(name)
    found = topology.nodes.get(name)
    if known is None:
        return Peer(name, "unknown")
    if known.dead:
        return Peer(name, "dead")
    if found is None and not topology.whole:
        return Peer(name, "not asked")
    if found is None or not found.answers:
        return Peer(name, "unreachable")
    mark = _own_mark(found)
    return Peer(name, "no watermark") if mark is None else Peer(name, "asked", mark)


def _group_holder(topology: Topology, node: NodeStatus, peers: tuple[Peer, ...]) -> Holder | None:
    """One that cannot be asked holds all; else the lowest does; else what comes from above."""
    for peer in peers:
        if peer.state in ("unknown", "unreachable"):
            why: Why = "unknown" if peer.state == "unknown" else "unreachable"
            return Holder(peer.node, "", node.global_watermark, why)
    lowest = min(
        (peer for peer in peers if peer.watermark is not None),
        key=lambda peer: peer.watermark or 0,
        default=None,
    )
    above = topology.nodes.get(node.provider or "")
    upstream = above.global_watermark if above is not None else None
    if lowest is None or lowest.watermark is None:
        return None
    if upstream is not None and upstream < lowest.watermark:
        held = root_holder(topology)
        return held or Holder(node.provider or "", GLOBAL_WATERMARK, upstream, "upstream")
    slowest = topology.nodes[lowest.node]
    below = None if slowest.kind == "leaf" else _follow(topology, slowest, frozenset())
    return below or _worker(topology, slowest)


def _own_mark(node: NodeStatus) -> int | None:
    """What ``get_node_info`` calls a node's local watermark: a leaf has its position instead."""
    if node.kind == "leaf":
        return node.worker.tick if node.worker else None
    return node.local_watermark


def _told(node: NodeStatus) -> int | None:
    """What a node would tell its provider now."""
    if node.sync_group is not None:
        return node.worker.tick if node.worker else None
    return _own_mark(node)


def _follow(topology: Topology, node: NodeStatus, seen: frozenset[str]) -> Holder | None:
    """Find the lowest consumer of a node's queue, and who stands behind it."""
    lowest = min(_readers(node), key=lambda one: (one.tick, one.name[:1] == "."), default=None)
    if lowest is None or node.newest_tick is None or lowest.tick >= node.newest_tick:
        return None
    subscriber = _subscriber(node, lowest.name)
    if subscriber is None:
        return Holder(node.name, lowest.name, lowest.tick, lag=lowest.age)
    below = topology.nodes.get(subscriber)
    if below is None or not below.answers:
        return Holder(subscriber, lowest.name, lowest.tick, _silent(topology, below), lowest.age)
    if below.provider not in (None, node.name):
        return Holder(
            subscriber, lowest.name, lowest.tick, "left", lowest.age, reads_from=below.provider
        )
    if lowest.name == node.subscribers.get(subscriber):
        return Holder(subscriber, lowest.name, lowest.tick, lag=lowest.age)
    return _below(topology, below, lowest, seen | {node.name})


def _silent(topology: Topology, node: NodeStatus | None) -> Why:
    """Why nothing is known of a node."""
    if node is None:
        return "unreachable" if topology.whole else "not asked"
    return "dead" if node.kind == "dead" else "unreachable"


def _readers(node: NodeStatus) -> Iterator[QueueConsumer]:
    return (one for one in node.consumers if one.name != GLOBAL_WATERMARK)


def _subscriber(node: NodeStatus, consumer: str) -> str | None:
    """The node for which a consumer of the queue stands."""
    for name, worker in node.subscribers.items():
        if consumer in (worker, f".{name}.watermark"):
            return name
    return None


def _below(
    topology: Topology, node: NodeStatus, told: QueueConsumer, seen: frozenset[str]
) -> Holder | None:
    """Who at a node, or below it, stands behind the watermark that it has told its provider."""
    mark = _told(node)
    if mark is not None and mark > told.tick:
        return Holder(node.name, told.name, told.tick, "not told yet", told.age, mark)
    deeper = None
    if node.kind == "branch" and node.sync_group is None and node.name not in seen:
        deeper = _follow(topology, node, seen)
    return (
        deeper or _worker(topology, node) or Holder(node.name, told.name, told.tick, lag=told.age)
    )


def _worker(topology: Topology, node: NodeStatus) -> Holder | None:
    """A node's own worker, if the root has more than it."""
    worker, root = node.worker, topology.root
    if worker is None or (root is not None and worker.tick >= (root.newest_tick or 0)):
        return None
    return Holder(node.name, worker.consumer, worker.tick, lag=worker.lag)
