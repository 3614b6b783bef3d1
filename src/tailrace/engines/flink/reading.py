"""The rows of a statement, read in a thread of their own while others use what has come.

py4j blocks, and a query over a stream may not have a row for hours; so each has a thread, which
ends when the query does. Closing the query, on another connection, wakes it up.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Any

from tailrace.engines.flink.composed import of_java
from tailrace.engines.flink.java import Held, beside, over, told
from tailrace.engines.flink.sql import BeforeEnd, Row, Shape
from tailrace.errors import TailraceError

# So many rows are read ahead of who uses them.
_AHEAD = 10_000
# What comes within so long after a row is handed out together with it.
_GATHER = 0.02
_END_WITHIN = 10.0


class Known:
    """Rows that are there already."""

    def __init__(self, shape: Shape, rows: list[Row]) -> None:
        self.shape = shape
        self.ended = True
        self._rows: list[Row] | None = rows

    async def more(self, within: float | None = None) -> list[Row] | None:
        """All of them, once."""
        rows, self._rows = self._rows, None
        return rows or None

    async def close(self) -> None:
        """Nothing is held."""


class Reading:
    """Rows that a query makes; ``iterator`` is Flink's, whose ``hasNext`` waits for the next."""

    def __init__(self, java: Any, iterator: Any, shape: Shape, before_end: BeforeEnd) -> None:
        self.shape = shape
        self._before_end = before_end
        self.ended = False
        self._java = beside(java)
        self._iterator = over(self._java, iterator)
        self._rows: list[Row] = []
        self._error: TailraceError | None = None
        self._came = asyncio.Event()
        self._over = asyncio.Event()
        self._room = threading.Event()
        self._closing = asyncio.Lock()
        self._begun = False
        self._closed = False

    async def more(self, within: float | None = None) -> list[Row] | None:
        """Rows that have come; none: not one within this time; None: there will be no more."""
        self._begin()
        try:
            async with asyncio.timeout(within):
                await self._came.wait()
            async with asyncio.timeout(_GATHER):
                await self._over.wait()
        except TimeoutError:
            pass
        rows, self._rows = self._rows, []
        if not self.ended:
            self._came.clear()
        self._room.set()
        if rows or not self.ended:
            return rows
        if self._error is not None:
            raise self._error
        return None

    async def close(self) -> None:
        """End the query, and with it its job; harmless when repeated."""
        async with self._closing:
            if self._closed:
                return
            self._closed = True
            self._room.set()
            if not self.ended:
                if self.shape.engine_id is not None:
                    await self._before_end(self.shape.engine_id)
                await asyncio.to_thread(self._stop)
            if self._begun:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_END_WITHIN):
                        await self._over.wait()
            self.ended = True
            await asyncio.to_thread(self._java.close)

    # ------------------------------------------------------------ inside

    def _begin(self) -> None:
        """Begin to read, where nobody has."""
        if self._begun:
            return
        self._begun = True
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), name="rows of Flink", daemon=True).start()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read to the end; in the thread."""
        problem: TailraceError | None = None
        try:
            with told("the statement failed"):
                while not self._closed and self._iterator.hasNext():
                    row = self._next()
                    self._room.clear()
                    loop.call_soon_threadsafe(self._take, row)
                    if len(self._rows) >= _AHEAD:
                        self._room.wait()
            if not self._closed:
                self._stop()
        except TailraceError as error:
            problem = error
        finally:
            with suppress(RuntimeError):  # the program has ended meanwhile
                loop.call_soon_threadsafe(self._finish, problem)

    def _next(self) -> Row:
        with Held(self._java) as held:
            row = held(self._iterator.next())
            kind = str(held(row.getKind()).shortString())
            fields = [
                of_java(held(row.getField(number)), stated, held)
                for number, stated in enumerate(self.shape.types)
            ]
            return Row(kind, fields)

    def _stop(self) -> None:
        """Close Flink's iterator, which cancels a query that has not ended."""
        with suppress(TailraceError), told("the query was not ended"), Held(self._java) as held:
            held(self._iterator).close()

    def _take(self, row: Row) -> None:
        self._rows.append(row)
        self._came.set()

    def _finish(self, problem: TailraceError | None) -> None:
        self._error = problem
        self.ended = True
        self._came.set()
        self._over.set()
