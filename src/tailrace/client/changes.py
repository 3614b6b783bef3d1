"""Row events as changes of rows: which table, what happened, the columns by name.

A row event holds one row or several as composite text (docs/reference/wire-format.md); which
columns these are, the relation descriptor says that it names. Values stay PostgreSQL's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from tailrace.client.events import Event

Operation = Literal["insert", "update", "delete", "old", "truncate"]

_OPERATIONS: dict[str | None, Operation] = {
    "row:I": "insert",
    "row:U": "update",
    "row:D": "delete",
    "row:O": "old",
    "row:T": "truncate",
}
_JOINT = ')"\n('
_FIELD = re.compile(r'"((?:[^"]|"")*)"|([^,]*)')


class Change(NamedTuple):
    """What happened to one row."""

    table: str
    """Global name, ``schema.table``."""
    operation: Operation
    row: dict[str, str | None]
    """New values; of a delete only the key; of ``old`` the values before; of a truncate nothing."""
    event_id: int


class Shape(NamedTuple):
    """A relation descriptor: the columns of a row event, and those of a delete."""

    columns: tuple[str, ...]
    key: tuple[str, ...]


def shapes_needed(events: Iterable[Event]) -> set[str]:
    """The descriptors that these events name."""
    return {one.extra3 for one in events if one.type in _OPERATIONS and one.extra3}


def changes_of(event: Event, shapes: dict[str, Shape]) -> Iterator[Change]:
    """The changes that an event tells of; none where it is no row event."""
    operation = _OPERATIONS.get(event.type)
    if operation is None:
        return
    table = event.extra1 or ""
    if operation == "truncate" or event.data is None:
        yield Change(table, operation, {}, event.id)
        return
    shape = shapes[event.extra3 or ""]
    names = shape.key if operation == "delete" else shape.columns
    for row in _rows(event.data, packed=event.extra2 is not None):
        yield Change(table, operation, dict(zip(names, _fields(row), strict=True)), event.id)


def _rows(data: str, *, packed: bool) -> Iterator[str]:
    """Each row without its parentheses."""
    inner = data[1:-1]
    yield from inner.split(_JOINT) if packed else (inner,)


def _fields(row: str) -> list[str | None]:
    """The fields of a row: nothing is NULL, ``""`` the empty text."""
    fields: list[str | None] = []
    position = 0
    while True:
        match = _FIELD.match(row, position)
        assert match is not None  # the second alternative matches nothing, too
        quoted, plain = match.groups()
        if quoted is not None:
            fields.append(quoted.replace('""', '"').replace("\\\\", "\\"))
        else:
            fields.append(plain.replace("\\\\", "\\") or None)
        position = match.end()
        if position >= len(row):
            return fields
        position += 1  # the comma
