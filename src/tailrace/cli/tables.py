"""``add-table``, ``remove-table``, ``tables`` and ``wait-sync``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option, write_rows
from tailrace.cli.targets import timeout_option

if TYPE_CHECKING:
    from tailrace.cascade.node import Node
    from tailrace.db.connection import Database
    from tailrace.replication.tables import ReplicatedTable

Watch = Callable[[list["ReplicatedTable"]], None]


@asynccontextmanager
async def _here(call: Invocation) -> AsyncIterator[tuple[Database, Node]]:
    """Connect and read the node whose tables are meant."""
    from tailrace.cascade.node import choose_queue, need_node

    async with call.database() as db:
        yield db, await need_node(db, await choose_queue(db, call.settings.queue))


@command("add-table")
@click.argument("names", nargs=-1, metavar="[TABLE]...")
@click.option("--all", "everything", is_flag=True, help="All tables that are not replicated yet.")
@click.option("--create", is_flag=True, help="Create missing tables after the provider's.")
@click.option("--dest-table", metavar="NAME", help="Name of the table here, where it differs.")
@click.option(
    "--merge-all", is_flag=True, help="On a merged leaf: of all queues merged here, in one table."
)
@click.option("--no-merge", is_flag=True, help="On a merged leaf: of this queue alone.")
@click.option("--wait-sync", "wait", is_flag=True, help="Return when all tables are live.")
@timeout_option
async def add_table(
    call: Invocation,
    names: tuple[str, ...],
    everything: bool,
    create: bool,
    dest_table: str | None,
    merge_all: bool,
    no_merge: bool,
    wait: bool,
    timeout: float | None,
) -> int:
    """Replicate tables on this node: names or globs; a bare name is in schema public.

    On the root this begins to capture changes. On any other node the table's rows are copied
    first, by the services of: tailrace run.
    """
    from tailrace.replication import tables as replicated

    wanted = replicated.TablesToAdd(
        patterns=names,
        everything=everything,
        create=create,
        local_name=dest_table,
        merge_all=merge_all,
        no_merge=no_merge,
    )
    wanted.validate()
    async with _here(call) as (db, node):
        outcome = await replicated.add_tables(
            db, node, wanted, lock_timeout=call.settings.lock_timeout
        )
        for name in outcome.created:
            call.say(f'created table "{name}"')
        for name in outcome.done:
            call.say(f'node "{node.name}" replicates table "{name}"')
        for name in outcome.unchanged:
            call.say(f'node "{node.name}" already replicates table "{name}"')
        for reason in outcome.skipped:
            call.warn(f"left out: {reason}")
        if wait:
            await _wait(call, db, node, timeout)
    return 0


@command("remove-table")
@click.argument("names", nargs=-1, required=True, metavar="TABLE...")
async def remove_table(call: Invocation, names: tuple[str, ...]) -> int:
    """Stop replicating tables on this node, or on the root: on all nodes. Rows stay.

    Names or globs; a bare name is in schema public.
    """
    from tailrace.replication import tables as replicated

    async with _here(call) as (db, node):
        outcome = await replicated.remove_tables(
            db, node, names, lock_timeout=call.settings.lock_timeout
        )
    for name in outcome.done:
        call.say(f'node "{node.name}" does not replicate table "{name}" any more')
    return 0


@command("tables")
@format_option()
async def tables(call: Invocation, form: str) -> int:
    """List the tables that this node replicates."""
    from tailrace.replication.tables import list_tables

    async with _here(call) as (db, node):
        found = await list_tables(db, node.queue)
    rows = [
        {
            "table": one.name,
            "local_name": one.local_name,
            "state": one.state,
            "copy_role": one.copy_role,
            "copied_rows": one.copied_rows,
            "expected_rows": one.expected_rows,
            "missed_updates": one.missed_updates,
            "missed_deletes": one.missed_deletes,
            "error": one.copy_error,
        }
        for one in found
    ]
    columns = [
        "table",
        "local_name",
        "state",
        "copy_role",
        "copied_rows",
        "expected_rows",
        "missed_updates",
        "missed_deletes",
        "error",
    ]
    if form == "table":
        # for people: only what says something
        columns = columns[:3] + [
            name for name in columns[3:] if any(row[name] not in (None, 0) for row in rows)
        ]
    write_rows(form, columns, rows, title=f"Tables of node {node.name}, queue {node.queue}")
    return 0


@command("wait-sync")
@timeout_option
async def wait_sync(call: Invocation, timeout: float | None) -> int:
    """Wait until all tables of this node are live."""
    async with _here(call) as (db, node):
        await _wait(call, db, node, timeout)
    return 0


async def _wait(call: Invocation, db: Database, node: Node, timeout: float | None) -> None:
    from tailrace.replication.tables import wait_sync as wait

    with _progress(call) as watch:
        found = await wait(db, node, timeout=timeout, watch=watch)
    counted = "1 table" if len(found) == 1 else f"{len(found)} tables"
    call.say(f'node "{node.name}": {counted}, all live')


@contextmanager
def _progress(call: Invocation) -> Iterator[Watch]:
    """Show copies as they go: bars on a terminal, else a line for each change of state."""
    if sys.stderr.isatty() and not call.shared.quiet:
        with _bars() as watch:
            yield watch
    else:
        yield _lines(call)


def _lines(call: Invocation) -> Watch:
    told: dict[str, tuple[str, str | None]] = {}

    def watch(tables: list[ReplicatedTable]) -> None:
        for table in tables:
            now = (table.state, table.copy_error)
            if told.get(table.name) != now and not (table.live and table.name not in told):
                call.say(f"{table.name}: {table.state}")
                if table.copy_error:
                    call.warn(f"copy of {table.name}: {table.copy_error}")
            told[table.name] = now

    return watch


@contextmanager
def _bars() -> Iterator[Watch]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[table]}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars: dict[str, TaskID] = {}

        def watch(tables: list[ReplicatedTable]) -> None:
            for table in tables:
                if table.name not in bars:
                    if table.live:
                        continue
                    bars[table.name] = progress.add_task("", table=table.name, state="", total=None)
                progress.update(
                    bars[table.name],
                    completed=table.copied_rows,
                    total=table.copied_rows if table.live else table.expected_rows,
                    state=table.copy_error or table.state,
                )

        yield watch
