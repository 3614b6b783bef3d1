"""Cuts SQL into tokens as PostgreSQL's lexer does, as far as it matters where one begins and ends.

Quotes of every kind, dollar quotes and comments are told apart exactly, for a semicolon or a
keyword inside them means nothing. The rest is cut coarsely: words, numbers, single characters.
Backslashes escape in ``E'…'`` only (``standard_conforming_strings`` is on, its default since 9.1).
Backquotes are Flink's quoted identifiers; PostgreSQL knows no operator that uses a pair of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    NUMBER = "number"
    STRING = "string"
    ESCAPED = "string with escapes"
    QUOTED = "quoted identifier"
    BACKQUOTED = "backquoted identifier"
    DOLLAR = "dollar quote"
    COMMENT = "comment"
    BACKSLASH = "backslash"
    SYMBOL = "symbol"
    REST = "rest"
    END = "end"


class Token(NamedTuple):
    """A token and where it stands; ``closed`` is False for a quote or comment that has no end."""

    kind: Kind
    text: str
    start: int
    end: int
    closed: bool = True


# What PostgreSQL takes for white space is less than what Python does, and every character beyond
# ASCII may stand in an identifier; sets that leave ASCII out compile faster than sets of the rest.
SPACE = " \t\n\r\f\v"
_BEGINS_WORD = r"[^\x00-@\[-^`{-\x7f]"  # a letter or _
_IN_TAG = r"[^\x00-/:-@\[-^`{-\x7f]"  # or a digit
_IN_WORD = r"[^\x00-\#%-/:-@\[-^`{-\x7f]"  # or $

# The groups are named after Kind. Possessive quantifiers (*+): a quote that never ends must not be
# tried again from each of its doubled quotes.
_TOKEN = re.compile(
    rf"""
    [{SPACE}]+
  | (?P<ESCAPED>[eE]'(?:[^'\\]|\\.?|'')*+(?P<escaped_end>'?))
  | (?P<WORD>{_BEGINS_WORD}{_IN_WORD}*)
  | (?P<STRING>'(?:[^']|'')*+(?P<string_end>'?))
  | (?P<QUOTED>"(?:[^"]|"")*+(?P<quoted_end>"?))
  | (?P<COMMENT>--[^\n\r]*)
  | (?P<block>/\*)
  | (?P<DOLLAR>\$(?:{_BEGINS_WORD}{_IN_TAG}*)?\$)
  | (?P<NUMBER>[0-9][0-9A-Za-z_]*(?:\.[0-9A-Za-z_]+)?)
  | (?P<BACKQUOTED>`[^`\n]*`)
  | (?P<BACKSLASH>\\)
  | (?P<SYMBOL>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ENDS = {"STRING": "string_end", "ESCAPED": "escaped_end", "QUOTED": "quoted_end"}
_COMMENT_EDGE = re.compile(r"/\*|\*/")
# E'a'\n'b' is one string, and its escapes go on in the second part.
_CONTINUED = re.compile(rf"[ \t\f\v]*+(?:--[^\n\r]*+)?[\n\r](?:[{SPACE}]++|--[^\n\r]*+[\n\r])*+'")
_ESCAPED_PART = re.compile(r"(?:[^'\\]|\\.?|'')*+('?)", re.DOTALL)


def scan(source: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """Yield the tokens of a part of ``source``, comments among them, white space not."""
    end = len(source) if end is None else end
    position = start
    while position < end:
        match = _TOKEN.match(source, position, end)
        assert match is not None  # its last alternative takes any character
        position = match.end()
        if match.lastgroup is not None:
            token = _token(source, match, match.lastgroup, end)
            position = token.end
            yield token


def _token(source: str, match: re.Match[str], group: str, end: int) -> Token:
    start, stop = match.span()
    closed = True
    if group == "block":
        group = Kind.COMMENT.name
        stop, closed = _after_comment(source, stop, end)
    elif group == Kind.DOLLAR.name:
        close = source.find(match[0], stop, end)
        closed = close >= 0
        stop = close + stop - start if closed else end
    elif group in _ENDS:
        closed = bool(match[_ENDS[group]])
        if closed and group == Kind.ESCAPED.name:
            stop, closed = _after_escaped(source, stop, end)
    return Token(Kind[group], source[start:stop], start, stop, closed)


def _after_comment(source: str, position: int, end: int) -> tuple[int, bool]:
    """The end of a block comment whose inside begins at ``position``; they nest."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(source, position, end)
        if edge is None:
            return end, False
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position, True


def _after_escaped(source: str, position: int, end: int) -> tuple[int, bool]:
    """The end of a string with escapes whose first part is closed at ``position``."""
    closed = True
    while closed and (more := _CONTINUED.match(source, position, end)):
        part = _ESCAPED_PART.match(source, more.end(), end)
        assert part is not None  # it may be empty
        position, closed = part.end(), bool(part[1])
    return position, closed
