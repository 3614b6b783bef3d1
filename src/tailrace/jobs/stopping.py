"""What a runner does for jobs of its database that somebody has asked to stop.

Whoever waits for a stop does all this as well; but a wish that was only recorded
(``tailrace.request_stop_job``) has nobody else. A drain needs the tick at which everything is done
that has been committed by now, and only the root can say which one that is.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from tailrace import log
from tailrace.cascade.node import connected, find_root, need_node
from tailrace.db.connection import Database, Row
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


async def choose_drain_tick(db: Database, job_id: str) -> None:
    """Say up to which tick a job that is to be drained goes on, if that can be said by now.

    One that reads what other jobs write can only be drained when those have done what had been
    committed before; so first they are, from the top, one after the other.
    """
    queue = await db.fetch_value(queries.drain_wanted, job_id=job_id)
    if queue is None:
        return
    upstream = await db.fetch_all(queries.upstream_jobs, job_id=job_id)
    heads = [one for one in upstream if one.queue_name != queue]
    for one in heads:
        if one.needed is None:
            await _need(db, job_id, one)
    if not all(_reached(one) for one in heads):
        return
    for one in upstream:
        if one.needed is None:  # all before it have done what there was
            await _need(db, job_id, one)
        if not _reached(one):
            return
    await db.execute(queries.drain_to, job_id=job_id, tick=await root_tick(db, queue))


async def _need(db: Database, job_id: str, upstream: Row) -> None:
    """Let a job that comes before reach the tick at which all is done that is there by now."""
    tick = await root_tick(db, upstream.queue_name)
    await db.execute(queries.drain_after, job_id=job_id, upstream=upstream.job_id, tick=tick)


def _reached(upstream: Row) -> bool:
    """Whether it is where it has to be; what has only just been asked for, is seen next time."""
    if upstream.needed is None or upstream.completed is None:
        return False
    return bool(upstream.completed >= upstream.needed)


async def take_leave(db: Database) -> None:
    """Unregister on other nodes what dropped jobs have left there, where they can be reached."""
    for one in await db.fetch_all(queries.leaving_jobs):
        names = {"queue": one.queue_name, "consumer": one.consumer_name}
        try:
            if one.node_location is not None:
                async with (
                    asyncio.timeout(_ASK_WITHIN),
                    connected(one.node_location, "jobs") as far,
                ):
                    await far.fetch_value(queries.unregister_consumer, **names)
            await db.execute(queries.has_left, provider=one.provider_node, **names)
        except (TimeoutError, TailraceError) as error:
            _logger.debug("node %s: %s is still registered: %s", one.provider_node, names, error)


async def carry_out(db: Database, queue: str) -> None:
    """Bring every job of a queue that is to stop as far as it can be brought now."""
    for job in await db.fetch_all(queries.stopping_jobs, queue=queue):
        try:
            if job.asks_root:
                async with asyncio.timeout(_ASK_WITHIN):
                    await choose_drain_tick(db, job.job_id)
            await db.fetch_value(queries.settle_job, job_id=job.job_id)
        except TimeoutError:
            _logger.warning("job %s: the root of queue %s does not answer", job.job_name, queue)
        except TailraceError as error:
            _logger.warning("job %s: %s", job.job_name, error)
