"""One node of a cascade, as its database and the other nodes know it.

Every command starts here: which queue is meant, what this database's node is, which nodes there
are, and where the root is. Making and removing nodes are in ``joining`` and ``leaving``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl

from tailrace.db.connection import Database
from tailrace.db.dsn import display
from tailrace.db.queries import load
from tailrace.db.remote import remote
from tailrace.errors import NotFound, UsageError, WrongState

queries = load("pgq_node")

# A command that says nothing for so long is frozen.
SILENT = "10s"

NodeType = Literal["root", "branch", "leaf"]
_HOW_TO_CREATE = "make it one with: tailrace create-root, create-branch or create-leaf"


@dataclass(frozen=True, slots=True)
class Node:
    """What a database says of its own node."""

    queue: str
    name: str
    type: NodeType
    provider: str
    provider_location: str
    worker: str
    worker_tick: int | None
    paused: bool
    uptodate: bool
    global_watermark: int | None
    local_watermark: int | None
    attributes: Mapping[str, str] = field(default_factory=dict)
    combined_queue: str | None = None
    """Queue of the same database that a leaf is merged into."""
    target_for: tuple[str, ...] = ()
    """Queues of the same database that are merged into this one."""

    @property
    def is_root(self) -> bool:
        """Whether this node accepts writes."""
        return self.type == "root"

    @property
    def apply_consumer(self) -> str:
        """Name of the consumer that writes into the tables: a branch has one beside its worker."""
        return f"{self.name}.apply" if self.type == "branch" else self.worker


@dataclass(frozen=True, slots=True)
class Member:
    """A node as other nodes know it."""

    name: str
    location: str
    dead: bool


# ------------------------------------------------------------------ reading


async def has_schemas(db: Database) -> bool:
    """Say whether the database holds the schemas at all, of whatever version."""
    return bool(await db.fetch_value(queries.has_schemas))


async def read_node(db: Database, queue: str) -> Node | None:
    """Read this database's node of the queue; None when it has none."""
    row = await db.fetch_one(queries.node_info, queue=queue)
    if row is None or row.ret_code >= 300:
        return None
    return Node(
        queue=queue,
        name=row.node_name,
        type=row.node_type,
        provider=row.provider_node,
        provider_location=row.provider_location,
        worker=row.worker_name,
        worker_tick=row.worker_last_tick,
        paused=row.worker_paused,
        uptodate=row.worker_uptodate,
        global_watermark=row.global_watermark,
        local_watermark=row.local_watermark,
        # An older pgq_node beside us has no such column: then there are no attributes.
        attributes=decoded(getattr(row, "node_attrs", None)),
        combined_queue=row.combined_queue,
        target_for=tuple(getattr(row, "target_for", None) or ()),
    )


def decoded(attributes: str | None) -> dict[str, str]:
    """Read stored attributes, a URL-encoded dictionary; a value may be empty."""
    return dict(parse_qsl(attributes or "", keep_blank_values=True))


def names_in(listed: str) -> tuple[str, ...]:
    """Read names that stand between commas, with blanks around them or not."""
    return tuple(name.strip() for name in listed.split(",") if name.strip())


async def need_node(db: Database, queue: str) -> Node:
    """Read this database's node of the queue, which must exist."""
    node = await read_node(db, queue)
    if node is None:
        raise NotFound(
            f'database "{db.dbname}" is no node of queue "{queue}"',
            hint=_HOW_TO_CREATE,
            queue=queue,
        )
    return node


async def choose_queue(db: Database, queue: str | None) -> str:
    """Return the queue that was named, or the only one that this database is a node of."""
    names = [str(row.queue_name) for row in await db.fetch_all(queries.nodes_here)]
    listed = ", ".join(names)
    if queue is not None and queue in names:
        return queue
    if queue is not None:
        where = f"it is one of: {listed}" if names else _HOW_TO_CREATE
        raise NotFound(
            f'database "{db.dbname}" is no node of queue "{queue}"', hint=where, queue=queue
        )
    if len(names) > 1:
        raise UsageError(
            f'database "{db.dbname}" is a node of several queues: {listed}',
            hint="choose one with --queue",
        )
    if not names:
        raise NotFound(f'database "{db.dbname}" is not a node of any queue', hint=_HOW_TO_CREATE)
    return names[0]


