"""Before a SQL job's first batch: its sources are captured with old values, its place is taken.

The request goes from the job's node along the providers to the root, which alone can answer it. It
is answered by a tick: whatever comes after it carries old values, so there the job begins. What is
merged into that root was captured at other roots, so they are asked before, and what they had
captured until then has to have come through.

On a leaf the job's consumer is then registered with the provider, and told by which descriptors
such changes are written: their events come before that tick, and the leaf's worker may be far
behind it.
Everything can be done again: by who creates the job, or, if he dies in between, by its runner.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import NamedTuple

from tailrace.cascade.node import connected, find_root, need_node
from tailrace.cascade.waiting import Patience
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import DatabaseError
from tailrace.faults import reach

queries = load("tailrace")


LOCK_NOT_AVAILABLE = "55P03"

# Whoever waits for the lock keeps all that come later from writing; so we come again instead.
_LOCK_WAIT = "200"


class Granted(NamedTuple):
    """The root's answer: the tick, and the descriptors of the tables up to it."""

    tick: int
    descriptors: list[str]


async def ask_for_old_values(
    db: Database, queue: str, tables: Sequence[str], patience: Patience
) -> Granted:
    """Have the root capture tables with old values; returns the tick after which all have them."""
    async with AsyncExitStack() as stack:
        _, root = await find_root(await need_node(db, queue), db, stack)
        await _ask_parts(root, queue, tables, patience)
        for table in tables:
            await patience.wait(
                partial(_switched_on, root, queue, table),
                what=f'the writers of table "{table}" on the root to end',
                hint="a transaction that has written to it is still open there",
                interval=0.5,
            )
        tick = int(await root.fetch_value(queries.make_tick, queue=queue))
        rows = [await root.fetch_all(queries.known_relations, table=table) for table in tables]
        return Granted(tick, [row.json for found in rows for row in found])


async def _ask_parts(root: Database, queue: str, tables: Sequence[str], patience: Patience) -> None:
    """The same of the queues that are merged into this one, until their old values come here."""
    parts: dict[str, list[str]] = {}
    for row in await root.fetch_all(queries.merged_into, queue=queue, tables=list(tables)):
        parts.setdefault(row.queue_name, []).append(row.table_name)
    for part, names in parts.items():
        granted = await ask_for_old_values(root, part, names, patience)
        await patience.wait(
            partial(_has_come, root, part, granted.tick),
            what=f'tick {granted.tick} of queue "{part}" to come into queue "{queue}"',
            hint=f'the worker of queue "{part}" on its root brings it; is it running? tailrace run',
        )


async def _has_come(db: Database, queue: str, tick: int) -> bool:
    completed = (await need_node(db, queue)).worker_tick
    return completed is not None and completed >= tick


async def _switched_on(root: Database, queue: str, table: str) -> bool:
    """Switch old values on, if the table can be locked for a moment."""
    try:
        async with root.transaction():
            await root.fetch_value(queries.limit_lock_waits, milliseconds=_LOCK_WAIT)
            await root.execute(queries.keep_old_images, queue=queue, table=table)
    except DatabaseError as error:
        if error.sqlstate != LOCK_NOT_AVAILABLE:
            raise
        return False
    return True


async def prepare(db: Database, job_id: str, patience: Patience) -> None:
    """Do what is left to do before the job's first batch."""
    job = await db.fetch_one(queries.sql_job_named, job_id=job_id)
    if job is None or job.start_tick is not None:
        return
    granted = await ask_for_old_values(db, job.queue_name, job.tables, patience)
    await reach("sqljob.after_request")
    position = None
    if job.node_type == "leaf":
        node = await need_node(db, job.queue_name)
        async with connected(node.provider_location, "sql job") as provider:
            position = await provider.fetch_value(
                queries.attach_sql_job,
                queue=job.queue_name, consumer=job.consumer_name,
                beside=job.worker_name if job.wants_snapshot else None,
            )  # fmt: skip
        for descriptor in granted.descriptors:
            await db.execute(queries.store_relation, json=descriptor)
        await reach("sqljob.after_attach")
    await db.execute(queries.begin_sql_job, job_id=job_id, tick=granted.tick, position=position)
