"""How well it went: rows a second, and how long rows took from the root to the other nodes.

All databases are in one server, which notes the time of every commit. So the delay of a row is the
commit that wrote its last version here minus the commit that wrote it on the root: measured
afterwards, for every row the writers touched, without a marker or a question while it mattered.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from tailrace.db.connection import Database
from tailrace.db.queries import load

queries = load("nyc")


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds from commit on the root to commit on a node."""

    node: str
    interrupted: bool
    """Those that were under way while ``tailrace run`` was dead or catching up again."""
    transactions: int
    p50: float
    p95: float
    most: float


@dataclass(slots=True)
class Interruption:
    """From the kill until everything written before the restart was everywhere."""

    killed: datetime
    mended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Differences:
    """One table on all nodes."""

    table: str
    rows: dict[str, int | None]
    equal: bool
    note: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The table that a SQL job has kept, against the same query on the root."""

    node: str
    rows: int
    wanted: int
    equal: bool
    stopped_seconds: float
    """From STOP with savepoint and drain until it went on from the savepoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the demo has found out."""

    loaded_rows: int
    copied_rows: int
    copy_seconds: float
    written_rows: int
    transactions: int
    write_seconds: float
    applied_rows: int
    apply_seconds: float
    delays: Sequence[Delay]
    tables: Sequence[Differences]
    kept: Kept

    @property
    def equal(self) -> bool:
        """Whether every table is the same on every node, and the job's what it has to be."""
        tables = bool(self.tables) and all(table.equal for table in self.tables)
        return tables and self.kept.equal


async def delays(
    root: Database, node: Database, name: str, since: datetime, interruption: Interruption
) -> list[Delay]:
    """Measure the transactions since a moment, by the flights whose last version is theirs."""
    await node.execute(queries.make_times)
    async with node.copy_in(queries.take_times) as taken:
        async with aclosing(root.copy_out(queries.send_times, since=since)) as sent:
            async for line in sent:
                await taken.write(line)
    rows = await node.fetch_all(
        queries.delays,
        killed=interruption.killed,
        mended=interruption.mended,
    )
    return [
        Delay(name, row.interrupted, row.transactions, row.p50, row.p95, row.most) for row in rows
    ]
