"""What a runner does for savepoints from time to time: limits, those that are lost or replaced."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from tailrace import log
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.errors import TailraceError, WrongState
from tailrace.jobs.savepoints import storage
from tailrace.jobs.savepoints.disposal import let_go

queries = load("tailrace")
_logger = log.get("savepoints")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many savepoints of a job are kept, and for how long; None: no limit."""

    keep: int | None = None
    max_age: float | None = None


async def tidy(own: Database, limits: Limits) -> None:
    """Mark what may go for removal, and note which savepoints have lost their files."""
    await own.execute(queries.drop_failed)
    seen: Counter[str] = Counter()
    for row in await own.fetch_all(queries.kept_savepoints):
        await _look_for(own, row)
        if row.displaced_in is not None:  # its tick is lost, so what is held is of no use
            problem = await let_go(own, row.displaced_in, row.savepoint_id)
            _logger.debug("savepoint %s: %s", row.path, problem or "its tick is lost")
        if row.state == "claimed":
            if row.replaced:
                await own.execute(queries.give_up_claimed, savepoint_id=row.savepoint_id)
            continue
        seen[row.job_id] += 1
        too_many = limits.keep is not None and seen[row.job_id] > limits.keep
        if too_many or (limits.max_age is not None and row.age > limits.max_age):
            await _drop(own, row.path)


async def _look_for(own: Database, row: Row) -> None:
    """Only who can see the place can say that something is missing there."""
    try:
        place = await asyncio.to_thread(storage.at, row.path)
        if place.here(row.host):
            there = await asyncio.to_thread(place.exists)
            await own.execute(queries.note_lost, savepoint_id=row.savepoint_id, lost=not there)
    except TailraceError as error:
        _logger.debug("%s", error)


async def _drop(own: Database, path: str) -> None:
    try:
        await own.fetch_one(queries.request_drop_savepoint, path=path)
    except WrongState as error:  # somebody uses it
        _logger.debug("%s", error)
