"""Adding a table on a leaf whose queue is merged into another one.

Several queues may bring their rows into one table of this database, and from there into the queue
that they are merged into. Which of them do has to be said as soon as there are several:
``--merge-all`` makes the table part of all of them and of the combined queue, ``--no-merge`` of
this queue alone. All of it is one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from tailrace.cascade.answers import refusal
from tailrace.cascade.node import Node, connected
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import NotFound

queries = load("tailrace")


@dataclass(frozen=True, slots=True)
class Source:
    """A queue that brings rows into a table here, and the node that they come from."""

    queue: str
    provider: str
    db: Database


async def find_sources(
    db: Database, node: Node, *, merge_all: bool, stack: AsyncExitStack
) -> list[Source]:
    """Return this queue, or all that are merged here, and connections to where they come from."""
    sources = []
    for row in await db.fetch_all(queries.merge_group, queue=node.queue):
        if merge_all or row.part_queue == node.queue:
            provider = await stack.enter_async_context(
                connected(row.provider_location, "add-table")
            )
            sources.append(Source(row.part_queue, row.provider_node, provider))
    return sources


async def add_merged(
    db: Database,
    node: Node,
    table: str,
    local_name: str | None,
    sources: Sequence[Source],
    *,
    merge_all: bool,
    no_merge: bool,
) -> bool:
    """Make one table part of its queues, within the caller's transaction; False: it was already.

    What each provider knows of the table comes first, so that its rows can be read here.
    """
    rows = await db.fetch_all(
        queries.add_merged,
        queue=node.queue, table=table, dest=local_name, merge_all=merge_all, no_merge=no_merge,
    )  # fmt: skip
    for row in rows:
        if row.ret_code >= 400:
            raise refusal(row.ret_code, row.ret_note, db)
    for source in sources:
        known = await source.db.fetch_all(queries.replicated_tables, queue=source.queue)
        if table not in [one.table_name for one in known]:
            raise NotFound(
                f'provider "{source.provider}" of queue "{source.queue}" does not replicate '
                f'table "{table}"',
                hint=f"add it there first: tailrace add-table {table}",
            )
        for row in await source.db.fetch_all(queries.known_relations, table=table):
            await db.fetch_value(queries.store_relation, json=row.json)
    return any(row.ret_code == 200 for row in rows)
