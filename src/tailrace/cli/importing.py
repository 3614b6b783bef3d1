"""``import``: a job that loads files into a table, such as those that Flink writes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tailrace.cli.invocation import Invocation, command

if TYPE_CHECKING:
    from tailrace.db.connection import Database

F = TypeVar("F", bound=Callable[..., Any])

NEVER = -1.0

_URL = re.compile(r"^[a-z][a-z0-9+.-]*:/")


def _duration(_: click.Context, param: click.Parameter, value: str | None) -> float | None:
    from tailrace.config.values import duration

    if value is None:
        return None
    if value == "never" and param.name == "retention":
        return NEVER
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
            click.option("--from", "source", metavar="DIR|URL", help="Where the files come to."),
            click.option("--table", metavar="TABLE", help="Table to load them into."),
            click.option("--format", "form", type=click.Choice(("json", "debezium-json")),
                         help="json: each line is a row to add; debezium-json: a change of a row."
                         "  [default: json]"),
            click.option("--key", metavar="COLUMN,…", callback=_names,
                         help="What tells rows apart, for debezium-json.  [default: primary key]"),
            click.option("--columns", metavar="COLUMN,…", callback=_names,
                         help="Columns that are loaded.  [default: all but generated ones and "
                         "identities]"),
            click.option("--sparse/--complete", default=None,
                         help="A field that a line lacks is NULL; or an error.  [default: "
                         "--complete]"),
            click.option("--poll", metavar="DURATION", callback=_duration,
                         help="Time between two looks at the directory.  [default: run.poll, 1s]"),
            click.option("--retention", metavar="DURATION", callback=_duration,
                         help="Remove files that were loaded so long ago; never: keep them."
                         "  [default: never]"),
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
    call: Invocation, name: str, source: str | None, table: str | None, **options: Any
) -> int:
    """Load files into a table, each exactly once, as job NAME.

    Those that are there and those that will come, as they become visible: files whose names begin
    with a dot or an underscore are not complete and are left alone. The job's id is printed; the
    job is run by tailrace run, and stopped, started and dropped like any other. Without --from a
    job that is there is changed (--columns, --sparse, --poll, --retention).
    """
    async with call.database() as db:
        if source is None:
            await _change(call, db, name, table, options)
        elif table is None:
            raise click.UsageError("a new job needs --table TABLE")
        else:
            await _make(call, db, name, _place(source), table, options)
    return 0


async def _make(
    call: Invocation, db: Database, name: str, source: str, table: str, options: dict[str, Any]
) -> None:
    from tailrace.db.queries import load

    retention = options["retention"]
    job_id = await db.fetch_value(
        load("tailrace").create_import,
        name=name, source=source, table=table, format=options["form"] or "json",
        key=options["key"], columns=options["columns"], sparse=bool(options["sparse"]),
        poll=options["poll"], retention=None if retention == NEVER else retention,
    )  # fmt: skip
    click.echo(job_id)
    call.say(f'job "{name}" loads files from {source}; it is run by: tailrace run')


async def _change(
    call: Invocation, db: Database, name: str, table: str | None, options: dict[str, Any]
) -> None:
    import json

    from tailrace.db.queries import load

    if table or options["form"] or options["key"]:
        raise click.UsageError("a new job needs --from DIR|URL; of one that is there its table, "
                               "format and key cannot be changed")  # fmt: skip
    changes: dict[str, object] = {
        key: options[key] for key in ("columns", "sparse") if options[key] is not None
    }
    for key in ("poll", "retention"):
        if options[key] is not None:
            changes[key] = None if options[key] == NEVER else f"{options[key]} seconds"
    if not changes:
        raise click.UsageError("a new job needs --from DIR|URL and --table TABLE")
    await db.fetch_value(load("tailrace").change_import, job=name, changes=json.dumps(changes))
    call.say(f'job "{name}" is changed')
