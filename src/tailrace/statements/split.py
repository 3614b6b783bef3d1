"""Cuts a script into statements, as psql does, and keeps where each one stands.

A semicolon ends a statement unless it stands in quotes, comments, parentheses, the SQL body of a
function (``BEGIN ATOMIC … END``) or Flink's ``EXECUTE STATEMENT SET BEGIN … END``. A backslash
outside quotes ends it, too, and begins a command of the shell that goes to the end of the line: it
never means anything in SQL, and ``SELECT 1 \\watch`` is how psql's users write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tailrace.statements.tokens import Kind, Token, scan

_LINE_END = re.compile(r"[\n\r]|\Z")
_SQL_BODY = r"CREATE (OR REPLACE )?(FUNCTION|PROCEDURE)\b"
_STATEMENT_SET = "EXECUTE STATEMENT SET"


class Piece(NamedTuple):
    """One statement, or one command of the shell, and where it stands in its source.

    ``terminated``: a semicolon or a command follows, so nothing more is to be waited for.
    ``open`` is what was begun and not ended, as it was written: ``'``, ``"``, ``$tag$``, ``/*``,
    ``(``, ``BEGIN``; empty when nothing is. ``open_at``: where that stands.
    """

    source: str
    start: int
    end: int
    terminated: bool = True
    open: str = ""
    open_at: int = -1
    command: bool = False

    @property
    def text(self) -> str:
        """As written, comments before it included, without the semicolon."""
        return self.source[self.start : self.end]


def split(source: str) -> list[Piece]:
    """All statements and commands; what holds nothing but comments and semicolons is left out."""
    return list(pieces(source))


def is_complete(source: str) -> bool:
    """Whether a shell has all of what is being typed: nothing is open, the last one is ended."""
    found = split(source)
    return not found or found[-1].terminated


def pieces(source: str) -> Iterator[Piece]:
    """As ``split``, one after the other."""
    position = 0
    while position < len(source):
        piece, position = _next_piece(source, position)
        if piece is not None:
            yield piece


def _next_piece(source: str, position: int) -> tuple[Piece | None, int]:
    """The piece that begins at or after ``position``, and where to go on."""
    nesting = _Nesting()
    start: int | None = None
    end = position
    for token in scan(source, position):
        if token.kind is Kind.BACKSLASH and not nesting.begun:
            match = _LINE_END.search(source, token.start)
            line_end = match.start() if match else len(source)
            return Piece(source, token.start, line_end, command=True), line_end
        if token.kind is Kind.BACKSLASH or (token.text == ";" and not nesting.open):
            go_on = token.end if token.text == ";" else token.start
            return nesting.piece(source, start, end, terminated=True), go_on
        start = token.start if start is None else start
        end = token.end
        nesting.take(token)
    return nesting.piece(source, start, end, terminated=False), len(source)


class _Nesting:
    """What a statement has begun and not yet ended; semicolons in there are its own."""

    def __init__(self) -> None:
        self.begun = False  # a token that is not a comment has been seen
        self.open: list[tuple[str, int]] = []  # how it begins, and where
        self._first: list[str] = []
        self._recent = ["", "", ""]

    def piece(self, source: str, start: int | None, end: int, *, terminated: bool) -> Piece | None:
        """The piece that has been taken in, unless it holds nothing but comments."""
        if start is None or not (self.begun or self.open):
            return None
        innermost = self.open[-1] if self.open else ("", -1)
        return Piece(source, start, end, terminated, *innermost)

    def take(self, token: Token) -> None:
        if not token.closed:
            self.open.append((_opening(token), token.start))
        if token.kind is Kind.COMMENT:
            return
        self.begun = True
        if token.text == "(":
            self.open.append(("(", token.start))
        elif token.text == ")":
            self._close("(")
        elif token.kind is Kind.WORD:
            self._take_word(token.text.upper(), token.start)

    def _close(self, opening: str) -> None:
        if self.open and self.open[-1][0] == opening:
            self.open.pop()

    def _take_word(self, word: str, start: int) -> None:
        if len(self._first) < 4:
            self._first.append(word)
        within = any(opening == "BEGIN" for opening, _ in self.open)
        # CASE … END stands in such a body, too.
        if (word in ("BEGIN", "CASE") and within) or (
            word == "BEGIN" and not self.open and self._holds_statements()
        ):
            self.open.append(("BEGIN", start))
        elif word == "END":
            self._close("BEGIN")
        self._recent = [*self._recent[1:], word]

    def _holds_statements(self) -> bool:
        return (
            re.match(_SQL_BODY, " ".join(self._first)) is not None
            or " ".join(self._recent) == _STATEMENT_SET
        )


def _opening(token: Token) -> str:
    """How the quote or comment begins that has no end."""
    if token.kind is Kind.COMMENT:
        return "/*"
    if token.kind is Kind.DOLLAR:
        return token.text[: token.text.index("$", 1) + 1]
    return "'" if token.kind is Kind.ESCAPED else token.text[0]
