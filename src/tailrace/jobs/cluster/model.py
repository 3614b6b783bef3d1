"""Jobs and savepoints of a cluster as the catalogue has them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from tailrace.engines.base import Relation, Run, Wish
from tailrace.jobs.model import Job, Status


class ClusterJob(NamedTuple):
    """A job with its present or last run; the first fields are those of ``jobs.model.Job``."""

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
    engine_id: str | None
    wanted: str
    is_foreign: bool
    run_id: str
    restored_from: str | None
    checkpoint: str | None

    @property
    def is_unseen(self) -> bool:
        """Whether its run is wanted, and nobody has seen it on the cluster yet."""
        return self.engine_id is None and self.status is Status.CREATED

    @property
    def is_to_end(self) -> bool:
        """Whether somebody has said that it shall end, and it has neither ended nor begun to."""
        going = not self.status.terminal and self.status is not Status.CANCELLING
        return self.wanted != "running" and going

    @property
    def is_unsettled(self) -> bool:
        """Whether something is wished of it that has not come about."""
        return self.is_unseen or self.is_to_end

    @property
    def listed(self) -> Job:
        """As SHOW JOBS EXTENDED shows it."""
        return Job(**{name: getattr(self, name) for name in Job._fields})


class Definition(NamedTuple):
    """What a job runs."""

    statement: str | None
    setup: tuple[str, ...]
    settings: dict[str, str]
    reads: tuple[Relation, ...]
    writes: tuple[Relation, ...]
    created: datetime


class Savepoint(NamedTuple):
    """A savepoint, or the wish for one (no path yet)."""

    path: str | None
    job_id: str | None
    job_name: str | None
    state: str
    asked_at: datetime
    completed_at: datetime | None
    size: int | None
    directory: str | None
    stops: bool
    drains: bool
    error: str | None
    savepoint_id: str
    engine_id: str | None

    @property
    def wish(self) -> Wish:
        """As it was asked for; only what we have asked for has a directory and a run."""
        return Wish(
            self.savepoint_id, self.engine_id or "", self.directory or "", self.stops, self.drains
        )

    @property
    def made_at(self) -> datetime:
        """When it was complete, or at least when it was known of."""
        return self.completed_at or self.asked_at

    @property
    def ownership(self) -> str:
        """Who may remove it, or how far it has come."""
        return {"completed": "user", "claimed": "job"}.get(self.state, self.state)


# Flink's words that are not ours, or mean something else there.
_STATES = {"INITIALIZING": Status.CREATED, "RECONCILING": Status.RESTARTING}


def status_of(run: Run) -> tuple[Status, str | None]:
    """The status of a run, and what holds it up: RUNNING only when all tasks run."""
    status = _STATES.get(run.state) or Status(run.state)
    if status is Status.RUNNING and run.waiting:
        return Status.CREATED, f"{run.waiting} of {run.tasks} tasks do not run yet"
    return status, None
