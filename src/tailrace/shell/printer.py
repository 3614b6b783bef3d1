"""Shows what statements came to: results to stdout or a file, talk and complaints to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import IO

import click

from tailrace.errors import StatementError, TailraceError, without_secrets
from tailrace.gateway.results import Answer
from tailrace.shell.bar import with_bar
from tailrace.shell.formats import result_lines
from tailrace.shell.outline import drawn
from tailrace.shell.table import Expanded
from tailrace.statements.pointer import error_at, line_of
from tailrace.statements.split import Piece


class Printer:
    """How results are written, and where to."""

    def __init__(self, form: str = "table", *, verbose: bool = False) -> None:
        self.form = form
        self.verbose = verbose
        """Whether an error is followed by all that an engine wrote about it."""
        self.expanded: Expanded = "auto"
        self.timing = False
        self.waits = ""
        """What the statement that runs was last said to wait for."""
        self._file: IO[str] | None = None
        self._passing = False

    def show(self, answer: Answer) -> None:
        """Write one answer."""
        self.end_passing()
        for remark in answer.remarks:
            self.say(f"warning: {remark}")
        if answer.result is not None:
            result = drawn(answer.result) if answer.tree and self.form == "table" else answer.result
            for line in result_lines(
                result, self.form, width=self._width(), expanded=self.expanded
            ):
                self._write(line)
        elif answer.tag and self.form == "table":
            self._write(answer.tag)

    def write_lines(self, lines: Iterable[str]) -> None:
        """Write lines of a result that comes little by little."""
        self.end_passing()
        for line in lines:
            self._write(line)
        if self._file is None:
            sys.stdout.flush()

    def complain(
        self, error: TailraceError, theirs: Piece | None = None, line: int | None = None
    ) -> None:
        """Say what went wrong, and where as far as that is known.

        ``theirs``: the statement of PostgreSQL's that an error of PostgreSQL points into. ``line``:
        the one that the statement begins in, to be named where the error names no place itself.
        """
        place = getattr(getattr(error.__cause__, "diag", None), "statement_position", None)
        pointed = None
        if isinstance(error, StatementError):
            pointed, line = error.excerpt, None
        elif place and theirs is not None:
            pointed = error_at(theirs.text, int(place) - 1, "").excerpt
            line = line and line_of(theirs.source, theirs.start + int(place) - 1)
        self.say(f"error: {error}" if line is None else f"error: line {line}: {error}")
        if self.verbose and error.stack:
            self.say(error.stack)
        if pointed is not None:
            self.say(pointed)

    def took(self, seconds: float) -> None:
        """Say how long a statement took, if that is wanted."""
        if self.timing:
            self.say(f"time: {seconds * 1000:.1f} ms")

    def say(self, text: str) -> None:
        """Talk."""
        self.end_passing()
        click.echo(without_secrets(text), err=True)

    def talk(self, text: str) -> None:
        """Hear what a statement has to say while it runs; waiting shows in the passing line."""
        if text.startswith("waiting for ") and self.may_pass:
            self.waits = text
        else:
            self.say(text)

    @property
    def may_pass(self) -> bool:
        """Whether there is a terminal on which a line may come and go."""
        return sys.stderr.isatty()

    def pass_by(self, since: str, text: str | None) -> None:
        """Write a line that the next one takes the place of: how long it takes, and what does."""
        width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        if text:
            plain = not (sys.stderr.encoding or "").lower().startswith("utf")
            since += f": {with_bar(without_secrets(text), width, plain=plain)}"
        self._passing = True
        click.echo(f"\r{since[:width]}\x1b[K", err=True, nl=False)

    def end_passing(self) -> None:
        """Take that line away."""
        if self._passing:
            self._passing = False
            click.echo("\r\x1b[K", err=True, nl=False)

    def send_to(self, path: str | None) -> None:
        """Write results to a file from now on; without one to stdout again."""
        self.close()
        self._file = open(path, "w", encoding="utf-8") if path else None  # noqa: SIM115

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, line: str) -> None:
        click.echo(line, file=self._file)

    def _width(self) -> int | None:
        """The width of the terminal, if results go to one."""
        if self._file is not None or not sys.stdout.isatty():
            return None
        return os.get_terminal_size(sys.stdout.fileno()).columns
