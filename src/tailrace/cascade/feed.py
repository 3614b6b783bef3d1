"""Reading the events of many ticks ahead of whoever writes them.

A mirror commits tick by tick, but nothing keeps it from fetching the next tick's events while this
one's are being committed. The events pass as the provider's COPY sends them, undecoded, in pieces
of some ten thousand bytes; how many wait here is bounded in bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tailrace.db.connection import Database

PIECE = 64 * 1024
# Header and trailer of a binary COPY without a row.
EMPTY = 21


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick of the provider, and what came since the tick before."""

    prev_tick: int
    tick_id: int
    tick_time: datetime
    event_seq: int
    copy_sql: str
    """Reads the events."""
    events: str | None
    """The events themselves, where they are few: an array that only the databases read."""


@dataclass(frozen=True, slots=True)
class _Piece:
    data: bytes
    last: bool


class Feed:
    """The events of some ticks, one tick after another, but for ticks that came with them."""

    def __init__(self, provider: Database, ticks: Sequence[Tick], *, limit: int = 4 << 20) -> None:
        self._provider = provider
        self._ticks = ticks
        self._limit = limit
        self._pieces: deque[_Piece] = deque()
        self._size = 0
        self._changed = asyncio.Condition()
        self._error: BaseException | None = None

    async def read(self) -> None:
        """Read everything; to be run beside the writer, which meets an error when it gets there."""
        try:
            for tick in self._ticks:
                if tick.events is None:
                    await self._read(tick)
        except BaseException as error:
            async with self._changed:
                self._error = error
                self._changed.notify_all()
            raise

    async def _read(self, tick: Tick) -> None:
        piece = bytearray()
        async for data in self._provider.copy_out(tick.copy_sql):
            piece += data
            if len(piece) >= PIECE:
                await self._put(_Piece(bytes(piece), last=False))
                piece.clear()
        await self._put(_Piece(bytes(piece), last=True))

    async def _put(self, piece: _Piece) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._size < self._limit)
            self._pieces.append(piece)
            self._size += len(piece.data)
            self._changed.notify_all()

    async def _get(self) -> _Piece:
        async with self._changed:
            await self._changed.wait_for(lambda: self._pieces or self._error)
            if not self._pieces:
                assert self._error is not None
                raise self._error
            piece = self._pieces.popleft()
            self._size -= len(piece.data)
            self._changed.notify_all()
            return piece

    async def events(self) -> AsyncIterator[bytes] | None:
        """Return the pieces of the next tick, all of which must be taken; None: it has no event."""
        first = await self._get()
        if first.last and len(first.data) <= EMPTY:
            return None
        return self._rest(first)

    async def _rest(self, piece: _Piece) -> AsyncIterator[bytes]:
        yield piece.data
        while not piece.last:
            piece = await self._get()
            yield piece.data
