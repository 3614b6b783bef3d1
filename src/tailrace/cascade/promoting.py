"""The steps by which the role of root goes from one node to another.

Between closing the old root and promoting the new one nobody can write, so what may take long is
waited for before. The pause of the new root's worker is the permit to promote it (see
``tailrace.promote.sql``); taking that pause away therefore comes first when a takeover is given up.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from tailrace.cascade.answers import ask
from tailrace.cascade.node import queries as node_queries
from tailrace.cascade.operation import Hands, Step, queries
from tailrace.errors import WrongState

# A node that needs no longer than this for what the root has now counts as current; a transaction
# that is older than the second figure is waited for while everybody can still write.
CURRENT_SECONDS = 1.0
SHORT_SECONDS = 1.0
# Writers are not blocked for longer than these at a time: for the last of them to end, and for the
# new root to catch up. Then they may go on, and the takeover begins again.
LAST_WRITER_SECONDS = 2.0
CATCH_UP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class MarkDead(Step):
    """Say on a node that another one is lost."""

    name: ClassVar[str] = "mark-dead"
    lost: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'mark node "{self.lost}" dead on node "{self.node}"'

    async def do(self, hands: Hands) -> None:
        """Set the flag."""
        await ask(hands.db(self.node), queries.mark_dead, queue=hands.queue, node=self.lost)


@dataclass(frozen=True, slots=True)
class AwaitCurrent(Step):
    """Wait until a node keeps up with the root, tables included, while writers go on."""

    name: ClassVar[str] = "await-current"
    of: str
    tables: bool = True

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'wait until node "{self.node}" keeps up with node "{self.of}"'

    async def do(self, hands: Hands) -> None:
        """Wait until it has within a second what the root has now."""

        async def current() -> bool:
            clock = asyncio.get_running_loop().time
            target, start = await newest_tick(hands, self.of), clock()
            while clock() - start < CURRENT_SECONDS:
                facts = await hands.facts(self.node)
                places = [facts.place, facts.apply if self.tables else None]
                if all(place.tick >= target for place in places if place is not None):
                    return True
                # Nobody is blocked yet, and looking often would slow down what is waited for.
                await asyncio.sleep(CURRENT_SECONDS / 10)
            return False

        await hands.wait(
            current,
            what=f'node "{self.node}" to keep up with node "{self.of}"',
            hint="see how far it is with: tailrace status",
        )


@dataclass(frozen=True, slots=True)
class AwaitWriters(Step):
    """Wait until no transaction is open that the final tick would have to wait for long."""

    name: ClassVar[str] = "await-writers"

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'wait until no long transaction is open on node "{self.node}"'

    async def do(self, hands: Hands) -> None:
        """Wait, and say for whom."""
        found: list[str] = []

        async def none() -> bool:
            found[:] = await long_writers(hands, self.node)
            return not found

        await hands.wait(
            none,
            what=lambda: f'{"; ".join(found)} to end on node "{self.node}"',
            hint="writers are not blocked meanwhile",
        )


@dataclass(frozen=True, slots=True)
class AwaitServed(Step):
    """Make sure that somebody is there to acknowledge what is to come."""

    name: ClassVar[str] = "await-served"
    worker: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'see that worker "{self.worker}" of node "{self.node}" is served'

    async def do(self, hands: Hands) -> None:
        """Ask for an acknowledgement of the settings as they are."""
        await ask(
            hands.db(self.node), queries.ask_acknowledgement,
            queue=hands.queue, consumer=self.worker,
        )  # fmt: skip
        await hands.nudge(self.node)
        await hands.acknowledged(self.node, (self.worker,))


@dataclass(frozen=True, slots=True)
class Close(Step):
    """Nobody may write into the queue any more; the root's worker is to stop as well."""

    name: ClassVar[str] = "close"
    worker: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'stop writing on node "{self.node}" (demotion, step 1)'

    async def do(self, hands: Hands) -> None:
        """Disable inserts and the local ticker, and ask for the pause, in one transaction."""
        with (
            hands.committing("pause", node=self.node, target=self.worker),
            hands.committing("demote", node=self.node, number=1),
        ):
            await _set_open(hands, self.node, self.worker, open_=False)


