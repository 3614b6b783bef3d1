"""What statements of somebody else's return: columns also where there is no row, PostgreSQL's text.

Values are not made into Python objects, which could not hold all that PostgreSQL has (dates before
Christ, months in intervals, infinity), except for numbers and truth, which programs want as such;
JSON and arrays stay texts that can be taken apart.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import psycopg

from tailrace.db.composed import ArrayText, JsonText


class Returned(NamedTuple):
    """What one statement of somebody else's returned: ``columns`` is None where it has no rows.

    ``types`` holds each column's type and its modifier, as PostgreSQL numbers them.
    """

    columns: tuple[str, ...] | None
    rows: list[tuple[object, ...]]
    tag: str
    types: tuple[tuple[int, int], ...] = ()


def _float(text: str) -> object:
    return float(text) if text[-1].isdigit() else text


def _decimal(text: str) -> object:
    return Decimal(text) if text[-1].isdigit() else text


# How values of these types are read; of all others PostgreSQL's own text is kept.
_READ: dict[int, Callable[[str], object]] = {
    16: "t".__eq__,
    **dict.fromkeys((20, 21, 23, 26), int),
    **dict.fromkeys((700, 701), _float),
    1700: _decimal,
    **dict.fromkeys((114, 3802), JsonText),
}

# Arrays of these, and of texts, names, uuids, times and dates.
_ARRAYS = {
    1000: 16, 1005: 21, 1007: 23, 1016: 20, 1028: 26, 1021: 700, 1022: 701, 1231: 1700,
    199: 114, 3807: 3802,
    **dict.fromkeys((1002, 1003, 1009, 1014, 1015, 2951, 1115, 1182, 1183, 1185, 1187), 0),
}  # fmt: skip
_READ |= {
    array: partial(ArrayText, read=_READ.get(element, str)) for array, element in _ARRAYS.items()
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
