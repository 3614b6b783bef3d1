"""Making a node: the root of a new queue, or a branch or leaf that joins a cascade.

Joining concerns three databases: the root (which tells all nodes the new name), the provider
(which begins to keep events for it) and the node's own. All checks come first and change nothing.
Then one transaction is open in each; they commit one after the other, root first, own database
last. So a refusal leaves nothing behind, and a crash between two commits leaves a name without a
node, which running the same command again completes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from tailrace import log, service
from tailrace.cascade.answers import ask
from tailrace.cascade.node import (
    SILENT,
    Member,
    Node,
    NodeType,
    connected,
    find_root,
    has_schemas,
    need_node,
    queries,
    read_members,
    read_node,
)
from tailrace.db.connection import Database
from tailrace.db.dsn import display, parameters
from tailrace.db.queries import load
from tailrace.errors import AlreadyExists, LostPosition, TailraceError, UsageError, WrongState
from tailrace.faults import committing, reach

own_queries = load("tailrace")
_logger = log.get("cascade.joining")

# How the queues of a cascade are ticked. An event that comes alone is ticked at once; under steady
# load there are at most 50 ticks a second, since each costs every branch a transaction.
TICKER_SETTINGS = {
    "ticker_max_lag": "20 milliseconds",
    "ticker_max_count": "20000",
    "ticker_idle_period": "5 seconds",
}


# Telling the other nodes directly only saves time, so nobody waits long for a deaf one.
TELL_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNode:
    """What ``create-root``, ``create-branch`` and ``create-leaf`` ask for."""

    queue: str
    type: NodeType
    name: str
    location: str
    worker: str
    provider_location: str | None = None
    sync_watermark: tuple[str, ...] | None = None
    combined_queue: str | None = None
    """Leaf only: queue of the same database into which this one is merged."""

    def validate(self) -> None:
        """Refuse what cannot become a node, before anything has been tried."""
        for what, value in (("queue", self.queue), ("node", self.name), ("worker", self.worker)):
            if not value.strip() or "," in value or value != value.strip():
                raise UsageError(
                    f'{what} name "{value}" cannot be used; it must not be empty, hold a comma, '
                    "or begin or end with a blank"
                )
        if self.worker.startswith(".") or self.worker == f"{self.name}.apply":
            raise UsageError(
                f'worker name "{self.worker}" cannot be used; names that begin with a dot, and '
                f'"{self.name}.apply", are those of consumers that every node has'
            )
        if self.sync_watermark is not None and self.type != "branch":
            raise WrongState(
                f'node "{self.name}" cannot have --sync-watermark, because it is to be a '
                f"{self.type}; only a branch can"
            )
        if self.type != "root" and self.provider_location is None:
            raise UsageError(
                f'{self.type} "{self.name}" needs a node to read from; give --provider DSN, or '
                "node.provider in tailrace.toml"
            )
        parameters(self.location, what=f'the location of node "{self.name}"')
        if self.provider_location is not None:
            parameters(self.provider_location, what="the connection string of the provider")

    @property
    def attributes(self) -> str | None:
        """The attributes as they are stored: URL-encoded; None when there are none."""
        if self.sync_watermark is None:
            return None
        return urlencode({"sync_watermark": ",".join(self.sync_watermark)})


async def create_root(db: Database, new: NewNode) -> None:
    """Make this database the root of a queue; the schemas must be there."""
    with _created(new):
        async with db.transaction():
            await _register_location(db, new, Member(new.name, new.location, dead=False))
            await _create(db, new, provider=None, watermark=None)
            await _configure_queue(db, new.queue)


def _created(
    new: NewNode, *, provider: str | None = None
) -> AbstractContextManager[dict[str, object]]:
    group = None if new.sync_watermark is None else list(new.sync_watermark)
    return committing(
        "create", queue=new.queue, node=new.name, worker=new.worker, type=new.type,
        provider=provider, group=group, paused=False,
    )  # fmt: skip


class Seed(Protocol):
    """Rows of a known tick that a new node begins with, instead of copying them."""

    tick: int

    async def fill(self, own: Database, provider: Database, queue: str) -> None:
        """Put the rows into the tables of a database that is no node yet."""

    async def attach(self, own: Database, new: NewNode, watermark: int) -> None:
        """Make the tables those of the node, which has begun at a tick."""


class Joining:
    """A new branch or leaf on its way into a cascade: first look at everything, then do it."""

    def __init__(
        self,
        new: NewNode,
        stack: AsyncExitStack,
        *,
        given_up: Collection[str] = (),
        seed: Seed | None = None,
    ) -> None:
        """``given_up``: nodes that are not visited this time; ``seed``: rows to begin with."""
        self._new = new
        self._seed = seed
        self._stack = stack
        self._given_up = given_up
        self._self = Member(new.name, new.location, dead=False)
        self._provider: Node
        self._provider_db: Database
        self._root_db: Database
        self._members: list[Member]
        self._event: int | None = None
        self._again = False

    async def look(self) -> None:
        """Find provider, root and members, and refuse what cannot work; changes nothing."""
        new = self._new
        assert new.provider_location is not None
        self._provider_db = await self._stack.enter_async_context(
            connected(new.provider_location, f"create-{new.type}")
        )
        self._provider = await need_node(self._provider_db, new.queue)
        if self._provider.type == "leaf":
            raise WrongState(
                f'node "{self._provider.name}" is a leaf and cannot be a provider',
                hint="choose a root or a branch with --provider",
            )
        _, self._root_db = await find_root(
            self._provider, self._provider_db, self._stack, dead=self._given_up
        )
        if self._given_up:  # checks the names; the mark itself is not passed on
            await read_members(self._root_db, new.queue, dead=self._given_up)
        self._members = await read_members(self._root_db, new.queue)
        known = next((member for member in self._members if member.name == new.name), None)
        if known is not None:
            self._check_known(known)
            self._again = True

    def _check_known(self, known: Member) -> None:
        """Tell a creation that died half-way, which is gone on with, from a name that is taken.

        The caller has seen that our own database is no node yet; if the name's location is our
        location, nobody else can have it.
        """
        new = self._new
        if known.dead or parameters(known.location) != parameters(new.location):
            raise AlreadyExists(
                f'node "{new.name}" already exists in queue "{new.queue}", at '
                f'"{display(known.location)}"',
                hint=f"choose another name, or remove it with: tailrace drop-node {new.name}",
            )
        _logger.info('going on with the unfinished creation of node "%s"', new.name)

    async def finish(self, db: Database) -> None:
        """Register and create; afterwards everything is there or, on an error, nothing."""
        await self.check_combined(db)
        if self._again:
            await self._forget_other_providers()
        with _created(self._new, provider=self._provider.name) as told:
            # Inner blocks commit first: the root, then the provider, then the own database.
            async with db.transaction():
                if self._seed is not None:
                    await self._seed.fill(db, self._provider_db, self._new.queue)
                told["completed"] = told["newest"] = await self._commit_elsewhere(db)
                await reach("create.after_provider_commit")
        await self._tell_others()

    async def _commit_elsewhere(self, db: Database) -> int:
        """Register on root and provider; return the tick that the node begins with.

        Until it is committed, watermarks stand still there: a frozen command must not hold them.
        """
        if self._provider_db is self._root_db:
            async with self._root_db.transaction():
                return await self._register(db)
        async with self._provider_db.transaction():
            async with self._root_db.transaction():
                watermark = await self._register(db)
            await reach("create.after_root_commit")
        return watermark

    async def _tell_others(self) -> None:
        """Make the name known at once where that is possible.

        The root's event tells everybody, but only those whose worker runs; a sync group, for one,
        waits until each of its members knows all others (cascade.md S-15).
        """
        known = {self._new.name, self._provider.name, *self._given_up}
        others = [one for one in self._members if not one.dead and one.name not in known]
        await service.together(*(self._tell(member) for member in others))

    async def _tell(self, member: Member) -> None:
        try:
            async with (
                asyncio.timeout(TELL_SECONDS),
                connected(member.location, f"create-{self._new.type}") as db,
            ):
                node = await read_node(db, self._new.queue)
                if node is not None and node.name == member.name and not node.is_root:
                    await self._make_known(db)
        except (TimeoutError, TailraceError) as exc:
            _logger.debug('node "%s" hears of it from the root: %s', member.name, exc)

    async def _make_known(self, db: Database) -> None:
        """Register our location at a node that may have yet to hear of it from the root.

        It may have yet to hear, too, that an earlier node of our name was dropped: then that must
        not end our registration.
        """
        new = self._new
        await db.execute(
            own_queries.know_member, queue=new.queue, node=new.name, event_id=self._event
        )
        await _register_location(db, new, self._self)

    async def check_combined(self, db: Database) -> None:
        """Refuse to merge into what is no queue here, or none that can take events."""
        combined = self._new.combined_queue
        if combined is None:
            return
        node = await read_node(db, combined) if await has_schemas(db) else None
        if node is None or node.type == "leaf" or combined == self._new.queue:
            what = "no node" if node is None else f"a {node.type}"
            raise WrongState(
                f'queue "{self._new.queue}" cannot be merged into queue "{combined}", of which '
                f'database "{db.dbname}" is {what}',
                hint="make it root or branch of that queue first, then create the leaf",
            )

    async def _register(self, db: Database) -> int:
        for one in {self._root_db, self._provider_db, db}:
            await one.execute(own_queries.end_if_silent, within=SILENT)
        await _register_location(self._root_db, self._new, self._self)
        self._event = await self._root_db.fetch_value(own_queries.last_event, queue=self._new.queue)
        watermark = await self._subscribe()
        await self._create_here(db, watermark)
        return watermark

    async def _subscribe(self) -> int:
        """Let the provider keep events for us, from its global watermark on."""
        new, db = self._new, self._provider_db
        if db is not self._root_db:
            await self._make_known(db)
        if self._again:
            await ask(db, queries.unregister_subscriber, queue=new.queue, node=new.name)
        begin = self._seed.tick if self._seed is not None and new.type == "leaf" else None
        row = await ask(
            db, own_queries.subscribe_at,
            queue=new.queue, node=new.name, worker=new.worker, tick=begin,
        )  # fmt: skip
        watermark = int(row.global_watermark)
        if self._seed is not None and self._seed.tick < watermark:
            raise LostPosition(
                f'the rows of the savepoint are at tick {self._seed.tick} of queue "{new.queue}", '
                f'and node "{self._provider.name}" keeps what comes after tick {watermark} for all',
                hint="choose the node that holds its events with --provider; see: SHOW SAVEPOINTS",
            )
        return watermark if begin is None else begin

    async def _create_here(self, db: Database, watermark: int) -> None:
        new = self._new
        for member in self._members:
            await _register_location(db, new, member)
        await self._make_known(db)
        await _create(db, new, provider=self._provider.name, watermark=watermark)
        if new.type == "branch":
            await _configure_queue(db, new.queue)
        await self._copy_descriptors(db)
        if self._seed is not None:
            await self._seed.attach(db, new, watermark)
        if new.attributes is not None:
            await ask(db, queries.set_node_attrs, queue=new.queue, attributes=new.attributes)

    async def _copy_descriptors(self, db: Database) -> None:
        """Events above the watermark may use descriptors that were announced below it."""
        for row in await self._provider_db.fetch_all(own_queries.known_relations, table=None):
            await db.fetch_value(own_queries.store_relation, json=row.json)

    async def _forget_other_providers(self) -> None:
        """Remove what the unfinished attempt may have registered on another provider."""
        new = self._new
        for member in self._members:
            if member.dead or member.name in (new.name, self._provider.name, *self._given_up):
                continue
            try:
                async with connected(member.location, f"create-{new.type}") as db:
                    await ask(db, queries.unregister_subscriber, queue=new.queue, node=new.name)
            except TailraceError as exc:
                _logger.warning('node "%s" was not asked: %s', member.name, exc)


async def _register_location(db: Database, new: NewNode, member: Member) -> None:
    await ask(
        db,
        queries.register_location,
        queue=new.queue,
        node=member.name,
        location=member.location,
        dead=member.dead,
    )


async def _create(
    db: Database, new: NewNode, *, provider: str | None, watermark: int | None
) -> None:
    await ask(
        db,
        queries.create_node,
        queue=new.queue,
        kind=new.type,
        node=new.name,
        worker=new.worker,
        provider=provider,
        watermark=watermark,
        combined=new.combined_queue,
    )


async def _configure_queue(db: Database, queue: str) -> None:
    for name, value in TICKER_SETTINGS.items():
        await db.fetch_value(queries.set_queue_config, queue=queue, name=name, value=value)