@dataclass(frozen=True, slots=True)
class FinalTick(Step):
    """The last tick of a root, after the last of its writers."""

    name: ClassVar[str] = "final-tick"

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'make the final tick on node "{self.node}" (demotion, step 2)'

    async def do(self, hands: Hands) -> bool:
        """Make it; the server waits for those who still write. False: it was too long a wait."""
        left = hands.patience.left()
        limit = LAST_WRITER_SECONDS if left is None else min(LAST_WRITER_SECONDS, max(left, 0.0))
        try:
            async with asyncio.timeout(limit):
                await self._make(hands)
        except TimeoutError:
            if limit < LAST_WRITER_SECONDS:
                what = f'transactions that write to end on node "{self.node}"'
                raise hands.patience.given_up(what) from None
            hands.say(f'a transaction on node "{self.node}" takes longer than its last may')
            return False
        return True

    async def _make(self, hands: Hands) -> None:
        db = hands.db(self.node)
        with hands.committing("demote", node=self.node, number=2) as told:
            row = await ask(db, queries.demote, queue=hands.queue, step=2, provider=None)
            told["tick"] = row.last_tick


@dataclass(frozen=True, slots=True)
class CatchUp(Step):
    """Wait until a node's queue has everything that the old root's has."""

    name: ClassVar[str] = "catch-up"
    of: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'wait until node "{self.node}" has all that node "{self.of}" has'

    async def do(self, hands: Hands) -> bool:
        """Wait for the newest tick there, which nothing follows; False: it took too long."""
        facts, top = await hands.facts(self.node), await newest_tick(hands, self.of)
        return await hands.passed(self.node, facts.worker, top, within=CATCH_UP_SECONDS)


@dataclass(frozen=True, slots=True)
class CompleteTicks(Step):
    """Make the tick that a mirror left out when it died; there is no provider to ask."""

    name: ClassVar[str] = "complete-ticks"

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'make the last tick on node "{self.node}" whole'

    async def do(self, hands: Hands) -> None:
        """Make it."""
        await hands.db(self.node).fetch_value(queries.complete_ticks, queue=hands.queue)


@dataclass(frozen=True, slots=True)
class AwaitTables(Step):
    """Wait until the tables of a node have all that its queue has."""

    name: ClassVar[str] = "await-tables"
    within: float | None = None

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'wait until the tables of node "{self.node}" have all that its queue has'

    async def do(self, hands: Hands) -> bool:
        """Wait for the applying consumer, and for copies; False: it took too long."""
        found: list[str] = [""]

        async def whole() -> bool:
            facts = await hands.facts(self.node)
            # events may be there before their tick
            top = max(facts.newest or 0, facts.place.tick)
            if facts.copying:
                found[0] = f"the copy of {', '.join(facts.copying)}"
            elif facts.apply is not None and facts.apply.tick < top:
                reason = " (it is paused)" if facts.apply.paused else ""
                reason = f" (error: {facts.apply.error})" if facts.apply.error else reason
                found[0] = f'consumer "{self.node}.apply" to apply up to tick {top}{reason}'
            else:
                return True
            return False

        return await hands.wait(
            whole,
            what=lambda: f'{found[0]} on node "{self.node}"',
            hint="what cannot be applied can be given up with --promote-anyway",
            within=self.within,
        )


