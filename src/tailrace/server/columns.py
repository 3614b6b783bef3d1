"""Columns of a result as Flink describes them, and their values in its two row formats.

PostgreSQL says of its results what their columns hold; of ours, names and values tell. A column
with a value that its type cannot hold (``infinity``, a date before Christ) becomes a text column.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from tailrace.engines.flink.composed import Composed, jsoned, shown
from tailrace.engines.flink.sqltype import SqlType
from tailrace.gateway.results import Result, json_value, text_of

_LARGEST = 2147483647
_DIGITS = 38  # what Flink's DECIMAL holds


class Kind(NamedTuple):
    """How values of one type are read, and written in JSON and as text.

    ``read`` raises ``ValueError`` or ``TypeError`` for what the type cannot hold.
    """

    type: str
    read: Callable[[Any], Any]
    json: Callable[[Any], object] = lambda value: value
    text: Callable[[Any], str] = str
    more: tuple[tuple[str, int], ...] = ()


class Column(NamedTuple):
    """A column of a result."""

    name: str
    kind: Kind
    stated: SqlType | None = None
    """What Flink has said that it is."""

    def described(self) -> dict[str, object]:
        """As the protocol describes it."""
        logical: dict[str, object] = {"type": self.kind.type, "nullable": True}
        logical |= self.kind.more
        if self.stated is not None:
            logical = self.stated.description()
        return {"name": self.name, "logicalType": logical, "comment": None}

    def encoded(self, value: object, *, as_text: bool) -> object:
        """A single value as it is sent; as text what the type cannot hold after all."""
        if value is None:
            return None
        try:
            read = self.kind.read(value)
        except (ValueError, TypeError, ArithmeticError):
            return text_of(value)
        return self.kind.text(read) if as_text else self.kind.json(read)


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _binary(value: object) -> bytes:
    if isinstance(value, str):
        if not value.startswith("\\x"):
            raise ValueError
        return bytes.fromhex(value[2:])
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise TypeError


def _date(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(_iso(value))


def _time(value: object) -> time:
    return value if isinstance(value, time) else time.fromisoformat(_iso(value))


def _moment(value: object) -> datetime:
    """A time without zone."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(_iso(value))
    if moment.tzinfo is not None:
        raise ValueError
    return moment


def _instant(value: object) -> datetime:
    """A time with a zone, in UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(_iso(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def _iso(value: object) -> str:
    """A date or time as PostgreSQL writes it; ISO's short forms would be other text here."""
    text = str(value)
    if not (text[4:5] == "-" or text[2:3] == ":"):
        raise ValueError
    return text


