"""``status``: the cascade as a tree, as JSON or as lines; ``node-status``: a part of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option, write_json, write_rows
from tailrace.cli.targets import dead_option
from tailrace.cli.tree import detail_lines, tree_lines

if TYPE_CHECKING:
    from tailrace.cascade.nodestatus import NodeStatus
    from tailrace.cascade.topology import Topology

F = TypeVar("F", bound=Callable[..., Any])


def _deadline_option(function: F) -> F:
    return click.option(
        "--deadline",
        type=click.FloatRange(min=0.1),
        default=5.0,
        show_default=True,
        envvar="TAILRACE_DEADLINE",
        metavar="SECONDS",
        help="How long to wait for a node's answer.",
    )(function)


@command("status")
@format_option()
@click.option("--compact", is_flag=True, help="One line for each node.")
@click.option(
    "--watch",
    type=click.FloatRange(min=0.1),
    is_flag=False,
    flag_value=2.0,
    metavar="[SECONDS]",
    help="Show it again and again, until Ctrl-C.",
)
@_deadline_option
@dead_option
async def status(
    call: Invocation,
    form: str,
    compact: bool,
    watch: float | None,
    deadline: float,
    dead: tuple[str, ...],
) -> int:
    """Show all nodes of the queue: who reads from whom, how far, and what is wrong.

    "Held by" names who keeps the watermark back: from there on all nodes keep their events.
    """
    from tailrace.cascade.node import choose_queue
    from tailrace.cascade.topology import read_topology

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)

        async def look() -> Topology:
            return await read_topology(db, queue, deadline=deadline, given_up=dead)

        _show(await look(), form, compact)
        while watch is not None:
            await asyncio.sleep(watch)
            topology = await look()
            click.clear()  # does nothing where there is no terminal
            _show(topology, form, compact)
    return 0


def _show(topology: Topology, form: str, compact: bool) -> None:
    from tailrace.cascade import document

    if form == "json":
        write_json(document.as_document(topology))
    elif form != "table":
        write_rows(form, document.COLUMNS, document.as_rows(topology))
    else:
        for line in tree_lines(topology, compact=compact):
            click.echo(line)


@command("node-status")
@format_option()
@_deadline_option
@dead_option
async def node_status(call: Invocation, form: str, deadline: float, dead: tuple[str, ...]) -> int:
    """Show this node, the node it reads from, and those that read from it."""
    from tailrace.cascade.node import choose_queue
    from tailrace.cascade.topology import read_vicinity

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)
        topology = await read_vicinity(db, queue, deadline=deadline, given_up=dead)
    if form != "table":
        _show(topology, form, compact=False)
        return 0
    click.echo(f"Queue: {topology.queue}")
    local = topology.nodes[topology.local_node]
    others = [one for one in topology.nodes.values() if one is not local]
    for one in others:
        if one.name == local.provider:
            _node("Provider", topology, one)
    _node("Local node", topology, local)
    for one in others:
        if one.name in local.subscribers:
            _node("Subscriber", topology, one)
    return 0


def _node(what: str, topology: Topology, node: NodeStatus) -> None:
    click.echo(f"{what}: {node.name} ({node.kind})")
    for line in detail_lines(topology, node):
        click.echo(f"    {line}")
