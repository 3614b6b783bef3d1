"""The temporary tables in which rows wait, typed, until they are taken into their table.

One for each table and descriptor, made when first needed and kept for the life of the connection,
because making a table costs more than a small batch. Every commit empties all of them, which takes
longer the more there are; so their number is bounded.
"""

from __future__ import annotations

from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.replication.relations import Statements

queries = load("tailrace")

MOST_TABLES = 64


class Staging:
    """The staging tables of one session."""

    def __init__(self, target: Database) -> None:
        self._target = target
        self._known = False
        self._filled: dict[str, bool] = {}
        self._drops: dict[str, str] = {}

    def forget(self) -> None:
        """What was known may have been rolled back: look again when it matters."""
        self._known = False

    async def prepare(self, statements: Statements) -> None:
        """See to it that the staging table is there and empty."""
        if not self._known:
            await self._look()
        name = statements.staging
        if name not in self._filled:
            await self._make_room()
            await self._target.execute(statements.create)
        elif self._filled[name]:
            await self._target.execute(statements.empty)
        self._filled[name] = True

    async def _look(self) -> None:
        rows = await self._target.fetch_all(queries.staging_tables)
        self._filled = {row.relname: row.filled for row in rows}
        self._drops = {row.relname: row.drop_sql for row in rows}
        self._known = True

    async def _make_room(self) -> None:
        """When there are too many, drop those that this batch has not used."""
        if len(self._filled) < MOST_TABLES:
            return
        for name in [name for name, filled in self._filled.items() if not filled]:
            await self._target.execute(self._drops[name])
            del self._filled[name]
