"""Pausing and resuming a node's consumers, and waiting until a node has come as far as another.

The flag in ``pgq_node.local_state`` is the wish; the running worker acknowledges it by setting
``uptodate``. So a pause has happened when both are set, and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import Literal

from tailrace.cascade.answers import ask
from tailrace.cascade.node import (
    Node,
    connected,
    find_root,
    live_member,
    need_node,
    queries,
)
from tailrace.cascade.waiting import wait_until
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.errors import DatabaseError, NotFound, TailraceError, Timeout, WrongState
from tailrace.faults import committing

own_queries = load("tailrace")

Talk = Callable[[str], None]

_SERVED = "it is served by: tailrace run"

# The wish stays when nobody waits for it any longer: who carries it out may be slow, or frozen.
_STILL_ASKED = {
    True: f"it stays asked to pause, until: tailrace resume; {_SERVED}",
    False: f"it stays asked to go on; {_SERVED}",
}


async def target_consumers(db: Database, node: Node, consumer: str | None) -> list[str]:
    """Return the consumers a command is for: the one named, or all that write into this node."""
    known = [str(row.consumer_name) for row in await _consumers(db, node.queue)]
    if consumer is None:
        return [name for name in known if name in (node.worker, node.apply_consumer)]
    if consumer not in known:
        raise NotFound(
            f'node "{node.name}" has no consumer "{consumer}" of queue "{node.queue}"; '
            f"it has: {', '.join(known)}"
        )
    return [consumer]


async def set_paused(
    db: Database,
    queue: str,
    consumers: list[str],
    *,
    paused: bool,
    timeout: float | None = None,
    talk: Talk | None = None,
) -> None:
    """Set the flag for all, then wait until the workers have acknowledged it."""
    await _set_flags(db, queue, consumers, paused=paused)

    async def acknowledged() -> bool:
        rows = {row.consumer_name: row for row in await _consumers(db, queue)}
        for consumer in consumers:
            row = rows.get(consumer)
            if row is None or row.paused != paused:
                raise WrongState(
                    f'somebody else changed consumer "{consumer}" of queue "{queue}" meanwhile'
                )
        return all(rows[consumer].uptodate for consumer in consumers)

    names = ", ".join(f'"{name}"' for name in consumers)
    try:
        await wait_until(
            acknowledged,
            what=f"consumer {names} to {'pause' if paused else 'go on'}",
            hint=_SERVED,
            timeout=timeout,
            impatient=talk,
        )
    except Timeout as exc:
        raise Timeout(exc.message, hint=_STILL_ASKED[paused]) from exc


async def _set_flags(db: Database, queue: str, consumers: list[str], *, paused: bool) -> None:
    step = "pause" if paused else "resume"
    with ExitStack() as written:
        for consumer in consumers:
            written.enter_context(committing(step, queue=queue, target=consumer))
        async with db.transaction():
            for consumer in consumers:
                await ask(db, queries.set_paused, queue=queue, consumer=consumer, paused=paused)


async def wait_for_node(
    db: Database,
    queue: str,
    target: Literal["root", "provider"],
    *,
    timeout: float | None = None,
    dead: Collection[str] = (),
    talk: Talk | None = None,
) -> int | None:
    """Wait until everything here is beyond the tick that the target has now; None on the root.

    What counts is the slowest of the node's consumers, so tables are as far as the queue. The next
    tick, which ends the wait, may be a minute away on a root that is idle, so one is made there.
    """
    node = await need_node(db, queue)
    if node.is_root:
        return None
    tick = await _newest_tick(node, db, target, dead)
    error: str | None = None

    async def passed() -> bool:
        nonlocal error
        consumers = await target_consumers(db, node, None)
        rows = [row for row in await _consumers(db, queue) if row.consumer_name in consumers]
        error = next((row.cur_error for row in rows if row.cur_error), None)
        return all(row.last_tick_id > tick for row in rows)

    def what() -> str:
        reason = f", which has the error: {error}" if error else ""
        return f'node "{node.name}" to pass tick {tick} of its {target}{reason}'

    await wait_until(
        passed,
        what=what,
        hint="ticks and workers are served by: tailrace run",
        timeout=timeout,
        impatient=talk,
    )
    return tick


async def _newest_tick(
    node: Node, db: Database, target: Literal["root", "provider"], dead: Collection[str]
) -> int:
    async with AsyncExitStack() as stack:
        root = None
        if target == "root":
            _, root = await find_root(node, db, stack, dead=dead)
            there = root
        else:
            await live_member(db, node.queue, node.provider, dead=dead)
            there = await stack.enter_async_context(
                connected(node.provider_location, "wait-provider")
            )
            with suppress(TailraceError):  # the provider may have all that is wanted
                _, root = await find_root(node, db, stack, dead=dead)
        row = await there.fetch_one(queries.newest_tick, queue=node.queue)
        if root is not None:
            with suppress(DatabaseError):  # where we may not, the ticker will
                await root.fetch_value(own_queries.tick_now, queue=node.queue)
    if row is None:
        raise NotFound(f'the {target} of node "{node.name}" has no queue "{node.queue}"')
    return int(row.tick_id)


async def _consumers(db: Database, queue: str) -> list[Row]:
    return await db.fetch_all(queries.consumers, queue=queue)
