"""What was read of a statement of ours: its values and the small rules that it holds."""

from __future__ import annotations

import re

from tailrace.errors import StatementError
from tailrace.statements.model import Unit
from tailrace.statements.pointer import error_at
from tailrace.statements.split import Piece
from tailrace.statements.tokens import SPACE, Kind, Token
from tailrace.statements.vocabulary import MEANINGS, written_as

_LARGEST = 2**31 - 1
_CAPITALS = re.compile("[A-Z]+")


class Found:
    """Filled while a statement is read, in the order of the text."""

    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        self.marks: set[str] = set()
        self._values: dict[str, list[Token]] = {}

    def add(self, terminal: str, token: Token) -> None:
        """Keep a token if it is a value."""
        if written_as(terminal):
            self._values.setdefault(terminal, []).append(token)

    def rest(self, start: int) -> Token:
        """Everything from ``start`` on, verbatim but for white space around it."""
        text = self.piece.source[start : self.piece.end]
        begin = start + len(text) - len(text.lstrip(SPACE))
        return Token(Kind.REST, text.strip(SPACE), begin, self.piece.end)

    def tokens(self, terminal: str) -> list[Token]:
        """All values of that name."""
        return self._values.get(terminal, [])

    def text(self, terminal: str) -> str:
        """The value of that name, which must not be empty."""
        return self.plain(terminal, self.tokens(terminal)[0])

    def optional(self, terminal: str) -> str | None:
        """The value of that name, if it is there."""
        return self.text(terminal) if self.tokens(terminal) else None

    def plain(self, terminal: str, token: Token, *, empty: bool = False) -> str:
        """A value without its quotes; a name without quotes is folded as PostgreSQL folds it."""
        if token.kind in (Kind.STRING, Kind.QUOTED):
            quote = token.text[0]
            text = token.text[1:-1].replace(quote * 2, quote)
        elif token.kind is Kind.WORD:
            text = _CAPITALS.sub(lambda match: match[0].lower(), token.text)
        else:
            text = token.text
        if not text and not empty:
            raise self.error(token, f"found nothing in the quotes, expected {MEANINGS[terminal]}")
        return text

    def count(self, terminal: str) -> int:
        """A whole number."""
        text = self.text(terminal)
        if not (text.isascii() and text.isdigit()) or int(text) > _LARGEST:
            token = self.tokens(terminal)[0]
            problem = f"found {token.text}, expected {MEANINGS[terminal]}, at most {_LARGEST}"
            raise self.error(token, problem)
        return int(text)

    def unit(self) -> Unit | None:
        """The unit of time, if there is one."""
        units: tuple[Unit, ...] = ("second", "minute", "hour", "day", "week", "month", "year")
        return next((unit for unit in units if unit in self.marks), None)

    def error(self, token: Token, problem: str, *, hint: str | None = None) -> StatementError:
        """An error that points at a token."""
        return error_at(self.piece.source, token.start, problem, hint=hint)
