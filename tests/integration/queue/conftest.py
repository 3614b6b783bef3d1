"""What the tests of the queue share: a queue to use."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from tailrace.db.connection import Database


class Queue:
    """A queue ``q`` that ticks whenever it is asked to, seen through one session."""

    name = "q"

    def __init__(self, db: Database) -> None:
        self.db = db

    async def call(self, expression: str, *args: object) -> Any:
        """Evaluate one function call and return its value."""
        return await self.db.fetch_value(f"select {expression}", *args)

    async def make(self) -> None:
        """Create the queue; every call of the ticker makes a tick from then on."""
        assert await self.call("pgq.create_queue(%s)", self.name) == 1
        for setting in ("ticker_max_lag", "ticker_idle_period"):
            await self.call("pgq.set_queue_config(%s, %s, '0')", self.name, setting)

    async def insert(self, *data: str) -> list[int]:
        """Insert events, each in a transaction of its own."""
        return [await self.call("pgq.insert_event(%s, 'kind', %s)", self.name, one) for one in data]

    async def tick(self) -> int:
        """Make a tick and return its id."""
        tick: int = await self.call("pgq.ticker(%s)", self.name)
        return tick

    async def next_batch(self, consumer: str = "c") -> int | None:
        """Open the next batch."""
        batch: int | None = await self.call("pgq.next_batch(%s, %s)", self.name, consumer)
        return batch

    async def events(self, batch: int) -> list[Any]:
        """Return the rows of a batch."""
        return await self.db.fetch_all("select * from pgq.get_batch_events(%s)", batch)

    async def consume(self, consumer: str = "c") -> list[str]:
        """Finish all batches there are and return the data of their events."""
        data: list[str] = []
        while (batch := await self.next_batch(consumer)) is not None:
            data.extend(event.ev_data for event in await self.events(batch))
            assert await self.call("pgq.finish_batch(%s)", batch) == 1
        return data


@pytest_asyncio.fixture
async def queue(database: Database) -> Queue:
    """Return a fresh queue ``q`` with a consumer ``c`` at its first tick."""
    queue = Queue(database)
    await queue.make()
    assert await queue.call("pgq.register_consumer('q', 'c')") == 1
    return queue
