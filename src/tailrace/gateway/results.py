"""What a statement came to, and values as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from tailrace.db.composed import ArrayText, JsonText
from tailrace.engines.flink.composed import Composed


class Result(NamedTuple):
    """Rows under the names of their columns.

    ``types``: what PostgreSQL says of each column, its type and modifier, where it was PostgreSQL.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    types: Sequence[tuple[int, int]] = ()

    def is_numeric(self, index: int) -> bool:
        """Whether the column holds numbers, and nothing else but NULL."""
        values = [row[index] for row in self.rows if row[index] is not None]
        return bool(values) and all(
            isinstance(value, int | float | Decimal) and not isinstance(value, bool)
            for value in values
        )


class Answer(NamedTuple):
    """What a statement came to: rows, or PostgreSQL's word for what it did; and remarks.

    ``tree``: the first column is the level of the row in a tree.
    """

    result: Result | None = None
    tag: str = ""
    remarks: tuple[str, ...] = ()
    tree: bool = False


OK = Answer(Result(("result",), [("OK",)]))


def path_of(path: str, absent: tuple[str, ...] = ()) -> Answer:
    """The path of a savepoint that was made, and what is not in it."""
    remarks = (
        (f"not in it, as they were in their initial copy: {', '.join(absent)}",) if absent else ()
    )
    return Answer(Result(("savepoint path",), [(path,)]), remarks=remarks)


def text_of(value: object) -> str:
    """A value as text, as PostgreSQL would write it; NULL is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, timedelta):
        return interval_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=text_of)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return "NaN" if value != value else f"{'-' if value < 0 else ''}Infinity"
    return str(value)


def interval_text(value: timedelta) -> str:
    """An interval as PostgreSQL writes it: ``3 days 04:05:06``."""
    negative = value < timedelta(0)
    value = abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    clock = f"{'-' if negative else ''}{hours:02}:{minutes:02}:{seconds:02}{fraction}"
    if not value.days:
        return clock
    days = f"{'-' if negative else ''}{value.days} day{'' if value.days == 1 else 's'}"
    return days if clock.strip("-:0") == "" else f"{days} {clock}"


def json_value(value: object) -> object:
    """A value as JSON has it; a number that JSON's readers would round becomes a text."""
    if isinstance(value, Decimal):
        return _json_number(value)
    if isinstance(value, JsonText | ArrayText | Composed):
        return json_value(value.parts())
    if isinstance(value, float) and value not in (float("inf"), float("-inf")) and value == value:
        return value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict):
        return {str(key): json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(inner) for inner in value]
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    return text_of(value)


def _json_number(value: Decimal) -> object:
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and abs(value) < 2**53:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)
