"""The applying consumer: brings events from a queue into the tables of its node.

On a leaf it is the node's worker and reads the provider's queue; on a branch it is the consumer
``<node>.apply`` and reads the node's own queue, which the mirror fills. In both cases effects and
position are one transaction of the node's database, and ticks are merged freely when there are
many, except where a copy or a comparison wants to meet a certain tick.

While one batch is applied, the next one is already being fetched.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from tailrace import log
from tailrace.cascade.position import State
from tailrace.cascade.provider import recognise
from tailrace.cascade.seated import SeatedConsumer
from tailrace.db.connection import Database, Question
from tailrace.db.queries import load
from tailrace.faults import reach
from tailrace.replication.apply import AgainCarefully, Applied, Applier
from tailrace.replication.passing import CombinedQueueClosed, send_position
from tailrace.replication.span import Part, Span
from tailrace.replication.sync import SyncPlan, hand_over
from tailrace.replication.transport import RangeReader, Reading

queries = load("tailrace")
node_queries = load("pgq_node")
_logger = log.get("consumer")

# Events that are merged into a batch: few at first, since each may carry a hundred rows and the
# next batch is to be fetched while this one is applied; then more, as far as their rows allow.
FEWEST_EVENTS = 1_000
MOST_EVENTS = 100_000
MOST_ROWS = 100_000

# A hold or a copy that is about to know its tick changes its mind soon; look again after this.
SOON = 0.02
# Of many batches in a row, so often one waits for the disk, and with it all before it.
SURE_PERIOD = 1.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Ticks to apply in one go, and their events on the way here."""

    from_tick: int
    to_tick: int
    single: bool
    """Chosen as exactly one tick."""
    last: bool
    """The provider has nothing newer."""
    to_time: datetime
    """Time of the tick that it ends with."""
    reading: Reading


class _GivenBack(Exception):
    """The batch must not be applied as it was chosen; nothing has happened."""


