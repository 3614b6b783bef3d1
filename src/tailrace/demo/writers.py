"""Writers: what an airline office does to the root's tables while everything else goes on.

Each airport has a writer of its own, and an editor changes the other tables. They pick at random,
always in the same order of picks, what a person would call a day's work: late flights, new numbers
(which are part of the key), flights put off to another month (another partition), cancellations,
and one in a few transactions is given up in the middle. No two writers touch the same flight,
except through the foreign key of an airline whose code changes; who loses that race tries again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import monotonic

from tailrace.db.connection import Database
from tailrace.db.queries import Query, load
from tailrace.errors import DatabaseError
from tailrace.service import background, together

queries = load("nyc")

AIRPORTS = ("EWR", "JFK", "LGA")

# Seconds between two transactions of one writer. Every commit may become a tick, and four nodes
# carry each tick: this is busy, but leaves a small machine with five databases room to follow.
_PAUSE = 0.4
_EDITORS_PAUSE = 0.6

Work = Callable[[Database], Awaitable[int]]


@dataclass(slots=True)
class Written:
    """What the writers have committed so far."""

    transactions: int = 0
    rows: int = 0
    started: float = 0.0
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """How long they have written."""
        return (self.ended or monotonic()) - self.started


class Writers:
    """All writers; ``writing`` lets them write while a block runs."""

    def __init__(self, dsn: str, *, seed: int = 2013) -> None:
        self.written = Written()
        self._dsn = dsn
        self._seed = seed
        self._stopping = False

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Written]:
        """Write while the block runs; at its end every transaction is finished, none is torn."""
        async with AsyncExitStack() as stack:
            connections = [
                await stack.enter_async_context(await Database.connect(self._dsn, name="writer"))
                for _ in range(len(AIRPORTS) + 1)
            ]
            self.written.started = monotonic()
            async with background(self._write(connections), name="writers") as task:
                yield self.written
                self._stopping = True
                await task
            self.written.ended = monotonic()

    async def _write(self, connections: Sequence[Database]) -> None:
        work = [
            self._repeat(db, Office(airport, self._seed + number).something, _PAUSE)
            for number, (airport, db) in enumerate(zip(AIRPORTS, connections, strict=False))
        ]
        editor = Editor(self._seed - 1)
        await together(*work, self._repeat(connections[-1], editor.something, _EDITORS_PAUSE))

    async def _repeat(self, db: Database, choose: Callable[[], Work], pause: float) -> None:
        """Do one thing after the other, each in a transaction; who was in the way tries again."""
        while not self._stopping:
            work = choose()
            try:
                async with db.transaction():
                    rows = await work(db)
            except DatabaseError as exc:
                if not exc.retryable:
                    raise
                continue
            self.written.transactions += 1
            self.written.rows += rows
            await asyncio.sleep(pause)


def _statement(query: Query, **values: object) -> Work:
    return lambda db: db.execute(query, **values)


class Office:
    """The work of one airport's office."""

    def __init__(self, airport: str, seed: int) -> None:
        self._airport = airport
        self._random = random.Random(seed)

    def something(self) -> Work:
        """Choose what to do next."""
        chosen = self._random.choices(
            ("delay", "repeat", "renumber", "divert", "cancel", "postpone", "forget", "delay_days"),
            (30, 30, 12, 8, 6, 6, 2, 0.5),
        )[0]
        if chosen in ("cancel", "postpone", "forget") and self._random.random() < 0.3:
            return self._given_up(chosen)
        return _statement(getattr(queries, chosen), **self._hour())

    def _hour(self) -> dict[str, object]:
        """Choose when; statements take of it what they need."""
        return {
            "origin": self._airport,
            "month": self._random.randint(1, 12),
            "day": self._random.randint(1, 28),
            "hour": self._random.randint(5, 18),
            "minutes": self._random.randint(1, 90),
        }

    def _given_up(self, chosen: str) -> Work:
        """Plan flights, change one's mind about something and do something else instead."""
        place = self._hour()

        async def work(db: Database) -> int:
            rows = await db.execute(queries.repeat, **place)
            try:
                async with db.transaction():
                    await db.execute(getattr(queries, chosen), **place)
                    raise _ChangedMind
            except _ChangedMind:
                return rows + await db.execute(queries.delay, **place)

        return work


class _ChangedMind(Exception):
    """Rolls a savepoint back."""


class Editor:
    """Changes of the small tables."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def something(self) -> Work:
        """Choose what to do next."""
        chosen = self._random.choices(
            (self._weather, self._planes, self._open_airport, self._close_airports, self._airline),
            (50, 20, 20, 5, 2),
        )[0]
        return chosen()

    def _weather(self) -> Work:
        return _statement(
            queries.correct_weather,
            origin=self._random.choice(AIRPORTS),
            month=self._random.randint(1, 12),
            day=self._random.randint(1, 28),
            degrees=self._random.choice((-9.5, -3.25, 4.5, 11.75)),
        )

    def _planes(self) -> Work:
        return _statement(
            queries.refit,
            seats=self._random.choice((-1, 1, 2)),
            offset=self._random.randint(0, 3321),
        )

    def _open_airport(self) -> Work:
        return _statement(
            queries.open_airport,
            number=self._random.randint(1, 999),
            origin=self._random.choice(AIRPORTS),
        )

    def _close_airports(self) -> Work:
        return _statement(queries.close_airports)

    def _airline(self) -> Work:
        return _statement(queries.rename_airline)
