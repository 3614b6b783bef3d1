"""What a runner does for jobs of its database that somebody has asked to stop.

Whoever waits for a stop does all this as well; but a wish that was only recorded
(``tailrace.request_stop_job``) has nobody else. A drain needs the tick at which everything is done
that has been committed by now, and only the root can say which one that is.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from tailrace import log
from tailrace.cascade.node import find_root, need_node
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import TailraceError

queries = load("tailrace")
_logger = log.get("jobs")

# Asking the root must not keep the runner silent so long that others take it for dead.
_ASK_WITHIN = 2.0


async def root_tick(db: Database, queue: str) -> int:
    """The tick at which everything is done that has been committed at the root by now."""
    async with AsyncExitStack() as stack:
        _, root = await find_root(await need_node(db, queue), db, stack)
        return int(await root.fetch_value(queries.covering_tick, queue=queue))


async def carry_out(db: Database, queue: str) -> None:
    """Bring every job of a queue that is to stop as far as it can be brought now."""
    for job in await db.fetch_all(queries.stopping_jobs, queue=queue):
        try:
            if job.asks_root:
                async with asyncio.timeout(_ASK_WITHIN):
                    tick = await root_tick(db, queue)
                await db.execute(queries.drain_to, job_id=job.job_id, tick=tick)
            await db.fetch_value(queries.settle_job, job_id=job.job_id)
        except TimeoutError:
            _logger.warning("job %s: the root of queue %s does not answer", job.job_name, queue)
        except TailraceError as error:
            _logger.warning("job %s: %s", job.job_name, error)
