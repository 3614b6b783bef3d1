"""The beginning of a SQL job that is to know what its sources hold already.

Its statements run once over all rows, each as one that was added, in a transaction whose snapshot
is a tick (architecture.md 5); from that tick on the changes count. The rows do not move: in that
transaction ``changes.<table>`` means the table itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tailrace import log
from tailrace.cascade.position import State
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.engines.postgres.batch import Batch
from tailrace.engines.postgres.program import ChangesJob, Source, SqlJob
from tailrace.errors import WrongState
from tailrace.faults import reach
from tailrace.replication.snapshot import make_tick

queries = load("tailrace")
_logger = log.get("sqljob")


async def fill(
    db: Database, job: SqlJob, batch: Batch, state: State, *, queue: str, consumer: str, epoch: int
) -> int | None:
    """Run the job over the rows that are there; returns their tick, None: it is not yet time."""
    async with snapshot_of(db, job, job.sources, state, queue=queue) as tick:
        if tick is None:
            return None
        await db.fetch_value(
            queries.fill_sql_job,
            job_id=job.job_id, queue=queue, consumer=consumer, epoch=epoch, tick=tick,
        )  # fmt: skip
        await batch.show_rows()
        await job.run(db, f'over the rows at tick {tick} of queue "{queue}"')
        await reach("sqljob.before_fill_commit")
    _logger.info('job "%s": begins with the rows at tick %d', job.job_name, tick)
    return tick


@asynccontextmanager
async def snapshot_of(
    db: Database, job: ChangesJob, sources: Sequence[Source], state: State, *, queue: str
) -> AsyncIterator[int | None]:
    """Open a transaction in which tables are as they were at a tick.

    None: it is not yet time. Before the job's first tick changes have no old values, and before its
    position there are none any more.
    """
    assert job.start_tick is not None
    lock = await db.fetch_value(
        queries.share_lock_sql, tables=[source.relation for source in sources]
    )
    async with db.transaction("repeatable read"):
        await db.execute(lock)
        is_root = state.node_type == "root"
        tick = await make_tick(db, queue) if is_root else await _applied(db, job, sources, queue)
        early = tick is None or tick < max(job.start_tick, state.completed_tick)
        yield None if early else tick


async def _applied(
    db: Database, job: ChangesJob, sources: Sequence[Source], queue: str
) -> int | None:
    """The tick that this node's tables are at, in the snapshot of the transaction."""
    tick: int | None = None
    for source in sources:
        seen = await db.fetch_one(queries.source_state, queue=queue, table=source.table)
        assert seen is not None
        if seen.table_state is None:
            raise WrongState(
                f'job "{job.job_name}" cannot begin with the rows of table "{source.table}": it '
                f'is not replicated on node "{seen.node_name}" any more',
                hint="drop the job",
            )
        if seen.table_state != "live":
            return None
        tick = seen.position_tick
    return tick
