"""``export``: a job that writes the changes of tables into files, for Flink and other readers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.jobs import patience_option

if TYPE_CHECKING:
    from tailrace.db.connection import Database

F = TypeVar("F", bound=Callable[..., Any])

_URL = re.compile(r"^[a-z][a-z0-9+.-]*://")


def _options(function: F) -> F:
    for option in reversed(
        (
            click.option("--table", "tables", multiple=True, metavar="TABLE",
                         help="Table whose changes are written; repeatable."),
            click.option("--to", metavar="DIR|URL",
                         help="Where to: one directory below it for each table."),
            click.option("--format", "form",
                         type=click.Choice(("changes", "debezium-json", "json")),
                         help="changes: a line for each row that came or went, which is right in"
                         " whatever order files are read; debezium-json: a line for each change;"
                         " json: new rows only.  [default: changes]"),
            click.option("--initial", type=click.Choice(("snapshot", "latest")),
                         help="Begin with the rows that are there, or with what comes."
                         "  [default: snapshot]"),
            click.option("--every", metavar="DURATION",
                         help="Time between a file and the next, at least.  [default: 1s]"),
            click.option("--retention", metavar="DURATION",
                         help="Remove files after so long; never: keep them.  [default: never]"),
            click.option("--updates", type=click.Choice(("refuse", "skip")),
                         help="Format json: what becomes of updates and deletes."
                         "  [default: refuse]"),
            click.option("--unreadable", type=click.Choice(("refuse", "null")),
                         help="What becomes of values that Flink has no value for, such as"
                         " infinity.  [default: refuse]"),
            click.option("--accept-columns", "accept", is_flag=True,
                         help="Go on with the columns that the tables have now."),
            click.option("--ddl", is_flag=True,
                         help="Print the statements by which Flink reads the files."),
        )
    ):  # fmt: skip
        function = option(function)
    return function


@command("export")
@click.argument("name")
@_options
@patience_option
async def export(
    call: Invocation,
    name: str,
    tables: tuple[str, ...],
    to: str | None,
    form: str | None,
    initial: str | None,
    every: str | None,
    retention: str | None,
    updates: str | None,
    unreadable: str | None,
    accept: bool,
    ddl: bool,
    timeout: float | None,
) -> int:
    """Write the changes of tables into files, a file for each batch, as job NAME.

    With --to the job is made, and its id printed; it is run by tailrace run, and stopped, started
    and dropped like any job. Without --to a job that is there is changed (--every, --retention,
    --updates, --unreadable, --accept-columns), or its tables in Flink are printed (--ddl).
    """
    given = {
        "format": form, "initial": initial, "every": every, "retention": retention,
        "updates": updates, "unreadable": unreadable,
    }  # fmt: skip
    chosen = {key: value for key, value in given.items() if value is not None}
    async with call.database() as db:
        if to is not None:
            await _make(call, db, name, tables, to, chosen, timeout)
            if accept:
                call.warn("--accept-columns is for a job that is there already")
        elif tables or not (chosen or accept or ddl):
            raise click.UsageError("a new job needs --to DIR|URL and --table TABLE")
        else:
            await _change(call, db, name, chosen, accept)
        if ddl:
            await _print_tables(db, name)
    return 0


async def _make(
    call: Invocation,
    db: Database,
    name: str,
    tables: tuple[str, ...],
    to: str,
    chosen: dict[str, str],
    timeout: float | None,
) -> None:
    from tailrace.bridge.export.creation import create_export
    from tailrace.bridge.export.definition import Options
    from tailrace.cascade.waiting import Patience

    if not tables:
        raise click.UsageError("a new job needs --table TABLE")
    if chosen.get("retention") == "never":
        del chosen["retention"]
    where = to if _URL.match(to) or not to.strip() else os.path.abspath(to)  # noqa: ASYNC240 - no I/O
    job_id = await create_export(
        db, name, tables, Options(where, **chosen),
        queue=call.settings.queue, patience=Patience(timeout or 60.0),
    )  # fmt: skip
    click.echo(job_id)
    call.say(f'job "{name}" writes into {where}; it is run by: tailrace run')


async def _change(
    call: Invocation, db: Database, name: str, chosen: dict[str, str], accept: bool
) -> None:
    from tailrace.bridge.export.changing import change

    if chosen or accept:
        found = await change(db, name, chosen, accept_columns=accept)
        call.say(f'job "{found.job_name}" is changed')


async def _print_tables(db: Database, name: str) -> None:
    from tailrace.bridge.export.changing import flink_tables

    click.echo("\n\n".join(await flink_tables(db, name)))
