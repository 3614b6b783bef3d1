"""Colours for what is being typed: keywords of ours, strings, comments, numbers.

Everything is cut by the lexer that also decides where a statement ends, so a quote that has not
been closed shows at once.
"""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from tailrace.statements.automaton import is_keyword
from tailrace.statements.tokens import Kind, Token, scan

STYLE = Style.from_dict({
    "keyword": "bold",
    "string": "ansigreen",
    "name": "ansicyan",
    "number": "ansiblue",
    "comment": "ansibrightblack",
    "open": "ansired",
    "command": "ansimagenta",
})  # fmt: skip

# Of PostgreSQL's own words those that begin most statements and their parts.
_COMMON = frozenset({
    "ALTER", "AND", "BEGIN", "BY", "CALL", "COMMIT", "DELETE", "EXPLAIN", "FROM", "GROUP", "HAVING",
    "INSERT", "INTO", "JOIN", "LIMIT", "NOT", "NULL", "ON", "OR", "ORDER", "ROLLBACK", "SELECT",
    "TABLE", "UPDATE", "USING", "VALUES", "WHERE",
})  # fmt: skip
_STYLES = {
    Kind.STRING: "class:string",
    Kind.ESCAPED: "class:string",
    Kind.DOLLAR: "class:string",
    Kind.QUOTED: "class:name",
    Kind.BACKQUOTED: "class:name",
    Kind.NUMBER: "class:number",
    Kind.COMMENT: "class:comment",
    Kind.BACKSLASH: "class:command",
}


class Highlighter(Lexer):
    """Cuts the whole text once for each change, and hands out its lines."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Return what gives the pieces of a line with their styles."""
        lines = coloured(document.text)
        return lambda number: lines[number] if number < len(lines) else []


def coloured(text: str) -> list[StyleAndTextTuples]:
    """The lines of a text as pieces with styles; nothing is added or lost."""
    lines: list[StyleAndTextTuples] = [[]]

    def add(style: str, piece: str) -> None:
        for index, part in enumerate(piece.split("\n")):
            if index:
                lines.append([])
            if part:
                lines[-1].append((style, part))

    position = 0
    for token in scan(text):
        add("", text[position : token.start])
        add(_style(token), text[token.start : token.end])
        position = token.end
    add("", text[position:])
    return lines


def _style(token: Token) -> str:
    if not token.closed:
        return "class:open"
    if token.kind is Kind.WORD:
        word = token.text.upper()
        return "class:keyword" if is_keyword(word) or word in _COMMON else ""
    return _STYLES.get(token.kind, "")
