"""What the applier knows of its own side: table states, and statements for each shape of rows.

The statements that bring rows of one descriptor into one local table are built by the database and
kept here for as long as neither changes. A table's shape is asked for again before every batch, in
its transaction, so DDL on the subscriber takes effect with the next batch.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from tailrace.db.connection import Database, Question, Row
from tailrace.db.queries import load
from tailrace.replication.span import Scope

queries = load("tailrace")

# Events of tables in copy are kept by a leaf itself (a branch has them in its queue). What comes
# before a copy has begun will be part of its rows.
_LIVE = "live"
_IN_COPY = frozenset({"copying", "syncing"})


class Statements(msgspec.Struct, frozen=True):
    """The texts that Python executes; the database knows what else is in ``ApplyPlan.text``."""

    staging: str
    create: str
    empty: str
    drop: str
    direct: str | None
    load_insert: str
    load_write: str
    load_delete: str
    load_marked_delete: str


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """How rows of one descriptor come into one local table."""

    statements: Statements
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LocalTable:
    """A replicated table as it is here and now."""

    name: str
    dest: str
    state: str
    shape: str | None


class Relations:
    """States and plans of one queue's tables in one database."""

    def __init__(self, target: Database, *, queue: str, keep_aside: bool, passes: bool) -> None:
        self._target = target
        self._queue = queue
        self._keep_aside = keep_aside
        self._passes = passes
        self._tables: dict[str, LocalTable] = {}
        self.transaction: datetime | None = None
        """When the transaction began in which the tables were looked at."""
        self._plans: dict[tuple[str, str, str | None], ApplyPlan] = {}

    def question(self, tables: Collection[str] = ()) -> Question:
        """Ask for the states of all tables and the shapes of some; ``learn`` takes the rows."""
        return queries.local_tables, {"queue": self._queue, "tables": sorted(tables)}

    async def look(self, tables: Collection[str] = ()) -> Scope:
        """Read the states of all tables and the shapes of some; tell what becomes of events."""
        query, params = self.question(tables)
        return await self.learn(await self._target.fetch_all(query, **params))

    async def learn(self, rows: list[Row]) -> Scope:
        """Take what the tables are now, in the open transaction."""
        self._tables = {row.table_name: LocalTable(*row[:4]) for row in rows}
        self.transaction = rows[0].began_at if rows else None
        states = {name: table.state for name, table in self._tables.items()}
        aside = _IN_COPY if self._keep_aside else ()
        return Scope(
            applied=frozenset(name for name, state in states.items() if state == _LIVE),
            aside=frozenset(name for name, state in states.items() if state in aside),
            passing=await self._passing() if self._passes else None,
        )

    async def _passing(self) -> str:
        return str(await self._target.fetch_value(queries.passing, queue=self._queue))

    def forget(self, table: str) -> None:
        """A table is not replicated any more."""
        self._tables.pop(table, None)

    def find(self, table: str) -> LocalTable | None:
        """A table as it was when last looked at; None: it is not replicated here."""
        return self._tables.get(table)

    async def plan(self, table: LocalTable, relation_id: str | None) -> ApplyPlan:
        """Statements for rows of one descriptor; made when they are not known yet."""
        key = (table.dest, relation_id or "", table.shape)
        if key not in self._plans:
            text = await self._target.fetch_value(
                queries.apply_plan, table=table.dest, relation_id=relation_id
            )
            self._forget_other_shapes(table)
            self._plans[key] = ApplyPlan(msgspec.json.decode(text, type=Statements), text)
        return self._plans[key]

    def _forget_other_shapes(self, table: LocalTable) -> None:
        for key in [key for key in self._plans if key[0] == table.dest and key[2] != table.shape]:
            del self._plans[key]
