"""The cascade as plain values: nested for JSON, flat for programs that read lines.

Connection strings stand in it without their passwords.
"""

from __future__ import annotations

from tailrace.cascade.holding import Agreement, Holder, agreement, root_holder
from tailrace.cascade.nodestatus import NodeStatus, Position
from tailrace.cascade.topology import Topology
from tailrace.db.dsn import display

COLUMNS = (
    "node", "type", "provider", "tick", "lag_seconds", "apply_tick", "apply_lag_seconds", "paused",
    "uptodate", "global_watermark", "local_watermark", "held_by_node", "held_by_consumer",
    "held_by_tick", "tables_live", "tables_waiting", "tables_ignored", "attributes", "errors",
)  # fmt: skip


def as_document(topology: Topology) -> dict[str, object]:
    """Return the tree for JSON."""
    return {
        "queue": topology.queue,
        "local_node": topology.local_node,
        "nodes": [
            _document(topology, node)
            for node in topology.nodes.values()
            if node.name not in topology.peers
        ],
    }


def _document(topology: Topology, node: NodeStatus) -> dict[str, object]:
    group = agreement(topology, node)
    return {
        "node": node.name,
        "type": node.kind,
        "provider": node.provider,
        "location": display(node.location),
        "tick": node.tick,
        "lag_seconds": node.lag,
        "global_watermark": node.global_watermark,
        "local_watermark": node.local_watermark,
        "held_by": _holder(_held_by(topology, node, group)),
        "attributes": dict(node.attributes),
        "sync_group": None if group is None else _peers(group),
        "tables": dict(node.tables),
        "columns_left_out": {table: list(names) for table, names in node.left_out.items()},
        "consumers": [_position(one) for one in node.positions],
        "errors": node.errors,
    }


def _held_by(topology: Topology, node: NodeStatus, group: Agreement | None) -> Holder | None:
    """Who holds the watermark that this node decides: the root for all, a sync node for itself."""
    if group is not None:
        return group.held_by
    return root_holder(topology) if node.kind == "root" else None


def _holder(holder: Holder | None) -> dict[str, object] | None:
    if holder is None:
        return None
    return {
        "node": holder.node,
        "consumer": holder.consumer,
        "tick": holder.tick,
        "lag_seconds": holder.lag,
        "why": holder.why,
    }


def _peers(group: Agreement) -> list[dict[str, object]]:
    return [
        {"node": peer.node, "state": peer.state, "watermark": peer.watermark}
        for peer in group.peers
    ]


def _position(one: Position) -> dict[str, object]:
    return {
        "consumer": one.consumer,
        "role": one.role,
        "tick": one.tick,
        "lag_seconds": one.lag,
        "paused": one.paused,
        "uptodate": one.uptodate,
        "error": one.error,
        "runner": one.runner,
    }


def as_rows(topology: Topology) -> list[dict[str, object]]:
    """Return a row for each node, with ``COLUMNS``."""
    return [_row(topology, node) for node in topology.nodes.values()]


def _row(topology: Topology, node: NodeStatus) -> dict[str, object]:
    held = _held_by(topology, node, agreement(topology, node))
    worker, apply = node.worker, node.apply
    return {
        "node": node.name,
        "type": node.kind,
        "provider": node.provider,
        "tick": node.tick,
        "lag_seconds": node.lag,
        "apply_tick": apply and apply.tick,
        "apply_lag_seconds": apply and apply.lag,
        "paused": worker and worker.paused,
        "uptodate": worker and worker.uptodate,
        "global_watermark": node.global_watermark,
        "local_watermark": node.local_watermark,
        "held_by_node": held and held.node,
        "held_by_consumer": held and held.consumer,
        "held_by_tick": held and held.tick,
        "tables_live": node.tables.get("live"),
        "tables_waiting": node.tables.get("waiting"),
        "tables_ignored": node.tables.get("ignored"),
        "attributes": "&".join(f"{key}={value}" for key, value in node.attributes.items()),
        "errors": "; ".join(node.errors),
    }
