"""What a runner does for savepoints from time to time: limits, those that are lost or replaced."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tailrace import log
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.errors import TailraceError, WrongState
from tailrace.jobs.savepoints import storage
from tailrace.jobs.savepoints.disposal import let_go

queries = load("tailrace")
_logger = log.get("savepoints")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many savepoints of a job are kept, and for how long; None: no limit."""

    keep: int | None = None
    max_age: float | None = None


def beyond(newest_first: Sequence[_T], keep: int | None, counts: Callable[[_T], bool]) -> list[_T]:
    """Those older than the newest ``keep`` that count: one whose files are gone saves nobody."""
    if keep is None:
        return list(newest_first)
    kept = 0
    for place, one in enumerate(newest_first):
        if kept == keep:
            return list(newest_first[place:])
        kept += counts(one)
    return []


async def tidy(own: Database, limits: Limits) -> None:
    """Mark what may go for removal, and note which savepoints have lost their files."""
    await own.execute(queries.drop_failed)
    seen: Counter[str] = Counter()
    for row in await own.fetch_all(queries.kept_savepoints):
        lost = await _look_for(own, row)
        if row.displaced_in is not None:  # its tick is lost, so what is held is of no use
            problem = await let_go(own, row.displaced_in, row.savepoint_id)
            _logger.debug("savepoint %s: %s", row.path, problem or "its tick is lost")
        if row.state == "claimed":
            if row.replaced:
                await own.execute(queries.give_up_claimed, savepoint_id=row.savepoint_id)
            continue
        too_many = limits.keep is not None and seen[row.job_id] >= limits.keep
        seen[row.job_id] += not lost and row.displaced_in is None
        if too_many or (limits.max_age is not None and row.age > limits.max_age):
            await _drop(own, row.path)


async def _look_for(own: Database, row: Row) -> bool:
    """Whether its files are gone: only who can see the place can say that."""
    lost = bool(row.lost)
    try:
        place = await asyncio.to_thread(storage.at, row.path)
        if place.here(row.host):
            lost = not await asyncio.to_thread(place.exists)
            await own.execute(queries.note_lost, savepoint_id=row.savepoint_id, lost=lost)
    except TailraceError as error:
        _logger.debug("%s", error)
    return lost


async def _drop(own: Database, path: str) -> None:
    try:
        await own.fetch_one(queries.request_drop_savepoint, path=path)
    except WrongState as error:  # somebody uses it
        _logger.debug("%s", error)
