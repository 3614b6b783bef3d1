"""``resurrect``: bring an old root back after another node has taken its place."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option, write_rows
from tailrace.cli.schemas import confirm
from tailrace.cli.targets import dead_option

if TYPE_CHECKING:
    from tailrace.cascade.resurrect import Resurrected

_COLUMNS = (
    "table", "inserts", "updates", "deletes", "truncates", "others", "old_rows",
    "can_be_rolled_back",
)  # fmt: skip


@command("resurrect")
@format_option()
@click.option(
    "--dump",
    default="resurrect-lost-events.json",
    show_default=True,
    metavar="FILE",
    help="Where the events that nobody else has are written.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@dead_option
async def resurrect(
    call: Invocation, form: str, dump: str, yes: bool, dead: tuple[str, ...]
) -> int:
    """Make this node, once the root, a branch of the node that took its place.

    Run it on the old root after a failover. Events that only this node has are written to a file
    and deleted from its queue; rows of its tables are not touched, unless queues are merged into
    it: then those tables are loaded anew. The node is left paused.
    Running it again after it was interrupted does the rest.
    """
    from tailrace.cascade.node import choose_queue
    from tailrace.cascade.resurrect import Resurrection

    async with call.database() as db, AsyncExitStack() as stack:
        queue = await choose_queue(db, call.settings.queue)
        resurrection = Resurrection(db, queue, stack, dump=Path(dump), given_up=dead)
        if not await resurrection.look():
            call.say(f'node "{resurrection.node.name}" is a leaf; there is nothing to do')
            return 0
        provider = resurrection.grave.node.name
        if sys.stdin.isatty():
            confirm(yes, f'Make this node a branch of "{provider}" and drop what only it has?')
        result = await resurrection.finish(call.say)
    _tell(call, form, resurrection.node.name, result)
    return 0


def _tell(call: Invocation, form: str, name: str, result: Resurrected) -> None:
    rows = [
        {column: getattr(one, column) for column in _COLUMNS if column != "table"}
        | {"table": one.table or "(other events)"}
        for one in result.losses
    ]
    if rows or form != "table":
        write_rows(form, _COLUMNS, rows, title="Rows in the lost events")
    if result.dump is not None:
        call.say(f'{result.events} events that nobody else has are in "{result.dump}"')
    if result.copied:
        tables = ", ".join(f'"{table}"' for table in result.copied)
        call.say(f"loaded anew, since queues are merged here that bring their rows again: {tables}")
    elif rows:
        call.warn(f'their rows are still in the tables of node "{name}"; compare, then decide')
    for consumer in result.consumers:
        call.warn(f'consumer "{consumer}" was unregistered here; register it on the new root')
    for reader in result.readers:
        call.warn(
            f'node "{reader}" still read from here; give it a provider with: '
            "tailrace change-provider"
        )
    paused = " and is paused; now: tailrace resume" if result.paused else ", and goes on"
    call.say(f'node "{name}" is a branch of "{result.provider}"{paused}')
