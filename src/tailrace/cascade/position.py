"""Who may have effects for a consumer, from which tick on, and what its database tells it.

Three things make an effect happen exactly once. An advisory lock chooses which runner tries. An
epoch, raised by every runner that takes the consumer over, is compared in each transaction with an
effect, so a runner that lost its lock without noticing can do nothing. And the position is compared
and set in the same transaction, so a batch that may or may not have been committed is never done
twice: after a lost connection the position in the database is the truth.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from time import monotonic

from tailrace import log
from tailrace.cascade.duties import Duties, duties_of
from tailrace.db import locks
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import Fenced, TailraceError
from tailrace.faults import committing, reach, trace

queries = load("tailrace")
_logger = log.get("position")


@dataclass(frozen=True, slots=True)
class State:
    """What a consumer has to know before each batch."""

    node_type: str
    node_name: str
    is_worker: bool
    completed_tick: int
    provider_node: str
    provider_location: str | None
    paused: bool
    newest_tick: int | None
    sync_members: tuple[str, ...] | None
    combined_queue: str | None
    combined_type: str | None
    # what copies and holds ask of an applying consumer's next batch
    stop_tick: int | None
    single_ticks: bool | None
    hand_over: bool | None
    # the job is to start from a savepoint, and paused for that
    restoring: bool | None = None

    @property
    def duties(self) -> Duties:
        """What the consumer has to do; raises where the node is something that cannot be."""
        return duties_of(
            self.node_type,
            is_worker=self.is_worker,
            combined_queue=self.combined_queue,
            combined_type=self.combined_type,
            in_sync_group=self.sync_members is not None,
        )

    @property
    def special(self) -> bool:
        """Something is to be done, or not to be done, until the settings change again."""
        waits = self.paused or self.node_type == "root" or self.stop_tick is not None
        return waits or bool(self.single_ticks or self.hand_over)


class Seat:
    """A runner's place at the wheel of one consumer, in the database that the effects go to."""

    def __init__(
        self,
        dsn: str,
        queue: str,
        consumer: str,
        *,
        runner_timeout: float = 5.0,
        replica: bool = True,
    ) -> None:
        """``replica``: effects are written through our connection (``begin_applying``)."""
        self.dsn = dsn
        self.queue = queue
        self.consumer = consumer
        self.epoch: int | None = None
        self._db: Database | None = None
        self._healthy = False
        self._runner_timeout = runner_timeout
        self._replica = replica
        self._applies = False
        self._waiting = False
        self._look_at_other = 0.0
        self._known: State | None = None
        self._read_at = 0.0

    @property
    def db(self) -> Database:
        """The connection that the effects are written through."""
        assert self._db is not None, "take() comes first"
        return self._db

    async def take(self) -> bool:
        """Make sure that we sit here; False while another runner does."""
        if self._db is not None and self.epoch is not None:
            return True
        if self._db is None:
            name = f"{self.queue}/{self.consumer}"
            self._db = await Database.connect(self.dsn, name=name)
            self._applies = False
            await locks.mark(self._db)
        key = f"consumer {self.queue} {self.consumer}"
        if not await locks.acquire(self._db, key):
            await self._stand_by(self._db, key)
            return False
        self._waiting = False
        self.epoch = await self._db.fetch_value(
            queries.take_over, queue=self.queue, consumer=self.consumer, runner=locks.runner_name()
        )
        self.trace("take")
        await reach("position.after_take_over")
        return True

    async def begin_applying(self) -> None:
        """Let no trigger fire for what we write; a root's worker writes nothing that has any.

        So a role that may not do that can serve a root, and elsewhere the node's status says why
        nothing goes on. Without effect where somebody else writes for the consumer.
        """
        if self._replica and not self._applies:
            await self.db.become_replica()
            self._applies = True

    async def _stand_by(self, db: Database, key: str) -> None:
        """Another runner is at work, unless nothing has been heard of it for long."""
        if not self._waiting:
            _logger.info("%s: another runner is at work; standing by", self.consumer)
        self._waiting = True
        if monotonic() >= self._look_at_other:
            self._look_at_other = monotonic() + self._runner_timeout / 5
            await locks.end_silent(db, key, self._runner_timeout)

    async def state(self, *, max_age: float) -> State | None:
        """Return what was read last, if that is recent and asks for nothing special.

        Using it once more is safe: whoever changes a setting waits until it has been read again,
        and each effect checks runner and position anyway. It saves a round trip before a batch.
        """
        known = self._known
        if known is None or known.special or monotonic() - self._read_at > max_age:
            return await self.refresh()
        return known

    def note_position(self, tick: int) -> None:
        """Our own effect has moved the position."""
        if self._known is not None:
            self._known = replace(self._known, completed_tick=tick, newest_tick=tick)

    async def refresh(self) -> State | None:
        """Read and acknowledge the consumer's settings; None: the consumer is no more."""
        self._known = None
        row = await self.db.fetch_one(
            queries.refresh_consumer,
            queue=self.queue, consumer=self.consumer, healthy=self._healthy,
        )  # fmt: skip
        if row is None or row.node_type is None:
            return None
        members = None if row.sync_members is None else tuple(row.sync_members)
        self._known = State(**(row._asdict() | {"sync_members": members}))
        self._read_at = monotonic()
        self.trace(
            "read", node=row.node_name, type=row.node_type, provider=row.provider_node,
            completed=row.completed_tick, newest=row.newest_tick, paused=row.paused,
            group=row.sync_members, combined=row.combined_type,
        )  # fmt: skip
        return self._known

    def trace(self, step: str, **facts: object) -> None:
        """Write down a step of the protocol under its name in docs/design/model.md."""
        trace(step, queue=self.queue, consumer=self.consumer, epoch=self.epoch, **facts)

    def committing(self, step: str, **facts: object) -> AbstractContextManager[dict[str, object]]:
        """Write a step down when the block that commits it is left."""
        return committing(step, queue=self.queue, consumer=self.consumer, epoch=self.epoch, **facts)

    def note_success(self) -> None:
        """The pass went well: an error on record is over."""
        self._healthy = True

    async def note_failure(self, error: TailraceError) -> None:
        """Give the seat up, and show in the node's status why; the next pass takes it again."""
        epoch = self.epoch
        self._healthy = False
        self.trace("fail")
        await self.leave()
        if epoch is not None and not isinstance(error, Fenced):
            await self._record(str(error), epoch)

    async def _record(self, text: str, epoch: int) -> None:
        """Write the error down as well as we can: the database may be what is broken."""
        try:
            name = f"{self.queue}/{self.consumer}"
            async with await Database.connect(self.dsn, name=name, connect_timeout=3.0) as db:
                await db.execute(
                    queries.record_error,
                    queue=self.queue, consumer=self.consumer, epoch=epoch, error=text,
                )  # fmt: skip
        except TailraceError as error:
            _logger.debug("%s: the error could not be recorded: %s", self.consumer, error)

    async def leave(self) -> None:
        """Close the connection, and with it give back the lock."""
        db, self._db, self.epoch, self._known = self._db, None, None, None
        if db is not None:
            await db.close()


