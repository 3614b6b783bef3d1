"""Runs statements and commands one after the other, and says what they came to.

The interactive shell gives it what was typed, ``-c`` and ``-f`` whole scripts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic

from tailrace.errors import TailraceError
from tailrace.gateway.dispatch import execute, start_on_flink
from tailrace.gateway.results import Answer
from tailrace.gateway.sessions import Session
from tailrace.shell.printer import Printer
from tailrace.shell.progress import shown_progress
from tailrace.statements.model import DropAllSavepoints, PassThrough
from tailrace.statements.parser import parse
from tailrace.statements.pointer import line_of
from tailrace.statements.split import Piece, pieces
from tailrace.statements.tokens import Kind, scan

Command = Callable[["Script", str], Awaitable[None]]

LEAVING = ("exit", "quit")
"""Words that mean ``\\q``, as in psql and in Flink's client; neither is SQL."""


class Script:
    """A session, a way to show results, and what was run last."""

    def __init__(self, session: Session, printer: Printer) -> None:
        self.session = session
        self.printer = printer
        self.last: Piece | None = None
        self.confirm: Callable[[str], Awaitable[bool]] | None = None
        """Asks before much is destroyed; None: nobody is there to be asked."""
        self.over = False
        # The statement that runs if it is PostgreSQL's, whose errors then point into its text.
        self._theirs: Piece | None = None

    async def run(self, text: str, *, go_on: bool = False, numbered: bool = False) -> bool:
        """Run all of a text; say whether everything went well. An error ends it, or ``go_on``.

        ``numbered``: errors name the line, as whoever has a file before him needs it.
        """
        well = True
        for piece in pieces(text):
            try:
                await self._run_piece(piece)
            except TailraceError as error:
                self.printer.complain(error, self._theirs, _first_line(piece) if numbered else None)
                well = False
                if not go_on:
                    break
            if self.over:
                break
        return well

    async def _run_piece(self, piece: Piece) -> None:
        self._theirs = None
        if piece.command:
            from tailrace.shell.commands import run_command

            await run_command(self, piece.text)
        elif piece.text.strip().lower() in LEAVING:
            self.over = True
        else:
            self.last = piece
            await self.statement(piece)

    async def statement(self, piece: Piece) -> None:
        """Run one statement."""
        begun = monotonic()
        statement = parse(piece)
        self._theirs = piece if isinstance(statement, PassThrough) else None
        if isinstance(statement, DropAllSavepoints) and self.confirm is not None:
            of_job = "" if statement.job is None else f' of job "{statement.job}"'
            if not await self.confirm(f"Remove all savepoints{of_job}?"):
                return
        async with shown_progress(self.session, self.printer):
            if isinstance(statement, PassThrough) and self.session.options.is_flink:
                answers = await self._of_flink(statement)
            else:
                answers = await execute(self.session, statement)
        for answer in answers:
            self.printer.show(answer)
        self.printer.took(monotonic() - begun)

    async def _of_flink(self, statement: PassThrough) -> list[Answer]:
        """A query over a stream has no end, so its rows are shown as they come."""
        from tailrace.shell.flow import show_rows

        rows = await start_on_flink(self.session, statement)
        try:
            flink = await self.session.flink()
            answer = await show_rows(self.printer, rows, flink.trouble)
        finally:
            await rows.close()
        return [] if answer is None else [answer]


def _first_line(piece: Piece) -> int:
    """The line of its source in which a statement begins, after the comments before it."""
    text = piece.text
    begins = next((one.start for one in scan(text) if one.kind is not Kind.COMMENT), 0)
    return line_of(piece.source, piece.start + begins)
