"""Fetching row events: from the queue of the provider to the memory of the applying consumer.

A ``RangeReader`` has a connection to the database that holds the queue. ``start`` asks it for a
``Span`` of events; what it fetches comes out of the ``Reading``: first the parts (which tables,
which operations, how many rows), then the rows of each part, packed and still as text. Inside
``async with reader`` fetching runs in the background and one span after the other, so the next one
is on its way while this one is applied; between both stand a few megabytes at most. Outside of
such a block a reading is fetched while it is applied.

While a reader fetches, its connection is not free for anything else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

from tailrace import service
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import ConnectionLost, TailraceError
from tailrace.replication import framing
from tailrace.replication.span import ChangesScope, Narrowing, Part, Scope, Span

queries = load("tailrace")

# Parts whose events are stored as they are, not unpacked into rows.
_WHOLE_EVENTS = frozenset({"aside", "pass"})

BUFFER_BYTES = 4 << 20
_CHUNK_BYTES = 128 << 10


class Budget:
    """How many bytes may wait between fetching and applying."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self.most_used = 0
        self._freed = asyncio.Event()

    async def take(self, size: int) -> None:
        """Wait until there is room; a single piece that is too large has to wait for nobody."""
        while self._used > 0 and self._used + size > self._limit:
            self._freed.clear()
            await self._freed.wait()
        self.add(size)

    def add(self, size: int) -> None:
        """Count a piece that is already here."""
        self._used += size
        self.most_used = max(self.most_used, self._used)

    def give_back(self, size: int) -> None:
        """Say that a piece is gone."""
        self._used -= size
        self._freed.set()


class Abandoned(TailraceError):
    """The reading was given up before it was complete; start it again."""


class Reading:
    """One span on its way; made by ``RangeReader.start``, consumed once, in the order of parts."""

    def __init__(self, reader: RangeReader, span: Span, scope: Scope | None) -> None:
        self.reader = reader
        self.span = span
        self.scope = scope
        self._parts: list[Part] | None = None
        self._chunks: deque[bytes | None] = deque()  # None: the part ends
        self._complete = False
        self._news = asyncio.Event()
        self._error: TailraceError | None = None

    @property
    def failure(self) -> TailraceError | None:
        """What ended the fetching; None while all is well."""
        return self._error

    @property
    def whole(self) -> list[Part] | None:
        """The parts, if all of them are here with their rows; None: they are not yet."""
        return self._parts if self._complete and self._error is None else None

    @property
    def finished(self) -> bool:
        """Whether nothing is fetched or kept for it any more."""
        return self._error is not None or (self._complete and not self._chunks)

    def again(self, scope: Scope) -> Reading:
        """Start the same span anew. This reading ends, and so do those asked for after it."""
        self.reader.interrupt()
        return self.reader.start(self.span, scope)

    def close(self) -> None:
        """Give up what has not been consumed. Harmless when repeated."""
        self.fail(Abandoned("the reading was given up"))
        for chunk in self._chunks:
            if chunk is not None:
                self.reader.budget.give_back(len(chunk))
        self._chunks.clear()

    # ---------------------------------------------------------------- consuming

    async def parts(self) -> list[Part]:
        """Wait for the list of parts."""
        while self._parts is None:
            await self._wait()
        return self._parts

    async def rows(self, part: Part) -> AsyncIterator[bytes]:
        """Yield the rows of a part as text for ``COPY … FROM STDIN``.

        Parts that have rows must be asked for in their order, each to its end.
        """
        unpack = _UNPACK[part.kind in _WHOLE_EVENTS, part.marked]
        while (chunk := await self._next_chunk()) is not None:
            yield unpack(chunk)

    async def skip(self, part: Part) -> None:
        """Let the rows of a part pass."""
        while part.has_rows and await self._next_chunk() is not None:
            pass

    async def _next_chunk(self) -> bytes | None:
        while not self._chunks:
            await self._wait()
        chunk = self._chunks.popleft()
        if chunk is not None:
            self.reader.budget.give_back(len(chunk))
        return chunk

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._news.clear()
        await self._news.wait()

    # ---------------------------------------------------------------- fetching

    @asynccontextmanager
    async def fetched(self) -> AsyncIterator[None]:
        """Make sure that somebody fetches while the block consumes."""
        if self.reader.running:
            yield
            return
        async with service.background(self.fetch(), name="fetch") as task:
            try:
                yield
            except asyncio.CancelledError:
                task.cancel()  # everything ends now
                raise
            finally:
                # Not by cancelling: interrupted where COPY begins, a connection is of no more use.
                self.close()
                await asyncio.wait([task])

    async def fetch(self) -> None:
        """Fetch everything; what goes wrong is raised where the reading is consumed."""
        if self._error is not None or self._complete:
            return
        try:
            self._parts = await self._fetch_parts()
            self._news.set()
            for part in self._parts:
                if part.copy_sql is not None:
                    await self._fetch_rows(part, part.copy_sql)
            self._complete = True
        except TailraceError as error:
            self.fail(error)
        except BaseException:
            self.close()
            raise

    def fill(self, parts: list[Part]) -> None:
        """Take the whole of it, which came with the choice of the span."""
        self._parts = parts
        for part in parts:
            if part.has_rows:
                rows = (part.data or "").encode()
                self.reader.budget.add(len(rows))
                self._chunks += (rows, None)
        self._complete = True

    def fail(self, error: TailraceError) -> None:
        """Let the consumer know that nothing more will come; the first reason counts."""
        self._error = self._error or error
        self._news.set()

    async def _fetch_parts(self) -> list[Part]:
        span, scope = self.span, self.scope or Scope()
        if isinstance(scope, ChangesScope):
            rows = await self.reader.provider.fetch_all(
                queries.changes_plan,
                queue=span.queue, consumer=self.reader.consumer,
                from_tick=span.from_tick, to_tick=span.to_tick,
                tables=sorted(scope.applied), marked=sorted(scope.marked),
            )  # fmt: skip
            return [Part(*row) for row in rows]
        values: dict[str, Any] = {
            "queue": span.queue,
            "consumer": self.reader.consumer,
            "from_tick": span.from_tick,
            "to_tick": span.to_tick,
            "source": span.source_sql,
            "apply": sorted(scope.applied),
            "aside": sorted(scope.aside),
            "passing": scope.passing,
        }
        query = queries.reading_plan
        if span.only is not None:
            del values["passing"]  # somebody looks for a guilty event
            query = queries.narrow_reading_plan
            values |= {
                "table": span.only.table,
                "relation_id": span.only.relation_id,
                "after": span.only.after,
                "until": span.only.until,
            }
        return [Part(*row) for row in await self.reader.provider.fetch_all(query, **values)]

    async def _fetch_rows(self, part: Part, copy_sql: str) -> None:
        """Fetch one part; small messages are put together before anybody is woken."""
        whole = part.kind in _WHOLE_EVENTS
        joint = b"" if whole else framing.JOINT
        waiting: list[bytes] = []
        size = 0
        async with aclosing(self.reader.provider.copy_out(copy_sql)) as messages:
            async for message in messages:
                data = bytes(message) if whole else framing.field_of(message)
                if data is None:
                    continue
                waiting.append(data)
                size += len(data)
                if size >= _CHUNK_BYTES:
                    await self._put(joint.join(waiting))
                    waiting, size = [], 0
        if waiting:
            await self._put(joint.join(waiting))
        await self._put(None)

    async def _put(self, chunk: bytes | None) -> None:
        if chunk is not None:
            await self.reader.budget.take(len(chunk))
        if self._error is not None:
            if chunk is not None:
                self.reader.budget.give_back(len(chunk))
            raise self._error
        self._chunks.append(chunk)
        self._news.set()