class Finisher:
    """Tells the provider how far its events are no longer needed, now and then.

    The provider keeps events by this position only; where to go on is known to the consumer's own
    database. So it may be late, and telling it once for many batches saves a commit for each.
    """

    def __init__(self, seat: Seat, *, period: float = 0.25) -> None:
        self.provider_node: str | None = None
        self._seat = seat
        self._period = period
        self._told: int | None = None
        self._done: int | None = None
        self._due = 0.0

    @property
    def done(self) -> int | None:
        """The tick that the provider has been told, or will be; None: nothing yet."""
        return self._done

    def forget(self) -> None:
        """The provider is another one, or we do not know what it has heard."""
        self._told, self._done, self._due = None, None, 0.0

    async def finish(self, provider: Database, tick: int, *, now: bool = False) -> None:
        """Tell the provider, if it is time to."""
        self._done = tick
        if tick == self._told or not (now or monotonic() >= self._due):
            return
        await reach("position.before_finish")
        with self._seat.committing("finish", provider=self.provider_node, tick=tick):
            await provider.execute(
                queries.finish_range,
                queue=self._seat.queue, consumer=self._seat.consumer, tick=tick,
            )  # fmt: skip
        await reach("position.after_finish")
        self._told, self._due = tick, monotonic() + self._period

    async def flush(self, provider: Database) -> None:
        """Tell what has been held back."""
        if self._done is not None:
            await self.finish(provider, self._done, now=True)
