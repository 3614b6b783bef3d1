"""What SHOW NODES, SHOW QUEUES and SHOW CONSUMERS list."""

from __future__ import annotations

from datetime import timedelta

from tailrace import service
from tailrace.cascade.document import as_rows
from tailrace.cascade.node import queries as node_queries
from tailrace.cascade.topology import Topology, read_topology
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import NotFound
from tailrace.gateway.results import Answer, Result

queries = load("tailrace")

NODE_COLUMNS = (
    "queue", "node", "type", "provider", "lag", "tick", "local watermark", "global watermark",
    "held by", "state",
)  # fmt: skip
QUEUE_COLUMNS = (
    "queue", "node", "type", "last tick", "ticker lag", "events per second", "new events",
    "consumers",
)  # fmt: skip
CONSUMER_COLUMNS = (
    "queue", "consumer", "lag", "last seen", "last tick", "current batch", "pending events",
)  # fmt: skip


async def nodes(db: Database, queue: str | None, *, deadline: float) -> Answer:
    """All nodes of the cascades that this database is in."""
    here = [str(row.queue_name) for row in await db.fetch_all(node_queries.nodes_here)]
    if queue is not None and queue not in here:
        listed = f"it is one of: {', '.join(here)}" if here else "it is one of none"
        raise NotFound(f'database "{db.dbname}" is no node of queue "{queue}"; {listed}')
    wanted = here if queue is None else [queue]
    found = await service.together(*(read_topology(db, one, deadline=deadline) for one in wanted))
    return Answer(Result(NODE_COLUMNS, [row for one in found for row in _node_rows(one)]))


def _node_rows(topology: Topology) -> list[tuple[object, ...]]:
    return [
        (
            topology.queue,
            row["node"],
            row["type"],
            row["provider"],
            _lag(row["lag_seconds"]),
            row["tick"],
            row["local_watermark"],
            row["global_watermark"],
            _held_by(row),
            row["errors"] or ("paused" if row["paused"] else "ok"),
        )
        for row in as_rows(topology)
    ]


def _lag(seconds: object) -> timedelta | None:
    return timedelta(seconds=round(seconds, 3)) if isinstance(seconds, int | float) else None


def _held_by(row: dict[str, object]) -> str | None:
    names = [str(row[key]) for key in ("held_by_node", "held_by_consumer") if row[key]]
    return "/".join(names) or None


async def queues(db: Database) -> Answer:
    """The queues of this database."""
    rows = await db.fetch_all(queries.show_queues)
    return Answer(Result(QUEUE_COLUMNS, [tuple(row) for row in rows]))


async def consumers(db: Database, queue: str | None) -> Answer:
    """Who reads the queues of this database."""
    if queue is not None and not await db.fetch_value(queries.has_queue, queue=queue):
        raise NotFound(
            f'there is no queue "{queue}" in database "{db.dbname}"',
            hint="list them with: SHOW QUEUES",
        )
    rows = await db.fetch_all(queries.show_consumers, queue=queue)
    return Answer(Result(CONSUMER_COLUMNS, [tuple(row) for row in rows]))
