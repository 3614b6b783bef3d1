"""Nodes that are lost: nobody can connect to them any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fixtures.cascade import TestNode
from tailrace.db.dsn import parameters


@asynccontextmanager
async def lost(node: TestNode, by: TestNode) -> AsyncIterator[None]:
    """Nobody can connect to a node while the block runs, nor is anybody connected."""
    name = parameters(node.dsn)["dbname"]
    await node.db.close()
    await by.db.execute(f'alter database "{name}" allow_connections false')
    await by.db.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", name
    )
    try:
        yield
    finally:
        await by.db.execute(f'alter database "{name}" allow_connections true')