async def read_members(db: Database, queue: str, *, dead: Collection[str] = ()) -> list[Member]:
    """Read all nodes that this node knows, itself included.

    Those in ``dead`` (option ``--dead``) count as dead for this run.
    """
    rows = await db.fetch_all(queries.locations, queue=queue)
    members = [
        Member(row.node_name, row.node_location, row.dead or row.node_name in dead) for row in rows
    ]
    for name in dead:
        _named(members, queue, name)
    return members


async def find_member(db: Database, queue: str, name: str, *, dead: Collection[str] = ()) -> Member:
    """Return the member of that name; the error lists those that there are."""
    return _named(await read_members(db, queue, dead=dead), queue, name)


async def live_member(db: Database, queue: str, name: str, *, dead: Collection[str] = ()) -> Member:
    """Return the member of that name, which is to be visited and so must not be dead."""
    member = await find_member(db, queue, name, dead=dead)
    if member.dead:
        raise WrongState(
            f'node "{name}" of queue "{queue}" is marked dead and is not asked',
            hint=f"if it is not: tailrace tag-alive {name}",
        )
    return member


def _named(members: list[Member], queue: str, name: str) -> Member:
    for member in members:
        if member.name == name:
            return member
    known = ", ".join(member.name for member in members)
    raise NotFound(f'there is no node "{name}" in queue "{queue}"; its nodes: {known}')


# ------------------------------------------------------------------ finding the way


@asynccontextmanager
async def connected(location: str, purpose: str) -> AsyncIterator[Database]:
    """Connect to a node's public location for a short errand."""
    async with await Database.connect(remote(location), name=purpose) as db:
        yield db


async def find_root(
    start: Node, db: Database, stack: AsyncExitStack, *, dead: Collection[str] = ()
) -> tuple[Node, Database]:
    """Walk from a node up to the root; the connections made are closed with ``stack``."""
    node, here = start, db
    passed = [node.name]
    while not node.is_root:
        if node.provider in passed:
            way = " -> ".join([*passed, node.provider])
            raise WrongState(
                f'queue "{node.queue}" has no root: the providers lead in a circle, {way}'
            )
        marked = {one.name for one in await read_members(here, node.queue) if one.dead}
        if node.provider in marked or node.provider in dead:
            raise WrongState(
                f'the way from node "{start.name}" to the root of queue "{node.queue}" leads '
                f'through node "{node.provider}", which is dead',
                hint=f'give node "{node.name}" another with: tailrace change-provider',
            )
        here = await stack.enter_async_context(connected(node.provider_location, "walk"))
        node = await need_node(here, node.queue)
        passed.append(node.name)
    return node, here


async def check_location(db: Database, location: str) -> None:
    """Make sure that a public location leads to the database that ``db`` is connected to.

    Names and oids can agree by chance on two servers, so a transaction id drawn through the one
    connection must fall between two snapshots of the other.
    """
    async with connected(location, "location check") as public:
        before = await db.fetch_one(queries.identity)
        there = await public.fetch_one(queries.identity)
        drawn = await public.fetch_value(queries.draw_txid)
        after = await db.fetch_one(queries.identity)
    assert before is not None
    assert there is not None
    assert after is not None
    same = (before.name, before.oid, before.started) == (there.name, there.oid, there.started)
    if not same or not before.next_txid <= drawn < after.next_txid:
        raise WrongState(
            f'location "{display(location)}" leads to another database than "{display(db.dsn)}"',
            hint="give the connection string by which others reach this database, or --nocheck",
        )
