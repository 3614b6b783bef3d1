"""The ticker: cuts what has been committed into batches, a few milliseconds after the commit.

The rules stand in SQL (``pgq.ticker`` and ``tailrace.tick_queue``) and so does the waiting: one
call ticks all queues of the database for half a second, so that this side sleeps meanwhile. Of
several runners one ticks a database, the others stand by. A foreign ticker such as pgqd does no
harm, as every tick is made under one lock.
"""

from __future__ import annotations

from tailrace import log
from tailrace.db import locks
from tailrace.db.connection import Database
from tailrace.db.dsn import label
from tailrace.db.queries import load
from tailrace.errors import TailraceError
from tailrace.faults import reach
from tailrace.service import Loop

queries = load("tailrace")
_logger = log.get("ticker")

LOCK = "tailrace ticker"
STANDBY = 1.0


class Ticker:
    """A service that ticks the queues of one database; branches get their ticks from elsewhere."""

    def __init__(
        self,
        dsn: str,
        *,
        period: float = 0.001,
        duration: float = 0.5,
        runner_timeout: float = 5.0,
    ) -> None:
        self.name = f"ticker {label(dsn)}"
        self.ticks = 0
        self._dsn = dsn
        self._period = period
        self._duration = duration
        self._runner_timeout = runner_timeout
        self._pause: float | None = None
        self._db: Database | None = None
        self._active = False
        self._failed: str | None = None
        self._loop = Loop(
            self.name,
            self.run_once,
            patient=True,
            poll_min=STANDBY,
            poll_max=STANDBY,
            backoff_max=3.0,
            # A round can be broken off anywhere: each tick is a transaction of its own.
            interruptible=True,
            on_error=self._dropped,
            on_stop=self._close,
        )

    async def run(self) -> None:
        """Tick until asked to stop."""
        await self._loop.run()

    def request_stop(self) -> None:
        """End at once; what has been committed since the last tick waits for the next runner."""
        self._loop.request_stop()

    async def run_once(self) -> bool:
        """Tick for a while; False when another runner does, or when there is nothing to tick."""
        if self._db is None:
            self._db = await Database.connect(self._dsn, name="ticker")
            await locks.mark(self._db)
        if not self._active:
            self._active = await locks.acquire(self._db, LOCK)
            if not self._active:
                await locks.end_silent(self._db, LOCK, self._runner_timeout)
                return False
            _logger.debug('ticking database "%s"', self._db.dbname)
        await reach("ticker.before_round")
        row = await self._db.fetch_one(
            queries.run_ticker, period=self._period, duration=self._duration, pause=self._pause
        )
        await reach("ticker.after_round")
        assert row is not None
        self._pause = row.io_pause
        self.ticks += row.io_ticks
        self._report(self._db.dbname, row.io_failed)
        return bool(row.io_queues)

    def _report(self, dbname: str, failed: str | None) -> None:
        """Say what went wrong with single queues when it changes, not twice a second."""
        if failed == self._failed:
            return
        for line in (failed or "").splitlines():
            _logger.warning('database "%s": %s', dbname, line)
        if failed is None:
            _logger.info('database "%s": all queues tick again', dbname)
        self._failed = failed

    async def _dropped(self, _: TailraceError) -> None:
        await self._close()

    async def _close(self) -> None:
        db, self._db, self._active = self._db, None, False
        if db is not None:
            await db.close()
