"""The consumer that runs a SQL job: its statements once for each batch of changes.

The changes of a range of ticks come into the session (``batch``), then the statements run, and all
of it is one transaction with the position, fenced like every effect. Ticks are merged freely: no
change is left out for another, so weights add up to the same.
"""

from __future__ import annotations

from tailrace.cascade.position import State
from tailrace.db.queries import load
from tailrace.engines.postgres.batch import Batch
from tailrace.engines.postgres.changes import ChangesConsumer, Range
from tailrace.engines.postgres.filling import fill
from tailrace.engines.postgres.program import SqlJob, read_job
from tailrace.faults import reach

queries = load("tailrace")


class SqlJobConsumer(ChangesConsumer[SqlJob]):
    """Runs one SQL job."""

    async def _read_job(self) -> SqlJob | None:
        return await read_job(self._seat.db, self._queue, self._consumer)

    async def _begin_with_rows(self, state: State, job: SqlJob, batch: Batch) -> bool:
        assert self._seat.epoch is not None
        tick = await fill(
            self._seat.db, job, batch, state,
            queue=self._queue, consumer=self._consumer, epoch=self._seat.epoch,
        )  # fmt: skip
        return tick is not None

    async def _do(self, job: SqlJob, found: Range) -> int:
        """Changes, statements and position in one transaction; returns the number of changes."""
        assert self._batch is not None
        db = self._seat.db
        where = f'ticks {found.from_tick} to {found.to_tick} of queue "{self._queue}"'
        async with found.reading.fetched(), db.transaction():
            shapes = await db.fetch_all(
                queries.begin_sql_batch,
                job_id=job.job_id, queue=self._queue, consumer=self._consumer,
                epoch=self._seat.epoch, from_tick=found.from_tick, to_tick=found.to_tick,
            )  # fmt: skip
            await reach("sqljob.after_position")
            await self._batch.prepare({row.relation: row.shape for row in shapes})
            rows = await self._batch.load(found.reading)
            await reach("sqljob.after_load")
            if rows:
                await job.run(db, where)
            await reach("sqljob.before_commit")
        self.rows += rows
        return rows
