"""What is asked of a queue, and in which pieces it comes: spans, scopes, parts.

A ``Span`` says which events, by ticks; a ``Scope`` what becomes of those of each table. What is
fetched for them comes as ``Part``s, in the order of applying.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

PartKind = Literal[
    "control", "truncate", "delete", "insert", "update", "write", "aside", "pass",
    "told", "added", "removed", "changed",
]  # fmt: skip

_ROWS = frozenset({"delete", "insert", "update", "write", "added", "removed", "changed"})


@dataclass(frozen=True, slots=True)
class Scope:
    """What becomes of the row events of each table; those of other tables are not fetched."""

    applied: frozenset[str] = frozenset()
    """Tables whose rows are applied."""
    aside: frozenset[str] = frozenset()
    """Tables whose events are stored for later."""
    passing: str | None = None
    """How events go on into a combined queue (``tailrace.passing``); None: they do not."""


@dataclass(frozen=True, slots=True)
class ChangesScope(Scope):
    """Every change of the tables in ``applied`` is fetched, old images too."""

    marked: frozenset[str] = frozenset()
    """Tables whose rows come with event id, operation, weight and time."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Only some of the row events of a span: those of one table and descriptor, by event id."""

    table: str
    relation_id: str | None
    after: int
    until: int


@dataclass(frozen=True, slots=True)
class Span:
    """The events of a queue after one tick and up to another."""

    queue: str
    from_tick: int
    to_tick: int
    source_sql: str | None = None
    """A query with the columns of ``tailrace.range_sql``, to be read instead of the queue."""
    only: Narrowing | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a span, in the order of applying; see ``tailrace.reading_plan``."""

    segment: int
    kind: PartKind
    marked: bool
    event_type: str | None
    table: str | None
    relation_id: str | None
    rows: int
    first_id: int
    last_id: int
    data: str | None = field(repr=False)
    """Payload of a control event; where a span has few events, the rows themselves, packed."""
    extra2: str | None = None
    extra4: str | None = None
    copy_sql: str | None = field(default=None, repr=False)

    @property
    def has_rows(self) -> bool:
        """Whether rows, or whole events, come with it."""
        return self.copy_sql is not None or self.kind in _ROWS


def tables_in(parts: Iterable[Part]) -> set[str]:
    """Names of the tables that have row events among the parts."""
    return {part.table for part in parts if part.table is not None and part.kind != "control"}
