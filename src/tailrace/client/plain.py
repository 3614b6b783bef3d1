"""The consumer for scripts: ordinary loops, ordinary psycopg connections, no asyncio.

All of ``consumer`` happens in a thread beside, so that the job is known to be alive however long
the script works on a batch. Effects are written in the script's own thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from tailrace.client.batch import Batch, queries
from tailrace.client.changes import Change
from tailrace.client.consumer import Consumer
from tailrace.client.events import Event
from tailrace.db.callers import Connection, ask, connect
from tailrace.service import Aside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

T = TypeVar("T")


class PlainConsumer:
    """``with PlainConsumer(dsn, "orders", "billing") as consumer: for batch in consumer: …``

    See ``Consumer``, which takes the same options. For one thread at a time.
    """

    def __init__(self, dsn: str, queue: str, name: str, **options: Any) -> None:
        """The options are those of ``Consumer``."""
        self._consumer = Consumer(dsn, queue, name, **options)
        self._effects: Connection | None = None
        self.aside: Aside

    @property
    def job_id(self) -> str:
        """Id of the job."""
        return self._consumer.job_id

    def __enter__(self) -> PlainConsumer:
        self.aside = Aside(name=f"tailrace {self._consumer.name}")
        try:
            self.aside.call(self._consumer.__aenter__())
        except BaseException:
            self.aside.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.aside.call(self._consumer.__aexit__(kind, error, trace))
        finally:
            self.aside.close()
            if self._effects is not None:
                self._effects.close()

    def __iter__(self) -> Iterator[PlainBatch]:
        while (batch := self.next_batch()) is not None:
            yield batch

    def next_batch(self) -> PlainBatch | None:
        """Wait for the next batch; None when ``stop`` was called, or the job was dropped."""
        batch = self.aside.call(self._consumer.next_batch())
        return None if batch is None else PlainBatch(self, batch)

    def stop(self) -> None:
        """Let the iteration end when the next batch is asked for; may be called from a signal."""
        self.aside.call(self._stopped())

    async def _stopped(self) -> None:
        self._consumer.stop()

    def effects(self) -> Connection:
        """The connection that effects are written through."""
        if self._effects is None or self._effects.closed:
            self._effects = connect(self._consumer.dsn, name=self._consumer.name)
        return self._effects


class PlainBatch:
    """A batch in the hands of a script; see ``Batch``."""

    def __init__(self, consumer: PlainConsumer, batch: Batch) -> None:
        self._consumer = consumer
        self._batch = batch

    def __repr__(self) -> str:
        return repr(self._batch)

    @property
    def from_tick(self) -> int:
        """Tick after which the batch begins."""
        return self._batch.from_tick

    @property
    def to_tick(self) -> int:
        """Tick that ends it."""
        return self._batch.to_tick

    @property
    def time(self) -> datetime:
        """When that tick was made."""
        return self._batch.time

    @property
    def done(self) -> bool:
        """Whether it has been finished."""
        return self._batch.done

    def __iter__(self) -> Iterator[Event]:
        for block in self._each(self._batch.blocks()):
            yield from block

    def events(self) -> list[Event]:
        """All events at once."""
        return list(self)

    def changes(self, table: str | None = None) -> Iterator[Change]:
        """What the row events tell of: changes of tables, or of one (``schema.table``)."""
        return self._each(self._batch.changes(table))

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction of the consumer's database; leaving it commits effects and position."""
        try:
            conn = self._consumer.effects()
            with conn.transaction():
                yield conn
                ask(conn, queries.advance, **self._batch.step)
        except BaseException as error:
            self._batch.failure = error
            raise
        self._consumer.aside.call(self._batch.note())

    def finish(self, conn: Connection | None = None) -> None:
        """Say that the batch is done: after effects elsewhere, or in your own transaction."""
        if conn is None:
            self._consumer.aside.call(self._batch.finish())
        else:
            ask(conn, queries.advance, **self._batch.step)
            self._consumer.aside.call(self._batch.note(committed=False))

    def _each(self, found: AsyncIterator[T]) -> Iterator[T]:
        async def following() -> list[T]:
            async for one in found:
                return [one]
            return []

        while block := self._consumer.aside.call(following()):
            yield block[0]
