"""Making a job of a program: its registration in its own database, and where it reads."""

from __future__ import annotations

from typing import NamedTuple

from tailrace.cascade.node import connected
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.errors import NotFound
from tailrace.faults import reach

queries = load("tailrace")


class Registered(NamedTuple):
    """The job that a program is."""

    job_id: str
    consumer_name: str


async def register(dsn: str, queue: str, name: str) -> Registered:
    """Make the job where it is missing; each step may be repeated after a crash."""
    async with await Database.connect(dsn, name=f"{queue}/{name}") as db:
        async with db.transaction():
            row = await db.fetch_one(queries.add_consumer, queue=queue, name=name)
        assert row is not None
        if not row.is_placed:
            await _begin_elsewhere(db, row, queue)
        return Registered(row.job_id, row.consumer_name)


async def _begin_elsewhere(db: Database, row: Row, queue: str) -> None:
    """A leaf reads from its provider: there the events have to be kept first."""
    consumer, node, location = row.consumer_name, row.provider_node, row.provider_location
    if location is None:
        raise NotFound(
            f'queue "{queue}": nobody here knows where provider "{node}" is',
            hint="choose another provider with: tailrace change-provider",
        )
    await reach("program.after_job")
    async with connected(location, "consumer") as provider:
        await provider.fetch_value(queries.register_reader, queue=queue, consumer=consumer)
        tick = await provider.fetch_value(queries.consumer_position, queue=queue, consumer=consumer)
    await reach("program.after_registration")
    await db.execute(
        queries.place_consumer, queue=queue, consumer=consumer, provider=node, tick=tick
    )
