"""The cascade drawn for people: a tree of nodes, and below each name what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tailrace.cli.output import short_duration

if TYPE_CHECKING:
    from tailrace.cascade.holding import Agreement, Holder
    from tailrace.cascade.nodestatus import NodeStatus, Position
    from tailrace.cascade.topology import Topology

_COLUMN = 29


def tree_lines(topology: Topology, *, compact: bool = False) -> Iterator[str]:
    """Draw the tree; ``compact`` gives each node one line."""
    yield f"Queue: {topology.queue}   Local node: {topology.local_node}"
    for top in topology.tops():
        if not compact:
            yield ""
        yield _title(topology, top, compact)
        yield from _details(topology, top, "", compact)
        yield from _below(topology, top, "", compact)


def _below(topology: Topology, node: NodeStatus, indent: str, compact: bool) -> Iterator[str]:
    children = topology.children(node.name)
    for child in children:
        inner = indent + ("     " if child is children[-1] else "  |  ")
        yield f"{indent}  +--: {_title(topology, child, compact)}"
        yield from _details(topology, child, inner, compact)
        yield from _below(topology, child, inner, compact)


def _title(topology: Topology, node: NodeStatus, compact: bool) -> str:
    service = f" [{node.service_name}]" if node.service_name else ""
    title = f"{node.name} ({node.kind}){service}"
    return f"{title}  {'; '.join(detail_lines(topology, node))}".rstrip() if compact else title


def _details(topology: Topology, node: NodeStatus, indent: str, compact: bool) -> Iterator[str]:
    """The lines below a node's name, with the tree's own line going on beside them."""
    stem = (indent + ("  |" if topology.children(node.name) else "")).ljust(_COLUMN)
    for line in () if compact else detail_lines(topology, node):
        yield f"{stem}{line}"


def detail_lines(topology: Topology, node: NodeStatus) -> Iterator[str]:
    """What is said of one node: tables, lag, attributes, watermarks, errors, in this order."""
    if node.answers:
        yield from _figures(node)
    for key, value in node.attributes.items():
        yield f"Attr: {key}={value}"
    yield from _watermark(topology, node)
    for error in node.errors:
        yield f"ERR: {error}"


def _figures(node: NodeStatus) -> Iterator[str]:
    tables = node.tables
    if tables.get("total") or tables.get("ignored"):
        yield f"Tables: {tables['live']}/{tables['waiting']}/{tables.get('ignored', 0)}"
    if tables.get("missed_updates") or tables.get("missed_deletes"):
        yield (
            f"Missed: {tables['missed_updates']} updates, {tables['missed_deletes']} deletes "
            "that met no row"
        )
    for table, columns in node.left_out.items():
        several = "s" if len(columns) > 1 else ""
        yield f"Left out: {table} lacks the root's column{several} {', '.join(columns)}"
    yield f"Lag: {short_duration(node.lag)}, Tick: {node.tick}{_flags(node.worker, node)}"
    if node.apply is not None:
        apply = node.apply
        yield f"Apply: Lag: {short_duration(apply.lag)}, Tick: {apply.tick}{_flags(apply, node)}"


def _flags(position: Position | None, node: NodeStatus) -> str:
    if position is None or node.kind == "root":
        return ""
    return (", PAUSED" if position.paused else "") + ("" if position.uptodate else ", NOT UPTODATE")


def _watermark(topology: Topology, node: NodeStatus) -> Iterator[str]:
    """Who keeps events: said of the root, for all, and of a sync branch, for its group."""
    from tailrace.cascade.holding import agreement, root_holder

    group = agreement(topology, node)
    if group is not None:
        yield f"Sync: {_peers(group)}; agreed on {group.agreed}"
    held = group.held_by if group else root_holder(topology) if node.kind == "root" else None
    if held is not None:
        yield f"Held by: {held_by(held)}{_way_out(node, held)}"


def _way_out(node: NodeStatus, holder: Holder) -> str:
    """How a group gets rid of a member that is none, such as one that was dropped."""
    if holder.why != "unknown":
        return ""
    rest = [name for name in node.sync_group or () if name in node.members] or [node.name]
    return f"; if it is gone: tailrace set-attr {node.name} sync_watermark={','.join(rest)}"


def _peers(group: Agreement) -> str:
    return ", ".join(
        f"{peer.node} {peer.watermark if peer.watermark is not None else peer.state}"
        for peer in group.peers
    )


def held_by(holder: Holder) -> str:
    """Say who keeps a watermark back, and what would help where something would."""
    at = f"at tick {holder.tick}"
    if holder.lag is not None:
        at += f", {short_duration(holder.lag)} behind"
    match holder.why:
        case "behind":
            return f"{holder.consumer} of {holder.node}, {at}"
        case "not told yet":
            return f"{holder.node}, {at}, as it last told; is at {holder.now} by now"
        case "unknown":
            return f"{holder.node}, which is no node that this one knows"
        case "upstream":
            return f"{holder.node}, which has not told more than tick {holder.tick}"
        case "left":
            return (
                f"{holder.node}, {at}, where it left for {holder.reads_from}; let go of it with: "
                f"tailrace change-provider {holder.node} --provider {holder.reads_from}"
            )
        case "dead":
            return f"{holder.node} (dead), {at}; forget it with: tailrace drop-node {holder.node}"
        case "not asked":
            return f"{holder.node}, {at}, or somebody below it; more with: tailrace status"
        case "unreachable":
            return f"{holder.node} (unreachable), {at}"
