"""All nodes of a cascade as their own databases describe them, at one moment.

Commands that rewire a cascade decide by what the nodes themselves say, never by what one node
remembers of another, and look again after each change. So a survey keeps its connections and can be
repeated cheaply. Who is marked dead is not asked; who does not answer is away, with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from tailrace import service
from tailrace.cascade.node import Member, NodeType, need_node, read_members
from tailrace.db import locks
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.db.remote import remote
from tailrace.errors import ConnectError, NotFound, TailraceError, WrongState

queries = load("tailrace")

CONNECT_TIMEOUT = 4.0
CLAIM_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a consumer that writes into a node stands, and whether it has seen its settings."""

    provider: str
    tick: int
    paused: bool
    uptodate: bool
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node, by its own database."""

    name: str
    type: NodeType
    worker: str
    provider: str
    closed: bool = False
    agrees: bool = False
    newest: int | None = None
    oldest: int | None = None
    positions: Mapping[str, Place] = field(default_factory=dict)
    subscribers: Mapping[str, str] = field(default_factory=dict)
    readers: Mapping[str, int] = field(default_factory=dict)
    copying: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    members: Mapping[str, Member] = field(default_factory=dict)

    @property
    def is_root(self) -> bool:
        """Whether it calls itself the root."""
        return self.type == "root"

    @property
    def holds_queue(self) -> bool:
        """Whether others can read from it."""
        return self.type != "leaf"

    @property
    def place(self) -> Place:
        """Where its worker stands."""
        return self.positions[self.worker]

    @property
    def apply(self) -> Place | None:
        """Where a branch's applying consumer stands; None when there is none."""
        return self.positions.get(f"{self.name}.apply")

    @property
    def global_watermark(self) -> int:
        """The tick up to which this node has let events go, or may at any time."""
        return self.readers.get(".global_watermark", 0)

    @property
    def local_watermark(self) -> int:
        """The lowest tick that somebody who reads here still needs."""
        needed = [tick for name, tick in self.readers.items() if name != ".global_watermark"]
        return min(needed, default=self.newest or 0)

    @property
    def at_rest(self) -> bool:
        """Whether its worker has stopped and said so."""
        return self.place.paused and self.place.uptodate


@dataclass(frozen=True, slots=True)
class View:
    """All nodes that answered, why others did not, and who counts as dead."""

    queue: str
    nodes: Mapping[str, NodeFacts]
    away: Mapping[str, str] = field(default_factory=dict)
    dead: Collection[str] = ()

    def __getitem__(self, name: str) -> NodeFacts:
        """Return a node that has to be there; who is away is an error that says why."""
        if name in self.nodes:
            return self.nodes[name]
        if name in self.dead:
            raise WrongState(
                f'node "{name}" of queue "{self.queue}" is marked dead and is not asked',
                hint=f"if it is not: tailrace tag-alive {name}",
            )
        raise ConnectError(
            f'node "{name}" of queue "{self.queue}" cannot be asked: {self.away.get(name)}'
        )

    def joined(self, later: View) -> View:
        """This view, and with it the nodes that were seen only later, as they were then."""
        return replace(self, nodes={**later.nodes, **self.nodes})

    def above(self, name: str) -> Iterator[str]:
        """Names from a node's provider up to the root, as far as they are known."""
        seen = {name}
        node = self.nodes.get(name)
        while node is not None and not node.is_root and node.provider not in seen:
            seen.add(node.provider)
            yield node.provider
            node = self.nodes.get(node.provider)

    def is_below(self, name: str, other: str) -> bool:
        """Whether a node gets its events by way of another."""
        return other in self.above(name)


