"""A snapshot of replicated tables whose tick is known.

Tick ids mean the same on every node, so what was read at a tick here fits together with the
events after that tick anywhere. On a root the snapshot is *made* a tick: the ticks are locked, the
snapshot taken, and a tick inserted that has exactly this snapshot. Anywhere else the tables are, in
any snapshot, at the position that their applying consumer has recorded in the same snapshot.

Tables are locked (against being rewritten, not against writers) before the snapshot is taken: one
that is older than a rewriting ALTER TABLE would find the table empty.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import WrongState
from tailrace.faults import reach

queries = load("tailrace")


# Nothing ticks on the root while a snapshot becomes a tick; one that is frozen then gives way.
SILENT = "5s"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the open transaction of a connection sees."""

    node: str
    tick: int


@asynccontextmanager
async def open_snapshot(
    source: Database, *, queue: str, tables: Sequence[str] = ()
) -> AsyncIterator[Snapshot]:
    """Open a repeatable-read transaction on ``source`` for the block, at a tick that is known.

    ``tables`` are local names of the tables that will be read in it.
    """
    [before] = await source.fetch_all(queries.source_state, queue=queue, table=None)
    lock = await source.fetch_value(queries.share_lock_sql, tables=list(tables))
    async with source.transaction("repeatable read", read_only=True):
        if lock:
            await source.execute(lock)
        tick = await make_tick(source, queue) if before.node_type == "root" else None
        [seen] = await source.fetch_all(queries.source_state, queue=queue, table=None)
        if seen.node_type != before.node_type:
            raise WrongState(
                f'node "{seen.node_name}" of queue "{queue}" became a {seen.node_type} meanwhile',
                retryable=True,
            )
        if tick is None:
            tick = seen.position_tick
        if tick is None:
            raise WrongState(
                f'node "{seen.node_name}" of queue "{queue}" does not apply tables yet',
                hint="its worker registers that by itself: tailrace run",
                retryable=True,
            )
        yield Snapshot(seen.node_name, tick)


async def make_tick(source: Database, queue: str) -> int:
    """Take the snapshot of an open transaction while no tick can be made, and make it one.

    The tick is inserted by a second connection, since it must be committed while the snapshot
    stays open. While it holds the lock nobody ticks, so the server does not wait long for us.
    """
    async with await Database.connect(source.dsn, name="snapshot tick") as ticker:
        async with ticker.transaction():
            await ticker.execute(queries.end_if_silent, within=SILENT)
            await ticker.execute(queries.lock_ticks)
            snapshot = await source.fetch_value(queries.take_snapshot)
            tick = int(
                await ticker.fetch_value(queries.snapshot_tick, queue=queue, snapshot=snapshot)
            )
            await reach("snapshot.before_tick_commit")
    return tick
