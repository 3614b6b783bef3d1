"""What a session has defined on Flink, so that a job can be started again without the session.

Tables, views and functions of a Flink session are gone with it. A job keeps the definitions that
were made before it, and each of its runs makes them anew. What was taken away again is left out:
repeating a DROP on another day could hit something that has nothing to do with this session.
"""

from __future__ import annotations

from tailrace.statements.tokens import Kind, Token, scan

_REPEATED = frozenset({"USE", "LOAD", "UNLOAD", "ADD"})
_ADJECTIVES = frozenset({"TEMPORARY", "SYSTEM", "OR", "REPLACE", "ALTER", "IF", "NOT", "EXISTS"})
_KINDS = frozenset({"TABLE", "VIEW", "FUNCTION", "DATABASE", "CATALOG", "MODEL", "CONNECTION"})


class Definitions:
    """The definitions of one session, in order."""

    def __init__(self) -> None:
        self._made: list[tuple[str, str, str]] = []

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them, in the order in which they were made."""
        return tuple(text for _, _, text in self._made)

    def note(self, text: str) -> None:
        """Take note of a statement that has been carried out; not of one that has run a query."""
        if fills(text):
            return
        verb, kind, name = subject(text)
        same = [one for one in self._made if one[:2] == (kind, name) and name]
        if verb == "DROP":
            self._made = [one for one in self._made if one not in same]
        elif (verb == "CREATE" and kind) or verb in _REPEATED or (verb == "ALTER" and same):
            self._made.append((kind, name, text))

    def note_filled(self, text: str, definition: str) -> None:
        """Take note of CREATE TABLE … AS SELECT, by what the table is: its rows are there now."""
        _, kind, name = subject(text)
        self._made.append((kind, name, definition))

    def forget(self) -> None:
        """The session has ended."""
        self._made.clear()


def subject(text: str) -> tuple[str, str, str]:
    """What a statement does, to what kind of thing, of which name; capitals, without quotes."""
    tokens = [token for token in scan(text) if token.kind is not Kind.COMMENT]
    if not tokens:
        return "", "", ""
    verb = tokens[0].text.upper()
    for number, token in enumerate(tokens[1:], 1):
        word = token.text.upper()
        if word in _KINDS:
            return verb, word, _name(tokens[number + 1 :])
        if word not in _ADJECTIVES:
            break
    return verb, "", ""


def fills(text: str) -> bool:
    """Whether a definition also runs a query: CREATE TABLE … AS SELECT."""
    verb, kind, _ = subject(text)
    if verb not in ("CREATE", "REPLACE") or kind != "TABLE":
        return False
    depth = 0
    for token in scan(text):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and token.kind is Kind.WORD and token.text.upper() == "AS":
            return True
    return False


def _name(tokens: list[Token]) -> str:
    """The (dotted) name that follows, in one spelling."""
    parts: list[str] = []
    for token in tokens:
        if token.kind is Kind.WORD and token.text.upper() in _ADJECTIVES and not parts:
            continue
        if token.kind in (Kind.WORD, Kind.BACKQUOTED):
            if parts and parts[-1] != ".":
                break
            parts.append(token.text.strip("`"))
        elif token.text == "." and parts:
            parts.append(".")
        else:
            break
    return "".join(parts)
