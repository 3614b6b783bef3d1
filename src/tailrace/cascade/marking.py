"""Marking a node dead, or alive again, on every node that can be reached.

Nobody connects to a dead node, and a sync group does without it. The mark is set on each live
member directly, because the node that is dead may be the root or stand between the root and the
others; where the root is alive its event tells those that could not be reached now.

Marking alive does not bring back what was dropped meanwhile: a node that had fallen behind while it
was dead may find that its provider no longer has its next tick.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from tailrace import log, service
from tailrace.cascade.answers import ask
from tailrace.cascade.node import (
    Member,
    Node,
    connected,
    find_member,
    need_node,
    queries,
    read_members,
    read_node,
)
from tailrace.db.connection import Database
from tailrace.errors import TailraceError, WrongState
from tailrace.faults import reach, trace

_logger = log.get("cascade.marking")


@dataclass(slots=True)
class Marked:
    """Who knows of the mark now."""

    told: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    root_told: bool = False
    roots: list[str] = field(default_factory=list)
    """Those that were told and call themselves the root; two of them are one too many."""


async def mark(
    db: Database, queue: str, name: str, *, dead: bool, given_up: Collection[str] = ()
) -> Marked:
    """Set or take away the mark of node ``name``, here and on all live members.

    Doing it again completes what could not be reached before. A node that is marked alive is told,
    too, as it may have heard of its death.
    """
    here = await need_node(db, queue)
    await find_member(db, queue, name)
    if dead and name == here.name:
        raise WrongState(
            f'node "{name}" answers, and would not mark itself dead',
            hint="mark it from another node",
        )
    others = [
        one
        for one in await read_members(db, queue, dead=given_up)
        if one.name != here.name and _is_told(one, name, dead, given_up)
    ]
    marked = Marked()
    await _set(db, here, name, dead, marked)
    trace("mark", queue=queue, node=here.name, subject=name, dead=dead)
    await reach("marking.after_local")
    await service.together(*(_tell(one, queue, name, dead, marked) for one in others))
    marked.told.sort()
    marked.missed.sort()
    marked.roots.sort()
    return marked


def _is_told(member: Member, name: str, dead: bool, given_up: Collection[str]) -> bool:
    """All live members are told; the one that is meant only when it lives."""
    if member.name == name:
        return not dead and name not in given_up
    return not member.dead


async def _tell(member: Member, queue: str, name: str, dead: bool, marked: Marked) -> None:
    try:
        async with connected(member.location, "marking") as db:
            node = await read_node(db, queue)
            if node is None or node.name != member.name:
                raise WrongState(f'its location does not lead to a node "{member.name}"')
            await _set(db, node, name, dead, marked)
    except TailraceError as exc:
        _logger.warning('node "%s" was not told: %s', member.name, exc)
        marked.missed.append(member.name)


async def _set(db: Database, node: Node, name: str, dead: bool, marked: Marked) -> None:
    """Set the mark in one database; the root's function also tells the others by an event."""
    known = {one.name: one for one in await read_members(db, node.queue)}
    if name not in known:
        _logger.warning('node "%s" does not know a node "%s"', node.name, name)
        return
    if known[name].dead != dead or node.is_root:
        await ask(
            db, queries.register_location, queue=node.queue, node=name, location=None, dead=dead
        )
    marked.told.append(node.name)
    if node.is_root:
        marked.root_told = True
        marked.roots.append(node.name)
