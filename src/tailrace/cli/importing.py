"""``import``: a job that loads files into a table, such as those that Flink writes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from tailrace.cli.invocation import Invocation, command

F = TypeVar("F", bound=Callable[..., Any])

_URL = re.compile(r"^[a-z][a-z0-9+.-]*:/")


def _duration(_: click.Context, param: click.Parameter, value: str | None) -> float | None:
    from tailrace.config.values import duration

    if value is None or value == "never":
        return None
    try:
        return duration(value)
    except ValueError as error:
        raise click.BadParameter(f'"{value}" {error}') from None


def _names(_: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")]
    if not all(names):
        raise click.BadParameter(f'"{value}" is no list of columns (example: day,carrier)')
    return names


def _options(function: F) -> F:
    for option in reversed(
        (
            click.option("--from", "source", metavar="DIR|URL", required=True,
                         help="Where the files come to."),
            click.option("--table", metavar="TABLE", required=True,
                         help="Table to load them into."),
            click.option("--format", "form", type=click.Choice(("json", "debezium-json")),
                         default="json", show_default=True,
                         help="json: each line is a row to add; debezium-json: a change of a row."),
            click.option("--key", metavar="COLUMN,…", callback=_names,
                         help="What tells rows apart, for debezium-json.  [default: primary key]"),
            click.option("--columns", metavar="COLUMN,…", callback=_names,
                         help="Columns that are loaded.  [default: all but generated ones and "
                         "identities]"),
            click.option("--sparse", is_flag=True,
                         help="A field that a line lacks is NULL, and no error."),
            click.option("--poll", metavar="DURATION", callback=_duration,
                         help="Time between two looks at the directory.  [default: run.poll, 1s]"),
            click.option("--retention", metavar="DURATION", callback=_duration,
                         help="Remove files that were loaded so long ago.  [default: never]"),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def _place(source: str) -> str:
    """The job runs elsewhere, where our working directory means nothing."""
    return source if _URL.match(source) or not source.strip() else os.path.abspath(source)


@command("import")
@click.argument("name")
@_options
async def import_files(
    call: Invocation,
    name: str,
    source: str,
    table: str,
    form: str,
    key: list[str] | None,
    columns: list[str] | None,
    sparse: bool,
    poll: float | None,
    retention: float | None,
) -> int:
    """Load files into a table, each exactly once, as job NAME.

    Those that are there and those that will come, as they become visible: files whose names begin
    with a dot or an underscore are not complete and are left alone. The job's id is printed; the
    job is run by tailrace run, and stopped, started and dropped like any other.
    """
    from tailrace.db.queries import load

    queries = load("tailrace")
    where = _place(source)
    async with call.database() as db:
        job_id = await db.fetch_value(
            queries.create_import,
            name=name, source=where, table=table, format=form, key=key, columns=columns,
            sparse=sparse, poll=poll, retention=retention,
        )  # fmt: skip
    click.echo(job_id)
    call.say(f'job "{name}" loads files from {where}; it is run by: tailrace run')
    return 0
