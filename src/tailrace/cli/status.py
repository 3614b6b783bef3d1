"""``status``: the cascade as a tree for people, or as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option, short_duration, write_json

if TYPE_CHECKING:
    from tailrace.cascade.topology import NodeStatus, Position, Topology

_COLUMN = 29


@command("status")
@format_option("table", "json")
@click.option(
    "--deadline",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    envvar="TAILRACE_DEADLINE",
    metavar="SECONDS",
    help="How long to wait for a node's answer.",
)
@click.option(
    "--watch",
    type=click.FloatRange(min=0.1),
    is_flag=False,
    flag_value=2.0,
    metavar="[SECONDS]",
    help="Show it again and again, until Ctrl-C.",
)
async def status(call: Invocation, form: str, deadline: float, watch: float | None) -> int:
    """Show all nodes of the queue: who reads from whom, how far, and what is wrong."""
    from tailrace.cascade.node import choose_queue
    from tailrace.cascade.topology import read_topology

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)
        _show(await read_topology(db, queue, deadline=deadline), form)
        while watch is not None:
            await asyncio.sleep(watch)
            topology = await read_topology(db, queue, deadline=deadline)
            click.clear()  # does nothing where there is no terminal
            _show(topology, form)
    return 0


def _show(topology: Topology, form: str) -> None:
    from tailrace.cascade.topology import as_document

    if form == "json":
        write_json(as_document(topology))
    else:
        for line in tree_lines(topology):
            click.echo(line)


def tree_lines(topology: Topology) -> Iterator[str]:
    """Draw the tree; also used by the demo."""
    yield f"Queue: {topology.queue}   Local node: {topology.local_node}"
    for top in topology.tops():
        yield ""
        yield f"{_title(top)}"
        yield from _details(topology, top, "")
        yield from _below(topology, top, "")


def _below(topology: Topology, node: NodeStatus, indent: str) -> Iterator[str]:
    children = topology.children(node.name)
    for child in children:
        inner = indent + ("     " if child is children[-1] else "  |  ")
        yield f"{indent}  +--: {_title(child)}"
        yield from _details(topology, child, inner)
        yield from _below(topology, child, inner)


def _title(node: NodeStatus) -> str:
    service = f" [{node.service_name}]" if node.service_name else ""
    return f"{node.name} ({node.kind}){service}"


def _details(topology: Topology, node: NodeStatus, indent: str) -> Iterator[str]:
    """The lines below a node's name, with the tree's own line going on beside them."""
    stem = (indent + ("  |" if topology.children(node.name) else "")).ljust(_COLUMN)
    for line in detail_lines(node):
        yield f"{stem}{line}"


def detail_lines(node: NodeStatus) -> Iterator[str]:
    """What is said of one node: tables, lag, attributes, errors, in this order."""
    if node.kind not in ("dead", "unreachable"):
        yield from _figures(node)
    for key, value in node.attributes.items():
        yield f"Attr: {key}={value}"
    for error in node.errors:
        yield f"ERR: {error}"


def _figures(node: NodeStatus) -> Iterator[str]:
    tables = node.tables
    if tables.get("total"):
        yield f"Tables: {tables['live']}/{tables['waiting']}"
    if tables.get("missed_updates") or tables.get("missed_deletes"):
        yield (
            f"Missed: {tables['missed_updates']} updates, {tables['missed_deletes']} deletes "
            "that met no row"
        )
    yield f"Lag: {short_duration(node.lag)}, Tick: {node.tick}{_flags(node.worker, node)}"
    if node.apply is not None:
        apply = node.apply
        yield f"Apply: Lag: {short_duration(apply.lag)}, Tick: {apply.tick}{_flags(apply, node)}"


def _flags(position: Position | None, node: NodeStatus) -> str:
    if position is None or node.kind == "root":
        return ""
    return (", PAUSED" if position.paused else "") + ("" if position.uptodate else ", NOT UPTODATE")
