"""Who runs several services together, watches them, and ends them together."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterable
from typing import Any

from tailrace import log
from tailrace.errors import EndedBySignal
from tailrace.service.loop import Service

_logger = log.get("service")


class Supervisor:
    """Runs services together and ends them together.

    When all have ended by themselves, so has ``run``. When one fails, the others are stopped and
    its error is raised. ``grace`` seconds after an orderly stop was asked for, what still runs is
    cancelled, and its open transaction rolls back. A second signal does so at once, and then
    ``EndedBySignal`` is raised: the process must not look as if all had been done.
    """

    def __init__(
        self, services: Iterable[Service] = (), *, grace: float = 30.0, signals: bool = True
    ) -> None:
        self._waiting = list(services)
        self._running: dict[asyncio.Task[None], Service] = {}
        self._grace = grace
        self._signals = signals
        self._changed = asyncio.Event()
        self._stop_asked: float | None = None
        self._cancelled = False
        self._error: BaseException | None = None
        self._ended_by: signal.Signals | None = None
        self.started = asyncio.Event()

    @property
    def running(self) -> list[str]:
        """Names of the services that have not ended."""
        return sorted(service.name for service in self._running.values())

    def add(self, service: Service) -> None:
        """Run one more service, from now on; ignored once stopping has begun."""
        if self._stop_asked is None:
            self._waiting.append(service)
            self._changed.set()

    def stop(self) -> None:
        """Ask all services to finish what they are doing and end. Harmless when repeated."""
        if self._stop_asked is None:
            self._stop_asked = asyncio.get_running_loop().time()
            self._waiting.clear()
            for service in self._running.values():
                service.request_stop()
            self._changed.set()

    def cancel(self) -> None:
        """End all services now; open transactions roll back."""
        self.stop()
        if not self._cancelled:
            self._cancelled = True
            for task in self._running:
                task.cancel()

    async def run(self) -> None:
        """Run everything until all have ended; raise the first error that was not to be mended."""
        with self._handling_signals():
            try:
                await self._watch()
            except asyncio.CancelledError:
                self.cancel()
                await self._wait_for_the_rest()
                raise
        if self._error is not None:
            raise self._error
        if self._ended_by is not None:
            raise EndedBySignal(self._ended_by.name, self._ended_by)

    async def _watch(self) -> None:
        while self._waiting or self._running:
            self._start_waiting()
            self.started.set()
            await self._next_change()
            for task in [task for task in self._running if task.done()]:
                self._note_end(task, self._running.pop(task))
            if self._overdue():
                _logger.warning("not ended after %g s, cancelling: %s", self._grace, self._names())
                self.cancel()

    def _start_waiting(self) -> None:
        while self._waiting:
            service = self._waiting.pop(0)
            task = asyncio.create_task(service.run(), name=service.name)
            task.add_done_callback(lambda _: self._changed.set())
            self._running[task] = service

    async def _next_change(self) -> None:
        left = None
        if self._stop_asked is not None and not self._cancelled:
            left = max(0.0, self._stop_asked + self._grace - asyncio.get_running_loop().time())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), left)
        self._changed.clear()

    def _overdue(self) -> bool:
        if self._stop_asked is None or self._cancelled or not self._running:
            return False
        return asyncio.get_running_loop().time() >= self._stop_asked + self._grace

    def _note_end(self, task: asyncio.Task[None], service: Service) -> None:
        if task.cancelled():
            _logger.debug("%s: cancelled", service.name)
            return
        error = task.exception()
        if error is None:
            _logger.debug("%s: ended", service.name)
            return
        if self._error is None:
            self._error = error
        _logger.error("%s: %s", service.name, error)
        self.stop()

    async def _wait_for_the_rest(self) -> None:
        if self._running:
            await asyncio.wait(self._running)

    @contextlib.contextmanager
    def _handling_signals(self) -> Any:
        loop = asyncio.get_running_loop()
        wanted = (signal.SIGTERM, signal.SIGINT) if self._signals else ()
        for number in wanted:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in wanted:
                loop.remove_signal_handler(number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._stop_asked is None:
            _logger.info(
                "%s: finishing what is under way (again: end now); waiting for: %s",
                number.name,
                self._names(),
            )
            self.stop()
        else:
            self._ended_by = number
            self.cancel()

    def _names(self) -> str:
        return ", ".join(self.running) or "nothing"


async def run_services(
    services: Iterable[Service], *, grace: float = 30.0, signals: bool = True
) -> None:
    """Run services until all have ended, one has failed or a signal has ended them."""
    await Supervisor(services, grace=grace, signals=signals).run()
