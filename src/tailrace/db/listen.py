"""Hearing of ticks: one listening connection for each database wakes the loops that wait.

A notification only wakes early; polling is always underneath. So nothing is lost when the
connection is: after each (re)connect everybody is woken once, because what was notified
meanwhile was not heard. And no trouble here, lasting or not, ends what else the process does.
"""

from __future__ import annotations

import asyncio

from tailrace import log
from tailrace.db.connection import Database
from tailrace.errors import TailraceError
from tailrace.service import Loop

_logger = log.get("db.listen")


class Listener:
    """A service that listens on one database and sets the events registered by queue name."""

    def __init__(self, dsn: str, *, name: str = "listener") -> None:
        self._dsn = dsn
        self._db: Database | None = None
        self._events: dict[str, set[asyncio.Event]] = {}
        self._loop = Loop(
            name,
            self.run_once,
            patient=True,
            poll_min=0.0,
            poll_max=0.0,
            backoff_max=3.0,
            interruptible=True,
            on_error=self._dropped,
            on_stop=self._close,
        )
        self.name = name

    @property
    def failures(self) -> int:
        """How often in a row it could not listen."""
        return self._loop.failures

    def register(self, queue: str, event: asyncio.Event) -> None:
        """Set ``event`` whenever the queue gets a tick."""
        self._events.setdefault(queue, set()).add(event)

    def unregister(self, queue: str, event: asyncio.Event) -> None:
        """Forget what ``register`` said; harmless when it never did."""
        self._events.get(queue, set()).discard(event)

    async def run(self) -> None:
        """Listen until asked to stop."""
        await self._loop.run()

    def request_stop(self) -> None:
        """End at once; nothing is under way that could be finished."""
        self._loop.request_stop()

    async def run_once(self) -> bool:
        """Connect where needed, wait for one notification and wake whom it concerns."""
        if self._db is None:
            await self._connect()
        assert self._db is not None
        for notification in await self._db.notifications(timeout=60.0):
            self._wake(notification.payload)
        return True

    async def _connect(self) -> None:
        db = await Database.connect(self._dsn, name="listener")
        try:
            await db.listen()
        except BaseException:
            await db.close()
            raise
        self._db = db
        for queue in self._events:
            self._wake(queue)

    def _wake(self, queue: str) -> None:
        for event in self._events.get(queue, ()):
            event.set()

    async def _dropped(self, error: TailraceError) -> None:
        _logger.debug("%s: %s", self.name, error)
        await self._close()

    async def _close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            await db.close()
