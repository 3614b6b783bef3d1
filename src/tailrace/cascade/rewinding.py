"""Making the two positions of a consumer agree by hand.

The position in the consumer's own database says what has been done; the one on the provider only
keeps the events after it, and is never ahead. They come apart when one of the two databases is
restored from a backup. ``rewind`` trusts the own database and moves the provider's; ``reset``
trusts the provider and moves the own one, so events may be applied again or left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tailrace.cascade.answers import ask
from tailrace.cascade.node import Node, connected, queries
from tailrace.cascade.position import Seat
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import NotFound, WrongState

own_queries = load("tailrace")


async def rewind(db: Database, node: Node, consumer: str | None = None) -> tuple[str, int]:
    """Set the queue's position to what the own database has completed; return who and where."""
    name = consumer or node.worker
    async with _both_sides(db, node, name) as (provider, done, _):
        await provider.fetch_value(
            own_queries.move_consumer, queue=node.queue, consumer=name, tick=done
        )
    return name, done


async def reset(db: Database, node: Node, consumer: str | None = None) -> tuple[str, int]:
    """Set the own position to that of the queue; return who and where."""
    name = consumer or node.worker
    async with _both_sides(db, node, name) as (_, done, kept):
        if node.type == "branch" and name == node.worker and kept != done:
            raise WrongState(
                f'worker "{name}" of branch "{node.name}" mirrors every tick; its position, '
                f"{done}, is that of its own queue and cannot become {kept}",
                hint="move the provider's position with: tailrace rewind, or make the node anew",
            )
        await ask(db, queries.set_completed, queue=node.queue, consumer=name, tick=kept)
    return name, kept


@asynccontextmanager
async def _both_sides(
    db: Database, node: Node, consumer: str
) -> AsyncIterator[tuple[Database, int, int]]:
    """Connect to the provider and read both positions, while no runner is at work."""
    state = await db.fetch_one(queries.consumer_state, queue=node.queue, consumer=consumer)
    if state is None or state.ret_code >= 300:
        raise NotFound(f'node "{node.name}" of queue "{node.queue}" has no consumer "{consumer}"')
    if node.is_root and consumer == node.worker:
        raise WrongState(f'worker "{consumer}" of the root "{node.name}" reads from nowhere')
    async with (
        _at_rest(db, node, consumer),
        connected(state.provider_location, "rewind") as provider,
    ):
        kept = await provider.fetch_value(
            own_queries.consumer_position, queue=node.queue, consumer=consumer
        )
        if kept is None:
            raise NotFound(
                f'consumer "{consumer}" is not registered on node "{state.provider_node}"',
                hint="register it with: tailrace change-provider",
            )
        yield provider, state.completed_tick, int(kept)


@asynccontextmanager
async def _at_rest(db: Database, node: Node, consumer: str) -> AsyncIterator[None]:
    """Sit in the runner's place meanwhile, so that nobody acts on the old position."""
    seat = Seat(db.dsn, node.queue, consumer)
    try:
        if not await seat.take():
            raise WrongState(
                f'consumer "{consumer}" of node "{node.name}" is being served',
                hint="stop the tailrace run that serves it first",
            )
        yield
    finally:
        await seat.leave()
