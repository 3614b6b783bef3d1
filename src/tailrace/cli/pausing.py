"""``pause``, ``resume``, ``wait-root`` and ``wait-provider``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from tailrace.cli.invocation import Invocation, command

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


def _target_options(function: F) -> F:
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


@command("pause")
@_target_options
@timeout_option
async def pause(
    call: Invocation, node: str | None, consumer: str | None, timeout: float | None
) -> int:
    """Let a node's workers finish their batch and then wait.

    Returns when they have acknowledged it, so it waits while nobody runs them.
    """
    return await _set(call, node, consumer, timeout, paused=True)


@command("resume")
@_target_options
@timeout_option
async def resume(
    call: Invocation, node: str | None, consumer: str | None, timeout: float | None
) -> int:
    """Let a paused node's workers go on; returns when they have acknowledged it."""
    return await _set(call, node, consumer, timeout, paused=False)


async def _set(
    call: Invocation, name: str | None, consumer: str | None, timeout: float | None, *, paused: bool
) -> int:
    from tailrace.cascade.pausing import set_paused, target_consumers

    async with _node_of(call, name) as (db, node):
        consumers = await target_consumers(db, node, consumer)
        await set_paused(db, node.queue, consumers, paused=paused, timeout=timeout, talk=call.say)
    for one in consumers:
        call.say(f'consumer "{one}" of node "{node.name}" {"is paused" if paused else "goes on"}')
    return 0


@asynccontextmanager
async def _node_of(call: Invocation, name: str | None) -> AsyncIterator[tuple[Database, Node]]:
    """Connect to the node that was named, by way of the one we know."""
    from tailrace.cascade.node import choose_queue, connected, find_member, need_node

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)
        here = await need_node(db, queue)
        if name in (None, here.name):
            yield db, here
            return
        member = await find_member(db, queue, name or "")
        async with connected(member.location, call.command) as there:
            yield there, await need_node(there, queue)


@command("wait-root")
@timeout_option
async def wait_root(call: Invocation, timeout: float | None) -> int:
    """Wait until this node has everything that the root has now.

    Returns at once on the root itself.
    """
    return await _wait(call, "root", timeout)


@command("wait-provider")
@timeout_option
async def wait_provider(call: Invocation, timeout: float | None) -> int:
    """Wait until this node has everything that its provider has now.

    Returns at once on the root.
    """
    return await _wait(call, "provider", timeout)


async def _wait(
    call: Invocation, target: Literal["root", "provider"], timeout: float | None
) -> int:
    from tailrace.cascade.node import choose_queue
    from tailrace.cascade.pausing import wait_for_node

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)
        tick = await wait_for_node(db, queue, target, timeout=timeout, talk=call.say)
    if tick is None:
        call.say("this node is the root")
    else:
        call.say(f"passed tick {tick} of the {target}")
    return 0