def _double(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _double_json(value: float) -> object:
    """JSON has no such numbers; Flink writes their names."""
    if value != value:
        return "NaN"
    return value if abs(value) != float("inf") else ("Infinity" if value > 0 else "-Infinity")


def _number(value: object) -> Decimal:
    """A number as it was written: JSON made floating point of it."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _composed(value: object) -> Composed:
    if not isinstance(value, Composed):
        raise TypeError
    return value


def _binary_json(value: bytes) -> str:
    return b64encode(value).decode()


def _plain(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(sep=" ")


def _zulu(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat() + "Z"


TEXT = Kind("VARCHAR", text_of, more=(("length", _LARGEST),))
BOOLEAN = Kind("BOOLEAN", _boolean, text=lambda value: "TRUE" if value else "FALSE")
BIGINT = Kind("BIGINT", _integer)
DOUBLE = Kind("DOUBLE", _double, _double_json, lambda value: str(_double_json(value)))
DATE = Kind("DATE", _date, date.isoformat, date.isoformat)
TIME = Kind(
    "TIME_WITHOUT_TIME_ZONE", _time, time.isoformat, time.isoformat, (("precision", 6),)
)  # fmt: skip
TIMESTAMP = Kind(
    "TIMESTAMP_WITHOUT_TIME_ZONE", _moment, datetime.isoformat, _plain, (("precision", 6),)
)
INSTANT = Kind("TIMESTAMP_WITH_LOCAL_TIME_ZONE", _instant, _zulu, _plain, (("precision", 6),))
# What Flink's SHOW JOBS prints.
START_TIME = INSTANT._replace(more=(("precision", 3),))
BINARY = Kind(
    "VARBINARY", _binary, _binary_json, lambda value: f"x'{value.hex()}'", (("length", _LARGEST),)
)
COMPOSED = Kind("", _composed, json_value)
NUMERIC = 1700

# PostgreSQL's numbers of types.
_OF_POSTGRES: dict[int, Kind] = {
    16: BOOLEAN,
    17: BINARY,
    20: BIGINT,
    21: BIGINT._replace(type="SMALLINT"),
    23: BIGINT._replace(type="INTEGER"),
    26: BIGINT,
    700: DOUBLE._replace(type="FLOAT"),
    701: DOUBLE,
    1082: DATE,
    1083: TIME,
    1114: TIMESTAMP,
    1184: INSTANT,
}
# What Flink says of its own; other types are written as text.
_OF_FLINK: dict[str, Kind] = {
    "BOOLEAN": BOOLEAN,
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), BIGINT),
    **dict.fromkeys(("FLOAT", "DOUBLE"), DOUBLE),
    **dict.fromkeys(("CHAR", "VARCHAR"), TEXT),
    **dict.fromkeys(("BINARY", "VARBINARY"), BINARY),
    "DECIMAL": Kind("DECIMAL", _number, json_value, text_of),
    "DATE": DATE,
    # Times are texts already, with all their digits.
    **{one.type: Kind(one.type, str) for one in (TIME, TIMESTAMP, INSTANT)},
}
# Types of Flink whose values as text are other than in JSON.
_CAST = frozenset({"FLOAT", "DOUBLE", TIME.type, TIMESTAMP.type, INSTANT.type})
# Columns of our statements: their type must not depend on the rows that there happen to be.
_OURS: dict[str, Kind] = {
    **dict.fromkeys(("start time", "end time", "created", "completed"), START_TIME),
    **dict.fromkeys(("size", "pinned events"), BIGINT),
    "level": BIGINT._replace(type="INTEGER"),
}
_OF_VALUES: tuple[tuple[type, Kind], ...] = (
    (bool, BOOLEAN),
    (int, BIGINT),
    (float, DOUBLE),
    (datetime, INSTANT),
    (date, DATE),
    (bytes, BINARY),
)


def of_flink(name: str, stated: SqlType) -> Column:
    """A column of a result of Flink."""
    kind = COMPOSED if stated.is_composed else _OF_FLINK.get(stated.name, TEXT)
    if kind.type in _CAST:
        kind = kind._replace(
            json=lambda value: jsoned(value, stated), text=lambda value: shown(value, stated)
        )
    return Column(name, kind, stated)


def columns_of(result: Result) -> tuple[list[Column], list[list[object]]]:
    """The columns of a result, and its rows column by column as their types have them."""
    columns: list[Column] = []
    held: list[list[object]] = []
    for index, name in enumerate(result.columns):
        values = [row[index] for row in result.rows]
        stated = result.types[index] if result.types else None
        kind = _kind(name, values, stated)
        try:
            read = _read(kind, values)
        except (ValueError, TypeError, OverflowError):
            kind = TEXT
            read = _read(kind, values)
        columns.append(Column(name, kind))
        held.append(read)
    return columns, held


def _read(kind: Kind, values: Sequence[object]) -> list[object]:
    return [None if value is None else kind.read(value) for value in values]


def _kind(name: str, values: Sequence[object], stated: tuple[int, int] | None) -> Kind:
    if stated is not None:
        number, modifier = stated
        return _decimal(values, modifier) if number == NUMERIC else _OF_POSTGRES.get(number, TEXT)
    if name in _OURS:
        return _OURS[name]
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, Decimal) for value in present):
        return _decimal(values, -1)
    for wanted, kind in _OF_VALUES:
        if present and all(isinstance(value, wanted) for value in present):
            return kind
    return TEXT


def _decimal(values: Sequence[object], modifier: int) -> Kind:
    """The narrowest DECIMAL that is stated or holds all values; text where there is none."""
    numbers = [value for value in values if value is not None]
    if not all(isinstance(value, Decimal) and value.is_finite() for value in numbers):
        return TEXT
    parts = [value.as_tuple() for value in numbers if isinstance(value, Decimal)]
    scale = max((-int(part.exponent) for part in parts), default=0)
    scale = max(scale, 0)
    whole = max((len(part.digits) + int(part.exponent) for part in parts), default=1)
    precision = _DIGITS
    if modifier >= 4:  # PostgreSQL's way to hold both in one number
        precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
    if precision > _DIGITS or scale > precision or max(whole, 0) + scale > precision:
        return TEXT
    return Kind(
        "DECIMAL",
        Decimal,
        json_value,
        lambda value: format(value, "f"),
        (("precision", precision), ("scale", scale)),
    )
