"""Maintenance: rotating event tables, moving retried events back, and tidying up.

What is due says ``pgq.maint_operations``, exactly as for pgqd; beside it stand the chores of our
own schema. Event tables are rotated when their period is over and not at the next round, so that a
queue with a short period keeps as little as it promises. Each statement has a transaction of its
own, which rotation in two steps rests on. Running it from several places at once does no harm, so
nothing decides who does.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from tailrace import log
from tailrace.db.connection import Database
from tailrace.db.dsn import label
from tailrace.db.queries import load
from tailrace.errors import TailraceError
from tailrace.service import Loop

queries = load("tailrace")
_logger = log.get("maintenance")

# A function that asks to be called again and again is left alone until the next round.
REPEATS = 1000

# A rotation is not tried again sooner, and a changed period is noticed no later.
ROTATION_LEAST, ROTATION_MOST = 1.0, 30.0


class Maintenance:
    """A service that does all chores of one database."""

    def __init__(
        self,
        dsn: str,
        *,
        period: float = 120.0,
        retry_period: float = 30.0,
        capture_period: float = 3.0,
    ) -> None:
        self.name = f"maintenance {label(dsn)}"
        self._dsn = dsn
        self._db: Database | None = None
        self._chores = [
            (period, self.operate),
            (retry_period, self.move_retries),
            (capture_period, self.follow_tables),
        ]
        self._due = [0.0] * len(self._chores)
        self._rotation: asyncio.TimerHandle | None = None
        self._rotation_due = False
        self._loop = Loop(
            self.name,
            self.run_once,
            patient=True,
            poll_min=1.0,
            poll_max=1.0,
            on_error=self._dropped,
            on_stop=self._close,
        )

    async def run(self) -> None:
        """Do what is due until asked to stop."""
        await self._loop.run()

    def request_stop(self) -> None:
        """End after the statement that is running."""
        self._loop.request_stop()

    async def run_once(self) -> bool:
        """Do each chore whose time has come."""
        for number, (period, chore) in enumerate(self._chores):
            if monotonic() >= self._due[number] and not self._loop.stopping:
                await chore(await self._connected())
                self._due[number] = monotonic() + period
        if self._rotation_due and not self._loop.stopping:
            await self.rotate(await self._connected())
        return False

    async def operate(self, db: Database) -> None:
        """Run everything that ``pgq.maint_operations`` lists."""
        for row in await db.fetch_all(queries.maint_statements):
            await self._repeat(db, row.statement)
        await db.execute(queries.drop_expired_holds)
        await self._plan_rotation(db)

    async def rotate(self, db: Database) -> None:
        """Rotate the queues whose period is over, and know when to come again."""
        for row in await db.fetch_all(queries.rotations_due):
            await self._repeat(db, row.statement)
        await self._plan_rotation(db)

    async def _plan_rotation(self, db: Database) -> None:
        self._forget_rotation()
        seconds = await db.fetch_value(queries.next_rotation)
        wanted = ROTATION_MOST if seconds is None else float(seconds) + 0.01
        pause = min(max(wanted, ROTATION_LEAST), ROTATION_MOST)
        self._rotation = asyncio.get_running_loop().call_later(pause, self._want_rotation)

    def _want_rotation(self) -> None:
        self._rotation_due = True
        self._loop.wake.set()

    def _forget_rotation(self) -> None:
        self._rotation_due = False
        if self._rotation is not None:
            self._rotation.cancel()

    async def _repeat(self, db: Database, statement: str) -> None:
        """Run one statement until it has nothing left to do; another one's failure is not ours."""
        try:
            if statement.startswith("vacuum"):
                await db.execute(statement)
                return
            for _ in range(REPEATS):
                if not await db.fetch_value(statement) or self._loop.stopping:
                    return
        except TailraceError as error:
            if db.closed:
                raise
            _logger.warning('database "%s": %s: %s', db.dbname, statement, error)

    async def move_retries(self, db: Database) -> None:
        """Bring back events whose time to be retried has come."""
        for _ in range(REPEATS):
            if not await db.fetch_value(queries.move_retries) or self._loop.stopping:
                return

    async def follow_tables(self, db: Database) -> None:
        """Let capture follow changed tables and new partitions."""
        for row in await db.fetch_all(queries.refresh_captures):
            if row.changed:
                _logger.info(
                    'queue "%s": capture was adapted for %d tables', row.queue_name, row.changed
                )

    async def _connected(self) -> Database:
        if self._db is None:
            self._db = await Database.connect(self._dsn, name="maintenance")
        return self._db

    async def _dropped(self, _: TailraceError) -> None:
        await self._close()

    async def _close(self) -> None:
        self._forget_rotation()
        db, self._db = self._db, None
        if db is not None:
            await db.close()
