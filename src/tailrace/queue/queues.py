"""Queues and their consumers as a person handles them: made, looked at, removed.

A queue that belongs to a cascade is made and removed with its node; here are the plain ones. What
a cascade has registered on a queue is left alone, too: somebody would lose events.
"""

from __future__ import annotations

from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.errors import NotFound, UsageError, WrongState

queries = load("pgq")


async def create(db: Database, queue: str) -> bool:
    """Make a queue; False: it was there already."""
    if not queue.strip():
        raise UsageError("a queue needs a name that is not empty")
    return bool(await db.fetch_value(queries.create_queue, queue=queue))


async def drop(db: Database, queue: str, *, force: bool) -> None:
    """Remove a plain queue; ``force``: together with its consumers."""
    node = await db.fetch_value(queries.node_of, queue=queue)
    if node is not None:
        raise WrongState(
            f'queue "{queue}" belongs to node "{node}"',
            hint=f"remove the node with it: tailrace drop-node {node} --queue {queue}",
        )
    await db.fetch_value(queries.drop_queue, queue=queue, force=force)


async def find(db: Database) -> list[Row]:
    """Return all queues, by name."""
    return await db.fetch_all(queries.queues)


async def consumers(db: Database, queue: str | None) -> list[Row]:
    """Return who reads a queue, or any."""
    if queue is not None:
        await _need(db, queue)
    return await db.fetch_all(queries.consumers, queue=queue)


async def unregister(db: Database, queue: str, consumer: str) -> None:
    """Forget a consumer that nobody wants any more; what it has not read is lost to it."""
    await _need(db, queue)
    if await db.fetch_value(queries.of_the_cascade, queue=queue, consumer=consumer):
        raise WrongState(
            f'consumer "{consumer}" of queue "{queue}" belongs to the cascade',
            hint="it goes with its node or job: tailrace drop-node, tailrace drop-job",
        )
    if not await db.fetch_value(queries.unregister_consumer, queue=queue, consumer=consumer):
        raise NotFound(
            f'queue "{queue}" has no consumer "{consumer}"',
            hint="list them with: tailrace consumers",
        )


async def _need(db: Database, queue: str) -> None:
    known = [str(row.queue) for row in await find(db)]
    if queue not in known:
        raise NotFound(
            f'queue "{queue}" does not exist in database "{db.dbname}"',
            hint=f"it holds: {', '.join(known)}"
            if known
            else f"create it with: tailrace create-queue {queue}",
        )
