"""A database that rows come to, and a directory that files come to."""

from pathlib import Path

import pytest
import pytest_asyncio

from tailrace.db.connection import Database


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the files come to."""
    found = tmp_path / "files"
    found.mkdir()
    return found


@pytest_asyncio.fixture
async def db(database: Database) -> Database:
    """Where the rows come to; names without a schema mean public."""
    await database.execute("set search_path = public")
    return database
