"""What may follow at the cursor, worked out from the grammar, for the shell to offer.

Keywords are offered as such. Of a value only its meaning is known here (``JOB_ID``,
``SAVEPOINT_PATH``, ``SETTING_KEY``, … as in the grammar); the shell looks up which ones there are.
"""

from __future__ import annotations

from typing import NamedTuple

from tailrace.statements.automaton import START, Stack, following, is_keyword, phrase, step
from tailrace.statements.parser import terminal_of
from tailrace.statements.split import split
from tailrace.statements.tokens import Kind, Token, scan
from tailrace.statements.vocabulary import SYNONYMS, written_as

# What a value that has been begun may become; an id may be begun without its quotes.
_BECOMES = {
    Kind.WORD: ("STRING", "NAME"),
    Kind.NUMBER: ("STRING", "NUMBER"),
    Kind.STRING: ("STRING",),
    Kind.QUOTED: ("NAME",),
}


class Completions(NamedTuple):
    """What could replace the text from ``start`` to the cursor.

    ``prefix`` is that text without quotes, ``keywords`` already begin with it. ``values`` are the
    meanings that a value here could have; ``before`` holds the values that the statement has so
    far, by meaning, for a value may depend on them (the savepoints of *that* job).
    """

    start: int
    prefix: str = ""
    keywords: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    before: tuple[tuple[str, str], ...] = ()


def completions(text: str, cursor: int | None = None) -> Completions:
    """What may stand at ``cursor`` (default: the end); nothing where the statement is not ours."""
    cursor = len(text) if cursor is None else cursor
    tokens = _tokens_before(text[:cursor])
    partial = tokens.pop() if tokens and tokens[-1].end == cursor and _grows(tokens[-1]) else None
    place = _walk(tokens) if tokens is not None else None
    if place is None or (partial and not _may_become_more(partial)):
        return Completions(cursor)
    stack, before = place
    begun = partial.kind if partial else None
    prefix = _content(partial) if partial else ""
    keywords = _keywords(stack, prefix) if begun in (None, Kind.WORD) else ()
    values = (name for name in following(stack) if written_as(name))
    return Completions(
        partial.start if partial else cursor,
        prefix,
        keywords,
        tuple(v for v in values if begun is None or written_as(v) in _BECOMES[begun]),
        before,
    )


def _tokens_before(text: str) -> list[Token] | None:
    """The tokens of the statement being typed; None inside a comment or a command of the shell."""
    pieces = split(text)
    last = pieces[-1] if pieces else None
    if last is not None and last.command and last.end == len(text):
        return None
    start = 0 if last is None else last.end if last.terminated else last.start
    tokens = list(scan(text, start))
    if tokens and tokens[-1].kind is Kind.COMMENT and tokens[-1].end == len(text):
        return None
    return [token for token in tokens if token.kind is not Kind.COMMENT and token.text != ";"]


def _grows(token: Token) -> bool:
    """Whether what is typed next belongs to the token, so that the token is not yet known."""
    return token.kind is not Kind.SYMBOL


def _may_become_more(token: Token) -> bool:
    """Not so after a closing quote: a blank has to follow before anything can be offered."""
    return token.kind in _BECOMES and not (
        token.closed and token.kind in (Kind.STRING, Kind.QUOTED)
    )


def _walk(tokens: list[Token]) -> tuple[Stack, tuple[tuple[str, str], ...]] | None:
    """Read the tokens before the cursor; None when they begin no statement of ours."""
    stack: Stack = START
    before: list[tuple[str, str]] = []
    for token in tokens:
        terminal = terminal_of(token, following(stack)) if token.closed else None
        after = step(stack, terminal) if terminal else None
        if terminal is None or after is None:
            return None
        if written_as(terminal):
            before.append((terminal, _content(token)))
        # HELP is followed by the beginning of a statement: go on as if it were one.
        stack = START if terminal == "HELP" else after.stack
    return stack, tuple(before)


def _keywords(stack: Stack, prefix: str) -> tuple[str, ...]:
    """The keywords that begin so, each with those that must follow it; synonyms when asked for."""
    wanted = prefix.upper()
    return tuple(
        phrase(stack, name)
        for name in following(stack)
        if is_keyword(name) and name.startswith(wanted) and (wanted or name not in SYNONYMS)
    )


def _content(token: Token) -> str:
    """A token without its quotes, the closing one of which may be missing."""
    if token.kind not in (Kind.STRING, Kind.QUOTED):
        return token.text
    quote = token.text[0]
    return token.text[1 : -1 if token.closed else None].replace(quote * 2, quote)
