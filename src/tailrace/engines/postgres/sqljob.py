"""The consumer that runs a SQL job: its statements once for each batch of changes.

The changes of a range of ticks come into the session (``batch``), then the statements run, and all
of it is one transaction with the position, fenced like every effect. Ticks are merged freely: no
change is left out for another, so weights add up to the same. While one batch is under way, the
next one is already being fetched.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Any

from tailrace.cascade.position import State
from tailrace.cascade.seated import SeatedConsumer
from tailrace.cascade.waiting import Patience
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.engines.postgres.batch import Batch
from tailrace.engines.postgres.failing import count_failure
from tailrace.engines.postgres.filling import fill
from tailrace.engines.postgres.preparing import prepare
from tailrace.engines.postgres.program import SqlJob, read_job
from tailrace.errors import LostChanges, TailraceError
from tailrace.faults import reach
from tailrace.replication.transport import ChangesScope, RangeReader, Reading, Span

queries = load("tailrace")

# Events that are merged into a batch: few at first, then more as far as their rows allow.
FEWEST_EVENTS = 1_000
MOST_EVENTS = 100_000
MOST_ROWS = 200_000

# The connections that read events are put away when there has been nothing to read for so long.
IDLE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Range:
    """Ticks to be done in one go, and their changes on the way here."""

    from_tick: int
    to_tick: int
    last: bool
    reading: Reading


class SqlJobConsumer(SeatedConsumer):
    """Runs one SQL job."""

    def __init__(self, dsn: str, queue: str, consumer: str, **options: Any) -> None:
        """For the options see ``SeatedConsumer``. What a job writes fires triggers like any DML."""
        super().__init__(dsn, queue, consumer, replica=False, **options)
        self.rows = 0
        self._job: SqlJob | None = None
        self._batch: Batch | None = None
        self._open = AsyncExitStack()
        self._reader: RangeReader | None = None
        self._ahead: _Range | None = None
        self._size = FEWEST_EVENTS
        self._busy_at = 0.0

    async def run(self) -> None:
        """Run the job until told to stop, or until there is no such job any more."""
        deafen = self._hear(self._seat.dsn, self._queue, self._wake)
        try:
            await super().run()
        finally:
            deafen()

    def serves(self, state: State) -> bool:
        """Whatever the node is: the position says where to go on."""
        return True

    # ---------------------------------------------------------------- one pass

    async def _pass(self, state: State) -> bool:
        job = await self._known(state)
        if job is None:
            self._end()
            return False
        if job.start_tick is None:
            await prepare(self._seat.db, job.job_id, Patience(5.0))
            self._job = None
            await self._seat.refresh()
            self._wake.set()
            return True
        assert self._batch is not None
        assert self._seat.epoch is not None
        if job.wants_snapshot:
            tick = await fill(
                self._seat.db, job, self._batch, state,
                queue=self._queue, consumer=self._consumer, epoch=self._seat.epoch,
            )  # fmt: skip
            self._job = None
            await self._seat.refresh()
            if tick is None:
                return False
            self._wake.set()
            return True
        if state.newest_tick is not None and state.newest_tick <= state.completed_tick:
            await self._rest(state)
            return False
        return await self._work_on(state, job)

    async def _known(self, state: State) -> SqlJob | None:
        """The job; read once for each time that we take it over."""
        if self._job is None or self._batch is None:
            self._job = await read_job(self._seat.db, self._queue, self._consumer)
            if self._job is not None:
                self._batch = Batch(
                    self._seat.db, self._job.program.sources, reader=self._job.owner
                )
        return self._job

    async def _rest(self, state: State) -> None:
        """There is nothing to do: keep connections that cost nothing only for a while."""
        if self._reader is not None and monotonic() - self._busy_at > IDLE_SECONDS:
            await self._stop_reading()
        await self._provider.finish(state.completed_tick, now=self._loop.stopping)
        await self._seat.refresh()

    async def _work_on(self, state: State, job: SqlJob) -> bool:
        source = await self._source(state)
        assert job.start_tick is not None
        if state.completed_tick < job.start_tick:
            return await self._skip(source, state, job.start_tick)
        found = await self._next(source, state.completed_tick, job)
        if found is None:
            await self._rest(state)
            return False
        self._busy_at = monotonic()
        if not found.last:
            self._ahead = await self._choose(source, found.to_tick, job)
        rows = await self._do(job, found)
        self._seat.trace("apply", start=found.from_tick, end=found.to_tick)
        await reach("sqljob.after_commit")
        self._seat.note_position(found.to_tick)
        self._learn(found, rows)
        await self._provider.finish(found.to_tick, now=self._loop.stopping)
        await self._after_batch(last=found.last)
        return True

    # ---------------------------------------------------------------- reading

    async def _source(self, state: State) -> Database:
        """The connection that knows the ticks: our own where the queue is in our database."""
        if state.provider_node == state.node_name:
            provider = self._seat.db
        else:
            before = self._provider.connected
            provider = await self._provider.follow(state)
            if provider is not before:
                await self._stop_reading()
        if self._reader is None:
            name = f"{self._queue}/{self._consumer}/events"
            events = await Database.connect(provider.dsn, name=name)
            await self._open.enter_async_context(events)
            self._reader = RangeReader(events, queue=self._queue, consumer=self._consumer)
            await self._open.enter_async_context(self._reader)
        return provider

    async def _skip(self, source: Database, state: State, until: int) -> bool:
        """Pass over changes from before the job's first tick."""
        row = await self._range(source, state.completed_tick, stop_tick=until)
        if row is None:
            await self._rest(state)
            return False
        await self._seat.db.fetch_value(
            queries.skip_to,
            queue=self._queue, consumer=self._consumer, epoch=self._seat.epoch,
            from_tick=state.completed_tick, to_tick=row.to_tick,
        )  # fmt: skip
        self._seat.note_position(row.to_tick)
        await self._provider.finish(row.to_tick)
        await self._seat.refresh()
        self._wake.set()
        return True

    async def _next(self, source: Database, position: int, job: SqlJob) -> _Range | None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            if ahead.from_tick == position:
                return ahead
            ahead.reading.close()
        return await self._choose(source, position, job)

    async def _choose(self, source: Database, position: int, job: SqlJob) -> _Range | None:
        """Ask which ticks come next, and let their changes be fetched."""
        assert self._reader is not None
        row = await self._range(source, position, stop_tick=None)
        if row is None:
            return None
        sources = job.program.sources
        scope = ChangesScope(
            applied=frozenset(one.table for one in sources),
            marked=frozenset(one.table for one in sources if one.marked),
        )
        span = Span(self._queue, position, row.to_tick)
        last = bool(row.to_tick == row.newest_tick)
        return _Range(position, row.to_tick, last, self._reader.start(span, scope))

    async def _range(self, source: Database, position: int, *, stop_tick: int | None) -> Any:
        row = await source.fetch_one(
            queries.next_ticks,
            queue=self._queue, consumer=self._consumer, position=position,
            max_events=self._size, stop_tick=stop_tick,
        )  # fmt: skip
        return None if row is None or row.to_tick is None else row

    # ---------------------------------------------------------------- doing

    async def _do(self, job: SqlJob, found: _Range) -> int:
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

    def _learn(self, found: _Range, rows: int) -> None:
        """Learn from a batch how large the next one may be."""
        if rows > MOST_ROWS:
            self._size = max(1, self._size * MOST_ROWS // rows)
        elif found.last:
            self._size = FEWEST_EVENTS
        elif rows < MOST_ROWS // 2:
            self._size = min(MOST_EVENTS, self._size * (4 if rows < MOST_ROWS // 8 else 2))

    # ---------------------------------------------------------------- putting away

    async def _fail(self, error: TailraceError) -> None:
        """Say why it does not get on; after so many times, or where that cannot help, give up."""
        job, epoch = self._job, self._seat.epoch
        await super()._fail(error)
        if job is not None and epoch is not None and not error.retryable:
            await count_failure(
                self._seat.dsn, self.name, job.job_id, epoch, error,
                final=isinstance(error, LostChanges),
            )  # fmt: skip

    async def _let_go(self) -> None:
        await self._stop_reading()
        self._job = self._batch = None

    async def _stop_reading(self) -> None:
        self._ahead = None
        self._size = FEWEST_EVENTS
        things, self._open, self._reader = self._open, AsyncExitStack(), None
        await things.aclose()
