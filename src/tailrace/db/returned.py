"""What statements of somebody else's return: columns also where there is no row, PostgreSQL's text.

Values are not made into Python objects, which could not hold all that PostgreSQL has (dates before
Christ, months in intervals, infinity), except for numbers and truth, which programs want as such.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg


class Returned(NamedTuple):
    """What one statement of somebody else's returned: ``columns`` is None where it has no rows.

    ``types`` holds each column's type and its modifier, as PostgreSQL numbers them.
    """

    columns: tuple[str, ...] | None
    rows: list[tuple[object, ...]]
    tag: str
    types: tuple[tuple[int, int], ...] = ()


# How values of these types are read; of all others PostgreSQL's own text is kept.
_READ: dict[int, Callable[[str], object]] = {
    16: "t".__eq__,
    **dict.fromkeys((20, 21, 23, 26), int),
    **dict.fromkeys((700, 701), lambda text: float(text) if text[-1].isdigit() else text),
    1700: lambda text: Decimal(text) if text[-1].isdigit() else text,
}


def returned(cursor: psycopg.AsyncCursor[Any]) -> Returned:
    """The current result of a cursor, with values as PostgreSQL wrote them."""
    result = cursor.pgresult
    assert result is not None
    tag = (result.command_status or b"").decode()
    if not result.nfields:
        rows: list[tuple[object, ...]] = [()] * result.ntuples
        return Returned(() if cursor.description is not None else None, rows, tag)
    names = tuple((result.fname(index) or b"").decode() for index in range(result.nfields))
    readers = [_READ.get(result.ftype(index), str) for index in range(result.nfields)]
    rows = [
        tuple(
            None if (raw := result.get_value(row, index)) is None else read(raw.decode())
            for index, read in enumerate(readers)
        )
        for row in range(result.ntuples)
    ]
    types = tuple((result.ftype(index), result.fmod(index)) for index in range(result.nfields))
    return Returned(names, rows, tag, types)
