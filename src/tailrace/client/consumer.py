"""A program that consumes a queue, as a job: listed, stopped and started like any other.

The consumer belongs to one database, a node of the queue, and its position is there; on a leaf the
events come from the provider, and everything that moves a node moves its consumers. Only one
process at a time works for it: others of the same name stand by, and take over when it dies or
freezes. What goes wrong between two batches shows as the job's error and is tried again; what goes
wrong within a batch is the program's to handle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

from tailrace import log, service
from tailrace.app.hearing import Ears
from tailrace.cascade.position import Seat, State
from tailrace.cascade.provider import Provider
from tailrace.client.batch import Batch
from tailrace.client.registration import register
from tailrace.db import locks
from tailrace.db.callers import AsyncConnection
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import NotFound, TailraceError, WrongState
from tailrace.jobs import stopping

queries = load("tailrace")
_logger = log.get("consumer")

# While batches come in, settings are read again after so many seconds.
_SETTINGS_AGE = 0.1
_BACKOFF = (0.2, 3.0)
_HEARTBEAT = 1.0


class Consumer:
    """``async with Consumer(dsn, "orders", "billing") as consumer: async for batch in consumer:``

    The job is made when it does not exist, and then begins with what comes from now on. Where a
    batch was not finished when the next one is asked for, it is finished then.
    """

    def __init__(
        self,
        dsn: str,
        queue: str,
        name: str,
        *,
        max_events: int = 10_000,
        poll: float = 1.0,
        runner_timeout: float = 5.0,
    ) -> None:
        """``max_events``: ticks are merged up to about so many; 0: one tick a batch."""
        self.dsn = dsn
        self.queue = queue
        self.name = name
        self.job_id = ""
        self.consumer_name = name
        self._max_events = max_events
        self._poll = poll
        self._runner_timeout = runner_timeout
        self._wake = asyncio.Event()
        self._stopping = False
        self._stack = AsyncExitStack()
        self._seat: Seat | None = None
        self._provider: Provider
        self._effects: Database | None = None
        self._heart: Database | None = None
        self._batch: Batch | None = None
        self._failures = 0
        self._unsure = False

    # ------------------------------------------------------------ life

    async def __aenter__(self) -> Consumer:
        """Make the job where it is missing; no events are read yet."""
        found = await register(self.dsn, self.queue, self.name)
        self.job_id, self.consumer_name = found.job_id, found.consumer_name
        supervisor = service.Supervisor(grace=2.0, signals=False)
        # notices that we are alive while the program works on a batch
        supervisor.add(
            service.Loop(
                f"{self.queue}/{self.name}/alive",
                self._beat,
                patient=True,
                poll_min=_HEARTBEAT,
                poll_max=_HEARTBEAT,
                on_error=self._heart_broken,
                on_stop=self._heart_broken,
            )
        )
        await self._stack.enter_async_context(
            service.background(supervisor.run(), name=f"{self.queue}/{self.name}")
        )
        self._seat = Seat(
            self.dsn, self.queue, self.consumer_name,
            runner_timeout=self._runner_timeout, replica=False,
        )  # fmt: skip
        hear = Ears(supervisor).hear
        self._provider = Provider(self._seat, wake=self._wake, hear=hear)
        self._stack.callback(hear(self.dsn, self.queue, self._wake))
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Leave; a batch that was not finished comes again."""
        try:
            if isinstance(error, Exception) and self._seat is not None:
                await self._seat.note_failure(TailraceError(_told(error)))
            await self._put_away()
        finally:
            await self._stack.aclose()

    def stop(self) -> None:
        """Let the iteration end when the next batch is asked for; may be called from a signal."""
        self._stopping = True
        self._wake.set()

    # ------------------------------------------------------------ batches

    async def __aiter__(self) -> AsyncIterator[Batch]:
        while (batch := await self.next_batch()) is not None:
            yield batch

    async def next_batch(self) -> Batch | None:
        """Wait for the next batch; None when ``stop`` was called, or the job was dropped."""
        if self._seat is None:
            raise WrongState("the consumer is not open", hint="use it in: async with")
        await self._end_last()
        while not self._stopping:
            self._wake.clear()
            try:
                self._batch = await self._look()
            except _Over:
                return None
            except TailraceError as error:
                await self._fail(error)
                continue
            if self._batch is not None:
                self._failures = 0
                return self._batch
            await self._sleep(self._poll)
        return None

    async def run(self, handle: Callable[[Batch, AsyncConnection], Awaitable[None]]) -> None:
        """Let every batch be handled in a transaction that records the position, too.

        An error of ``handle`` undoes the batch, shows as the job's, and the batch comes again.
        """
        while (batch := await self.next_batch()) is not None:
            try:
                async with batch.transaction() as conn:
                    await handle(batch, conn)
            except Exception as error:
                _logger.warning("%s: %s", self.name, _told(error))

    async def _end_last(self) -> None:
        """Finish the batch that the program has had, unless its transaction failed."""
        last, self._batch = self._batch, None
        if last is None or last.done:
            return
        try:
            if last.failure is not None:
                raise TailraceError(_told(last.failure))
            await last.finish()
        except TailraceError as error:
            await last.put_away()
            await self._fail(error)

    async def _look(self) -> Batch | None:
        """See whether there is something to do."""
        seat = self._need_seat()
        if not await seat.take():
            return None
        state = await seat.state(max_age=0.0 if self._unsure else _SETTINGS_AGE)
        self._unsure = False
        if state is None:
            raise _Over
        if state.paused:
            await self._provider.finish(state.completed_tick, now=True)
            return None
        seat.note_success()
        source = await self._provider.follow(state)
        found = await source.fetch_one(
            queries.next_range,
            queue=self.queue, consumer=self.consumer_name, position=state.completed_tick,
            max_events=self._max_events,
        )  # fmt: skip
        if found is None or found.to_tick is None:
            await self._provider.finish(state.completed_tick)
            await seat.refresh()
            return None
        await self._tell(state)
        return Batch(
            self, source,
            from_tick=state.completed_tick, to_tick=found.to_tick, time=found.to_tick_time,
        )  # fmt: skip

    async def _tell(self, state: State) -> None:
        """Let the provider forget what is done; our own queue has heard of it with the effect."""
        if state.provider_node != state.node_name:
            await self._provider.finish(state.completed_tick)

    # ------------------------------------------------------------ what a batch needs

    @property
    def epoch(self) -> int | None:
        """What fences our effects."""
        return self._need_seat().epoch

    async def effects(self) -> AsyncConnection:
        """The connection that effects are written through, with the user's own settings."""
        if self._effects is None or self._effects.closed:
            self._effects = await Database.connect(
                self.dsn, name=f"{self.queue}/{self.name}", pinned=False
            )
        return self._effects.driver

    async def advance(self, batch: Batch) -> None:
        """Move the position in a transaction of its own."""
        await self._need_seat().db.execute(queries.advance, **batch.step)

    def moved(self, tick: int | None) -> None:
        """A batch has been finished; None: somebody else commits it, so we have to look again."""
        self._unsure = tick is None
        if tick is not None:
            self._need_seat().note_position(tick)

    # ------------------------------------------------------------ inside

    def _need_seat(self) -> Seat:
        assert self._seat is not None
        return self._seat

    async def _fail(self, error: TailraceError) -> None:
        """Put everything away, show it, and come back later."""
        if isinstance(error, NotFound) and await self._dropped():
            self._stopping = True
            return
        if self._failures == 0:
            _logger.warning("%s: %s; trying again", self.name, error)
        self._failures += 1
        await self._put_away(error)
        least, most = _BACKOFF
        await self._sleep(min(most, least * 2.0 ** min(self._failures - 1, 10)))

    async def _dropped(self) -> bool:
        """Whether what is missing is the consumer itself."""
        try:
            seat = self._need_seat()
            return await seat.take() and await seat.refresh() is None
        except TailraceError:
            return False

    async def _put_away(self, error: TailraceError | None = None) -> None:
        if self._batch is not None:
            await self._batch.put_away()
        if error is None:
            await self._provider.part()
            await self._need_seat().leave()
        else:
            await self._provider.drop()
            await self._need_seat().note_failure(error)
        effects, self._effects = self._effects, None
        if effects is not None:
            await effects.close()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            pass

    async def _beat(self) -> bool:
        """Say that we are alive, and do what is due for jobs that are asked to stop."""
        if self._heart is None:
            self._heart = await Database.connect(self.dsn, name=f"{self.queue}/{self.name}/alive")
            await locks.mark(self._heart)
        await stopping.carry_out(self._heart, self.queue)
        return False

    async def _heart_broken(self, _: TailraceError | None = None) -> None:
        heart, self._heart = self._heart, None
        if heart is not None:
            await heart.close()


def _told(error: BaseException) -> str:
    return str(error) if isinstance(error, TailraceError) else f"{type(error).__name__}: {error}"


class _Over(Exception):
    """The consumer is no more."""
