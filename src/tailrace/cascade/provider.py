"""The node that a consumer reads from: one connection to it, which follows a change of provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime

from tailrace import log
from tailrace.cascade.position import Finisher, Seat, State
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.db.remote import remote
from tailrace.errors import LostPosition, NotFound, TailraceError

queries = load("tailrace")
_logger = log.get("provider")

# Asks to set an event whenever a queue gets a tick; what comes back takes that back.
Hear = Callable[[str, str, asyncio.Event], Callable[[], None]]


def hear_nothing(_dsn: str, _queue: str, _event: asyncio.Event) -> Callable[[], None]:
    """Rely on polling alone."""
    return lambda: None


class Provider:
    """A consumer's way to the events, and to telling how far it is."""

    def __init__(self, seat: Seat, *, wake: asyncio.Event, hear: Hear) -> None:
        self.queue = seat.queue
        self.consumer = seat.consumer
        self.finisher = Finisher(seat)
        self._own_dsn = seat.dsn
        self._wake = wake
        self._hear = hear
        self._stop_hearing: Callable[[], None] | None = None
        self._dsn: str | None = None
        self._db: Database | None = None

    @property
    def connected(self) -> Database | None:
        """The connection, if there is one at the moment."""
        return self._db

    async def follow(self, state: State) -> Database:
        """Return a connection to the node that is the provider now."""
        dsn = self._location(state)
        if self._db is not None and dsn == self._dsn:
            return self._db
        if dsn != self._dsn:
            await self.leave()
            self._stop_hearing = self._hear(dsn, self.queue, self._wake)
            self._dsn = dsn
            self.finisher.provider_node = state.provider_node
        self._db = await Database.connect(dsn, name=f"{self.queue}/{self.consumer}/read")
        _logger.debug("%s: reads from %s", self.consumer, state.provider_node)
        return self._db

    def _location(self, state: State) -> str:
        if state.provider_node == state.node_name:
            # Its own queue: the way we came is shorter than the one others take.
            return self._own_dsn
        if state.provider_location is None:
            raise NotFound(
                f'node "{state.node_name}" of queue "{self.queue}" does not know where its '
                f'provider "{state.provider_node}" is',
                hint="choose another provider with: tailrace change-provider",
            )
        return remote(state.provider_location)

    async def finish(self, tick: int, *, now: bool = False) -> None:
        """Let the provider forget what is done; does nothing without a connection."""
        if self._db is not None:
            await self.finisher.finish(self._db, tick, now=now)

    async def flush(self) -> None:
        """Tell the provider now and then what was held back; for when there is nothing else."""
        if self._db is not None and self.finisher.done is not None:
            await self.finisher.finish(self._db, self.finisher.done)

    async def part(self) -> None:
        """Say what has not been said yet, as well as we can, and leave."""
        if self._db is not None and not self._db.closed:
            try:
                await self.finisher.flush(self._db)
            except TailraceError as error:
                _logger.debug("%s: the provider was not told: %s", self.consumer, error)
        await self.leave()

    async def drop(self) -> None:
        """Close the connection after an error; ticks of the provider still wake us."""
        self.finisher.forget()
        db, self._db = self._db, None
        if db is not None:
            await db.close()

    async def leave(self) -> None:
        """Have no more to do with this provider."""
        await self.drop()
        if self._stop_hearing is not None:
            self._stop_hearing()
        self._stop_hearing = self._dsn = None


async def recognise(
    provider: Database, node: str, queue: str, consumer: str, own: Collection[tuple[int, datetime]]
) -> None:
    """Make sure, once a connection, that the provider's ticks of our ids are those we have.

    A root that was set back gives ids again. While we are ahead of it, it says so itself; but it
    may have come past us while nobody looked. A tick's time goes with it from node to node, but
    for the first of a branch, and one that a takeover had to make: so two of them must differ.
    Who is not registered there will be told so: an old root that is only half back.
    """
    if len(own) < 2:
        return
    found = await provider.fetch_all(
        queries.ticks_among, queue=queue, consumer=consumer, ticks=[tick for tick, _ in own]
    )
    times = {row.tick_id: row.tick_time for row in found}
    others = [(tick, time) for tick, time in own if times.get(tick, time) != time]
    if len(others) > 1:
        tick, time = max(others)
        raise LostPosition(
            f'tick {tick} of queue "{queue}" at provider "{node}" is not the one that consumer '
            f'"{consumer}" has completed: it is of {times[tick]}, ours of {time}',
            hint="the root was set back, by a backup or by a standby that was behind; shut it "
            "down and fail over to a node that has more with: tailrace takeover, or drop and "
            "create the nodes that were ahead of it",
        )
