"""Bringing an old root back as a branch, after another node has taken its place while it was away.

The takeover left a gravestone, a consumer ``<old root>.gravestone``, on the queue of the new root
at the last tick that both have. What the old root has written after that tick nobody else has seen,
and the new root has given the same ids to other events. So these events are written to a file and
deleted, the later ticks with them, and the node reads on from the gravestone's tick.

Tables are not touched: rows of lost events stay in them until somebody decides. Where queues are
merged into this one nothing is lost, since they have it all, and it comes a second time; the tables
concerned are then loaded anew.

Each step is one transaction, and what is left to do follows from what is found: run again after
having been killed anywhere, the command does the rest. The gravestone goes in the last step that
could not be repeated, and until then keeps the events that are needed.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tailrace import log
from tailrace.cascade import lost
from tailrace.cascade.answers import ask
from tailrace.cascade.marking import mark
from tailrace.cascade.node import (
    Member,
    Node,
    connected,
    find_root,
    need_node,
    read_members,
    read_node,
)
from tailrace.cascade.node import queries as node_queries
from tailrace.cascade.survey import claim
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import LostPosition, NotFound, TailraceError, WrongState
from tailrace.faults import committing, reach

queries = load("tailrace")
_logger = log.get("cascade.resurrect")


@dataclass(frozen=True, slots=True)
class Grave:
    """Where a node's gravestone stands; ``tick`` None: it has been replaced already."""

    node: Node
    location: str
    db: Database
    tick: int | None


@dataclass(slots=True)
class Resurrected:
    """What was done, for the person who asked."""

    losses: list[lost.TableLosses] = field(default_factory=list)
    events: int = 0
    dump: Path | None = None
    consumers: list[str] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    provider: str = ""
    paused: bool = True


