"""Types of Flink's columns, as its SQL writes them and as the gateway's protocol describes them.

``ARRAY``, ``MAP``, ``MULTISET`` and ``ROW`` are made of other types, to any depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

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
_PLAIN = frozenset({"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE",
                    "DECIMAL", "DATE", *_NAMES.values(), *_WITH_LENGTH})  # fmt: skip
# What the types inside are called by the protocol.
_PARTS = {
    "ARRAY": ("elementType",),
    "MULTISET": ("elementType",),
    "MAP": ("keyType", "valueType"),
}
_TOKEN = r"`((?:[^`]|``)*)`|('(?:[^']|'')*')|([<>(),])|([^\s<>(),`']+)"


class SqlType(NamedTuple):
    """The type of a column, in the words of the gateway's protocol."""

    name: str
    more: tuple[tuple[str, int], ...] = ()
    """Length, or precision and scale."""
    nullable: bool = True
    parts: tuple[SqlType, ...] = ()
    """The types that it is made of: of the element, of key and value, of the fields."""
    fields: tuple[str, ...] = ()
    """The names of the fields of a row."""

    @classmethod
    def written(cls, summary: str) -> SqlType:
        """Read a type as SQL writes it: ``DECIMAL(10, 2) NOT NULL``."""
        try:
            return _Written(summary).read()
        except StopIteration:  # it ends in the middle of something
            return cls(summary)

    @classmethod
    def described(cls, logical: Mapping[str, Any]) -> SqlType:
        """Read a type as the protocol describes it."""
        name = str(logical.get("type", ""))
        more = [(key, logical.get(key)) for key in ("length", "precision", "scale")]
        numbers = tuple((key, value) for key, value in more if isinstance(value, int))
        nullable = logical.get("nullable") is not False
        if name == "ROW":
            fields = logical.get("fields") or ()
            parts = tuple(cls.described(one["fieldType"]) for one in fields)
            return cls(name, numbers, nullable, parts, tuple(str(one["name"]) for one in fields))
        inside = tuple(cls.described(logical.get(key) or {}) for key in _PARTS.get(name, ()))
        return cls(name, numbers, nullable, inside)

    @property
    def is_composed(self) -> bool:
        """Whether its values are made of others."""
        return self.name == "ROW" or self.name in _PARTS

    def description(self) -> dict[str, object]:
        """As the protocol describes it; what it has no words for is a text."""
        if not (self.is_composed or self.name in _PLAIN):
            return {"type": "VARCHAR", "nullable": self.nullable, "length": _LONGEST}
        found = {"type": self.name, "nullable": self.nullable, **dict(self.more)}
        inside = [part.description() for part in self.parts]
        if self.name == "ROW":
            pairs = zip(self.fields, inside, strict=True)
            return found | {"fields": [{"name": name, "fieldType": one} for name, one in pairs]}
        return found | dict(zip(_PARTS.get(self.name, ()), inside, strict=True))


class _Written:
    """Reads a type from its text, from left to right; raises ``StopIteration`` where it ends."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: Iterator[re.Match[str]] = re.finditer(_TOKEN, text)
        self._now = next(self._tokens, None)

    def read(self) -> SqlType:
        """One type, with what stands behind it."""
        word = self._take()
        numbers = self._numbers() if self._is("(") else ()
        name = _NAMES.get(word, word)
        parts, fields = self._inside(name) if self._is("<") else ((), ())
        words = self._rest()
        nullable = "NOT NULL" not in " ".join(words)
        if name in _WITH_LENGTH:
            return SqlType(name, (("length", (*numbers, _LONGEST)[0]),), nullable)
        sizes = tuple(zip(("precision", "scale"), numbers, strict=False))
        return SqlType(name, sizes, nullable, parts, fields)

    def _inside(self, name: str) -> tuple[tuple[SqlType, ...], tuple[str, ...]]:
        """What stands between ``<`` and ``>``."""
        self._take()
        parts: list[SqlType] = []
        fields: list[str] = []
        while not self._is(">"):
            if name == "ROW":
                fields.append(self._take())
            parts.append(self.read())
            if self._is(","):
                self._take()
        self._take()
        return tuple(parts), tuple(fields)

    def _numbers(self) -> tuple[int, ...]:
        found: list[int] = []
        while self._take() != ")":
            if self._now is not None and self._now[0].isdecimal():
                found.append(int(self._now[0]))
        return tuple(found)

    def _rest(self) -> list[str]:
        """``NOT NULL`` and the like, up to what belongs to the type around."""
        found: list[str] = []
        while self._now is not None and self._now[0] not in (",", ">"):
            found.append(self._now[0])
            if self._is("("):
                self._numbers()
            else:
                self._take()
        return found

    def _is(self, sign: str) -> bool:
        return self._now is not None and self._now[0] == sign

    def _take(self) -> str:
        token = self._now
        if token is None:
            raise StopIteration
        self._now = next(self._tokens, None)
        return token[0] if token[1] is None else token[1].replace("``", "`")
