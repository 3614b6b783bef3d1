"""Values of Flink that are made of others: ``ARRAY``, ``MAP``, ``MULTISET`` and ``ROW``.

For people they are texts in Flink's own notation, as its SQL client prints them: ``[1, NULL]``,
``{k=1}``, ``(1, z)``. Programs that take JSON get what is in them: arrays, and objects whose keys
are the keys of the map or the names of the fields.

They come from the gateway's JSON or over py4j, with few of their types left; so the type of the
column says what a value is. Times stay texts, since Python's have no nanoseconds; intervals become
texts as Flink casts them.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from tailrace.engines.flink.interval import INTERVALS, WRITTEN, of_iso, of_number
from tailrace.engines.flink.sqltype import SqlType

_BINARY = ("BINARY", "VARBINARY")
_FLOATING = ("FLOAT", "DOUBLE")
_TIMES = ("TIME_WITHOUT_TIME_ZONE", "TIMESTAMP_WITHOUT_TIME_ZONE", "TIMESTAMP_WITH_LOCAL_TIME_ZONE")


class Composed(str):
    """Such a value: its text, and what is in it."""

    content: object

    def __new__(cls, text: str, content: object) -> Composed:
        """Keep both."""
        made = super().__new__(cls, text)
        made.content = content
        return made

    def parts(self) -> object:
        """As Python has it; numbers keep their digits."""
        return self.content


def shown(value: Any, stated: SqlType) -> str:
    """A value that is not composed as Flink casts it to a text."""
    return _text(value, stated)


def jsoned(value: Any, stated: SqlType) -> object:
    """Such a value as JSON has it."""
    return _content(value, stated)


def of_json(value: Any, stated: SqlType) -> object:
    """A value as the gateway has sent it."""
    return _whole(_from_json(value, stated), stated)


def of_java(value: Any, stated: SqlType, held: Callable[[Any], Any]) -> object:
    """A value as py4j hands it out; ``held`` lets go of objects when the row is read."""
    return _whole(_from_java(value, stated, held), stated)


def _whole(value: Any, stated: SqlType) -> object:
    if value is None:
        return None
    if not stated.is_composed:
        return _content(value, stated) if stated.name in _TIMES else value
    return Composed(_text(value, stated), _content(value, stated))


# ------------------------------------------------------------------ reading: lists, and pairs


def _from_json(value: Any, stated: SqlType) -> Any:
    if value is None:
        return None
    match stated.name:
        case "ARRAY":
            return [_from_json(one, stated.parts[0]) for one in value]
        case "ROW":
            return [
                _from_json(value.get(name), part)
                for name, part in zip(stated.fields, stated.parts, strict=True)
            ]
        case "MAP" | "MULTISET":
            key, inside = _of_pairs(stated)
            return [(_from_json(k, key), _from_json(v, inside)) for k, v in value.items()]
    return _plain_of_json(value, stated)


def _plain_of_json(value: Any, stated: SqlType) -> object:
    """A single value: JSON has written some as texts, and lost the zeros at the end of numbers."""
    try:
        if stated.name in _BINARY:
            return b64decode(value, validate=True)
        if stated.name in _FLOATING:
            return float(value)
        if stated.name == "DECIMAL":
            return _scaled(Decimal(str(value)), stated)
        if stated.name == "BOOLEAN" and isinstance(value, str):  # the key of a map
            return {"true": True, "false": False, "null": None}[value.lower()]
        if stated.name in INTERVALS:
            return of_number(int(value), stated.name)
    except (ValueError, TypeError, ArithmeticError, KeyError):
        pass
    return value


def _from_java(value: Any, stated: SqlType, held: Callable[[Any], Any]) -> Any:
    if value is None:
        return None
    match stated.name:
        case "ARRAY" if isinstance(value, bytes | bytearray):  # of TINYINT
            return [one - 256 if one > 127 else one for one in value]
        case "ARRAY":
            return [_from_java(held(value[at]), stated.parts[0], held) for at in range(len(value))]
        case "ROW" if hasattr(value, "getField"):
            return [
                _from_java(held(value.getField(at)), part, held)
                for at, part in enumerate(stated.parts)
            ]
        case "MAP" | "MULTISET":
            key, inside = _of_pairs(stated)
            entries = held(held(value.entrySet()).iterator())
            pairs = []
            while entries.hasNext():
                entry = held(entries.next())
                pairs.append(
                    (
                        _from_java(held(entry.getKey()), key, held),
                        _from_java(held(entry.getValue()), inside, held),
                    )
                )
            return pairs
    return _plain_of_java(value, stated)


def _plain_of_java(value: Any, stated: SqlType) -> object:
    """A single value; what has no counterpart is its text."""
    if isinstance(value, bool | int | float | str | bytes | Decimal):
        return value
    text = str(value.toString()) if hasattr(value, "toString") else str(value)
    return of_iso(text) if stated.name == WRITTEN else text


def _of_pairs(stated: SqlType) -> Sequence[SqlType]:
    """The types of keys and values; those of a multiset are its elements, and how often each is."""
    return stated.parts if stated.name == "MAP" else (stated.parts[0], SqlType("INTEGER"))


def _scaled(value: Decimal, stated: SqlType) -> Decimal:
    scale = dict(stated.more).get("scale", 0)
    return value if scale < -int(value.as_tuple().exponent) else Decimal(f"{value:.{scale}f}")


# ------------------------------------------------------------------ writing


def _text(value: Any, stated: SqlType) -> str:
    """In Flink's notation."""
    if value is None:
        return "NULL"
    match stated.name:
        case "ARRAY":
            return f"[{', '.join(_text(one, stated.parts[0]) for one in value)}]"
        case "ROW" if isinstance(value, list):
            return f"({', '.join(map(_text, value, stated.parts))})"
        case "MAP" | "MULTISET":
            key, inside = _of_pairs(stated)
            return f"{{{', '.join(f'{_text(k, key)}={_text(v, inside)}' for k, v in value)}}}"
        case "BOOLEAN":
            return "TRUE" if value else "FALSE"
        case name if name in _TIMES:
            return _time(str(value), dict(stated.more).get("precision", 0)).replace("T", " ")
    match value:
        case bytes():
            return f"x'{value.hex()}'"
        case float():
            return _java_double(value)
        case Decimal():
            return format(value, "f")
    return str(value)


