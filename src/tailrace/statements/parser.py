"""Reads one statement: decides whether it is ours, and makes a value of ``model`` of it.

Ours is what begins as the grammar does *and* cannot be PostgreSQL's. So ``SHOW JOBS`` is ours and
``SHOW search_path`` is not, ``SET 'k' = 'v'`` is and ``SET k = 'v'`` is not. Only what is ours can
be wrong here; everything else is the engine's to judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from tailrace.errors import StatementError
from tailrace.statements.automaton import END, START, Stack, following, is_keyword, step
from tailrace.statements.found import Found
from tailrace.statements.making import STATEMENTS
from tailrace.statements.model import PassThrough, Statement
from tailrace.statements.pointer import error_at
from tailrace.statements.split import Piece, split
from tailrace.statements.tables import SYMBOLS
from tailrace.statements.tokens import Kind, Token, scan
from tailrace.statements.vocabulary import either, expected, written_as

# First words that begin no statement of PostgreSQL, nor of Flink.
_ONLY_OURS = frozenset({"STOP", "HELP"})
# Words after which a noun in the wrong number (SHOW JOB 'x') is our error. DESCRIBE is not among
# them: DESCRIBE jobs is Flink's for a table of that name.
_OUR_VERBS = frozenset({"SHOW", "CREATE", "START", "DROP"})

_WRITTEN = {
    Kind.STRING: "STRING",
    Kind.NUMBER: "NUMBER",
    Kind.WORD: "NAME",
    Kind.QUOTED: "NAME",
    Kind.REST: "REST",
}
_FOUND_WIDTH = 40


def parse(statement: str | Piece) -> Statement:
    """Read exactly one statement; its semicolon may be missing.

    Raises ``StatementError`` when it is ours and wrong. A piece of a script is pointed at by its
    place in the script.
    """
    piece = statement if isinstance(statement, Piece) else _only_piece(statement)
    if piece.command:
        problem = f"{_found(piece.text)} is a command of the shell, expected a statement"
        raise error_at(piece.source, piece.start, problem)
    if not is_ours(list(islice(significant(piece), 3))):
        return PassThrough(piece.text)
    if piece.open == "/*":  # what it hides may have been meant: STOP JOB 'a' /* WITH SAVEPOINT
        raise error_at(piece.source, piece.open_at, "the comment that begins here has no end")
    return _read(piece)


def significant(piece: Piece) -> Iterator[Token]:
    """The tokens of a piece without its comments."""
    tokens = scan(piece.source, piece.start, piece.end)
    return (token for token in tokens if token.kind is not Kind.COMMENT)


def is_ours(tokens: list[Token]) -> bool:
    """Decide by the first three tokens of a statement."""
    first = keyword(tokens[0]) if tokens else None
    after = step(START, first) if first else None
    if after is None or first in _ONLY_OURS:
        return after is not None
    second = tokens[1] if len(tokens) > 1 else None
    if second is None:
        # SET and RESET alone are ours. SHOW and START alone are nobody's: better to say what is
        # missing than to hear that from the server.
        return END in following(after.stack) or first in ("SHOW", "START")
    if first == "SHOW" and len(tokens) > 2 and tokens[2].text == ".":
        return False  # SHOW jobs.limit is a setting of an extension; one without a dot cannot be
    if terminal_of(second, following(after.stack)) is not None:
        return True
    if first == "START":
        return second.text.upper() != "TRANSACTION"
    return first in _OUR_VERBS and second.kind is Kind.WORD and _misnumbered(second, after.stack)


def _misnumbered(word: Token, stack: Stack) -> bool:
    """Whether the word is one of ours but for a missing or superfluous plural."""
    noun = word.text.upper()
    return any(other in following(stack) for other in (noun + "S", noun.removesuffix("S")))


def terminal_of(token: Token, allowed: tuple[str, ...]) -> str | None:
    """What the token is, where these may stand; every keyword is a name where a name is wanted."""
    name = keyword(token) or SYMBOLS.get(token.text) or (END if token.kind is Kind.END else None)
    if name in allowed:
        return name
    if token.kind is Kind.NUMBER and not token.text.isdigit():
        return None
    written = _WRITTEN.get(token.kind)
    return next((value for value in allowed if written and written_as(value) == written), None)


def keyword(token: Token) -> str | None:
    """The keyword that the token is, in capitals."""
    name = token.text.upper() if token.kind is Kind.WORD and token.text.isascii() else ""
    return name if is_keyword(name) else None


def _only_piece(text: str) -> Piece:
    found = split(text)
    if not found:
        raise error_at(text, len(text), "found nothing, expected a statement")
    if len(found) > 1:
        second = found[1]
        problem = f"found {_found(second.text)}, expected the end: one statement at a time"
        raise error_at(text, second.start, problem)
    return found[0]


def _read(piece: Piece) -> Statement:
    found = Found(piece)
    stack: Stack = START
    tokens = significant(piece)
    end = Token(Kind.END, "", piece.end, piece.end)
    token = next(tokens)
    read_up_to = piece.start
    while True:
        allowed = following(stack)
        if token.kind is not Kind.END and any(written_as(name) == "REST" for name in allowed):
            token, tokens = found.rest(read_up_to), iter(())
        terminal = terminal_of(token, allowed) if token.closed else None
        after = step(stack, terminal) if terminal else None
        if terminal is None or after is None:
            raise _unexpected(piece, token, stack)
        found.marks.update(after.rules)
        if terminal == END:
            return STATEMENTS[after.rules[after.rules.index("start") - 1]](found)
        found.add(terminal, token)
        stack, read_up_to = after.stack, token.end
        token = next(tokens, end)


# ------------------------------------------------------------------ errors


def _unexpected(piece: Piece, token: Token, stack: Stack) -> StatementError:
    if not token.closed:
        return error_at(piece.source, token.start, "the quote that begins here has no end")
    seen = "the end" if token.kind is Kind.END else _found(_whole(piece, token))
    return error_at(
        piece.source,
        token.start,
        f"found {seen}, expected {expected(stack)}",
        hint=_hint(piece, token, stack),
    )


def _whole(piece: Piece, token: Token) -> str:
    """What the user sees as one thing: an id such as 3f2a-x without quotes is several tokens."""
    if token.kind not in (Kind.WORD, Kind.NUMBER):
        return token.text
    end = token.end
    while end < piece.end and (piece.source[end].isalnum() or piece.source[end] in "_-./:"):
        end += 1
    return piece.source[token.start : end]


def _found(text: str) -> str:
    first = text.split("\n", 1)[0].rstrip()
    shown = first if len(first) <= _FOUND_WIDTH else first[: _FOUND_WIDTH - 1]
    return shown if shown == text else shown + "…"


def _hint(piece: Piece, token: Token, stack: Stack) -> str | None:
    """What was probably meant: quotes forgotten, or a keyword misspelt."""
    allowed = following(stack)
    strings = [name for name in allowed if written_as(name) == "STRING"]
    if strings and token.kind in (Kind.WORD, Kind.NUMBER, Kind.QUOTED):
        meant = token.text[1:-1] if token.kind is Kind.QUOTED else _whole(piece, token)
        return f"write '{meant}'"
    keywords = [name for name in allowed if is_keyword(name)]
    if token.kind is not Kind.WORD or not keywords:
        return None
    import difflib

    close = difflib.get_close_matches(token.text.upper(), keywords, n=2, cutoff=0.7)
    return f"did you mean {either(close)}?" if close else None
