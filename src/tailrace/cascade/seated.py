"""What every consumer of a node has in common: taking its place, its settings, failing, ending.

A pass of a ``SeatedConsumer`` begins with the seat (``position.Seat``): only one runner works for a
consumer. Then come its settings, which the reading itself acknowledges, so that commands know that
they are obeyed. What there is to do with a batch, each kind of consumer says for itself. Whatever
goes wrong puts everything away, shows in the node's status, and is tried again.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import ClassVar

from tailrace import log
from tailrace.cascade.position import Seat, State
from tailrace.cascade.provider import Hear, Provider, hear_nothing
from tailrace.cascade.watermark import Watermark
from tailrace.errors import Fenced, NotFound, TailraceError
from tailrace.service import Loop

# While batches come in, settings are read again after so many seconds, off the way of the events.
_SETTINGS_AGE = 0.1

# Carries out what ``tailrace.restore`` says of the consumer in whose seat it is called.
Restore = Callable[[Seat], Awaitable[None]]

_logger = log.get("consumer")


class SeatedConsumer(ABC):
    """A service: one consumer that writes into one node."""

    hears_home: ClassVar[bool] = False
    """Whether its own database wakes it, too, and not only the ticks of where it reads."""
    idle = False
    """Whether it has seen all that there was to read; only those that can tell say so."""

    def __init__(
        self,
        dsn: str,
        queue: str,
        consumer: str,
        *,
        hear: Hear = hear_nothing,
        poll: float = 1.0,
        local_watermark_period: float = 300.0,
        global_watermark_period: float = 300.0,
        runner_timeout: float = 5.0,
        replica: bool = True,
        restore: Restore | None = None,
    ) -> None:
        """``restore`` brings rows and position of a savepoint in, for a job that is to start so."""
        self.name = f"{queue}/{consumer}"
        self.failures = 0
        self.last_error: TailraceError | None = None
        self._queue = queue
        self._hear = hear
        self._restore = restore
        self._consumer = consumer
        # Idle passes end with reading the settings, so the next one need not begin with it.
        self._settings_age = min(poll * 1.5, 1.5)
        self._wake = asyncio.Event()
        self._seat = Seat(dsn, queue, consumer, runner_timeout=runner_timeout, replica=replica)
        self._provider = Provider(self._seat, wake=self._wake, hear=hear)
        self._watermark = Watermark(
            queue, local_period=local_watermark_period, global_period=global_watermark_period
        )
        self._loop = Loop(
            self.name,
            self.run_once,
            patient=True,
            eager=False,
            wake=self._wake,
            poll_min=min(0.02, poll),
            poll_max=poll,
            backoff_max=3.0,
            on_stop=self.close,
        )

    async def run(self) -> None:
        """Work until told to stop, or until the consumer is no more."""
        if not self.hears_home:
            await self._loop.run()
            return
        deafen = self._hear(self._seat.dsn, self._queue, self._wake)
        try:
            await self._loop.run()
        finally:
            deafen()

    @property
    def seated(self) -> bool:
        """Whether we, and no other runner, are at work for the consumer."""
        return self._seat.epoch is not None

    def request_stop(self) -> None:
        """End after what is under way."""
        self._loop.request_stop()

    async def run_once(self) -> bool:
        """Make one pass; an error shows in the node's status until a pass succeeds."""
        try:
            did_work = await self._work()
        except TailraceError as error:
            if isinstance(error, NotFound) and await self._over():
                return False
            await self._fail(error)
            raise
        self._seat.note_success()
        self.failures = 0
        return did_work

    async def _work(self) -> bool:
        if not await self._seat.take():
            return False
        state = await self._seat.state(max_age=self._settings_age)
        if state is None or not self.serves(state):
            self._end()
            return False
        if not (state.is_worker and state.node_type == "root"):
            await self._seat.begin_applying()
        if state.paused:
            await self._let_go()
            if state.restoring and self._restore is not None:
                await self._provider.drop()  # what it was told last is no longer so
                await self._restore(self._seat)
                return True
            await self._provider.finish(state.completed_tick, now=True)
            return False
        return await self._pass(state)

    def _end(self) -> None:
        _logger.info("%s: there is nothing to do here any more", self.name)
        self._loop.request_stop()

    async def _over(self) -> bool:
        """Whether something is missing because the consumer is gone, which is no error."""
        try:
            state = await self._seat.refresh()
        except TailraceError:
            return False
        if state is not None and self.serves(state):
            return False
        self._end()
        return True

    @abstractmethod
    def serves(self, state: State) -> bool:
        """Say whether such a consumer is this service's business; takeover may change that."""

    @abstractmethod
    async def _pass(self, state: State) -> bool:
        """Do what there is to do at the moment, without sleeping; say whether there was any."""

    async def _after_batch(self, *, last: bool) -> None:
        """Come again, and look at the settings now and then; ``last``: nothing more is known of.

        What we do after the last batch takes the machine from those who wait for its tick, here and
        further down. A pass that finds nothing will follow soon, and reads the settings.
        """
        if not last:
            self._wake.set()
        await self._seat.state(max_age=_SETTINGS_AGE * (2 if last else 1))

    async def _let_go(self) -> None:  # noqa: B027 - most have nothing
        """Put away what is kept between two passes; nothing is under way."""

    async def _fail(self, error: TailraceError) -> None:
        """Put everything away and come back later: whatever it is may be mended meanwhile."""
        self.failures += 1
        self.last_error = error
        await self._let_go()
        await self._provider.drop()
        await self._seat.note_failure(error)
        if isinstance(error, Fenced):
            _logger.info("%s", error)

    async def close(self) -> None:
        """Put the connections away; the next pass would make them again."""
        await self._let_go()
        await self._provider.part()
        await self._seat.leave()
