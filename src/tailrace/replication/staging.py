"""The temporary tables in which rows wait, typed, until they are taken into their table.

One for each table and descriptor, made when first needed and kept for the life of the connection,
because making a table costs more than a small batch. Every commit empties all of them, which takes
longer the more there are; so their number is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.replication.relations import Statements

queries = load("tailrace")

MOST_TABLES = 64


@dataclass(slots=True)
class _Stage:
    """What is known of one staging table; transactions are told apart by when they began."""

    statements: Statements
    made_in: datetime | None
    """None: it was there in a later transaction than it was made in, so it stays."""
    filled_in: datetime | None = None


class Staging:
    """The staging tables of one session."""

    def __init__(self, target: Database) -> None:
        self._target = target
        self._now: datetime | None = None
        self._doubtful = False
        self._stages: dict[str, _Stage] = {}

    def begin(self, transaction: datetime | None) -> None:
        """A batch begins, in the transaction that began at this time."""
        if transaction != self._now:
            self._now, self._doubtful = transaction, False

    def doubt(self) -> None:
        """A subtransaction was rolled back, and with it perhaps a table that it made."""
        self._doubtful = True

    async def prepare(self, statements: Statements) -> None:
        """See to it that the staging table is there and empty."""
        stage = self._stages.get(statements.staging)
        if stage is None or not await self._is_there(stage):
            await self._make_room()
            await self._target.execute(statements.create)
            stage = self._stages[statements.staging] = _Stage(statements, made_in=self._now)
        elif stage.filled_in == self._now:
            await self._target.execute(statements.empty)
        stage.filled_in = self._now

    async def _is_there(self, stage: _Stage) -> bool:
        """Whether the transaction in which the table was made has been committed, or is this."""
        if stage.made_in is None or (stage.made_in == self._now and not self._doubtful):
            return True
        name = stage.statements.staging
        if not await self._target.fetch_value(queries.has_staging_table, name=name):
            return False
        if stage.made_in != self._now:
            stage.made_in = None
        return True

    async def _make_room(self) -> None:
        """When there are too many, drop those that this batch has not used."""
        if len(self._stages) < MOST_TABLES:
            return
        for name, stage in list(self._stages.items()):
            if stage.filled_in != self._now:
                await self._target.execute(stage.statements.drop)
                del self._stages[name]
