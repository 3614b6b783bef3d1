"""Who hears of ticks in which database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tailrace.db.dsn import label
from tailrace.db.listen import Listener
from tailrace.service import Supervisor


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
            self._supervisor.add(listener)
        listener.register(queue, event)
        return lambda: listener.unregister(queue, event)
