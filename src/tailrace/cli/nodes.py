"""Commands that make, remove and show nodes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option, write_json, write_rows
from tailrace.cli.schemas import confirm
from tailrace.cli.targets import dead_option

if TYPE_CHECKING:
    from tailrace.cascade.joining import NewNode
    from tailrace.cascade.node import Node, NodeType
    from tailrace.db.connection import Database
    from tailrace.jobs.savepoints.seed import SavepointSeed

F = TypeVar("F", bound=Callable[..., Any])


def _create_options(
    joins: bool,
) -> Callable[[F], F]:
    """The arguments and options of the three ``create-`` commands; a root has no provider."""
    options = [
        click.argument("name", required=False),
        click.argument("connstr", required=False),
        click.option(
            "--worker",
            envvar="TAILRACE_WORKER",
            metavar="NAME",
            help="Name of the node's worker.  [default: NAME_worker]",
        ),
        click.option("--nocheck", is_flag=True, help="Do not check that CONNSTR leads here."),
        click.option(
            "--sync-watermark",
            metavar="NODE,…",
            help="Branch only: agree on a watermark with these nodes instead of sending it up.",
        ),
    ]
    if joins:
        options.append(
            click.option(
                "--provider",
                envvar="TAILRACE_PROVIDER",
                metavar="DSN",
                help="Node to read from: root or branch.",
            )
        )
        options.append(dead_option)

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@command("create-root")
@_create_options(joins=False)
async def create_root(call: Invocation, **options: Any) -> int:
    """Make the database the root of a new queue: the node that accepts writes.

    NAME names the node; CONNSTR is the connection string by which other nodes reach it, and this
    command too where no database is set (default: that of --db). The schemas are installed where
    they are missing. Running it again does nothing, and warns of options that differ.
    """
    from tailrace.cascade import joining

    new = _new_node(call, "root", options)
    async with call.database(new.location) as db:
        if await _already_there(call, db, new, options):
            return 0
        await _ensure_schemas(call, db)
        await joining.create_root(db, new)
    call.say(f'node "{new.name}" is the root of queue "{new.queue}"')
    return 0


_seed_option = click.option(
    "--from-savepoint",
    "savepoint",
    metavar="PATH",
    help="Take the rows from this savepoint of another node, and not from the provider.",
)


@command("create-branch")
@_create_options(joins=True)
@_seed_option
async def create_branch(call: Invocation, **options: Any) -> int:
    """Add a node with a copy of the queue, which other nodes can read from.

    NAME names the node; CONNSTR is the connection string by which other nodes reach it, and this
    command too where no database is set (default: that of --db). Running it again completes a
    creation that was interrupted, which takes the same options, and else does nothing but warn of
    those that differ.
    """
    return await _join(call, "branch", options)


@command("create-leaf")
@_create_options(joins=True)
@click.option(
    "--merge", metavar="QUEUE", help="Merge the queue into QUEUE, which this database holds."
)
@_seed_option
async def create_leaf(call: Invocation, **options: Any) -> int:
    """Add a node that only receives: it holds tables, but no queue.

    NAME names the node; CONNSTR is the connection string by which other nodes reach it, and this
    command too where no database is set (default: that of --db). Running it again completes a
    creation that was interrupted, which takes the same options, and else does nothing but warn of
    those that differ.
    """
    return await _join(call, "leaf", options)


async def _join(call: Invocation, kind: NodeType, options: dict[str, Any]) -> int:
    from tailrace.cascade.joining import Joining

    new = _new_node(call, kind, options)
    async with call.database(new.location) as db, AsyncExitStack() as stack:
        if await _already_there(call, db, new, options):
            return 0
        seed = await _seed(options["savepoint"], new)
        joining = Joining(new, stack, given_up=options["dead"], seed=seed)
        await joining.look()
        await joining.check_combined(db)
        await _ensure_schemas(call, db)
        await joining.finish(db)
    call.say(f'node "{new.name}" is a {kind} of queue "{new.queue}"')
    if seed is not None and seed.left_out:
        call.warn(f"not seeded, as not on both sides: {', '.join(seed.left_out)}")
    return 0


async def _seed(path: str | None, new: NewNode) -> SavepointSeed | None:
    if path is None:
        return None
    from tailrace.jobs.savepoints.seed import SavepointSeed

    return await SavepointSeed.read(path, new)


def _new_node(call: Invocation, kind: NodeType, options: dict[str, Any]) -> NewNode:
    """Put together what was typed and what the configuration says, and check it."""
    from tailrace.cascade.joining import NewNode
    from tailrace.cascade.node import names_in

    settings = call.settings
    name = options["name"] or settings.node_name
    if name is None:
        raise click.UsageError(f"{call.command} needs the name of the node")
    if settings.queue is None:
        raise click.UsageError(
            f"{call.command} needs a queue: --queue NAME, environment TAILRACE_QUEUE, "
            "or queue in tailrace.toml"
        )
    listed = options["sync_watermark"]
    new = NewNode(
        queue=settings.queue,
        type=kind,
        name=name,
        location=options["connstr"] or settings.node_location or _own_dsn(call),
        worker=options["worker"] or settings.worker or f"{name}_worker",
        provider_location=options.get("provider") or settings.provider,
        sync_watermark=None if listed is None else names_in(listed),
        combined_queue=options.get("merge"),
    )
    new.validate()
    return new


def _own_dsn(call: Invocation) -> str:
    if call.settings.db is None:
        raise click.UsageError(
            f"{call.command} needs a database: --db DSN, environment TAILRACE_DB, "
            "or db in tailrace.toml"
        )
    return call.settings.db


# What is said of a new node, by the name of the argument or option.
_SAID = {
    "connstr": "location",
    "worker": "worker",
    "provider": "provider_location",
    "merge": "combined_queue",
}


async def _already_there(
    call: Invocation, db: Database, new: NewNode, options: dict[str, Any]
) -> bool:
    """Say whether there is nothing to do; also check the location, before anything is tried."""
    from tailrace.cascade.node import check_location, has_schemas
    from tailrace.cascade.repeating import differences, existing_node
    from tailrace.db.dsn import parameters

    if await has_schemas(db):
        node = await existing_node(db, new)
        if node is not None:
            call.say(f'node "{node.name}" is already a {node.type} of queue "{node.queue}"')
            named = [said for option, said in _SAID.items() if options.get(option) is not None]
            for remark in await differences(db, node, new, named):
                call.warn(remark)
            if options.get("savepoint") is not None:
                call.warn(
                    f'node "{node.name}" keeps its rows, and takes none from the savepoint; load '
                    f"it anew with: tailrace drop-node {node.name}, and create it anew"
                )
            return True
    if not options["nocheck"]:
        await check_location(db, new.location)
    given = parameters(new.location)
    if not (given.get("host") or given.get("hostaddr") or given.get("service")):
        call.warn(
            f'the location of node "{new.name}" names neither host nor service; '
            "other machines will not find it"
        )
    return False


async def _ensure_schemas(call: Invocation, db: Database) -> None:
    """Install the schemas where they are missing; older ones are not upgraded in passing."""
    from tailrace.cascade.node import has_schemas
    from tailrace.db import schema

    if await has_schemas(db):
        await schema.require(db)
        return
    report = await schema.install(db)
    call.say(f'database "{db.dbname}": installed the schemas')
    for warning in report.warnings:
        call.warn(warning)


@command("drop-node")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@dead_option
async def drop_node(call: Invocation, name: str, yes: bool, dead: tuple[str, ...]) -> int:
    """Remove node NAME from the cascade; its tables keep their rows.

    Works from any node of the queue. Nodes that cannot be reached are warned about.
    """
    from tailrace.cascade.leaving import Leaving
    from tailrace.cascade.node import choose_queue

    async with call.database() as db, AsyncExitStack() as stack:
        queue = await choose_queue(db, call.settings.queue)
        leaving = Leaving(db, queue, name, stack, given_up=dead)
        await leaving.look()
        if sys.stdin.isatty():  # scripts written for Londiste do not expect to be asked
            confirm(yes, f'Remove node "{name}" from queue "{queue}"?')
        await leaving.finish()
    call.say(f'node "{name}" is removed from queue "{queue}"')
    return 0


@command("members")
@format_option()
async def members(call: Invocation, form: str) -> int:
    """List the nodes of the queue, as this node knows them."""
    from tailrace.cascade.node import choose_queue, read_members
    from tailrace.db.dsn import display

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)
        found = await read_members(db, queue)
    rows = [
        {"node": one.name, "dead": one.dead, "location": display(one.location)} for one in found
    ]
    write_rows(form, ("node", "dead", "location"), rows, title=f"Members of queue {queue}")
    return 0


@command("node-info")
@format_option()
async def node_info(call: Invocation, form: str) -> int:
    """Show what this database's node is and where it stands."""
    from tailrace.cascade.node import choose_queue, find_member, need_node, queries
    from tailrace.db.dsn import display

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)
        node = await need_node(db, queue)
        dead = (await find_member(db, queue, node.name)).dead
        rows = await db.fetch_all(queries.consumers, queue=queue)
    paused = [row.consumer_name for row in rows if row.paused]
    shown: dict[str, object] = {
        "node": node.name,
        "type": node.type,
        "queue": node.queue,
        "database": display(db.dsn),
        "provider": node.provider,
        "provider_location": display(node.provider_location),
        "worker": node.worker,
        "state": _state(node, dead, paused),
        "tick": node.worker_tick,
        "global_watermark": node.global_watermark,
        "local_watermark": node.local_watermark,
        "combined_queue": node.combined_queue,
        "merged_from": ", ".join(node.target_for) or None,
        "attributes": dict(node.attributes),
    }
    if form == "json":
        write_json(shown)
        return 0
    if form != "table":
        attributes = ", ".join(f"{key}={text}" for key, text in node.attributes.items())
        write_rows(form, tuple(shown), [shown | {"attributes": attributes}])
        return 0
    for key, value in shown.items():
        if key in ("combined_queue", "merged_from") and value is None:
            continue
        if key != "attributes":
            click.echo(
                f"{key.replace('_', ' ').capitalize() + ':':20}{'' if value is None else value}"
            )
    for key, text in node.attributes.items():
        click.echo(f"{'Attr:':20}{key}={text}")
    return 0


def _state(node: Node, dead: bool, paused: list[str]) -> str:
    if dead:
        return "marked dead"
    if node.worker in paused:
        return "paused"
    if f"{node.name}.apply" in paused:
        return f"its tables stand still: {node.name}.apply is paused"
    return "ok" if node.uptodate else "not up to date"
