"""``pause``, ``resume``, ``wait-root`` and ``wait-provider``."""

from __future__ import annotations

from typing import Literal

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.targets import dead_option, node_of, target_options, timeout_option


@command("pause")
@target_options
@timeout_option
@dead_option
async def pause(
    call: Invocation,
    node: str | None,
    consumer: str | None,
    timeout: float | None,
    dead: tuple[str, ...],
) -> int:
    """Let a node's workers finish their batch and then wait.

    Returns when they have acknowledged it, so it waits while nobody runs them.
    """
    return await _set(call, node, consumer, timeout, dead, paused=True)


@command("resume")
@target_options
@timeout_option
@dead_option
async def resume(
    call: Invocation,
    node: str | None,
    consumer: str | None,
    timeout: float | None,
    dead: tuple[str, ...],
) -> int:
    """Let a paused node's workers go on; returns when they have acknowledged it."""
    return await _set(call, node, consumer, timeout, dead, paused=False)


async def _set(
    call: Invocation,
    name: str | None,
    consumer: str | None,
    timeout: float | None,
    dead: tuple[str, ...],
    *,
    paused: bool,
) -> int:
    from tailrace.cascade.pausing import set_paused, target_consumers

    async with node_of(call, name, dead=dead) as (db, node):
        consumers = await target_consumers(db, node, consumer)
        await set_paused(db, node.queue, consumers, paused=paused, timeout=timeout, talk=call.say)
    for one in consumers:
        call.say(f'consumer "{one}" of node "{node.name}" {"is paused" if paused else "goes on"}')
    return 0


@command("wait-root")
@timeout_option
@dead_option
async def wait_root(call: Invocation, timeout: float | None, dead: tuple[str, ...]) -> int:
    """Wait until this node has everything that the root has now.

    Returns at once on the root itself.
    """
    return await _wait(call, "root", timeout, dead)


@command("wait-provider")
@timeout_option
@dead_option
async def wait_provider(call: Invocation, timeout: float | None, dead: tuple[str, ...]) -> int:
    """Wait until this node has everything that its provider has now.

    Returns at once on the root.
    """
    return await _wait(call, "provider", timeout, dead)


async def _wait(
    call: Invocation,
    target: Literal["root", "provider"],
    timeout: float | None,
    dead: tuple[str, ...],
) -> int:
    from tailrace.cascade.node import choose_queue
    from tailrace.cascade.pausing import wait_for_node

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)
        tick = await wait_for_node(db, queue, target, timeout=timeout, dead=dead, talk=call.say)
    if tick is None:
        call.say("this node is the root")
    else:
        call.say(f"passed tick {tick} of the {target}")
    return 0
