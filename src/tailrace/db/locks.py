"""Session advisory locks by text key.

They choose who tries; they never decide who may write: a session can lose its lock without
noticing, so every effect is fenced by an epoch as well. The lock goes with the session.

A process that is stopped, or whose host hangs, keeps its sessions. So whoever waits for a lock may
end the session that has it, when nothing has been heard of that runner for a while.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from tailrace import log
from tailrace.db.connection import Database, queries
from tailrace.errors import DatabaseError

_logger = log.get("locks")


@cache
def runner_name() -> str:
    """Name this process for people; the random part tells two containers apart."""
    return f"{socket.gethostname()}:{os.getpid()}-{os.urandom(3).hex()}"


async def mark(db: Database) -> None:
    """Let others see that this session is one of this process's."""
    await db.fetch_value(queries.mark_session, runner=runner_name())


async def end_silent(db: Database, key: str, seconds: float) -> bool:
    """End the session that holds a lock if its runner has been silent for so long."""
    try:
        ended = bool(await db.fetch_value(queries.end_silent, key=key, seconds=seconds))
    except DatabaseError as error:
        if error.sqlstate != "42501":  # it is another role's session
            raise
        _logger.debug("%s: %s", key, error)
        return False
    if ended:
        _logger.warning(
            "%s: its runner has not been heard of for %g s; its session was ended", key, seconds
        )
    return ended


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
