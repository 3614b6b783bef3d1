"""Errors that point at the text: line, column, the line itself and a caret."""

from __future__ import annotations

import re

from tailrace.errors import StatementError
from tailrace.statements.columns import columns

_WIDTH = 100  # of the line that is shown; a longer one is cut on both sides
_BEFORE = 60
_NEWLINE = re.compile(r"\r\n|\n|\r")


class Excerpt(str):
    """A part of a text that knows where it stands, so that errors in it point into the whole."""

    __slots__ = ("place", "whole")
    whole: str
    place: int

    @classmethod
    def of(cls, whole: str, start: int, end: int) -> Excerpt:
        """The part from ``start`` to ``end``."""
        self = cls(whole[start:end])
        self.whole, self.place = whole, start
        return self


def error_at(source: str, offset: int, problem: str, *, hint: str | None = None) -> StatementError:
    """The error that says ``problem`` and points at ``offset``."""
    if isinstance(source, Excerpt):
        offset += source.place
        source = source.whole
    starts = [0] + [match.end() for match in _NEWLINE.finditer(source, 0, offset)]
    line_start = starts[-1]
    end = _NEWLINE.search(source, offset)
    text = source[line_start : end.start() if end else len(source)]
    line, column = len(starts), offset - line_start + 1
    return StatementError(
        f"line {line}, column {column}: {problem}",
        hint=hint,
        line=line,
        column=column,
        offset=offset,
        excerpt=excerpt(text, column - 1),
    )


def line_of(source: str, offset: int) -> int:
    """The number of the line in which ``offset`` stands."""
    return 1 + sum(1 for _ in _NEWLINE.finditer(source, 0, offset))


def excerpt(text: str, index: int) -> str:
    """The line and, below it, a caret under the character at ``index``."""
    if len(text) > _WIDTH:
        cut = max(0, min(index - _BEFORE, len(text) - _WIDTH))
        tail = "…" if cut + _WIDTH < len(text) else ""
        text, index = text[cut : cut + _WIDTH] + tail, index - cut
        if cut:
            text, index = "…" + text, index + 1
    padding = "".join("\t" if sign == "\t" else " " * columns(sign) for sign in text[:index])
    return f"{text}\n{padding}^"
