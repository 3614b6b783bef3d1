"""What the tests of the queue share: a queue to use."""

from __future__ import annotations

import pytest_asyncio

from fixtures.queues import Queue
from tailrace.db.connection import Database


@pytest_asyncio.fixture
async def queue(database: Database) -> Queue:
    """Return a fresh queue ``q`` with a consumer ``c`` at its first tick."""
    queue = Queue(database)
    await queue.make()
    assert await queue.call("pgq.register_consumer('q', 'c')") == 1
    return queue
