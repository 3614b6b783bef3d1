"""Having Flink carry out SQL: what the two ways to do so have in common.

``gateway`` asks a SQL Gateway, ``environment`` the planner inside a local cluster. Settings are
given when a conversation begins and never changed in it, since some of them cannot be taken back:
the path of a savepoint would go into whatever runs next as well. Each run of a job has a
conversation of its own.

A statement comes to ``Rows``, which are fetched as they are made: a query over a stream has no
end. Until it is closed, such a query holds slots of the cluster.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tailrace.statements.tokens import Kind, scan

INSERTED = "+I"

_SUMMARY = re.compile(r"([A-Z_]+)(?:\((\d+)(?:, *(\d+))?\))?")
_LONGEST = 2147483647
# How Flink's SQL writes a type, and how its protocol calls it.
_NAMES = {
    "INT": "INTEGER",
    "STRING": "VARCHAR",
    "BYTES": "VARBINARY",
    "TIME": "TIME_WITHOUT_TIME_ZONE",
    "TIMESTAMP": "TIMESTAMP_WITHOUT_TIME_ZONE",
    "TIMESTAMP_LTZ": "TIMESTAMP_WITH_LOCAL_TIME_ZONE",
}
_WITH_LENGTH = frozenset({"CHAR", "VARCHAR", "BINARY", "VARBINARY"})


class SqlType(NamedTuple):
    """The type of a column, in the words of the gateway's protocol."""

    name: str
    more: tuple[tuple[str, int], ...] = ()
    """Length, or precision and scale."""

    @classmethod
    def written(cls, summary: str) -> SqlType:
        """Read a type as SQL writes it: ``DECIMAL(10, 2) NOT NULL``."""
        match = _SUMMARY.match(summary)
        if match is None or summary[match.end() : match.end() + 1] == "<":
            return cls(summary)
        name = _NAMES.get(match[1], match[1])
        if name in _WITH_LENGTH:
            return cls(name, (("length", int(match[2] or _LONGEST)),))
        numbers = zip(("precision", "scale"), match.groups()[1:], strict=True)
        return cls(name, tuple((key, int(value)) for key, value in numbers if value))

    @classmethod
    def described(cls, logical: Mapping[str, object]) -> SqlType:
        """Read a type as the protocol describes it."""
        more = [(key, logical.get(key)) for key in ("length", "precision", "scale")]
        numbers = tuple((key, value) for key, value in more if isinstance(value, int))
        return cls(str(logical.get("type", "")), numbers)


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