class Resurrection:
    """An old root (or branch) on its way back; ``db`` is its own database."""

    def __init__(
        self,
        db: Database,
        queue: str,
        stack: AsyncExitStack,
        *,
        dump: Path,
        given_up: Collection[str] = (),
    ) -> None:
        self._db = db
        self._queue = queue
        self._stack = stack
        self._dump = dump
        self._given_up = given_up
        self.node: Node
        self.grave: Grave
        self._root_db: Database
        self._silent: list[str] = []
        self._elsewhere: set[str] = set()

    async def look(self) -> bool:
        """Find gravestone and root and refuse what cannot work; False: a leaf has nothing to do.

        The node is claimed first: all that could do harm after somebody else has brought it back,
        such as forgetting events once more, is done through the connection that holds the claim.
        """
        self.node = await need_node(self._db, self._queue)
        if self.node.type == "leaf":
            return False
        await claim(self._db, self._queue, self.node.name)
        if self.node.is_root:
            lost.refuse_existing(self._dump)
        self.grave = await self._find_grave()
        root, self._root_db = await find_root(
            self.grave.node, self.grave.db, self._stack, dead=[*self._given_up, self.node.name]
        )
        _logger.debug('the root is "%s" now', root.name)
        if self.grave.tick is not None:
            await self._need_tick(self.grave.tick)
            lost.refuse_unwritable(self._dump)
        return True

    async def _find_grave(self) -> Grave:
        found = []
        for member in await read_members(self._db, self._queue, dead=self._given_up):
            if member.name != self.node.name and not member.dead:
                found.append(await self._look_at(member))
        graves = [one for one in found if one is not None and one.tick is not None]
        if len(graves) > 1:
            names = ", ".join(f'"{one.node.name}"' for one in graves)
            raise WrongState(
                f'node "{self.node.name}" has two gravestones, on {names}',
                hint="unregister the older one there with: pgq.unregister_consumer",
            )
        if graves:
            return graves[0]
        return self._already_back([one for one in found if one is not None])

    async def _look_at(self, member: Member) -> Grave | None:
        try:
            db = await self._stack.enter_async_context(connected(member.location, "resurrect"))
            node = await read_node(db, self._queue)
            if node is None or node.name != member.name:
                return None
            if node.provider != self.node.name:
                self._elsewhere.add(node.name)
            tick = await db.fetch_value(
                queries.consumer_position,
                queue=self._queue,
                consumer=f"{self.node.name}.gravestone",
            )
        except TailraceError as exc:
            _logger.warning('node "%s" was not asked: %s', member.name, exc)
            self._silent.append(member.name)
            return None
        return Grave(node, member.location, db, tick)

    def _already_back(self, found: list[Grave]) -> Grave:
        """Without gravestone: it was replaced by a run before, or there never was a takeover."""
        provider = next((one for one in found if one.node.name == self.node.provider), None)
        if self.node.type == "branch" and provider is not None:
            return provider
        silent = f"; not asked: {', '.join(self._silent)}" if self._silent else ""
        raise NotFound(
            f'no node of queue "{self._queue}" has a gravestone of node "{self.node.name}"{silent}',
            hint="it is made by: tailrace takeover, with --dead-root",
        )

    async def _need_tick(self, tick: int) -> None:
        row = await self._db.fetch_one(queries.tick_at, queue=self._queue, tick=tick)
        if row is None:
            raise LostPosition(
                f'node "{self.node.name}" does not have tick {tick}, from which it would have to '
                "go on",
                hint="it holds older or other data than it had; drop the node and create it again",
            )

    # ---------------------------------------------------------------- the steps

    async def finish(self, say: lost.Talk) -> Resurrected:
        """Do what is left to do."""
        result = Resurrected(provider=self.grave.node.name)
        if self.grave.tick is not None:
            await self._step_down(say)
            await self._set_right(self.grave.tick, result, say)
            await self._return()
        else:
            await self._need_registration()
        await self._announce()
        result.paused = (await need_node(self._db, self._queue)).paused
        return result

    async def _step_down(self, say: lost.Talk) -> None:
        """Stop all writing, wait for who is writing, and become a paused branch."""
        if self.node.is_root:
            await ask(self._db, queries.demote_root, queue=self._queue, step=1)
            await reach("resurrect.after_close")
            say("writing is disabled; waiting for transactions that have begun to write")
            await ask(self._db, queries.demote_root, queue=self._queue, step=2)
            await reach("resurrect.after_final_tick")
        provider = self.grave.node.name
        with committing("step_down", queue=self._queue, node=self.node.name, provider=provider):
            await self._db.fetch_value(
                queries.step_down,
                queue=self._queue, provider=provider, location=self.grave.location,
            )  # fmt: skip
        await reach("resurrect.after_step_down")

    async def _set_right(self, tick: int, result: Resurrected, say: lost.Talk) -> None:
        """Write down what nobody else has, then delete it."""
        result.losses = await lost.losses(self._db, self._queue, tick)
        result.events = await lost.write_down(self._db, self._queue, tick, self._dump, say)
        result.dump = self._dump if result.events else None
        await reach("resurrect.after_dump")
        provider = self.grave.node.name
        parts = await self.grave.db.fetch_value(queries.merged_positions, queue=self._queue)
        with committing(
            "forget", queue=self._queue, node=self.node.name, tick=tick, provider=provider
        ):
            async with self._db.transaction():
                done = await self._db.fetch_one(
                    queries.forget_lost_events,
                    queue=self._queue, tick=tick, provider=provider,
                    watermark=self.grave.node.global_watermark, parts=parts,
                )  # fmt: skip
        assert done is not None
        result.consumers, result.copied = done.consumers, done.copied
        # the takeover moved most of them; here that was never heard of
        result.readers = [name for name in done.readers if name not in self._elsewhere]
        await reach("resurrect.after_forget")

    async def _return(self) -> None:
        """Become a subscriber where the gravestone stands."""
        node, tick = self.node, self.grave.tick
        with committing(
            "return", queue=self._queue, node=self.grave.node.name,
            subscriber=node.name, worker=node.worker, tick=tick,
        ):  # fmt: skip
            await self.grave.db.fetch_value(
                queries.replace_gravestone,
                queue=self._queue, node=node.name, worker=node.worker, tick=tick,
            )  # fmt: skip
        await reach("resurrect.after_registration")

    async def _need_registration(self) -> None:
        """Make sure that a run before came as far as the registration."""
        rows = await self.grave.db.fetch_all(node_queries.subscribers, queue=self._queue)
        if self.node.name not in [row.node_name for row in rows]:
            raise NotFound(
                f'node "{self.node.name}" has no gravestone and is no subscriber of its provider '
                f'"{self.grave.node.name}"',
                hint="let it read from a node with: tailrace change-provider",
            )

    async def _announce(self) -> None:
        """Let the node know today's members, and all of them that it lives."""
        known = {one.name: one for one in await read_members(self._db, self._queue)}
        for member in await read_members(self._root_db, self._queue):
            if member.name != self.node.name and known.get(member.name) != member:
                await ask(
                    self._db, node_queries.register_location,
                    queue=self._queue, node=member.name, location=member.location,
                    dead=member.dead,
                )  # fmt: skip
        await reach("resurrect.before_mark")
        await mark(self._root_db, self._queue, self.node.name, dead=False, given_up=self._given_up)
