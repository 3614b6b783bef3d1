"""A batch of events in the hands of a program, and the ways in which it can be done with.

The position is in the database that the consumer belongs to. So an effect in that database happens
exactly once: ``transaction()`` commits both or neither, fenced by the runner's epoch. An effect
elsewhere happens at least once: ``finish()`` comes after it, and a program that dies in between
gets the batch again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from tailrace.client.changes import Change, Shape, changes_of, shapes_needed
from tailrace.client.events import Event
from tailrace.db.callers import AsyncConnection, ask
from tailrace.db.queries import load
from tailrace.errors import WrongState
from tailrace.faults import reach

if TYPE_CHECKING:
    from tailrace.client.consumer import Consumer
    from tailrace.db.connection import Database, Row

queries = load("tailrace")

# Events that are held in memory at a time.
BLOCK = 1000


class Batch:
    """The events after one tick up to another; iterate over it for the events."""

    def __init__(
        self, consumer: Consumer, source: Database, *, from_tick: int, to_tick: int, time: datetime
    ) -> None:
        self.queue = consumer.queue
        self.from_tick = from_tick
        """Tick after which the batch begins."""
        self.to_tick = to_tick
        """Tick that ends it: what was committed before it was made is in this batch or earlier."""
        self.time = time
        """When that tick was made."""
        self.done = False
        self.failure: BaseException | None = None
        """What ended its transaction; such a batch comes again."""
        self._consumer = consumer
        self._source = source
        self._open: AsyncGenerator[list[Row]] | None = None
        self._shapes: dict[str, Shape] = {}

    def __repr__(self) -> str:
        return f"<Batch of queue {self.queue!r}, ticks {self.from_tick} to {self.to_tick}>"

    # ------------------------------------------------------------ reading

    async def __aiter__(self) -> AsyncIterator[Event]:
        async for block in self.blocks():
            for event in block:
                yield event

    async def events(self) -> list[Event]:
        """All events at once."""
        return [event async for event in self]

    async def changes(self, table: str | None = None) -> AsyncIterator[Change]:
        """What the row events tell of: changes of tables, or of one (``schema.table``)."""
        async for block in self.blocks():
            wanted = [one for one in block if table is None or one.extra1 == table]
            await self._learn(shapes_needed(wanted))
            for event in wanted:
                for change in changes_of(event, self._shapes):
                    yield change

    async def blocks(self) -> AsyncIterator[list[Event]]:
        """The events in lists of at most ``BLOCK``, from the beginning."""
        await self._stop_reading()
        text = await self._source.fetch_value(
            queries.range_sql,
            queue=self.queue, consumer=self._consumer.consumer_name,
            from_tick=self.from_tick, to_tick=self.to_tick,
        )  # fmt: skip
        self._open = reading = self._source.stream(text, size=BLOCK)
        try:
            async for rows in reading:
                yield [Event(*row) for row in rows]
            if self._open is not reading:  # or the loop would end as if this had been all
                problem = "is read a second time" if self._open else "has been finished"
                raise WrongState(f"the batch up to tick {self.to_tick} {problem} meanwhile")
        finally:
            await reading.aclose()

    async def _learn(self, ids: set[str]) -> None:
        unknown = sorted(ids - self._shapes.keys())
        if not unknown:
            return
        for row in await self._source.fetch_all(queries.relations, ids=unknown):
            self._shapes[row.relation_id] = Shape(tuple(row.column_names), tuple(row.key_columns))

    async def _stop_reading(self) -> None:
        reading, self._open = self._open, None
        if reading is not None:
            await reading.aclose()

    # ------------------------------------------------------------ being done with it

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction of the consumer's database; leaving it commits effects and position.

        The connection is psycopg's, with the settings that the user has there. An error rolls both
        back; what another process has done meanwhile (it took the consumer over) is one, too.
        """
        self._check()
        try:
            conn = await self._consumer.effects()
            async with conn.transaction():
                yield conn
                await reach("program.before_position")
                await ask(conn, queries.advance, **self.step)
                await reach("program.before_commit")
        except BaseException as error:
            self.failure = error
            raise
        await self.note()

    async def finish(self, conn: AsyncConnection | None = None) -> None:
        """Say that the batch is done: after effects elsewhere, or in your own transaction.

        ``conn`` is a connection to the consumer's database whose transaction you will commit.
        Without it the position is committed here.
        """
        self._check()
        if conn is None:
            await reach("program.before_position")
            await self._consumer.advance(self)
        else:
            await ask(conn, queries.advance, **self.step)
        await self.note(committed=conn is None)

    @property
    def step(self) -> dict[str, object]:
        """What recording the position takes."""
        return {
            "queue": self.queue,
            "consumer": self._consumer.consumer_name,
            "epoch": self._consumer.epoch,
            "from_tick": self.from_tick,
            "to_tick": self.to_tick,
        }

    async def put_away(self) -> None:
        """Read no more; harmless when repeated."""
        await self._stop_reading()

    def _check(self) -> None:
        if self.done:
            raise WrongState(f"the batch up to tick {self.to_tick} has been finished already")

    async def note(self, *, committed: bool = True) -> None:
        """The position has been moved, or will have been when somebody commits."""
        self.done = True
        await self._stop_reading()
        self._consumer.moved(self.to_tick if committed else None)