class Survey:
    """Connections to all live members, and what they say."""

    def __init__(
        self, queue: str, purpose: str, stack: AsyncExitStack, *, dead: Collection[str] = ()
    ) -> None:
        self.queue = queue
        self.dead = set(dead)
        self._purpose = purpose
        self._stack = stack
        self._members: dict[str, Member] = {}
        self._ways: dict[str, str] = {}
        self._databases: dict[str, Database] = {}
        self._facts: dict[str, NodeFacts] = {}
        self._away: dict[str, str] = {}

    async def open(self, db: Database, *, lost: Collection[str] = ()) -> None:
        """Connect to every member that ``db`` knows; ``lost`` are given up by this command."""
        self.dead |= set(lost)
        here = await need_node(db, self.queue)
        for member in await read_members(db, self.queue, dead=self.dead):
            self._ways[member.name] = remote(member.location)
            # The way we came is known to work, whatever others use.
            if member.name == here.name:
                self._ways[member.name] = db.dsn
                member = replace(member, dead=False)
            self._members[member.name] = member
            if member.dead:
                self.dead.add(member.name)
        await service.together(*(self._connect(member) for member in self._members.values()))

    async def _connect(self, member: Member) -> None:
        if member.name in self.dead:
            return
        try:
            db = await self._stack.enter_async_context(
                await Database.connect(
                    self._ways[member.name],
                    name=self._purpose,
                    connect_timeout=CONNECT_TIMEOUT,
                )
            )
        except TailraceError as error:
            self._away[member.name] = str(error)
            return
        with suppress(TailraceError):  # not every platform can tell
            await db.execute(queries.end_with_client)
        self._databases[member.name] = db
        self._away.pop(member.name, None)

    @property
    def away(self) -> Mapping[str, str]:
        """Members that did not answer when they were asked last, each with the reason."""
        return self._away

    @property
    def members(self) -> Mapping[str, Member]:
        """All members by name, dead ones included."""
        return self._members

    def db(self, name: str) -> Database:
        """The connection to a node that has been seen."""
        return self._databases[name]

    async def look(self, only: Collection[str] = ()) -> View:
        """Ask all nodes at once; ``only`` some, when nothing can have changed on the others."""
        wanted = [name for name in self._databases if not only or name in only]
        await service.together(*(self._revive(name) for name in wanted))
        wanted = [name for name in wanted if name in self._databases]
        found = await service.together(*(self._ask(name) for name in wanted))
        for name, facts in zip(wanted, found, strict=True):
            self._facts.pop(name, None)
            if facts is not None:
                self._facts[name] = facts
        nodes = {name: facts for name, facts in self._facts.items() if name not in self._away}
        return View(self.queue, nodes, dict(self._away), frozenset(self.dead))

    async def try_again(self) -> bool:
        """Connect once more to members that were away; say whether one of them answers now."""
        absent = [one for name, one in self._members.items() if name not in self._databases]
        await service.together(*(self._connect(member) for member in absent))
        return any(member.name in self._databases for member in absent)

    async def _revive(self, name: str) -> None:
        """Connect again where the connection has been lost since."""
        if self._databases[name].closed:
            del self._databases[name]
            await self._connect(self._members[name])

    async def _ask(self, name: str) -> NodeFacts | None:
        db = self._databases[name]
        try:
            found = await db.fetch_value(queries.node_facts, queue=self.queue)
        except TailraceError as error:
            self._away[name] = str(error)
            return None
        if found is None or found["name"] != name:
            what = "no node of it" if found is None else f'node "{found["name"]}"'
            self._away[name] = f"its location leads to database {db.dbname}, which is {what}"
            return None
        self._away.pop(name, None)
        return facts_from(found)

    async def ask(self, name: str) -> NodeFacts:
        """Ask a single node."""
        found = await self.db(name).fetch_value(queries.node_facts, queue=self.queue)
        if found is None:
            raise NotFound(f'node "{name}" of queue "{self.queue}" is there no more')
        return facts_from(found)

    async def probe(self, name: str) -> NodeFacts | None:
        """Look whether a node that counts as dead answers all the same."""
        try:
            async with await Database.connect(
                self._ways[name], name=self._purpose, connect_timeout=CONNECT_TIMEOUT
            ) as db:
                found = await db.fetch_value(queries.node_facts, queue=self.queue)
        except TailraceError:
            return None
        return facts_from(found) if found is not None and found["name"] == name else None

    async def claim(self, *names: str) -> None:
        """Keep other commands from rewiring these nodes until our connections are closed.

        A command that was killed holds them a little longer, until its server notices.
        """
        for name in sorted(names):
            await claim(self.db(name), self.queue, name)


async def claim(db: Database, queue: str, node: str) -> None:
    """Keep other commands from rewiring a node until this connection is closed.

    A command that is frozen holds it until it is ended, and can do nothing to the node when it
    wakes up after its session was.
    """
    clock = asyncio.get_running_loop().time
    start = clock()
    while not await locks.acquire(db, f"switch {queue}"):
        if clock() - start >= CLAIM_SECONDS:
            raise WrongState(
                f'another takeover, change-provider or resurrect is at work on node "{node}" of '
                f'queue "{queue}"',
                hint="wait for it, or end it and run this again",
            )
        await asyncio.sleep(0.1)


def facts_from(found: Mapping[str, Any]) -> NodeFacts:
    """Read what ``tailrace.node_facts`` returned."""
    return NodeFacts(
        name=found["name"],
        type=found["type"],
        worker=found["worker"],
        provider=found["provider"],
        closed=found["closed"],
        agrees=found["agrees"],
        newest=found["newest"],
        oldest=found["oldest"],
        positions={name: Place(**place) for name, place in found["positions"].items()},
        subscribers=found["subscribers"],
        readers=found["readers"],
        copying=tuple(found["copying"]),
        tables=tuple(found["tables"]),
        members={
            name: Member(name, member["location"], member["dead"])
            for name, member in found["members"].items()
        },
    )
