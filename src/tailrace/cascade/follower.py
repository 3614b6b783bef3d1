"""The worker of a leaf whose queue is merged into one that this database holds as a branch.

Its rows come through the combined queue, and with them its position: ``pgq.tick-id`` events move
it. So this worker never moves it, and never looks further than it. What is left to do is to act on
the cascade's own events up to there, and to let the provider forget what is not needed any more,
which must go on: after a takeover of the combined queue this node brings the rows itself.
"""

from __future__ import annotations

from typing import Any

from tailrace import log
from tailrace.cascade.position import State
from tailrace.cascade.seated import SeatedConsumer
from tailrace.db.connection import Row
from tailrace.db.queries import load
from tailrace.faults import reach

queries = load("tailrace")
_logger = log.get("follower")

# About how many events are looked through at a time for those of the cascade.
EVENTS = 100_000


class Follower(SeatedConsumer):
    """The worker of a leaf on a combined branch: waits behind."""

    def __init__(self, dsn: str, queue: str, consumer: str, **options: Any) -> None:
        """See ``SeatedConsumer``."""
        super().__init__(dsn, queue, consumer, **options)
        self._done: int | None = None

    def serves(self, state: State) -> bool:
        """Serve leaves that follow a combined branch."""
        return state.duties.wait_behind

    async def _pass(self, state: State) -> bool:
        before = self._provider.connected
        provider = await self._provider.follow(state)
        if provider is not before:
            self._done = None  # what this one has kept for us, it knows better
        span = await provider.fetch_one(
            queries.behind_range,
            queue=self._queue, consumer=self._consumer, done=self._done,
            position=state.completed_tick, max_events=EVENTS,
        )  # fmt: skip
        if span is None or span.to_tick is None:
            await self._provider.flush()
            await self._seat.refresh()
            return False
        events = await provider.fetch_all(
            queries.cascade_events,
            queue=self._queue, consumer=self._consumer,
            from_tick=span.from_tick, to_tick=span.to_tick,
        )  # fmt: skip
        if events:
            await self._obey(events)
        await reach("follow.after_events")
        self._done = span.to_tick
        await self._watermark.publish_local(
            self._seat, provider, state, batch_start=span.from_tick, batch_end=span.to_tick
        )
        await self._provider.finish(span.to_tick, now=self._loop.stopping)
        await self._after_batch(last=False)
        return True

    async def _obey(self, events: list[Row]) -> None:
        """Act on events; doing so again, after a crash, changes nothing."""
        own = self._seat.db
        async with own.transaction():
            await own.execute(
                queries.check_runner,
                queue=self._queue, consumer=self._consumer, epoch=self._seat.epoch,
            )  # fmt: skip
            for event in events:
                await own.execute(
                    queries.cascade_event,
                    queue=self._queue, ev_id=event.event_id, type=event.type, data=event.data,
                    extra1=event.extra1, extra2=event.extra2, extra3=event.extra3,
                )  # fmt: skip
            await reach("follow.before_commit")
