"""What a runner does for the savepoints of one database, as a service."""

from __future__ import annotations

import asyncio
from time import monotonic

from tailrace import log
from tailrace.cascade.provider import Hear, hear_nothing
from tailrace.db import locks
from tailrace.db.connection import Database
from tailrace.db.dsn import label
from tailrace.db.queries import load
from tailrace.errors import TailraceError
from tailrace.jobs.savepoints.disposal import BUSY, dispose
from tailrace.jobs.savepoints.housekeeping import Limits, tidy
from tailrace.jobs.savepoints.writer import Writer
from tailrace.service import Loop

queries = load("tailrace")
_logger = log.get("savepoints")

# Who asks for a savepoint says so on the channel of ticks, under a name that no queue has.
CHANNEL = ".savepoints"
# What could not be removed is tried again after so long, and everything is looked over.
PERIOD = 30.0
# Where nothing is to be done it is looked so much more rarely: whoever asks for something wakes us.
IDLE = 5


class Savepoints:
    """Writes and removes savepoints that were asked for, one at a time."""

    def __init__(
        self,
        dsn: str,
        *,
        limits: Limits | None = None,
        poll: float = 1.0,
        hear: Hear = hear_nothing,
    ) -> None:
        self.name = f"savepoints {label(dsn)}"
        self._dsn = dsn
        self._limits = limits or Limits()
        self._hear = hear
        self._poll = poll
        self._wake = asyncio.Event()
        self._db: Database | None = None
        self._tidy_at = 0.0
        self._not_before: dict[str, float] = {}
        self._loop = Loop(
            self.name,
            self.run_once,
            patient=True,
            wake=self._wake,
            poll_min=min(0.05, poll),
            poll_max=poll,
            on_error=self._dropped,
            on_stop=self._close,
        )

    async def run(self) -> None:
        """Work until told to stop."""
        deafen = self._hear(self._dsn, CHANNEL, self._wake)
        try:
            await self._loop.run()
        finally:
            deafen()

    def request_stop(self) -> None:
        """End after the savepoint that is being written."""
        self._loop.request_stop()

    async def run_once(self) -> bool:
        """Do the first thing that can be done; False when there was none."""
        db = await self._connected()
        if monotonic() >= self._tidy_at:
            self._tidy_at = monotonic() + PERIOD
            await tidy(db, self._limits)
        rows = await db.fetch_all(queries.savepoint_work, runner=locks.runner_name())
        for row in rows:
            if monotonic() >= self._not_before.get(row.savepoint_id, 0.0):
                if await self._do(db, row.savepoint_id, row.what):
                    return True
                self._not_before[row.savepoint_id] = monotonic() + (
                    PERIOD if row.what == "drop" else 1.0
                )
        self._loop.look_every(self._poll if rows else IDLE * self._poll)
        if not rows:
            self._not_before.clear()
        return False

    async def _do(self, db: Database, savepoint_id: str, what: str) -> bool:
        if what == "write":
            return await Writer(db, savepoint_id).run()
        problem = await dispose(db, savepoint_id)
        if problem is not None and problem != BUSY:  # whoever waits for it removes it as well
            _logger.warning("savepoint %s cannot be removed yet: %s", savepoint_id, problem)
        return problem is None

    async def _connected(self) -> Database:
        if self._db is None or self._db.closed:
            self._db = await Database.connect(self._dsn, name="savepoints")
            await locks.mark(self._db)
        return self._db

    async def _dropped(self, _: TailraceError) -> None:
        await self._close()

    async def _close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            await db.close()
