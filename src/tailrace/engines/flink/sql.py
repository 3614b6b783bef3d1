"""Having Flink carry out SQL: what the two ways to do so have in common.

``gateway`` asks a SQL Gateway, ``environment`` the planner inside a local cluster. Settings are
given when a conversation begins and never changed in it, since some of them cannot be taken back:
the path of a savepoint would go into whatever runs next as well. Each run of a job has a
conversation of its own.

A statement comes to ``Rows``, which are fetched as they are made: a query over a stream has no
end. Until it is closed, such a query holds slots of the cluster.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tailrace.engines.flink.sqltype import SqlType
from tailrace.statements.tokens import Kind, scan

INSERTED = "+I"


class Row(NamedTuple):
    """A row, and whether it was added (``+I``, ``+U``) or taken back (``-U``, ``-D``)."""

    kind: str
    fields: Sequence[object]


class Shape(NamedTuple):
    """What is known of the rows of a statement before there are any.

    ``engine_id`` is the run that it has started, if it has.
    """

    columns: tuple[str, ...] = ()
    types: tuple[SqlType, ...] = ()
    engine_id: str | None = None
    is_query: bool = False
    has_content: bool = True
    """False where the only row says that all went well."""


class Rows(Protocol):
    """The rows of one statement."""

    shape: Shape
    ended: bool
    """Whether nothing is held any more."""

    async def more(self, within: float | None = None) -> list[Row] | None:
        """Rows that have come; none: not one within this time; None: there will be no more."""

    async def close(self) -> None:
        """Give up what is left; harmless when repeated."""


class SqlResult(NamedTuple):
    """All that a statement came to; ``engine_id`` is the run that it has started, if it has.

    ``kinds`` says for each row whether it was added or removed, where that is not always "added".
    """

    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[object]] = ()
    engine_id: str | None = None
    kinds: Sequence[str] | None = None


class SqlSession(Protocol):
    """A conversation with its own tables and views."""

    @property
    def is_read(self) -> bool:
        """Whether rows of a statement are still to come."""

    async def start(self, statement: str) -> Rows:
        """Have one statement carried out; its rows are fetched as they come."""

    async def run(self, statement: str) -> SqlResult:
        """Carry out one statement and fetch all of its rows."""

    async def close(self) -> None:
        """End it, and the queries that are still read; jobs that run go on."""


def is_query(text: str) -> bool:
    """Whether a statement that has started a run did so for the rows that it returns."""
    first = next((one.text.upper() for one in scan(text) if one.kind is not Kind.COMMENT), "")
    return first not in ("INSERT", "EXECUTE", "CREATE", "REPLACE", "UPDATE", "DELETE")


async def collected(rows: Rows) -> SqlResult:
    """Fetch all rows; whoever gives up waiting for them ends the query."""
    found: list[Row] = []
    try:
        while (some := await rows.more()) is not None:
            found += some
    finally:
        await rows.close()
    return result_of(rows.shape, found)


def result_of(shape: Shape, rows: Sequence[Row]) -> SqlResult:
    """All rows of a statement as its result."""
    kinds = [row.kind for row in rows]
    changing = any(kind != INSERTED for kind in kinds)
    fields = [row.fields for row in rows]
    return SqlResult(shape.columns, fields, shape.engine_id, kinds if changing else None)


BeforeEnd = Callable[[str], Awaitable[None]]
"""Awaited before a query is ended that may not have begun; gets the id of its run."""


async def at_once(_: str) -> None:
    """End queries without waiting for anything."""


OpenSession = Callable[[Mapping[str, str]], Awaitable[SqlSession]]
"""Begins such a conversation, with settings."""