class ApplyingConsumer(SeatedConsumer):
    """Applies one queue to the tables of one node."""

    hears_home = True  # tells that a copy has ended

    def __init__(
        self, dsn: str, queue: str, consumer: str, *, strict: bool = False, **options: Any
    ) -> None:
        """``strict`` makes changes that meet no row errors; for the rest see ``SeatedConsumer``."""
        super().__init__(dsn, queue, consumer, **options)
        self.rows = 0
        self._strict = strict
        self._size = FEWEST_EVENTS
        self._applier: Applier | None = None
        self._source: Database | None = None
        self._reader: RangeReader | None = None
        self._open = AsyncExitStack()
        self._ahead: Batch | None = None
        self._careful = False
        self._last_ticks: deque[tuple[int, datetime]] = deque(maxlen=2)
        self._met: Database | None = None
        self._sure = True
        self._sure_at = monotonic()

    def serves(self, state: State) -> bool:
        """Serve leaves, and the applying consumers of branches."""
        return state.duties.process_events

    async def _pass(self, state: State) -> bool:
        if not self._loop.woken and await self._nothing_here(state):
            return False
        provider = await self._connect(state)
        position = state.completed_tick
        if state.duties.send_tick_event and not await self._has(provider, position):
            return False
        plan = SyncPlan(state.stop_tick, bool(state.single_ticks), bool(state.hand_over))
        if plan.hand_over:
            await self._hand_over(position)
            self._wake.set()
            return True
        batch = await self._next_batch(provider, position, plan)
        if batch is None:
            if plan.stop_tick is not None or plan.single_ticks:
                asyncio.get_running_loop().call_later(SOON, self._wake.set)
            await self._make_sure(position)
            await self._provider.finish(position, now=self._loop.stopping)
            await self._seat.refresh()
            return False
        return await self._do(provider, state, batch, plan)

    async def _nothing_here(self, state: State) -> bool:
        """Look at settings and newest tick at once, where both are in our own database."""
        if state.provider_node != state.node_name or state.special or self._ahead is not None:
            return False
        await self._provider.finish(state.completed_tick)
        fresh = await self._seat.refresh()
        return (
            fresh is not None
            and not fresh.special
            and fresh.newest_tick == fresh.completed_tick == state.completed_tick
        )

    # ---------------------------------------------------------------- connections

    async def _connect(self, state: State) -> Database:
        """Have everything that a batch needs: the provider, a second connection to read from it."""
        before = self._provider.connected
        provider = await self._provider.follow(state)
        if provider is not before:
            await self._let_go()
            await self._recognise(provider, state)
        if self._applier is None or self._applier.target is not self._seat.db:
            self._applier = Applier(
                self._seat.db,
                queue=self._queue,
                role="leaf" if state.is_worker else "branch",
                strict=self._strict,
                passes=state.duties.copy_events,
            )
            await self._applier.refresh()
        if self._reader is None:
            name = f"{self._queue}/{self._consumer}/events"
            self._source = await Database.connect(provider.dsn, name=name)
            self._reader = RangeReader(self._source, queue=self._queue, consumer=self._consumer)
            await self._open.enter_async_context(self._reader)
        return provider

    async def _recognise(self, provider: Database, state: State) -> None:
        """Look whether the provider is the same again, if we still are where we last were."""
        if self._last_ticks and self._last_ticks[-1][0] != state.completed_tick:
            self._last_ticks.clear()
        await recognise(
            provider, state.provider_node, self._queue, self._consumer, self._last_ticks
        )

    async def _has(self, provider: Database, position: int) -> bool:
        """Whether the provider has come as far as we are.

        While the combined node was a branch, the position came through the combined queue, and
        perhaps from another provider that was further.
        """
        if self._met is not provider:
            newest = await provider.fetch_one(node_queries.newest_tick, queue=self._queue)
            if newest is None or newest.tick_id < position:
                return False
            self._met = provider
        return True

    async def _let_go(self) -> None:
        """Stop reading; what was fetched ahead is given up."""
        self._ahead = None
        self._size = FEWEST_EVENTS
        open_things, self._open, self._reader = self._open, AsyncExitStack(), None
        await open_things.aclose()
        source, self._source = self._source, None
        if source is not None:
            await source.close()

    # ---------------------------------------------------------------- choosing

    async def _next_batch(self, provider: Database, position: int, plan: SyncPlan) -> Batch | None:
        """Take what is on its way, if it still fits, or choose anew."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            if ahead.from_tick == position and plan.allows(ahead.to_tick, single=ahead.single):
                return ahead
            ahead.reading.close()
        return await self._choose(provider, position, plan)

    async def _choose(self, provider: Database, position: int, plan: SyncPlan) -> Batch | None:
        """Ask the provider which ticks come next, and let their events be fetched."""
        assert self._reader is not None
        assert self._applier is not None
        scope = self._applier.scope
        rows = await provider.fetch_all(
            queries.next_reading,
            queue=self._queue, consumer=self._consumer, position=position,
            max_events=0 if plan.single_ticks else self._size, stop_tick=plan.stop_tick,
            apply=None if scope.passing else sorted(scope.applied), aside=sorted(scope.aside),
        )  # fmt: skip
        if not rows:
            return None
        to_tick, newest_tick, complete, to_time = rows[0][:4]
        return Batch(
            from_tick=position,
            to_tick=to_tick,
            single=plan.single_ticks,
            last=to_tick == newest_tick,
            to_time=to_time,
            reading=self._reader.start(
                Span(self._queue, position, to_tick),
                scope,
                [Part(*row[4:]) for row in rows if row.kind] if complete else None,
            ),
        )

    # ---------------------------------------------------------------- doing

    async def _do(self, provider: Database, state: State, batch: Batch, plan: SyncPlan) -> bool:
        if not batch.last:
            # fetched while this one is applied
            self._ahead = await self._choose(provider, batch.to_tick, plan)
        try:
            applied = await self._apply(state, batch)
        except AgainCarefully:
            await self._let_go()
            self._careful = True
            self._wake.set()
            return True
        except _GivenBack:
            await self._let_go()
            await self._seat.refresh()  # the reason is among the settings
            self._wake.set()
            return True
        except CombinedQueueClosed:
            # Its root is being moved; soon this node has other duties, or the queue is open again.
            _logger.debug("%s: the combined queue takes no events now", self.name)
            await self._let_go()
            await self._seat.refresh()
            return False
        self._seat.trace("apply", start=batch.from_tick, end=batch.to_tick, sure=self._sure)
        await reach("apply.after_commit")
        self._seat.note_position(batch.to_tick)
        self._last_ticks.append((batch.to_tick, batch.to_time))
        self._careful = False
        self._note(batch, applied)
        if state.duties.local_wm_publish and self._sure:
            await self._watermark.publish_local(
                self._seat, provider, state,
                batch_start=batch.from_tick, batch_end=batch.to_tick,
            )  # fmt: skip
            await self._provider.finish(batch.to_tick, now=self._loop.stopping)
        await self._after_batch(last=batch.last)
        return True

    async def _apply(self, state: State, batch: Batch) -> Applied:
        """Effects and position in one transaction.

        With another batch in hand its commit does not wait for the disk: a crash takes back rows
        and position together. Nobody else is told of the position before it is sure.
        """
        assert self._applier is not None
        target = self._seat.db
        lazily = self._ahead is not None and monotonic() < self._sure_at + SURE_PERIOD
        position: Question = queries.begin_batch, {
            "queue": self._queue, "consumer": self._consumer, "epoch": self._seat.epoch,
            "from_tick": batch.from_tick, "to_tick": batch.to_tick, "lazily": lazily,
        }  # fmt: skip
        questions = [position, *self._applier.questions(batch.reading)]
        async with target.transaction_asking(*questions) as ([plan], *tables):
            await reach("apply.after_position")
            if not SyncPlan(*plan).allows(batch.to_tick, single=batch.single):
                raise _GivenBack
            applied = await self._applier.apply(
                batch.reading, careful=self._careful, answers=tables
            )
            await self._obey(target, state, applied)
            if state.duties.send_tick_event:
                await send_position(target, self._queue, batch.to_tick)
            await reach("apply.before_commit")
            self._sure = self._sure and not lazily
        if not lazily:
            self._sure, self._sure_at = True, monotonic()
        return applied

    async def _make_sure(self, position: int) -> None:
        """Wait for the disk where the last commit has not: a commit waits for all before it."""
        if not self._sure:
            await self._seat.db.execute(
                queries.check_position,
                queue=self._queue, consumer=self._consumer, epoch=self._seat.epoch,
                position=position,
            )  # fmt: skip
            self._sure, self._sure_at = True, monotonic()

    async def _obey(self, target: Database, state: State, applied: Applied) -> None:
        """Act on the cascade's own events: all on a leaf; a branch's mirror leaves but one."""
        mine = "pgq." if state.is_worker else "pgq.tick-id"
        for event in applied.controls:
            if event.type.startswith(mine):
                await target.execute(
                    queries.cascade_event,
                    queue=self._queue, ev_id=event.ev_id, type=event.type, data=event.data,
                    extra1=event.extra1, extra2=event.extra2, extra3=event.extra3,
                )  # fmt: skip

    async def _hand_over(self, position: int) -> None:
        """Bring tables live whose copy has been reached; what was fetched ahead lacks them."""
        assert self._applier is not None
        assert self._seat.epoch is not None
        await self._let_go()
        await hand_over(
            self._seat.db, self._applier,
            queue=self._queue, consumer=self._consumer,
            epoch=self._seat.epoch, position=position,
        )  # fmt: skip

    def _note(self, batch: Batch, applied: Applied) -> None:
        """Learn from a batch how large the next one may be."""
        self.rows += applied.rows
        if applied.rows > MOST_ROWS:
            self._size = max(1, self._size * MOST_ROWS // applied.rows)
        elif batch.last:
            self._size = FEWEST_EVENTS
        elif applied.rows < MOST_ROWS // 2:
            growth = 4 if applied.rows < MOST_ROWS // 8 else 2
            self._size = min(MOST_EVENTS, self._size * growth)
        if applied.rows:
            _logger.debug("%s: %d rows up to tick %d", self.name, applied.rows, batch.to_tick)
