"""Seeding a new node from a savepoint: its rows come from files, and not from the provider.

Tick ids mean the same everywhere, so rows of tick T fit together with the events after T of any
node that still has that tick. A leaf begins at T. A branch begins where every branch does, at the
global watermark, which is not after T; there the tables count as copied at T, and its applying
consumer hands them over as after any other copy.

All of it is in the transaction that makes the node, and the rows come first: who cannot be seeded
has not become a node, and nobody waits for the rows.
"""

from __future__ import annotations

import asyncio

from tailrace import log
from tailrace.cascade.answers import ask
from tailrace.cascade.joining import NewNode
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import NotFound, WrongState
from tailrace.faults import reach
from tailrace.jobs.savepoints import storage
from tailrace.jobs.savepoints.metadata import Metadata
from tailrace.jobs.savepoints.restore import (
    REPLICAS,
    load_tables,
    need_same_tick,
    read_savepoint,
)
from tailrace.jobs.savepoints.storage import Storage
from tailrace.replication.tables import list_tables

queries = load("tailrace")
_logger = log.get("savepoints")


class SavepointSeed:
    """A savepoint that a new node begins with; see ``cascade.joining.Seed``."""

    def __init__(self, place: Storage, found: Metadata) -> None:
        self.tick = found.tick
        self.left_out: list[str] = []
        """Tables of the provider that are not in the savepoint, or not of the provider any more."""
        self._place = place
        self._found = found
        self._loaded: list[str] = []

    @classmethod
    async def read(cls, path: str, new: NewNode) -> SavepointSeed:
        """Read a savepoint, and refuse one that is damaged or of something else."""
        place = await asyncio.to_thread(storage.at, path)
        found = await read_savepoint(place)
        if found.queue != new.queue:
            raise WrongState(
                f'savepoint "{place.path}" is of queue "{found.queue}"; node "{new.name}" is to '
                f'read queue "{new.queue}"'
            )
        if found.kind not in REPLICAS:
            raise WrongState(
                f'savepoint "{place.path}" is of job "{found.job_name}" of kind {found.kind}; a '
                "node is seeded from one of a leaf's worker or of a branch's tables"
            )
        if new.combined_queue is not None:
            raise WrongState(
                f'node "{new.name}" cannot be seeded from a savepoint, because its rows also '
                f'belong into queue "{new.combined_queue}"',
                hint="create it without --from-savepoint",
            )
        return cls(place, found)

    async def fill(self, own: Database, provider: Database, queue: str) -> None:
        """Make the tables where they are missing and put the rows in, inside the transaction."""
        what = f'savepoint "{self._place.path}"'
        await need_same_tick(provider, queue, self._found, what=what)
        there = {table.name: table for table in await list_tables(provider, queue)}
        files = [file for file in self._found.tables if file.table in there]
        seeded = {file.table for file in files}
        saved = {file.table for file in self._found.tables}
        self.left_out = sorted((saved | set(there)) - seeded)
        if not files:
            raise NotFound(
                f'savepoint "{self._place.path}" holds no table that the provider replicates'
            )
        for file in files:
            if not await own.fetch_value(queries.table_exists, table=file.table):
                rows = await provider.fetch_all(
                    queries.create_table_sql,
                    table=there[file.table].local_name, dest=file.table,
                )  # fmt: skip
                for row in rows:
                    await own.execute(row.statement)
        await own.execute(queries.be_replica)
        self._loaded = sorted(seeded)
        await load_tables(own, self._place, files, {name: name for name in seeded})
        _logger.info(
            '%d tables with %d rows from savepoint "%s"',
            len(files), sum(file.rows for file in files), self._place.path,
        )  # fmt: skip
        await own.execute(queries.be_origin)
        await reach("seed.after_rows")

    async def attach(self, own: Database, new: NewNode, watermark: int) -> None:
        """Let the node, which is there now, know that it has these tables as of the tick."""
        for table in self._loaded:
            await ask(own, queries.replicate, queue=new.queue, table=table, dest=None)
            if new.type == "leaf":
                state, aside = "live", None
            else:
                state, aside = "syncing", watermark
                await own.fetch_value(
                    queries.register_at,
                    queue=new.queue, consumer=f".copy.{table}", tick=watermark,
                )  # fmt: skip
            await own.execute(
                queries.seed_table,
                queue=new.queue, table=table, state=state, tick=self.tick, aside=aside,
            )  # fmt: skip
        await reach("seed.after_tables")
