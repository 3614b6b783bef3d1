"""Statements from a program: ``SHOW JOBS`` and all others, and PostgreSQL's own."""

from __future__ import annotations

from tailrace.gateway.dispatch import execute
from tailrace.gateway.sessions import Session
from tailrace.statements.parser import parse

Record = dict[str, object]


class Statements:
    """A session: ``async with Statements(dsn) as tr: rows = await tr.execute("SHOW JOBS")``."""

    def __init__(self, dsn: str) -> None:
        self._session = Session(dsn)

    async def __aenter__(self) -> Statements:
        await self._session.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._session.__aexit__(*error)

    async def execute(self, statement: str) -> list[Record]:
        """Run one statement and return its rows, by the names of their columns."""
        rows: list[Record] = []
        for answer in await execute(self._session, parse(statement)):
            if answer.result is not None:
                names = answer.result.columns
                rows = [dict(zip(names, row, strict=True)) for row in answer.result.rows]
        return rows
