"""``compare``: are the tables of two nodes equal?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option, write_rows

if TYPE_CHECKING:
    from tailrace.replication.compare import Comparison

# Exit statuses from 126 on mean something else to shells.
_MOST = 125


@command("compare")
@click.argument("names", nargs=-1, metavar="[TABLE]...")
@click.option("--against", metavar="NODE", help="Node to compare with.  [default: the root]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    envvar="TAILRACE_TIMEOUT",
    help="How long the nodes may take to stand at the same tick.",
)
@format_option()
async def compare(
    call: Invocation, names: tuple[str, ...], against: str | None, timeout: float, form: str
) -> int:
    """Compare tables of this node with those of another, at the same tick.

    Counts and hashes all rows; no writer is blocked. The exit status is the number of tables that
    differ (at most 125). Without names all tables of this node are compared; those that the other
    node does not replicate are left out, with a warning. To name such a table is an error.
    """
    from tailrace.cascade.node import choose_queue
    from tailrace.replication.compare import compare as compared

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)

    def tell(table: str, number: int, count: int) -> None:
        if call.shared.verbose:
            call.say(f"{number}/{count} {table}")

    result = await compared(
        db.dsn, queue=queue, tables=names, against=against, within=timeout, progress=tell
    )
    rows = _for_programs(result) if form == "json" else _for_people(result)
    columns = list(rows[0]) if rows else ["table", "equal", "note"]
    write_rows(form, columns, rows, title=f"Queue {queue} at tick {result.tick}")
    for one in result.tables:
        if one.equal is None:
            call.warn(f'table "{one.table}" was not compared: {one.note}')
    return min(result.differing, _MOST)


def _for_people(result: Comparison) -> list[dict[str, object]]:
    return [
        {
            "table": one.table,
            result.left: one.left_rows,
            result.right: one.right_rows,
            "equal": one.equal,
            "note": one.note,
        }
        for one in result.tables
    ]


def _for_programs(result: Comparison) -> list[dict[str, object]]:
    return [
        {
            "table": one.table,
            "left": result.left,
            "right": result.right,
            "left_rows": one.left_rows,
            "right_rows": one.right_rows,
            "equal": one.equal,
            "note": one.note,
            "tick": result.tick,
        }
        for one in result.tables
    ]
