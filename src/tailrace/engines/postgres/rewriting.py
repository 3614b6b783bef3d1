"""Letting ``changes.<table>`` mean the batch: the statement as it is run.

Where the names stand is known from the parse tree; there, and only there, the text is changed.
Printing the tree instead would write it in the words of the parser's version of PostgreSQL, which
an older server may not know. That the rest means what it did is made sure by parsing the result.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

from pglast import parse_sql
from pglast.ast import CreateTableAsStmt, Node
from pglast.parser import ParseError

from tailrace.engines.postgres.analysis import CHANGES, Analysis
from tailrace.statements.pointer import error_at
from tailrace.statements.tokens import Kind, Token, scan


class Edit(NamedTuple):
    """Text that takes the place of a piece of the source."""

    start: int
    end: int
    text: str


class Rewritten(NamedTuple):
    """A statement as it is run, and where its pieces come from."""

    text: str
    edits: tuple[Edit, ...]
    start: int
    """Where the statement begins in the text of the job."""

    def place(self, position: int) -> int:
        """Where in the text of the job a position (from 0) of this text comes from."""
        shift, ends = 0, []
        for edit in self.edits:
            at = edit.start - self.start + shift
            ends.append((at, at + len(edit.text), edit))
            shift += len(edit.text) - (edit.end - edit.start)
        before = bisect_right([at for at, _, _ in ends], position) - 1
        if before < 0:
            return self.start + position
        _, end, edit = ends[before]
        return edit.start if position < end else edit.end + position - end


def quoted(name: str) -> str:
    """A name as SQL writes it, whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def rewrite(
    source: str, start: int, end: int, found: Analysis, relations: Mapping[str, str]
) -> Rewritten:
    """Put the batch's relations (by name of the table) in the place of ``changes.<table>``."""
    tokens = {token.start: token for token in _significant(source, start, end)}
    places = sorted(tokens)
    edits = []
    for node in found.changes:
        first, last = _qualified(tokens, places, node.location)
        alias = "" if node.alias else f" as {quoted(node.relname)}"
        edits.append(Edit(first.start, last.end, f"pg_temp.{relations[node.relname]}{alias}"))
    for column in found.prefixed:
        first, last = _qualified(tokens, places, column.location)
        edits.append(Edit(first.start, last.start, ""))
    if found.creates is not None:
        edits.append(_insertion(source, tokens, places, start, found.creates))
        edits += _with_data(tokens, places)
    edits.sort()
    text, done = "", start
    for edit in edits:
        text += source[done : edit.start] + edit.text
        done = edit.end
    result = Rewritten(text + source[done:end], tuple(edits), start)
    _check(source, start, result)
    return result


def creating(source: str, start: int, end: int, found: Analysis, run: Rewritten) -> str:
    """The statement that makes the table of a CREATE TABLE … AS, without rows.

    ``run`` is what the job runs, which begins with ``insert into <table> ``.
    """
    tokens = {token.start: token for token in _significant(source, start, end)}
    head, _ = _parts(tokens, sorted(tokens), found.creates)
    at = next(edit for edit in run.edits if edit.start == start)
    return f"{source[start:head]} as {run.text[len(at.text) :]} with no data"


def _insertion(
    source: str, tokens: dict[int, Token], places: list[int], start: int, node: CreateTableAsStmt
) -> Edit:
    """INSERT INTO … in the place of CREATE TABLE … AS."""
    _, query = _parts(tokens, places, node)
    relation = node.into.rel
    name = quoted(relation.relname)
    if relation.schemaname is not None:
        name = f"{quoted(relation.schemaname)}.{name}"
    return Edit(start, query, f"insert into {name} ")


def _with_data(tokens: dict[int, Token], places: list[int]) -> list[Edit]:
    """WITH DATA at the end of CREATE TABLE … AS is what happens anyway."""
    last = [tokens[place] for place in places[-2:]]
    if [token.text.upper() for token in last] != ["WITH", "DATA"]:
        return []
    return [Edit(last[0].start, last[1].end, "")]


def _parts(tokens: dict[int, Token], places: list[int], node: CreateTableAsStmt) -> tuple[int, int]:
    """Where AS stands in CREATE TABLE … AS, and where the query begins."""
    depth = 0
    for index in range(places.index(node.into.rel.location), len(places)):
        token = tokens[places[index]]
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and token.kind is Kind.WORD and token.text.upper() == "AS":
            return token.start, places[index + 1]
    raise AssertionError("CREATE TABLE … AS without AS")


def _significant(source: str, start: int, end: int) -> list[Token]:
    return [token for token in scan(source, start, end) if token.kind is not Kind.COMMENT]


def _qualified(tokens: dict[int, Token], places: list[int], location: int) -> tuple[Token, Token]:
    """The tokens of <schema> and <name> in <schema>.<name>."""
    index = places.index(location)
    return tokens[location], tokens[places[index + 2]]


def _check(source: str, start: int, result: Rewritten) -> None:
    """Refuse a statement in which a name stands where only a name without alias may stand."""
    try:
        [statement] = parse_sql(result.text)
    except ParseError as error:
        place = error.args[1] if len(error.args) > 1 else 0
        raise error_at(
            source,
            result.place(place or 0),
            f"{CHANGES}.<table> cannot stand here",
            hint="write SELECT … FROM changes.<table>",
        ) from None
    assert isinstance(statement.stmt, Node), start
