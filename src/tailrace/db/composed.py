"""Values that are made of others: JSON and arrays, kept as PostgreSQL wrote them.

For people their text is what is shown; programs that take JSON want what is in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal

_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},]+)', re.DOTALL)


class JsonText(str):
    """``json`` or ``jsonb``."""

    __slots__ = ()

    def parts(self) -> object:
        """As Python has it; numbers keep their digits."""
        return json.loads(self, parse_float=Decimal)


class ArrayText(str):
    """An array; ``read`` makes an element of its text."""

    read: Callable[[str], object]

    def __new__(cls, text: str, read: Callable[[str], object]) -> ArrayText:
        """Keep the text as it is."""
        made = super().__new__(cls, text)
        made.read = read
        return made

    def parts(self) -> object:
        """As lists in lists; ``[0:2]={…}`` begins to count elsewhere, which lists cannot."""
        text = self.partition("=")[2] if self.startswith("[") else str(self)
        stack: list[list[object]] = [[]]
        position = 0
        while position < len(text):
            sign = text[position]
            if sign == "{":
                stack.append([])
            elif sign == "}":
                done = stack.pop()
                stack[-1].append(done)
            elif sign != ",":
                match = _ELEMENT.match(text, position)
                assert match is not None
                stack[-1].append(self._element(*match.groups()))
                position = match.end()
                continue
            position += 1
        return stack[0][0]

    def _element(self, quoted: str | None, plain: str | None) -> object:
        if quoted is not None:
            return self.read(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        assert plain is not None
        return None if plain == "NULL" else self.read(plain)
