"""Who watches a demo: somebody at a terminal, or a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextmanager
def audience(*, quiet: bool) -> Iterator[Bars | Lines]:
    """Bars where somebody watches, lines otherwise."""
    if not sys.stderr.isatty() or quiet:
        yield Lines(quiet=quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:16}"),
        BarColumn(),
        TextColumn("{task.completed:>11,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bars(progress)


class Bars:
    """For a terminal: what has happened scrolls by, what goes on has a bar at the bottom."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def scene(self, text: str) -> None:
        """Write a line above the bars."""
        self._progress.console.print(f"• {text}", highlight=False, markup=False)

    def progress(self, name: str, done: int, total: int | None) -> None:
        """Move a bar."""
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._bars[name], completed=done, total=total)

    def finished(self, name: str) -> None:
        """Take a bar away."""
        bar = self._bars.pop(name, None)
        if bar is not None:
            self._progress.remove_task(bar)


class Lines:
    """For a file or a pipe: a line for what has happened, now and then one for what goes on."""

    _EVERY = 5.0

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._start = monotonic()
        self._told: dict[str, tuple[float, int]] = {}

    def scene(self, text: str) -> None:
        """Write a line, with the seconds since the start."""
        if not self._quiet:
            click.echo(f"{monotonic() - self._start:6.1f} s  {text}", err=True)

    def progress(self, name: str, done: int, total: int | None) -> None:
        """Write a line if the last one of this name is a while ago and said something else."""
        now = monotonic()
        when, what = self._told.setdefault(name, (now, done))
        if now - when >= self._EVERY and done != what:
            self._told[name] = (now, done)
            # totals are the server's estimates
            known = total is not None and total >= done
            self.scene(f"{name}: {done:,}" + (f" of about {total:,}" if known else ""))

    def finished(self, name: str) -> None:
        """Forget about it."""
        self._told.pop(name, None)
