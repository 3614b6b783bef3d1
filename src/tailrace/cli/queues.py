"""``create-queue``, ``drop-queue``, ``queues``, ``consumers`` and ``drop-consumer``."""

from __future__ import annotations

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option, write_rows
from tailrace.cli.schemas import confirm


@command("create-queue")
@click.argument("name")
async def create_queue(call: Invocation, name: str) -> int:
    """Make a queue for events of your own; its ticks are made by: tailrace run.

    For a queue that other databases follow: tailrace create-root.
    """
    from tailrace.queue import queues

    async with call.database() as db:
        made = await queues.create(db, name)
        call.say(
            f'queue "{name}" is made in database "{db.dbname}"'
            if made
            else f'database "{db.dbname}" has a queue "{name}" already'
        )
    return 0


@command("drop-queue")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also when it has consumers.")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def drop_queue(call: Invocation, name: str, force: bool, yes: bool) -> int:
    """Remove a queue with all its events."""
    from tailrace.queue import queues

    async with call.database() as db:
        confirm(yes, f'Remove queue "{name}" with its events from database "{db.dbname}"?')
        await queues.drop(db, name, force=force)
        call.say(f'queue "{name}" is removed from database "{db.dbname}"')
    return 0


@command("queues")
@format_option()
async def show_queues(call: Invocation, form: str) -> int:
    """List the queues of the database, how far their ticks are, and who is slowest."""
    from tailrace.queue import queues

    columns = (
        *("queue", "node", "ticks", "tick", "tick_age_seconds", "new_events"),
        *("events_per_second", "consumers", "slowest", "slowest_lag_seconds", "bytes"),
    )
    async with call.database() as db:
        found = await queues.find(db)
    write_rows(form, columns, [row._asdict() for row in found])
    return 0


@command("consumers")
@format_option()
async def show_consumers(call: Invocation, form: str) -> int:
    """List who reads the queue, or without --queue all queues, and how far each one is."""
    from tailrace.queue import queues

    columns = (
        *("queue", "consumer", "tick", "lag_seconds", "pending_events"),
        *("last_seen_seconds", "batch"),
    )
    async with call.database() as db:
        found = await queues.consumers(db, call.settings.queue)
    write_rows(form, columns, [row._asdict() for row in found])
    return 0


@command("drop-consumer")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def drop_consumer(call: Invocation, name: str, yes: bool) -> int:
    """Forget consumer NAME of the queue, so that it holds no events back any more."""
    from tailrace.queue import queues

    queue = call.settings.queue
    if queue is None:
        raise click.UsageError("drop-consumer needs a queue: --queue NAME")
    async with call.database() as db:
        confirm(yes, f'Forget consumer "{name}" of queue "{queue}"? It cannot go on afterwards.')
        await queues.unregister(db, queue, name)
    call.say(f'consumer "{name}" of queue "{queue}" is forgotten')
    return 0
