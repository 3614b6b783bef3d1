"""What the tests of the queue share: a queue to use."""

from __future__ import annotations

import pytest
import pytest_asyncio

from fixtures.queues import Queue
from fixtures.server import Server
from tailrace.db.connection import Database


@pytest_asyncio.fixture
async def queue(database: Database) -> Queue:
    """Return a fresh queue ``q`` with a consumer ``c`` at its first tick."""
    queue = Queue(database)
    await queue.make()
    assert await queue.call("pgq.register_consumer('q', 'c')") == 1
    return queue


@pytest.fixture
def silence(server: Server, database: Database) -> None:
    """Nobody else uses the server: snapshots hold the transactions of this test only."""
    server.settle()
