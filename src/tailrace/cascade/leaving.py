"""Removing a node from its cascade, wherever it is known.

Sync groups come first: one that lists a node which its members no longer know never agrees again.
So as long as anything of the node is left to be removed, the command can be run again and finds the
groups that still list it.

The node's own tables stay as they are; what replicated them (triggers, states, queue, positions)
goes. Nodes that cannot be reached are warned about and left as they are: the command must also
work when the node to be removed is the one that is gone.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, AsyncExitStack, suppress
from dataclasses import dataclass

from tailrace import log
from tailrace.cascade import attributes
from tailrace.cascade.answers import ask
from tailrace.cascade.node import (
    SILENT,
    Member,
    Node,
    connected,
    find_member,
    find_root,
    has_schemas,
    need_node,
    queries,
    read_members,
    read_node,
)
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import DatabaseError, NotFound, SchemaMissing, TailraceError, WrongState
from tailrace.faults import committing, reach

own_queries = load("tailrace")
_logger = log.get("cascade.leaving")


class _Gone(Exception):
    """Somebody else has done it meanwhile."""


class _Another(WrongState):
    """It is not the node that was looked at."""


@dataclass(frozen=True, slots=True)
class Tie:
    """What a node means to others, as far as its own database knows."""

    node: Node
    subscribers: tuple[str, ...]
    others: tuple[str, ...]
    """All living nodes that know it, the subscribers among them."""

    def remarks(self) -> list[str]:
        """What would become of the others if this database just forgot it all."""
        node, said = self.node, []
        this = f'node "{node.name}" of queue "{node.queue}"'
        if self.subscribers:
            way_out = (
                f"let one of them take its place first with: tailrace takeover {node.name}"
                if node.is_root
                else "move them first with: tailrace change-provider"
            )
            said.append(
                f"{this} still has subscribers: {', '.join(self.subscribers)}; they would miss "
                f"their provider; {way_out}"
            )
        if self.others:
            keeping = "" if node.is_root else f', and "{node.provider}" would keep events for it'
            said.append(
                f"{this} is still known to: {', '.join(self.others)}{keeping}; "
                f"remove it first with: tailrace drop-node {node.name} --queue {node.queue}"
            )
        return said


async def ties(db: Database) -> list[Tie]:
    """Find what ties the nodes of a database to others, without asking these.

    A broken installation must not keep anybody from removing it, so it has none.
    """
    with suppress(SchemaMissing, NotFound, DatabaseError):
        if await has_schemas(db):
            rows = await db.fetch_all(queries.nodes_here)
            found = [await _ties_of(await need_node(db, row.queue_name), db) for row in rows]
            return [tie for tie in found if tie.others]
    return []


async def _ties_of(node: Node, db: Database) -> Tie:
    members = await read_members(db, node.queue)
    others = [one.name for one in members if not one.dead and one.name != node.name]
    rows = await db.fetch_all(queries.subscribers, queue=node.queue)
    readers = tuple(row.node_name for row in rows if row.node_name in others)
    return Tie(node, readers, tuple(others))


class Leaving:
    """A node on its way out, asked for at any node of the cascade (``db``)."""

    def __init__(
        self,
        db: Database,
        queue: str,
        name: str,
        stack: AsyncExitStack,
        *,
        given_up: Collection[str] = (),
    ) -> None:
        self._db = db
        self._queue = queue
        self._name = name
        self._stack = stack
        self._given_up = given_up
        self._members: list[Member] = []
        self._reached: dict[str, Database] = {}
        self._since: dict[str, str | None] = {}
        self._here: Node
        self._root: Node | None = None

    async def look(self) -> None:
        """Find everybody concerned and refuse while somebody still reads from the node."""
        self._here = await need_node(self._db, self._queue)
        self._members = await read_members(self._db, self._queue, dead=self._given_up)
        await find_member(self._db, self._queue, self._name)
        self._reached[self._here.name] = self._db
        for member in self._members:
            if not member.dead and member.name not in self._reached:
                await self._connect(member)
        await self._find_root()
        for name, db in self._reached.items():
            self._since[name] = await self._known_since(db)
        await self._refuse_without_rights()
        await self._refuse_while_read()

    async def _known_since(self, db: Database) -> str | None:
        since: str | None = await db.fetch_value(
            own_queries.node_since, queue=self._queue, node=self._name
        )
        return since

    async def _connect(self, member: Member) -> None:
        try:
            db = await self._stack.enter_async_context(connected(member.location, "drop-node"))
            there = await read_node(db, self._queue)
        except TailraceError as exc:
            _logger.warning('node "%s" is left as it is: %s', member.name, exc)
            return
        if there is None or there.name != member.name:
            # Registered with --nocheck, or moved since: that node is not the one that is meant, and
            # a queue of the same name in a database without a node is somebody else's.
            found = f'node "{there.name}"' if there else f'no node of queue "{self._queue}"'
            _logger.warning(
                'node "%s" is left as it is: its location leads to %s', member.name, found
            )
            return
        self._reached[member.name] = db

    async def _find_root(self) -> None:
        """The root announces the departure; without one everybody is told one by one, below."""
        try:
            self._root, root_db = await find_root(
                self._here, self._db, self._stack, dead=self._given_up
            )
        except TailraceError as exc:
            _logger.warning("the root was not found: %s", exc)
            return
        self._reached.setdefault(self._root.name, root_db)

    async def _refuse_without_rights(self) -> None:
        """The root has to announce it, and here it has to be known until all is done."""
        for name in sorted({self._here.name, *([self._root.name] if self._root else [])}):
            db = self._reached[name]
            if not await db.fetch_value(queries.may_drop_node):
                raise WrongState(
                    f'role "{db.user}" may not remove nodes in database "{db.dbname}"',
                    hint=f'as the owner of the schemas run: grant pgq_admin to "{db.user}"',
                )

    async def _refuse_while_read(self) -> None:
        readers = []
        for name, db in self._reached.items():
            node = await read_node(db, self._queue)
            if name != self._name and node is not None and node.provider == self._name:
                readers.append(name)
            if name == self._name and node is not None and node.target_for:
                raise WrongState(
                    f'queues are merged into queue "{self._queue}" on node "{name}": '
                    f"{', '.join(node.target_for)}",
                    hint="remove their leaves there first: tailrace drop-node, with --queue",
                )
        readers += await self._silent_readers()
        if readers:
            raise WrongState(
                f'node "{self._name}" still has subscribers: {", ".join(sorted(readers))}',
                hint="remove them, or move them with: tailrace change-provider",
            )

    async def _silent_readers(self) -> list[str]:
        """Subscribers of the node that are alive but could not be asked themselves."""
        if self._name not in self._reached:
            return []
        alive = {one.name for one in self._members if not one.dead} - set(self._reached)
        rows = await self._reached[self._name].fetch_all(queries.subscribers, queue=self._queue)
        return [row.node_name for row in rows if row.node_name in alive]

    async def finish(self) -> None:
        """Remove the node itself, and let everybody forget it; the root tells who is not reached.

        This database comes last: as long as it knows the node, the command can be run again.
        """
        await self._leave_groups()
        for name in self._order():
            with suppress(_Gone):
                if name == self._name:
                    await self._drop_itself(self._reached[name])
                else:
                    await self._forget_at(name, self._reached[name])
            await reach("leaving.after_node")

    async def _leave_groups(self) -> None:
        """Take the node out of all sync groups, and say which ones could not be looked into."""
        groups, asked = [], {self._name}
        for name in sorted(self._reached):
            try:
                node = await read_node(self._reached[name], self._queue)
            except TailraceError as exc:
                if self._reached[name] is self._db:
                    raise
                _logger.warning('node "%s" is left as it is: %s', name, exc)
                continue
            asked.add(name)
            if node is None:  # it has gone meanwhile
                continue
            if name == self._name or self._name in attributes.group_of(node):
                groups.append(attributes.group_of(node))
            if name != self._name:
                await self._leave_group(node, self._reached[name])
                await reach("leaving.after_group")
        self._tell_of_the_silent(groups, asked)

    async def _leave_group(self, node: Node, db: Database) -> None:
        async def check() -> None:
            with suppress(_Gone):
                await self._check_again(node.name, db)

        try:
            rest = await attributes.take_out(db, node, self._name, check=check)
        except TailraceError as exc:
            if db is self._db or isinstance(exc, _Another):
                raise
            _logger.warning('the sync group of node "%s" stays as it is: %s', node.name, exc)
            self._tell_to_leave(node.name, attributes.group_of(node))
            return
        if rest is not None:
            _logger.info(
                'node "%s" waits no longer for "%s"; its sync group is now: %s',
                node.name, self._name, ", ".join(rest),
            )  # fmt: skip

    def _tell_of_the_silent(
        self, groups: Collection[Collection[str]], asked: Collection[str]
    ) -> None:
        """Nobody else knows the group of a node; that of its fellows says what it will be."""
        uncertain = any(groups) or self._name not in self._reached
        for member in self._members:
            if member.name in asked:
                continue
            group = next((one for one in groups if member.name in one), None)
            if group is not None:
                self._tell_to_leave(member.name, group)
            elif uncertain and not member.dead:
                _logger.warning(
                    'node "%s" was not asked whether its sync group lists "%s", for which it would '
                    "wait for ever; look at its Attr when it answers, with: tailrace status",
                    member.name, self._name,
                )  # fmt: skip

    def _tell_to_leave(self, name: str, group: Collection[str]) -> None:
        rest = attributes.without(group, self._name, of=name)
        _logger.warning(
            'if the sync group of node "%s" lists "%s", it will wait for it for ever; when it '
            "answers: tailrace set-attr %s %s=%s",
            name, self._name, name, attributes.SYNC_WATERMARK, ",".join(rest),
        )  # fmt: skip

    async def _drop_itself(self, db: Database) -> None:
        """Elsewhere it can be forgotten, too, when its own database refuses (no rights, say)."""
        try:
            await self._check_again(self._name, db)
            await self._let_go_of_providers(db)
            await self._drop_here(db)
        except TailraceError as exc:
            if db is self._db or isinstance(exc, _Another):
                raise
            _logger.warning('node "%s" is left as it is: %s', self._name, exc)

    def _order(self) -> list[str]:
        others = sorted(set(self._reached) - {self._name, self._here.name})
        wanted = [self._name, *others, self._here.name]
        if self._name == self._here.name:
            wanted = wanted[1:]
        return [name for name in wanted if name in self._reached]

    async def _let_go_of_providers(self, db: Database) -> None:
        """Plain consumers that write into the node are registered where they read, too."""
        for row in await db.fetch_all(queries.consumers, queue=self._queue):
            there = self._reached.get(row.provider_node)
            if there is not None and row.provider_node != self._name:
                await self._unregister(there, row.consumer_name)

    async def _unregister(self, db: Database, consumer: str) -> None:
        try:
            workers = await db.fetch_all(queries.subscribers, queue=self._queue)
            if consumer not in [row.worker_name for row in workers]:
                await db.fetch_value(
                    own_queries.unregister_consumer, queue=self._queue, consumer=consumer
                )
        except TailraceError as exc:
            _logger.warning('consumer "%s" stays registered: %s', consumer, exc)

    async def _drop_here(self, db: Database) -> None:
        """Remove the node with everything that refers to its queue, all or nothing."""
        with self._forgotten(self._name):
            async with db.transaction():
                await self._check_again(self._name, db)
                await db.execute(own_queries.forget_queue, queue=self._queue)
                await ask(db, queries.drop_node, queue=self._queue, node=self._name)

    async def _forget_at(self, name: str, db: Database) -> None:
        try:
            with self._forgotten(name):
                async with db.transaction():
                    await self._check_again(name, db)
                    await ask(db, queries.drop_node, queue=self._queue, node=self._name)
        except TailraceError as exc:
            needed = db is self._db or (self._root is not None and name == self._root.name)
            if needed or isinstance(exc, _Another):
                raise
            _logger.warning('node "%s" still knows "%s": %s', name, self._name, exc)

    async def _check_again(self, at: str, db: Database) -> None:
        """Raise where somebody else has done it, or there is another node by that name.

        We may have been frozen since we looked, and typed again; then nothing must be taken from a
        node that was made meanwhile. In a transaction that does it, whoever is frozen loses that.
        """
        await db.execute(own_queries.end_if_silent, within=SILENT)
        now, before = await self._known_since(db), self._since[at]
        if now is None and before is not None:
            raise _Gone
        if now != before:
            raise _Another(
                f'what node "{at}" knows of node "{self._name}" has changed since it was looked at',
                hint="look whether it is to go, with: tailrace members; then type it again",
            )

    def _forgotten(self, at: str) -> AbstractContextManager[dict[str, object]]:
        """Write the step down, under its name in docs/design/model.md."""
        return committing("drop", queue=self._queue, node=at, subject=self._name)