def _content(value: Any, stated: SqlType) -> object:
    """As JSON has it, but for the digits of numbers."""
    if value is None:
        return None
    match stated.name:
        case "ARRAY":
            return [_content(one, stated.parts[0]) for one in value]
        case "ROW" if isinstance(value, list):
            return dict(zip(stated.fields, map(_content, value, stated.parts), strict=True))
        case "MAP" | "MULTISET":
            key, inside = _of_pairs(stated)
            return {_key(k, key): _content(v, inside) for k, v in value}
        case name if name in _TIMES:
            zone = "Z" if name == "TIMESTAMP_WITH_LOCAL_TIME_ZONE" else ""
            return _time(str(value), 0) + zone
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return _java_double(value)  # JSON has no such numbers; Flink writes their names
    return value


def _key(value: Any, stated: SqlType) -> str:
    return "null" if value is None else _text(value, stated)


def _time(text: str, digits: int) -> str:
    """A time with its seconds, and with so many digits of a fraction, or more where it has them."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    whole += ":00" if whole.count(":") == 1 else ""
    fraction = fraction.rstrip("0").ljust(digits, "0")
    return f"{whole}.{fraction}" if fraction else whole


def _java_double(value: float) -> str:
    """A number as Java writes it: ``1.0E7``."""
    if value != value:
        return "NaN"
    if abs(value) == float("inf"):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    first, *others = map(str, digits)
    power = int(exponent) + len(digits) - 1
    return f"{'-' if sign else ''}{first}.{''.join(others) or '0'}E{power}"
