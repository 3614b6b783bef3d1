"""Who hears of ticks in which database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tailrace import log
from tailrace.db.dsn import label
from tailrace.db.listen import Listener
from tailrace.errors import TailraceError
from tailrace.service import Supervisor

_logger = log.get("run")


class Ears:
    """One listening connection for each database that somebody reads from."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._listeners: dict[str, Listener] = {}

    def hear(self, dsn: str, queue: str, event: asyncio.Event) -> Callable[[], None]:
        """Set the event whenever the queue in that database gets a tick."""
        listener = self._listeners.get(dsn)
        if listener is None:
            listener = self._listeners[dsn] = Listener(dsn, name=f"listener {label(dsn)}")
            self._supervisor.add(_Patient(listener))
        listener.register(queue, event)
        return lambda: listener.unregister(queue, event)


class _Patient:
    """A listener that cannot connect for good (no rights, say) is no reason to end: we poll."""

    def __init__(self, listener: Listener) -> None:
        self.name = listener.name
        self._listener = listener

    async def run(self) -> None:
        """Listen as long as that works."""
        try:
            await self._listener.run()
        except TailraceError as error:
            _logger.warning("not listening, only polling: %s", error)

    def request_stop(self) -> None:
        """End at once."""
        self._listener.request_stop()
