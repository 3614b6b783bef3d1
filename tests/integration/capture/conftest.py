"""A root node with the queue ``flow``: what capture needs."""

from __future__ import annotations

import pytest_asyncio

from fixtures.captured import Capture
from tailrace.db.connection import Database


@pytest_asyncio.fixture
async def capture(database: Database) -> Capture:
    """Database with a root node; ``capture.add("t")`` begins to capture a table."""
    made = Capture(database, "flow")
    await made.create_root()
    return made
