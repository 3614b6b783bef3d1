"""A stream: a root that captures, a leaf that applies."""

from __future__ import annotations

import pytest_asyncio

from fixtures.databases import Connect, NewDatabase
from fixtures.stream import Stream


@pytest_asyncio.fixture
async def stream(new_database: NewDatabase, connect: Connect) -> Stream:
    """A root with an empty queue and a leaf that has read all of it."""
    root = await new_database(label="root")
    leaf = await connect(await new_database(label="leaf"), replica=True)
    made = Stream(root, await connect(root, name="reader"), leaf)
    await made.start()
    return made
