"""What is run: services, and the loop that most of them are.

A loop looks again and again; notifications only wake it early. It says once what is wrong, and
comes back with growing pauses.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from tailrace import log
from tailrace.errors import TailraceError

_logger = log.get("service")


class Service(Protocol):
    """What the supervisor runs."""

    name: str

    async def run(self) -> None:
        """Work until told to stop; return when all is put away, raise what cannot be mended."""

    def request_stop(self) -> None:
        """Ask for an orderly end; returns at once, harmless when repeated."""


class Loop:
    """A service that repeats ``run_once``, sleeping only between passes that found nothing.

    * ``wake`` (an event, shared with whoever notifies) ends a sleep early; the sleep is
      ``poll_min`` after work, then ``poll_max``: each idle pass costs the server something.
    * Without ``eager``, a pass that did work knows whether there is more, and sets ``wake`` then;
      otherwise the loop sleeps ``poll_min`` instead of asking at once, as somebody will notify.
    * A retryable error is logged once, ``on_error`` (drop the connection, say) is called, and the
      pass is repeated with growing pauses. Any other error ends the loop.
    * ``patient`` makes every ``TailraceError`` a retryable one: for loops whose database is known
      to have worked once, so that whatever is wrong may be mended while other loops go on.
    * ``interruptible`` is for passes that only wait, such as listening: stopping cancels them
      instead of letting them finish.
    * ``on_stop`` puts things away, however the loop ended.
    """

    def __init__(
        self,
        name: str,
        run_once: Callable[[], Awaitable[bool]],
        *,
        wake: asyncio.Event | None = None,
        poll_min: float = 0.05,
        poll_max: float = 1.0,
        backoff_min: float = 0.2,
        backoff_max: float = 10.0,
        patient: bool = False,
        eager: bool = True,
        interruptible: bool = False,
        on_error: Callable[[TailraceError], Awaitable[None]] | None = None,
        on_stop: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.wake = wake or asyncio.Event()
        self.failures = 0
        self.last_error: TailraceError | None = None
        self.woken = True
        """Whether there is a reason for this pass, rather than only that time has passed."""
        self._run_once = run_once
        self._poll = (poll_min, poll_max)
        self._backoff = (backoff_min, backoff_max)
        self._patient = patient
        self._eager = eager
        self._interruptible = interruptible
        self._on_error = on_error
        self._on_stop = on_stop
        self._stop = asyncio.Event()
        self._in_pass: asyncio.Task[Any] | None = None
        self._interrupted = False

    @property
    def stopping(self) -> bool:
        """Whether the loop has been asked to end; a long pass looks at it between its parts."""
        return self._stop.is_set()

    def request_stop(self) -> None:
        """Finish the pass and end; a pause, or an interruptible pass, ends at once."""
        self._stop.set()
        self.wake.set()
        if self._interruptible and self._in_pass is not None and not self._interrupted:
            self._interrupted = True
            self._in_pass.cancel()

    def look_every(self, seconds: float) -> None:
        """Look for work so often from now on when nothing wakes it."""
        self._poll = (min(self._poll[0], seconds), seconds)

    async def run(self) -> None:
        """Repeat passes until asked to stop."""
        pause = self._poll[0]
        try:
            while not self.stopping:
                self.wake.clear()
                did_work = await self._pass()
                self.woken = True
                if did_work is None:  # a retryable error
                    # Not to be cut short by wakes: a busy queue must not make us hammer.
                    await self._sleep(self._backoff_pause(), self._stop)
                elif did_work and self._eager:
                    pause = self._poll[0]
                    await asyncio.sleep(0)  # work without end must not starve the others
                else:
                    pause = self._poll[0] if did_work else pause
                    self.woken = await self._sleep(pause, self.wake)
                    pause = self._poll[0] if self.woken or did_work else self._poll[1]
        finally:
            if self._on_stop is not None:
                await self._on_stop()

    async def _pass(self) -> bool | None:
        """Make one pass; None stands for a retryable error, which has then been dealt with."""
        self._in_pass = asyncio.current_task()
        try:
            did_work = await self._run_once()
        except asyncio.CancelledError:
            if not self._interrupted or self._in_pass is None or self._in_pass.uncancel() > 0:
                raise
            return False
        except TailraceError as error:
            if not (error.retryable or self._patient):
                raise
            await self._note(error)
            return None
        finally:
            self._in_pass = None
        if self.failures:
            _logger.info("%s: works again after %d failed attempts", self.name, self.failures)
        self.failures, self.last_error = 0, None
        return did_work

    async def _note(self, error: TailraceError) -> None:
        """Log an error when it is new, not each time it comes back, nor when all is over by it."""
        if error.final:
            self.failures, self.last_error = 0, None
        else:
            self.failures += 1
            if self.last_error is None or str(error) != str(self.last_error):
                _logger.warning("%s: %s; trying again", self.name, error)
            self.last_error = error
        if self._on_error is not None:
            await self._on_error(error)

    def _backoff_pause(self) -> float:
        """Double the pause with each failure; spread it, so that many do not come back at once."""
        least, most = self._backoff
        return min(most, least * 2.0 ** min(self.failures - 1, 20)) * random.uniform(0.8, 1.2)

    async def _sleep(self, seconds: float, until: asyncio.Event) -> bool:
        """Sleep until woken, for at most so long; say whether we were woken."""
        if self.stopping:
            return True
        try:
            await asyncio.wait_for(until.wait(), seconds)
        except TimeoutError:
            return False
        return True