class RangeReader:
    """Reads spans of one consumer's queue from one database."""

    def __init__(
        self,
        provider: Database,
        *,
        queue: str,
        consumer: str,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self.provider = provider
        self.queue = queue
        self.consumer = consumer
        self.budget = Budget(buffer_bytes)
        self.running = False
        self._readings: deque[Reading] = deque()  # to be fetched
        self._open: list[Reading] = []  # not consumed yet
        self._asked = asyncio.Event()
        self._stack = AsyncExitStack()

    def start(
        self, span: Span, scope: Scope | None = None, parts: list[Part] | None = None
    ) -> Reading:
        """Ask for a span; it is fetched when those asked for earlier are complete.

        ``scope`` is what the applier said last; when that turns out to be out of date, or is not
        given, the applier starts the reading again. ``parts``, where they are known, hold all rows:
        nothing has to be fetched then.
        """
        reading = Reading(self, span, scope)
        self._open = [one for one in self._open if not one.finished] + [reading]
        if parts is not None:
            reading.fill(parts)
        elif self.running:
            self._readings.append(reading)
            self._asked.set()
        return reading

    def narrowed(self, reading: Reading, only: Narrowing) -> Reading:
        """Ask for a few events of a reading again; all other readings end."""
        self.interrupt()
        return self.start(replace(reading.span, only=only), reading.scope)

    def interrupt(self) -> None:
        """Give up all readings that are not consumed; the next one need not wait for them."""
        for reading in self._open:
            reading.close()
        self._open.clear()

    async def __aenter__(self) -> RangeReader:
        self.running = True
        await self._stack.enter_async_context(service.background(self._run(), name="reader"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        self.running = False
        self.interrupt()

    async def _run(self) -> None:
        """Fetch what is asked for, one after the other."""
        try:
            while True:
                while not self._readings:
                    self._asked.clear()
                    await self._asked.wait()
                await self._readings[0].fetch()
                self._readings.popleft()
        except Exception as error:
            # Not an error of the database, so a mistake of ours: nobody must wait for ever.
            self.running = False
            for reading in self._readings:
                reading.fail(ConnectionLost(f"fetching ended: {error!r}", retryable=False))
            raise


def _as_it_is(chunk: bytes) -> bytes:
    return chunk


_UNPACK = {
    (True, False): _as_it_is,
    (False, False): framing.plain_rows,
    (False, True): framing.marked_rows,
}
