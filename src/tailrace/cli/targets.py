"""Which nodes a command goes to, and how long it waits there: options that many commands share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tailrace.cli.invocation import Invocation

if TYPE_CHECKING:
    from tailrace.cascade.node import Node
    from tailrace.db.connection import Database

F = TypeVar("F", bound=Callable[..., Any])


def timeout_option(function: F) -> F:
    """The option ``--timeout`` of everything that waits."""
    return click.option(
        "--timeout",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        envvar="TAILRACE_TIMEOUT",
        help="Give up after so long.  [default: wait for ever]",
    )(function)


def dead_option(function: F) -> F:
    """The option ``--dead`` of everything that visits nodes; repeatable."""
    return click.option(
        "--dead",
        multiple=True,
        metavar="NODE",
        envvar="TAILRACE_DEAD",
        help="Treat this node as dead for this run; repeatable.",
    )(function)


def target_options(function: F) -> F:
    """The options ``--node`` and ``--consumer`` of what is done to one node."""
    for option in (
        click.option(
            "--consumer", metavar="NAME", help="One consumer only.  [default: all of the node]"
        ),
        click.option(
            "--node", metavar="NAME", help="Another node of the queue.  [default: this one]"
        ),
    ):
        function = option(function)
    return function


@asynccontextmanager
async def node_of(
    call: Invocation, name: str | None, *, dead: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Database, Node]]:
    """Connect to the node that was named, by way of the one we know."""
    from tailrace.cascade.node import choose_queue, connected, live_member, need_node

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)
        here = await need_node(db, queue)
        if name in (None, here.name):
            yield db, here
            return
        member = await live_member(db, queue, name or "", dead=dead)
        async with connected(member.location, call.command) as there:
            yield there, await need_node(there, queue)
