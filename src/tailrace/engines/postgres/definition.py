"""The text of a job, read once: its statements, what they read and write, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pglast import parse_sql
from pglast.parser import ParseError

from tailrace.engines.postgres.analysis import Analysis, analyse
from tailrace.engines.postgres.rewriting import Rewritten, creating, rewrite
from tailrace.errors import StatementError
from tailrace.statements.pointer import error_at

_UNWEIGHED = (
    "adds up changes without _weight, so rows that went count like those that came; "
    "totals are kept by sum(x * _weight) and sum(_weight)"
)
_REPEATED = (
    "keeps rows of a table that have no changes (outer join), so it inserts them again with every "
    "batch; an inner join takes those that have"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement of a job: where it stands in the job's text, and what it is made of."""

    number: int
    start: int
    end: int
    found: Analysis


@dataclass(frozen=True, slots=True)
class Definition:
    """A job's statements."""

    source: str
    pieces: tuple[Piece, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The tables whose changes are read, by the names that the job gives them, once each."""
        names = (node.relname for piece in self.pieces for node in piece.found.changes)
        return tuple(dict.fromkeys(names))

    def doubts(self) -> tuple[str, ...]:
        """What is allowed, and probably not meant."""
        return tuple(
            f"statement {number} {doubt}"
            for number, piece in enumerate(self.pieces, 1)
            for doubt, is_there in (
                (_UNWEIGHED, piece.found.is_unweighed),
                (_REPEATED, piece.found.repeats),
            )
            if is_there
        )

    def marked(self, name: str) -> bool:
        """Whether event id, operation or time may be asked of the changes of a table."""
        return any(
            piece.found.marks
            for piece in self.pieces
            if any(node.relname == name for node in piece.found.changes)
        )

    def runnable(self, relations: Mapping[str, str]) -> list[Rewritten]:
        """The statements as they are run; ``relations`` are the batch's, by name of the table."""
        return [
            rewrite(self.source, piece.start, piece.end, piece.found, relations)
            for piece in self.pieces
        ]

    def creations(self, runnable: list[Rewritten]) -> list[tuple[Piece, str]]:
        """What makes the tables that the job creates."""
        return [
            (piece, creating(self.source, piece.start, piece.end, piece.found, run))
            for piece, run in zip(self.pieces, runnable, strict=True)
            if piece.found.creates is not None
        ]

    def error_at(self, place: int, problem: str, hint: str | None = None) -> StatementError:
        """The error that points at a place in the job's text."""
        return error_at(self.source, place, problem, hint=hint)


def define(source: str) -> Definition:
    """Read the text of a job; raises where it cannot be one."""
    try:
        statements = parse_sql(str(source))
    except ParseError as error:
        place = error.args[1] if len(error.args) > 1 else None
        at = len(source) if place is None else max(0, place)
        raise error_at(source, at, error.args[0]) from None
    pieces = []
    for number, raw in enumerate(statements, 1):
        end = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(source)
        start = _first_token(source, raw.stmt_location, end)
        pieces.append(Piece(number, start, end, analyse(source, raw.stmt, start)))
    job = Definition(source, tuple(pieces))
    if not job.sources:
        raise error_at(
            source,
            pieces[0].start if pieces else 0,
            "the job reads no changes.<table>, so it would never have anything to do",
            hint="a job reads at least one table as changes.<table>",
        )
    return job


def _first_token(source: str, start: int, end: int) -> int:
    """Where a statement begins behind blanks and comments."""
    from tailrace.statements.tokens import Kind, scan

    for token in scan(source, start, end):
        if token.kind is not Kind.COMMENT:
            return token.start
    return start
