"""Results on stdout: as a table for people, as JSON, CSV or TSV for programs.

Tables are drawn with rich on a terminal and are plain aligned text when piped, so that they can be
read by grep and people alike.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "json", "csv", "tsv")


def format_option(*formats: str) -> Callable[[F], F]:
    """The option ``--format``; ``formats`` are those that the command knows (default: the four).

    ``TAILRACE_FORMAT`` is for all commands, so each one takes at least the four.
    """
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats or FORMATS),
        default="table",
        envvar="TAILRACE_FORMAT",
        show_default=True,
        help="How to write the result.",
    )


def write_rows(
    form: str,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, object]],
    *,
    title: str | None = None,
) -> None:
    """Write rows, each a mapping with the given columns, in the wanted form."""
    if form == "json":
        write_json([{column: row.get(column) for column in columns} for row in rows])
    elif form in ("csv", "tsv"):
        from tailrace.gateway.results import Result
        from tailrace.shell.formats import result_lines

        values = ([row.get(column) for column in columns] for row in rows)
        cells = [[None if value is None else _cell(value) for value in row] for row in values]
        for line in result_lines(Result(columns, cells), form):
            click.echo(line)
    elif sys.stdout.isatty():
        _write_rich(columns, rows, title)
    else:
        _write_plain(columns, rows)


def write_json(value: object) -> None:
    """Write one JSON document."""
    click.echo(json.dumps(value, indent=2, default=_json_value, ensure_ascii=False))


def short_duration(seconds: float | None) -> str:
    """Write a lag as ``1d2h3m4s`` without zero units; unknown is ``(n/a)``; never negative."""
    if seconds is None:
        return "(n/a)"
    rest = max(0, int(seconds))
    text = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return f"{text}{rest}s"


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)


def _write_plain(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    lines = [list(columns)] + [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        click.echo(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def _write_rich(
    columns: Sequence[str], rows: Sequence[Mapping[str, object]], title: str | None
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for column in columns:
        numeric = all(isinstance(row.get(column), int | float) for row in rows) and bool(rows)
        table.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    Console().print(table)
