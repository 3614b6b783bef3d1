"""The beginning of a SQL job that is to know what its sources hold already.

Its statements run once over all rows, each as one that was added, in a transaction whose snapshot
is a tick (architecture.md 5); from that tick on the changes count. The rows do not move: in that
transaction ``changes.<table>`` means the table itself.
"""

from __future__ import annotations

from tailrace import log
from tailrace.cascade.position import State
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.engines.postgres.batch import Batch
from tailrace.engines.postgres.program import SqlJob
from tailrace.errors import WrongState
from tailrace.faults import reach
from tailrace.replication.snapshot import make_tick

queries = load("tailrace")
_logger = log.get("sqljob")


async def fill(
    db: Database, job: SqlJob, batch: Batch, state: State, *, queue: str, consumer: str, epoch: int
) -> int | None:
    """Run the job over the rows that are there; returns their tick, None: it is not yet time."""
    assert job.start_tick is not None
    tables = [source.relation for source in job.program.sources]
    lock = await db.fetch_value(queries.share_lock_sql, tables=tables)
    async with db.transaction("repeatable read"):
        await db.execute(lock)
        is_root = state.node_type == "root"
        tick = await make_tick(db, queue) if is_root else await _applied(db, job, queue)
        if tick is None or tick < max(job.start_tick, state.completed_tick):
            return None  # before that no old values, or no events any more
        await db.fetch_value(
            queries.fill_sql_job,
            job_id=job.job_id, queue=queue, consumer=consumer, epoch=epoch, tick=tick,
        )  # fmt: skip
        await batch.show_rows()
        await job.run(db, f'over the rows at tick {tick} of queue "{queue}"')
        await reach("sqljob.before_fill_commit")
    _logger.info('job "%s": begins with the rows at tick %d', job.job_name, tick)
    return tick


async def _applied(db: Database, job: SqlJob, queue: str) -> int | None:
    """The tick that this node's tables are at, in the snapshot of the transaction."""
    tick: int | None = None
    for source in job.program.sources:
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
