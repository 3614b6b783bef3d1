"""What a job is, and its life: every status, and which may follow which.

The words are Flink's. The status of a job of a node is not stored: ``tailrace.job_status`` works it
out of what is (pause, acknowledgement, error, runner). So whoever looks now and then may miss a
status, but never sees a move that is not a way through ``MOVES``, which docs/design/jobs.md draws.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """Where in its life a job is."""

    CREATED = "CREATED"
    """No runner has taken it yet."""
    RUNNING = "RUNNING"
    RESTARTING = "RESTARTING"
    """A runner is at it: it has just been started, or the last batch failed and is tried again."""
    FAILING = "FAILING"
    """It has failed for good and is being put away."""
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    """Asked to stop; what is under way has not ended."""
    CANCELED = "CANCELED"
    """Stopped where it was."""
    FINISHED = "FINISHED"
    """Stopped with a savepoint, or after all that had been committed before."""
    SUSPENDED = "SUSPENDED"
    """Wanted running, but no process runs it."""

    @property
    def terminal(self) -> bool:
        """Whether it has ended, until somebody starts it again."""
        return self in (Status.FAILED, Status.CANCELED, Status.FINISHED)

    @property
    def may_start(self) -> bool:
        """Whether START is possible."""
        return self.terminal or self is Status.SUSPENDED

    @property
    def may_stop(self) -> bool:
        """Whether STOP is possible; asking again while it is stopping does no harm."""
        return not self.terminal

    def may_become(self, other: Status) -> bool:
        """Whether the other one may follow immediately."""
        return other in MOVES[self]


# A runner that dies, an error, a stop: each can happen at any time to what has not ended.
_ALIVE = frozenset({Status.RESTARTING, Status.SUSPENDED, Status.FAILING, Status.CANCELLING})

_ENDED = frozenset({Status.CANCELED, Status.FINISHED})

MOVES: dict[Status, frozenset[Status]] = {
    Status.CREATED: frozenset({Status.RUNNING}) | _ALIVE,
    Status.RUNNING: _ALIVE,
    # ended again: it could not be started from its savepoint
    Status.RESTARTING: (frozenset({Status.RUNNING}) | _ALIVE | _ENDED) - {Status.RESTARTING},
    Status.FAILING: frozenset({Status.FAILED, Status.SUSPENDED}),
    Status.FAILED: frozenset({Status.RESTARTING, Status.SUSPENDED}),
    # without a runner: whoever asks acknowledges it; going on: its savepoint could not be written
    Status.CANCELLING: _ENDED | {Status.RUNNING, Status.RESTARTING, Status.SUSPENDED},
    # started before anybody had ever run it: CREATED
    Status.CANCELED: frozenset({Status.RESTARTING, Status.SUSPENDED, Status.CREATED}),
    Status.FINISHED: frozenset({Status.RESTARTING, Status.SUSPENDED}),
    Status.SUSPENDED: _ENDED | {Status.RUNNING, Status.RESTARTING, Status.CANCELLING},
}


class Job(NamedTuple):
    """A job as SHOW JOBS EXTENDED shows it."""

    job_id: str
    job_name: str
    status: Status
    start_time: datetime
    end_time: datetime | None
    engine: str
    kind: str
    node: str
    lag: timedelta | None
    position: str | None
    duration: timedelta
    statement: str | None
    error: str | None

    @property
    def taken_by(self) -> str:
        """Who takes it up when it is to run, for people who wait for that."""
        own_program = self.kind == "consumer"
        return "goes on when its program runs" if own_program else "is taken by: tailrace run"


class Details(NamedTuple):
    """What DESCRIBE JOB shows beyond that."""

    queue: str
    consumer: str
    provider: str
    runner: str | None
    created: datetime
    wanted: str
    drain_tick: int | None
    settings: dict[str, object]
    restored_from: str | None


class Made(NamedTuple):
    """A savepoint that was just made, and which tables are not in it."""

    path: str
    absent: tuple[str, ...]
