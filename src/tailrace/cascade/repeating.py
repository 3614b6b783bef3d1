"""A node is to be created that is there already: the same one, or another one?

``create-root``, ``create-branch`` and ``create-leaf`` may be typed again, which completes what was
interrupted and otherwise does nothing (cascade.md 8). A script does so long after the node has been
moved. So what differs is no error; but whoever types another provider is told that the node does
not read from it.
"""

from __future__ import annotations

from collections.abc import Collection

from tailrace.cascade.attributes import SYNC_WATERMARK, group_of
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
            f'"{new.queue}"; it cannot become {new.type} "{new.name}"',
            hint=f"remove that node first, in this database: tailrace drop-node {node.name}",
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
            queue, name = (one.replace("'", "''") for one in (node.queue, node.name))
            remedy = (
                "in the database of the root, and of each node that reads from it: select "
                f"pgq_node.register_location('{queue}', '{name}', 'LOCATION', false)"
            )
            here, asked = display(location), display(new.location)
            found.append(_keeps(node, "location", here, asked, remedy))
    if "provider_location" in named:
        found += await _other_provider(node, new)
    stored = group_of(node)
    if new.sync_watermark is not None and set(stored) != set(new.sync_watermark):
        group = ",".join(new.sync_watermark)
        remedy = f"tailrace set-attr {node.name} {SYNC_WATERMARK}={group}"
        found.append(_keeps(node, SYNC_WATERMARK, ",".join(stored), group, remedy))
    return found


async def _other_provider(node: Node, new: NewNode) -> list[str]:
    """The given string need not be the provider's public one: who answers there, counts."""
    assert new.provider_location is not None
    if parameters(new.provider_location) == parameters(node.provider_location):
        return []
    try:
        async with connected(new.provider_location, f"create-{new.type}") as db:
            asked = (await need_node(db, new.queue)).name
    except TailraceError as error:  # the node stays as it is, whoever that was to be
        return [
            f'node "{node.name}" keeps provider "{node.provider}", not '
            f'"{display(new.provider_location)}", which cannot be asked for its name: '
            f"{error.message}"
        ]
    remedy = f"tailrace change-provider {node.name} --provider {asked}"
    return (
        [] if asked == node.provider else [_keeps(node, "provider", node.provider, asked, remedy)]
    )


def _keeps(node: Node, what: str, found: str | None, asked: str | None, remedy: str) -> str:
    def quoted(value: str | None) -> str:
        return f'"{value}"' if value else "unset"

    return (
        f'node "{node.name}" keeps {what} {quoted(found)}, not {quoted(asked)}; '
        f"change it with: {remedy}"
    )
