"""``rewind`` and ``reset``, which are also ``worker --rewind`` and ``worker --reset``."""

from __future__ import annotations

import sys

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.schemas import confirm
from tailrace.cli.targets import dead_option, node_of, target_options


@command("rewind")
@target_options
@dead_option
async def rewind(
    call: Invocation, node: str | None, consumer: str | None, dead: tuple[str, ...]
) -> int:
    """Move a consumer's position on its provider to what its own database has completed.

    For when one of the two databases was restored. Nothing is applied again or left out.
    """
    return await move(call, node, consumer, dead, to_provider=True)


@command("reset")
@target_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@dead_option
async def reset(
    call: Invocation, node: str | None, consumer: str | None, yes: bool, dead: tuple[str, ...]
) -> int:
    """Move a consumer's position in its own database to that of its provider's queue.

    Events in between are left out, or applied again. The worker of a branch cannot be reset.
    """
    if sys.stdin.isatty():
        confirm(yes, "Leave out, or apply again, the events between the two positions?")
    return await move(call, node, consumer, dead, to_provider=False)


async def move(
    call: Invocation,
    node: str | None,
    consumer: str | None,
    dead: tuple[str, ...],
    *,
    to_provider: bool,
) -> int:
    """Make the two positions agree, and say where they are."""
    from tailrace.cascade import rewinding

    work = rewinding.rewind if to_provider else rewinding.reset
    async with node_of(call, node, dead=dead) as (db, found):
        name, tick = await work(db, found, consumer)
    where = "its provider" if to_provider else f'node "{found.name}"'
    call.say(f'consumer "{name}" is at tick {tick} on {where}')
    return 0
