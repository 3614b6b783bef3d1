"""How long a savepoint is waited for: while the cluster is at it, unless somebody says less."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tailrace.engines.base import Wish
from tailrace.engines.flink.http import Unanswered
from tailrace.errors import Timeout

_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
# So long an unreachable JobManager is waited for when nobody says how long.
_UNHEARD = 60.0
_TELL_AFTER = 5.0


class Patience:
    """How long a savepoint is waited for, and when to say so."""

    def __init__(
        self, wish: Wish, timeout: float | None, talk: Callable[[str], None] | None
    ) -> None:
        self._clock = asyncio.get_running_loop().time
        self._wish = wish
        self._timeout = timeout
        self._talk = talk
        self._begun = self._heard = self._clock()
        self._told = False

    @property
    def is_long(self) -> bool:
        """Whether it has taken longer than nearly every savepoint."""
        return self._clock() - self._begun > 1

    def heard(self) -> None:
        """The cluster says that it is at it."""
        self._heard = self._clock()
        waited = self._heard - self._begun
        if self._timeout is not None and waited >= self._timeout:
            raise self._late(f"is not complete after {waited:.0f} s")
        if not self._told and waited >= _TELL_AFTER and self._talk is not None:
            self._told = True
            self._talk(f"waiting for the savepoint in {self._wish.directory}")

    def unheard(self, error: Unanswered) -> None:
        """The cluster does not answer."""
        silent = self._clock() - self._heard
        if silent >= (self._timeout if self._timeout is not None else _UNHEARD):
            raise self._late(f"is not complete: {error.message}")
        if not self._told and silent >= _TELL_AFTER and self._talk is not None:
            self._told = True
            self._talk(f"waiting for the cluster: {error.message}")

    def _late(self, problem: str) -> Timeout:
        return Timeout(
            f"the savepoint in {self._wish.directory} {problem}",
            hint="it is not forgotten: SHOW SAVEPOINTS lists it as soon as it is there",
        )

    async def pause(self) -> None:
        """Wait for a moment, a longer one when it has taken long: nobody notices a twentieth."""
        waited = self._clock() - self._begun
        await asyncio.sleep(min(max(_PAUSE, waited / 20), _LONGEST_PAUSE))
