"""Waiting for a savepoint, or for a job to start from one; doing it where no runner is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tailrace.cascade.position import Seat
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.jobs.model import Made
from tailrace.jobs.savepoints.restore import restore
from tailrace.jobs.savepoints.writer import Writer

queries = load("tailrace")

_TELL_SECONDS = 2.0


class Progress:
    """Tells who waits how far a savepoint is, now and then."""

    def __init__(self, talk: Callable[[str], None] | None) -> None:
        self.text = ""
        self._talk = talk
        self._told_at = asyncio.get_running_loop().time()

    def note(self, waits: str | None) -> None:
        """Say what is waited for, when it has changed and some time has passed."""
        now = asyncio.get_running_loop().time()
        if waits is None or waits == self.text:
            return
        self.text = waits
        if self._talk is not None and now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            self._talk(f"waiting for {waits}")


async def write_alone(db: Database, path: str) -> None:
    """Write a savepoint that was asked for, where no runner is there to do it."""
    if await db.fetch_value(queries.has_runner):
        return
    row = await db.fetch_one(queries.known_savepoint, path=path, savepoint_id=None)
    work = await db.fetch_all(queries.savepoint_work, runner=None)
    if row is not None and row.savepoint_id in [one.savepoint_id for one in work]:
        await Writer(db, row.savepoint_id, alone=True).run()


async def restore_alone(db: Database, queue: str, consumer: str) -> None:
    """Start a job from its savepoint, where no runner is there to do it."""
    if await db.fetch_value(queries.has_runner):
        return
    seat = Seat(db.dsn, queue, consumer)
    try:
        if await seat.take():
            await seat.begin_applying()
            await restore(seat)
    finally:
        await seat.leave()


async def made(db: Database, path: str) -> Made:
    """What there is to say of a savepoint that is complete."""
    row = await db.fetch_one(queries.known_savepoint, path=path, savepoint_id=None)
    return Made(path, () if row is None else tuple(row.absent_tables))
