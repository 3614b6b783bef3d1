"""The node worker of a root or a branch.

On a branch it mirrors: every tick of the provider, with the same events under the same ids, none
merged and none left out. For each tick, in this order: events and position in one transaction of
the own database; the tick in another, since a snapshot never sees what its own transaction wrote;
then, now and then, watermark and position are told to the provider. Tables are not its business:
a branch applies from its own queue, see ``replication.consumer``.

On the root there is nothing to mirror; the worker acknowledges admin commands and publishes the
global watermark. The type of the node is read before each pass, as a takeover may change it.

Killed between two steps, the next runner finds out where it stands from two numbers, the position
and the newest local tick: equal means all is done up to there; a newest tick below the position
means that tick is still to be made, from what the provider says of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from tailrace import log
from tailrace.cascade.feed import Feed, Tick
from tailrace.cascade.position import State
from tailrace.cascade.provider import recognise
from tailrace.cascade.seated import SeatedConsumer
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.errors import LostPosition
from tailrace.faults import reach
from tailrace.service import background

queries = load("tailrace")
_logger = log.get("worker")

# How many ticks are listed at a time, and about how many events are mirrored between two looks at
# the settings: a command that pauses the worker waits no longer than that.
TICKS = 100
EVENTS = 50_000
# Ticks with no more events than this come with them, and are written by one statement.
AT_ONCE = 100
NO_EVENTS = "{}"


class NodeWorker(SeatedConsumer):
    """The worker of one node that holds the queue."""

    _recognised: Database | None = None  # the connection to a provider whose ticks are ours

    def serves(self, state: State) -> bool:
        """Serve roots and branches."""
        duties = state.duties
        return state.is_worker and (duties.create_tick or duties.global_wm_event)

    async def _pass(self, state: State) -> bool:
        if state.duties.process_batch:
            return await self._mirror(await self._provider.follow(state), state)
        await self._provider.leave()
        await self._watermark.publish_global(self._seat)
        return False

    # ---------------------------------------------------------------- a branch

    async def _mirror(self, provider: Database, state: State) -> bool:
        if provider is not self._recognised:
            await self._recognise(provider, state)
            self._recognised = provider
        if state.newest_tick != state.completed_tick:
            await self._make_missing_tick(provider, state)
        position = state.completed_tick
        rows = await provider.fetch_all(
            queries.pending_ticks,
            queue=self._queue, consumer=self._seat.consumer, position=position,
            limit=TICKS, at_once=AT_ONCE,
        )  # fmt: skip
        ticks = _first([Tick(*row) for row in rows], EVENTS)
        if ticks:
            feed = Feed(provider, ticks)
            async with background(feed.read(), name=f"{self.name}/feed") as reading:
                for tick in ticks:
                    await self._mirror_tick(feed, tick)
                    position = tick.tick_id
                    self._seat.note_position(position)
                    if self._loop.stopping and tick is not ticks[-1]:
                        break
                else:
                    await reading
        if ticks and position != ticks[-1].tick_id:
            # The feed was left in the middle of a COPY: this connection is of no more use.
            await self._provider.drop()
            return False
        if ticks:
            await self._watermark.publish_local(
                self._seat, provider, state,
                batch_start=ticks[-1].prev_tick, batch_end=position,
            )  # fmt: skip
        await self._provider.finish(position, now=self._loop.stopping)
        if ticks:
            await self._after_batch(last=len(ticks) == len(rows) < TICKS)
        else:
            await self._seat.refresh()
        return bool(ticks)

    async def _recognise(self, provider: Database, state: State) -> None:
        rows = await self._seat.db.fetch_all(
            queries.last_ticks, queue=self._queue, position=state.completed_tick
        )
        own = [(row.tick_id, row.tick_time) for row in rows]
        await recognise(provider, state.provider_node, self._queue, self._seat.consumer, own)

    async def _mirror_tick(self, feed: Feed, tick: Tick) -> None:
        events = await feed.events() if tick.events is None else None
        if events is None and tick.events in (None, NO_EVENTS):
            await reach("mirror.before_empty_tick")
            await self._seat.db.execute(
                queries.mirror_empty,
                queue=self._queue, consumer=self._seat.consumer, epoch=self._seat.epoch,
                from_tick=tick.prev_tick, to_tick=tick.tick_id,
                tick_time=tick.tick_time, event_seq=tick.event_seq,
            )  # fmt: skip
            self._seat.trace("empty", start=tick.prev_tick, end=tick.tick_id)
        else:
            last_event = await self._write_events(tick, events)
            self._seat.trace("events", start=tick.prev_tick, end=tick.tick_id)
            await reach("mirror.after_events_commit")
            await self._make_tick(tick.tick_id, tick.tick_time, tick.event_seq, last_event)
        await reach("mirror.after_tick")

    async def _write_events(self, tick: Tick, events: AsyncIterator[bytes] | None) -> int | None:
        """Bring events and position in, in one transaction; return the highest event id."""
        if events is None:
            seen = await self._seat.db.fetch_one(
                queries.mirror_write,
                queue=self._queue, consumer=self._seat.consumer, epoch=self._seat.epoch,
                from_tick=tick.prev_tick, to_tick=tick.tick_id, events=tick.events,
            )  # fmt: skip
        else:
            seen = await self._copy_events(tick, events)
        assert seen is not None
        if seen.upstream_watermark is not None:
            self._watermark.note_upstream(seen.upstream_watermark)
        last_event: int | None = seen.last_event
        return last_event

    async def _copy_events(self, tick: Tick, events: AsyncIterator[bytes]) -> Row | None:
        own = self._seat.db
        async with own.transaction():
            target = await own.fetch_one(
                queries.mirror_begin,
                queue=self._queue, consumer=self._seat.consumer, epoch=self._seat.epoch,
                from_tick=tick.prev_tick, to_tick=tick.tick_id,
            )  # fmt: skip
            assert target is not None
            await reach("mirror.after_position")
            async with own.copy_in(target.copy_sql) as copy:
                async for piece in events:
                    await copy.write(piece)
            await reach("mirror.after_copy")
            seen = await own.fetch_one(
                queries.mirror_events, queue=self._queue, event_table=target.event_table
            )
            await reach("mirror.before_events_commit")
        return seen

    async def _make_tick(
        self, tick: int, tick_time: object, event_seq: int, last_event: int | None
    ) -> None:
        await self._seat.db.execute(
            queries.mirror_tick,
            queue=self._queue, tick=tick, tick_time=tick_time,
            event_seq=event_seq, last_event=last_event,
        )  # fmt: skip
        self._seat.trace("tick", tick=tick)

    async def _make_missing_tick(self, provider: Database, state: State) -> None:
        """Finish what a runner before us began: its events are here, its tick is not."""
        position, newest = state.completed_tick, state.newest_tick
        if newest is None or newest > position:
            raise LostPosition(
                f'worker "{self._seat.consumer}" of queue "{self._queue}" has completed tick '
                f"{position}, but the queue here goes up to tick {newest or 'none'}",
                hint="somebody else wrote here; drop the node and create it again",
            )
        row = await provider.fetch_one(queries.tick_at, queue=self._queue, tick=position)
        if row is None:
            raise LostPosition(
                f'worker "{self._seat.consumer}" of queue "{self._queue}" must make tick '
                f'{position}, which provider "{state.provider_node}" does not have',
                hint="choose a provider that still has it with: tailrace change-provider",
            )
        _logger.info("%s: makes tick %d, left out by the runner before", self.name, position)
        await self._make_tick(position, row.tick_time, row.tick_event_seq, None)
        await self._seat.db.execute(queries.ensure_apply, queue=self._queue)


def _first(ticks: list[Tick], events: int) -> list[Tick]:
    """Cut a list of ticks where they hold about so many events; at least one tick is left."""
    for number, tick in enumerate(ticks[1:], start=1):
        if tick.event_seq - ticks[0].event_seq > events:
            return ticks[:number]
    return ticks
