"""Waiting for what another process does: worker acknowledges, position advances, table gets live.

Commands poll; they have nothing else to do meanwhile, and an answer within a fifth of a second is
quick enough for a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tailrace.errors import Timeout

INTERVAL = 0.2
_PATIENCE = 5.0


class Patience:
    """How long a command is prepared to wait in all, whatever it has to wait for on its way."""

    def __init__(
        self, timeout: float | None = None, talk: Callable[[str], None] | None = None
    ) -> None:
        self._timeout = timeout
        self._talk = talk
        self._start = asyncio.get_running_loop().time()

    def left(self) -> float | None:
        """Return the seconds that are left; None: no limit."""
        if self._timeout is None:
            return None
        return self._start + self._timeout - asyncio.get_running_loop().time()

    def given_up(self, what: str, hint: str | None = None) -> Timeout:
        """Make the error for a time that is over."""
        return Timeout(f"gave up after {self._timeout:g} s waiting for {what}", hint=hint)

    async def wait(
        self,
        reached: Callable[[], Awaitable[bool]],
        *,
        what: str | Callable[[], str],
        hint: str | None = None,
        interval: float = INTERVAL,
        within: float | None = None,
    ) -> bool:
        """Ask again and again; ``what`` is being waited for and stands in error and notice.

        The notice comes once after a few seconds, so that nobody stares at a silent terminal.
        With ``within`` this wait may be shorter than what is left; False: it was not long enough.
        """
        clock = asyncio.get_running_loop().time
        start = clock()
        told = self._talk is None
        while not await reached():
            left = self.left()
            text = what if isinstance(what, str) else what()
            if left is not None and left <= 0:
                raise self.given_up(text, hint)
            if within is not None and clock() - start >= within:
                return False
            if not told and clock() - start >= _PATIENCE and self._talk is not None:
                self._talk(f"waiting for {text}" + (f"; {hint}" if hint else ""))
                told = True
            await asyncio.sleep(interval)
        return True


async def wait_until(
    reached: Callable[[], Awaitable[bool]],
    *,
    what: str | Callable[[], str],
    hint: str | None = None,
    timeout: float | None = None,
    impatient: Callable[[str], None] | None = None,
) -> None:
    """Wait for a single thing; ``impatient`` is told when that takes long."""
    await Patience(timeout, impatient).wait(reached, what=what, hint=hint)
