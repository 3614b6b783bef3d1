"""Attributes of a node: reading what was typed, checking it, and storing it.

There is one so far, ``sync_watermark``: the nodes that a branch agrees on a watermark with. It can
be set when the branch is made and at any time later; the branch's worker reads it anew before each
batch, so it counts from the next publication of watermarks on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from urllib.parse import urlencode

from tailrace import service
from tailrace.cascade.answers import ask
from tailrace.cascade.node import (
    Member,
    Node,
    connected,
    has_schemas,
    names_in,
    need_node,
    queries,
    read_members,
    read_node,
)
from tailrace.db.connection import Database
from tailrace.errors import NotFound, TailraceError, UsageError, WrongState
from tailrace.faults import committing

SYNC_WATERMARK = "sync_watermark"
KNOWN = (SYNC_WATERMARK,)


def parse(words: Collection[str]) -> dict[str, str | None]:
    """Read ``KEY=VALUE`` words; an empty value stands for removing the attribute (None)."""
    changes: dict[str, str | None] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if key not in KNOWN:
            raise UsageError(
                f'"{word}": there is no attribute "{key}"; attributes: {", ".join(KNOWN)}'
            )
        if not sign:
            raise UsageError(f'"{word}": write {key}=NODE,NODE, or {key}= to remove it')
        if key in changes:
            raise UsageError(f'"{word}": attribute "{key}" is given twice')
        names = names_in(value)
        if len(set(names)) != len(names):
            raise UsageError(f'"{word}": a node is listed twice')
        changes[key] = ",".join(names) or None
    return changes


async def change(
    db: Database,
    node: Node,
    changes: Mapping[str, str | None],
    *,
    given_up: Collection[str] = (),
) -> list[str]:
    """Set or remove attributes of the node that ``db`` is connected to; return remarks.

    What does not make sense is refused before anything has been changed.
    """
    remarks: list[str] = []
    listed = changes.get(SYNC_WATERMARK)
    if listed is not None:
        remarks = await _check_group(db, node, names_in(listed), given_up)

    await _store(db, node, lambda _: changes)
    return remarks


async def _store(
    db: Database,
    node: Node,
    changed: Callable[[Node], Mapping[str, str | None]],
    check: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Put changes into what is stored now; ``changed`` is told it, and says what they are.

    Nobody else can change it meanwhile: of two who take somebody out of a group at the same time,
    the second takes him out of what the first has left. ``check`` is called before, in the same
    transaction.
    """
    with committing("group", queue=node.queue, node=node.name) as told:
        async with db.transaction():
            if check is not None:
                await check()
            await db.fetch_value(queries.lock_node, queue=node.queue)
            fresh = await need_node(db, node.queue)
            merged = {**fresh.attributes, **changed(fresh)}
            stored = {key: value for key, value in merged.items() if value is not None}
            group = names_in(stored.get(SYNC_WATERMARK, ""))
            told["group"] = list(group) or None
            await ask(
                db, queries.set_node_attrs,
                queue=node.queue, attributes=urlencode(stored) if stored else None,
            )  # fmt: skip


def group_of(node: Node) -> tuple[str, ...]:
    """The nodes that a node's sync group lists; none: it has no group."""
    return names_in(node.attributes.get(SYNC_WATERMARK, ""))


def without(group: Collection[str], name: str, *, of: str) -> tuple[str, ...]:
    """What is left of a group when a node has gone.

    Never nothing: node ``of`` would follow the root then, and its provider hold what it has let go.
    """
    return tuple(one for one in group if one != name) or (of,)


async def take_out(
    db: Database, node: Node, name: str, *, check: Callable[[], Awaitable[None]]
) -> tuple[str, ...] | None:
    """Take a node that is going out of another's sync group; None: it is not in there."""
    if name not in group_of(node):
        return None
    rest: tuple[str, ...] | None = None

    def changed(fresh: Node) -> Mapping[str, str | None]:
        nonlocal rest
        if name not in group_of(fresh):
            return {}
        rest = without(group_of(fresh), name, of=node.name)
        return {SYNC_WATERMARK: ",".join(rest)}

    await _store(db, node, changed, check)
    return rest


async def _check_group(
    db: Database, node: Node, names: Collection[str], given_up: Collection[str]
) -> list[str]:
    """Look at each node of a new sync group: known, a branch, and of the same mind."""
    if node.type != "branch":
        raise WrongState(
            f'node "{node.name}" is a {node.type}; only a branch can have {SYNC_WATERMARK}'
        )
    known = {one.name: one for one in await read_members(db, node.queue, dead=given_up)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NotFound(
            f'node "{node.name}" knows no node "{unknown[0]}"; it knows: {", ".join(known)}',
            hint="an unknown member would keep the group from ever agreeing",
        )
    others = [known[name] for name in names if name != node.name]
    remarks = [f'node "{one.name}" is dead and does not count' for one in others if one.dead]
    alive = [one for one in others if not one.dead]
    found = await service.together(*(_look_at(one, node, names) for one in alive))
    remarks += [remark for remark in found if remark]
    if node.name not in names:
        remarks.append(f'node "{node.name}" itself is not listed; it counts all the same')
    return remarks


def _not_asked(member: Member, reason: str) -> WrongState:
    return WrongState(
        f'node "{member.name}" cannot be asked, so the group could not agree: {reason}',
        hint=f"leave it out, or give --dead={member.name}",
    )


async def _look_at(member: Member, node: Node, names: Collection[str]) -> str | None:
    """Refuse a member that cannot belong to a group; remark on one that knows nothing of it."""
    try:
        async with connected(member.location, "set-attr") as db:
            found = await read_node(db, node.queue) if await has_schemas(db) else None
    except TailraceError as exc:
        raise _not_asked(member, exc.message) from exc
    if found is None:
        raise _not_asked(
            member, f'database "{db.dbname}" at its location is no node of queue "{node.queue}"'
        )
    if found.name != member.name:
        raise _not_asked(member, f'its location leads to node "{found.name}"')
    if found.is_root:
        raise WrongState(
            f'node "{member.name}" is the root, whose watermark counts for every branch anyway',
            hint="list branches and leaves only",
        )
    if found.type == "branch" and set(group_of(found)) != set(names):
        return (
            f'node "{member.name}" has another group, so it does not wait for the others; '
            f"set it with: tailrace set-attr {member.name} {SYNC_WATERMARK}={','.join(names)}"
        )
    return None
