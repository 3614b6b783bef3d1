"""A node is to be created that is there already: the same one, or another one?

``create-root``, ``create-branch`` and ``create-leaf`` may be typed again, which completes what was
interrupted and otherwise does nothing. What they ask for must then be what is there: whoever types
another provider must not believe that the node reads from it from now on.
"""

from __future__ import annotations

from collections.abc import Collection

from tailrace.cascade.attributes import SYNC_WATERMARK
from tailrace.cascade.joining import NewNode
from tailrace.cascade.node import Node, connected, find_member, need_node, read_node
from tailrace.db.connection import Database
from tailrace.db.dsn import display, parameters
from tailrace.errors import AlreadyExists, WrongState


async def existing_node(db: Database, new: NewNode, named: Collection[str] = ()) -> Node | None:
    """Return the node that is here already; raise when it is another one than was asked for.

    ``named`` are the fields of ``new`` that the user chose himself; the others are defaults, or
    settings of a time when the node was made, and may differ from what has become of it.
    """
    node = await read_node(db, new.queue)
    if node is None:
        return None
    if (node.name, node.type) != (new.name, new.type):
        raise AlreadyExists(
            f'database "{db.dbname}" is already node "{node.name}" ({node.type}) of queue '
            f'"{new.queue}"; it cannot become {new.type} "{new.name}"'
        )
    if "worker" in named and node.worker != new.worker:
        raise _other(node, f'with worker "{node.worker}"', f'"{new.worker}"', _anew(node))
    if "combined_queue" in named and node.combined_queue != new.combined_queue:
        merged = f"merged into {_quoted(node.combined_queue, 'no queue')}"
        raise _other(node, merged, f'"{new.combined_queue}"', _anew(node))
    if "location" in named:
        await _check_location(db, node, new)
    if "provider_location" in named:
        await _check_provider(node, new)
    return node


def other_group(node: Node, new: NewNode) -> str | None:
    """Say that a node keeps its sync group where another one was asked for.

    No error: scripts written for Londiste may create a node again, whatever its group has become
    (acceptance D-02).
    """
    stored = node.attributes.get(SYNC_WATERMARK, "")
    asked = ",".join(new.sync_watermark or ())
    if new.sync_watermark is None or set(stored.split(",")) == set(asked.split(",")):
        return None
    return (
        f'node "{node.name}" keeps {SYNC_WATERMARK} {_quoted(stored, "unset")}, not '
        f"{_quoted(asked, 'unset')}; change it with: "
        f"tailrace set-attr {node.name} {SYNC_WATERMARK}={asked}"
    )


async def _check_location(db: Database, node: Node, new: NewNode) -> None:
    location = (await find_member(db, node.queue, node.name)).location
    if parameters(location) != parameters(new.location):
        here, asked = display(location), display(new.location)
        raise _other(
            node,
            f'at location "{here}"',
            "the same with other parameters" if here == asked else f'"{asked}"',
            "change it for all nodes in the database of the root: select "
            f"pgq_node.register_location('{node.queue}', '{node.name}', 'LOCATION', false)",
        )


async def _check_provider(node: Node, new: NewNode) -> None:
    """The given string need not be the provider's public one: who answers there, counts."""
    assert new.provider_location is not None
    if parameters(new.provider_location) == parameters(node.provider_location):
        return
    async with connected(new.provider_location, f"create-{new.type}") as db:
        asked = (await need_node(db, new.queue)).name
    if asked != node.provider:
        raise _other(
            node,
            f'reading from node "{node.provider}"',
            f'"{asked}"',
            f"change it with: tailrace change-provider {node.name} --provider {asked}",
        )


def _other(node: Node, found: str, asked: str, remedy: str) -> WrongState:
    return WrongState(
        f'node "{node.name}" of queue "{node.queue}" is there already, {found}, not {asked}',
        hint=remedy,
    )


def _anew(node: Node) -> str:
    return f"that cannot be changed; remove it with: tailrace drop-node {node.name}, then create it"


def _quoted(value: str | None, otherwise: str) -> str:
    return f'"{value}"' if value else otherwise
