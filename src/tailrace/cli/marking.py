"""``tag-dead``, ``tag-alive`` and ``set-attr``: what all nodes, or one node, know of a node."""

from __future__ import annotations

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.targets import dead_option, node_of


@command("tag-dead")
@click.argument("name", metavar="NODE")
@dead_option
async def tag_dead(call: Invocation, name: str, dead: tuple[str, ...]) -> int:
    """Mark NODE dead on all nodes: nobody connects to it, and its sync group does without it.

    It stays registered where it reads, and so keeps holding events there, until it is dropped or
    a takeover moves what reads from it.
    """
    return await _mark(call, name, dead, is_dead=True)


@command("tag-alive")
@click.argument("name", metavar="NODE")
@dead_option
async def tag_alive(call: Invocation, name: str, dead: tuple[str, ...]) -> int:
    """Take the mark of tag-dead away from NODE, on all nodes.

    Events that were dropped while it counted as dead do not come back by this.
    """
    return await _mark(call, name, dead, is_dead=False)


async def _mark(call: Invocation, name: str, dead: tuple[str, ...], *, is_dead: bool) -> int:
    from tailrace.cascade.marking import mark
    from tailrace.cascade.node import choose_queue

    async with call.database() as db:
        queue = await choose_queue(db, call.settings.queue)
        marked = await mark(db, queue, name, dead=is_dead, given_up=dead)
    state = "dead" if is_dead else "alive"
    call.say(f'node "{name}" is marked {state} on: {", ".join(marked.told)}')
    if marked.missed:
        rest = ", ".join(marked.missed)
        if marked.root_told:
            call.say(f"the root's event will tell: {rest}")
        else:
            call.warn(f"not told, nor was the root: {rest}; run this again when they answer")
    if len(marked.roots) > 1:
        call.warn(_two_roots(queue, name, marked.roots))
    return 0


def _two_roots(queue: str, name: str, roots: list[str]) -> str:
    """After a failover its old root answers again: as long as it is one, rows go apart."""
    there = f'queue "{queue}" has {len(roots)} roots, {" and ".join(roots)}'
    if name not in roots:
        return f"{there}; on the one that was taken over run: tailrace resurrect"
    others = " and ".join(one for one in roots if one != name)
    return (
        f'{there}; what is written on "{name}" reaches nobody who follows {others}; if it was '
        f'taken over, run on "{name}": tailrace resurrect'
    )


@command("set-attr")
@click.argument("name", metavar="NODE")
@click.argument("changes", metavar="KEY=VALUE…", nargs=-1, required=True)
@dead_option
async def set_attr(
    call: Invocation, name: str, changes: tuple[str, ...], dead: tuple[str, ...]
) -> int:
    """Set an attribute of NODE, or remove it by an empty value.

    sync_watermark=N1,N2 lets the branch agree on a watermark with these nodes instead of following
    the root. It counts from the node's next publication of watermarks on.
    """
    from tailrace.cascade import attributes

    wanted = attributes.parse(changes)
    async with node_of(call, name, dead=dead) as (db, node):
        remarks = await attributes.change(db, node, wanted, given_up=dead)
    for remark in remarks:
        call.warn(remark)
    for key, value in wanted.items():
        done = "is removed" if value is None else f'is "{value}"'
        call.say(f'attribute "{key}" of node "{name}" {done}')
    return 0
