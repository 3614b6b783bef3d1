"""A server in front of a database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from fixtures.cascade import cascade as cascade  # the fixtures, for all tests below
from fixtures.serving import Served, served
from tailrace.db.connection import Database


@pytest_asyncio.fixture
async def server_of(database: Database) -> AsyncIterator[Served]:
    """A server in front of a fresh database."""
    async with served(database.dsn) as made:
        yield made
