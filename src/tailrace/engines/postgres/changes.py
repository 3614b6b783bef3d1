"""What consumers of row changes have in common: SQL jobs, and jobs that write files.

The changes of a range of ticks are fetched and done in one go; ticks are merged freely, up to as
many rows as fit a batch. While one batch is under way, the next one is already being fetched. How a
job begins, how it fails and how it ends is the same, whatever it does with the changes.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, TypeVar

from tailrace.cascade.position import State
from tailrace.cascade.seated import SeatedConsumer
from tailrace.cascade.waiting import Patience
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.engines.postgres.batch import Batch
from tailrace.engines.postgres.failing import count_failure
from tailrace.engines.postgres.preparing import prepare
from tailrace.engines.postgres.program import ChangesJob, Source
from tailrace.errors import LostChanges, TailraceError
from tailrace.faults import reach
from tailrace.replication.span import ChangesScope, Span
from tailrace.replication.transport import RangeReader, Reading

queries = load("tailrace")

# Events that are merged into a batch: few at first, then more as far as their rows allow.
FEWEST_EVENTS = 1_000
MOST_EVENTS = 100_000
MOST_ROWS = 200_000

# The connections that read events are put away when there has been nothing to read for so long.
IDLE_SECONDS = 10.0


Job = TypeVar("Job", bound=ChangesJob)


@dataclass(frozen=True, slots=True)
class Range:
    """Ticks to be done in one go, and their changes on the way here."""

    from_tick: int
    to_tick: int
    last: bool
    reading: Reading


class ChangesConsumer(SeatedConsumer, Generic[Job]):
    """Runs one job that reads changes."""

    hears_home = True

    def __init__(self, dsn: str, queue: str, consumer: str, **options: Any) -> None:
        """For the options see ``SeatedConsumer``. What a job writes fires triggers like any DML."""
        super().__init__(dsn, queue, consumer, replica=False, **options)
        self.rows = 0
        self._job: Job | None = None
        self._batch: Batch | None = None
        self._open = AsyncExitStack()
        self._reader: RangeReader | None = None
        self._ahead: Range | None = None
        self._size = FEWEST_EVENTS
        self._busy_at = 0.0

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
            began = await self._begin_with_rows(state, job, self._batch)
            self._job = None
            await self._seat.refresh()
            if not began:
                return False
            self._wake.set()
            return True
        newest = None if self._loop.woken else state.newest_tick  # older than what woke us
        if newest is not None and newest <= state.completed_tick:
            await self._rest(state)
            return False
        return await self._work_on(state, job)

    async def _known(self, state: State) -> Job | None:
        """The job; read once for each time that we take it over."""
        if self._job is None or self._batch is None:
            self._job = await self._read_job()
            if self._job is not None:
                self._batch = Batch(self._seat.db, self._job.sources, reader=self._job.owner)
        return self._job

    @abstractmethod
    async def _read_job(self) -> Job | None:
        """Read the job; None when there is none any more."""

    @abstractmethod
    async def _begin_with_rows(self, state: State, job: Job, batch: Batch) -> bool:
        """Do what is done with the rows that are there; False: it is not yet time."""

    @abstractmethod
    async def _do(self, job: Job, found: Range) -> int:
        """Do what is done with changes, and move the position; returns how many there were."""

    async def _rest(self, state: State) -> None:
        """There is nothing to do: keep connections that cost nothing only for a while."""
        if self._reader is not None and monotonic() - self._busy_at > IDLE_SECONDS:
            await self._stop_reading()
        await self._provider.finish(state.completed_tick, now=self._loop.stopping)
        await self._seat.refresh()

    async def _work_on(self, state: State, job: Job) -> bool:
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

    async def _next(self, source: Database, position: int, job: Job) -> Range | None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            if ahead.from_tick == position:
                return ahead
            ahead.reading.close()
        return await self._choose(source, position, job)

    async def _choose(self, source: Database, position: int, job: Job) -> Range | None:
        """Ask which ticks come next, and let their changes be fetched."""
        assert self._reader is not None
        row = await self._range(source, position, stop_tick=self._stop_tick(job, position))
        if row is None:
            return None
        return self._read(job, position, row.to_tick, last=row.to_tick == row.newest_tick)

    def _read(self, job: Job, position: int, to_tick: int, *, last: bool) -> Range:
        """Let the changes of some ticks be fetched."""
        assert self._reader is not None
        sources = self._active(job, position)
        scope = ChangesScope(
            applied=frozenset(one.table for one in sources),
            marked=frozenset(one.table for one in sources if one.marked),
        )
        span = Span(self._queue, position, to_tick)
        return Range(position, to_tick, last, self._reader.start(span, scope))

    def _stop_tick(self, job: Job, position: int) -> int | None:
        """The tick that a batch must not go beyond; None: there is no such tick."""
        return None

    async def _range(self, source: Database, position: int, *, stop_tick: int | None) -> Any:
        row = await source.fetch_one(
            queries.next_ticks,
            queue=self._queue, consumer=self._consumer, position=position,
            max_events=self._size, stop_tick=stop_tick,
        )  # fmt: skip
        return None if row is None or row.to_tick is None else row

    def _active(self, job: Job, position: int) -> tuple[Source, ...]:
        """The tables whose changes count after a tick."""
        return job.sources

    def _learn(self, found: Range, rows: int) -> None:
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
