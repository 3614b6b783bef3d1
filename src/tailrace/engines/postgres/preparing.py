"""Before a SQL job's first batch: its sources are captured with old values, its place is taken.

The request goes from the job's node along the providers to the root, which alone can answer it. It
is answered by a tick: whatever comes after it carries old values, so there the job begins. On a
leaf the job's consumer is then registered with the provider. Everything can be done again: by who
creates the job, or, if he dies in between, by its runner.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from tailrace.cascade.node import connected, find_root, need_node
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.faults import reach

queries = load("tailrace")


async def ask_for_old_values(db: Database, queue: str, tables: Sequence[str]) -> int:
    """Have the root capture tables with old values; returns the tick after which all have them."""
    async with AsyncExitStack() as stack:
        _, root = await find_root(await need_node(db, queue), db, stack)
        for table in tables:
            await root.execute(queries.keep_old_images, queue=queue, table=table)
        return int(await root.fetch_value(queries.make_tick, queue=queue))


async def prepare(db: Database, job_id: str) -> None:
    """Do what is left to do before the job's first batch."""
    job = await db.fetch_one(queries.sql_job_named, job_id=job_id)
    if job is None or job.start_tick is not None:
        return
    tick = await ask_for_old_values(db, job.queue_name, job.tables)
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
        await reach("sqljob.after_attach")
    await db.execute(queries.begin_sql_job, job_id=job_id, tick=tick, position=position)