@dataclass(frozen=True, slots=True)
class Promote(Step):
    """Make a branch the root."""

    name: ClassVar[str] = "promote"
    old: str
    lost: bool = False
    anyway: bool = False

    @property
    def sentence(self) -> str:
        """What it does."""
        text = f'make node "{self.node}" the root'
        return f'{text}, with a bookmark for node "{self.old}"' if self.lost else text

    async def do(self, hands: Hands) -> None:
        """Promote it, while nobody can open the old root again."""
        if self.lost:
            await self._promote(hands, dead_root=self.old)
        else:
            old, worker = hands.db(self.old), (await hands.facts(self.old)).worker
            async with old.transaction():
                closed = await old.fetch_value(queries.keep_closed, queue=hands.queue)
                if not closed:
                    raise WrongState(
                        f'node "{self.old}" accepts writes again, so node "{self.node}" is not '
                        "promoted: somebody else gave the takeover up",
                        hint="run it again",
                    )
                await self._promote(hands, old_root=self.old, old_worker=worker)
        await hands.nudge(self.old, self.node)

    async def _promote(
        self,
        hands: Hands,
        *,
        dead_root: str | None = None,
        old_root: str | None = None,
        old_worker: str | None = None,
    ) -> None:
        with hands.committing("promote", node=self.node, lost=dead_root, old=old_root) as told:
            row = await ask(
                hands.db(self.node), queries.promote,
                queue=hands.queue, dead_root=dead_root, anyway=self.anyway,
                old_root=old_root, old_worker=old_worker,
            )  # fmt: skip
            told["tick"] = row.last_tick


@dataclass(frozen=True, slots=True)
class Demote(Step):
    """Make the old root a branch of the new one."""

    name: ClassVar[str] = "demote"
    provider: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return (
            f'make node "{self.node}" a branch that reads from node "{self.provider}" '
            "(demotion, step 3)"
        )

    async def do(self, hands: Hands) -> None:
        """Demote it and let its worker go on, in one transaction."""
        db = hands.db(self.node)
        facts = await hands.facts(self.node)
        step = {"node": self.node, "number": 3, "provider": self.provider}
        with hands.committing("demote", **step) as told:
            async with db.transaction():
                row = await ask(
                    db, queries.demote, queue=hands.queue, step=3, provider=self.provider
                )
                told["tick"] = row.last_tick
                await ask(
                    db, node_queries.set_paused,
                    queue=hands.queue, consumer=facts.worker, paused=False,
                )  # fmt: skip
        await hands.nudge(self.node)


@dataclass(frozen=True, slots=True)
class Reopen(Step):
    """Let the old root be written to again."""

    name: ClassVar[str] = "reopen"
    restarts: ClassVar[bool] = True
    worker: str

    @property
    def sentence(self) -> str:
        """What it does."""
        return f'let node "{self.node}" be written to again'

    async def do(self, hands: Hands) -> None:
        """Take the first two steps of its demotion back, and the pause with them."""
        with (
            hands.committing("resume", node=self.node, target=self.worker),
            hands.committing("reopen", node=self.node),
        ):
            await _set_open(hands, self.node, self.worker, open_=True)
        await hands.nudge(self.node)


async def _set_open(hands: Hands, node: str, worker: str, *, open_: bool) -> None:
    """A closed root has a paused worker; neither is ever without the other."""
    db = hands.db(node)
    async with db.transaction():
        if open_:
            await ask(db, queries.reopen_root, queue=hands.queue)
        else:
            await ask(db, queries.demote, queue=hands.queue, step=1, provider=None)
        await ask(db, node_queries.set_paused, queue=hands.queue, consumer=worker, paused=not open_)


async def newest_tick(hands: Hands, node: str) -> int:
    """Return the newest tick of a node's queue."""
    row = await hands.db(node).fetch_one(node_queries.newest_tick, queue=hands.queue)
    assert row is not None, "root and branch always have a tick"
    return int(row.tick_id)


async def long_writers(hands: Hands, node: str) -> list[str]:
    """Name transactions on a node that have been open for long."""
    rows = await hands.db(node).fetch_all(queries.open_writers, queue=hands.queue)
    return [
        f'process {row.pid} ("{row.application_name or "?"}", open for {row.seconds or 0:.0f} s)'
        if row.pid is not None
        else "a prepared transaction"
        for row in rows
        if row.seconds is None or row.seconds > SHORT_SECONDS
    ]
