"""Session advisory locks by text key.

They choose who tries; they never decide who may write: a session can lose its lock without
noticing, so every effect is fenced by an epoch as well. The lock goes with the session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tailrace.db.connection import Database, queries


async def acquire(db: Database, key: str) -> bool:
    """Take the lock if nobody else has it; say whether we have it now."""
    return bool(await db.fetch_value(queries.try_lock, key=key))


async def release(db: Database, key: str) -> None:
    """Give the lock back; harmless where the session does not hold it any more."""
    if not db.closed:
        await db.fetch_value(queries.unlock, key=key)


@asynccontextmanager
async def held(db: Database, key: str) -> AsyncIterator[bool]:
    """Try to hold the lock for a ``with`` block; the block is told whether it does."""
    got = await acquire(db, key)
    try:
        yield got
    finally:
        if got:
            await release(db, key)
