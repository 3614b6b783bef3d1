"""A node is to be created that is there already: the same one, or another one?

``create-root``, ``create-branch`` and ``create-leaf`` may be typed again, which completes what was
interrupted and otherwise does nothing (cascade.md 8). A script does so long after the node has been
moved. So what differs is no error; but whoever types another provider is told that the node does
not read from it.
"""

from __future__ import annotations

from collections.abc import Collection

from tailrace.cascade.attributes import SYNC_WATERMARK
from tailrace.cascade.joining import NewNode
from tailrace.cascade.node import Node, connected, find_member, need_node, read_node
from tailrace.db.connection import Database
from tailrace.db.dsn import display, parameters
from tailrace.errors import AlreadyExists, TailraceError


async def existing_node(db: Database, new: NewNode) -> Node | None:
    """Return the node that is here already; raise when it is another one than was asked for."""
    node = await read_node(db, new.queue)
    if node is not None and (node.name, node.type) != (new.name, new.type):
        raise AlreadyExists(
            f'database "{db.dbname}" is already node "{node.name}" ({node.type}) of queue '
            f'"{new.queue}"; it cannot become {new.type} "{new.name}"'
        )
    return node


async def differences(db: Database, node: Node, new: NewNode, named: Collection[str]) -> list[str]:
    """Say what the node keeps where something else was asked for, and how it is changed.

    ``named`` are the fields of ``new`` that the user chose himself; the others are defaults, or
    settings of a time when the node was made, and may differ from what has become of it.
    """
    found = []
    anew = f"tailrace drop-node {node.name}, and create it anew"
    if "worker" in named and node.worker != new.worker:
        found.append(_keeps(node, "worker", node.worker, new.worker, anew))
    if "combined_queue" in named and node.combined_queue != new.combined_queue:
        found.append(_keeps(node, "merge", node.combined_queue, new.combined_queue, anew))
    if "location" in named:
        location = (await find_member(db, node.queue, node.name)).location
        if parameters(location) != parameters(new.location):
            remedy = (
                "in the database of the root: select pgq_node.register_location("
                f"'{node.queue}', '{node.name}', 'LOCATION', false)"
            )
            here, asked = display(location), display(new.location)
            found.append(_keeps(node, "location", here, asked, remedy))
    if "provider_location" in named:
        asked = await _provider_asked(node, new)
        if asked != node.provider:
            remedy = f"tailrace change-provider {node.name} --provider {asked}"
            found.append(_keeps(node, "provider", node.provider, asked, remedy))
    stored = node.attributes.get(SYNC_WATERMARK, "")
    if new.sync_watermark is not None and set(stored.split(",")) != set(new.sync_watermark or [""]):
        group = ",".join(new.sync_watermark)
        remedy = f"tailrace set-attr {node.name} {SYNC_WATERMARK}={group}"
        found.append(_keeps(node, SYNC_WATERMARK, stored, group, remedy))
    return found


async def _provider_asked(node: Node, new: NewNode) -> str:
    """The given string need not be the provider's public one: who answers there, counts."""
    assert new.provider_location is not None
    if parameters(new.provider_location) == parameters(node.provider_location):
        return node.provider
    try:
        async with connected(new.provider_location, f"create-{new.type}") as db:
            return (await need_node(db, new.queue)).name
    except TailraceError:  # the node stays as it is, whoever that was to be
        return display(new.provider_location)


def _keeps(node: Node, what: str, found: str | None, asked: str | None, remedy: str) -> str:
    def quoted(value: str | None) -> str:
        return f'"{value}"' if value else "unset"

    return (
        f'node "{node.name}" keeps {what} {quoted(found)}, not {quoted(asked)}; '
        f"change it with: {remedy}"
    )
