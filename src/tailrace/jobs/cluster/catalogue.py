"""What the database knows of the jobs of one cluster; also the store of intents of its engine.

While a process is at a wish it holds an advisory lock named by the wish's id, which goes with its
session: so whoever finds an unsettled wish can tell whether somebody still works on it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from tailrace.cascade.waiting import Patience
from tailrace.db import locks
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.engines.base import Lineage, Made, Relation, Restore, Run, Wish
from tailrace.engines.flink.disk import Found
from tailrace.engines.flink.engine import mark_of
from tailrace.engines.flink.words import cause
from tailrace.errors import WrongState
from tailrace.jobs.cluster.model import ClusterJob, Definition, Savepoint, status_of
from tailrace.jobs.model import Status

queries = load("tailrace")

# Who settles something is done with it in a moment.
_AGAIN = 0.02


class Catalogue:
    """The part of the catalogue that is about one cluster."""

    def __init__(self, db: Database, cluster: str) -> None:
        self.db = db
        self.cluster = cluster

    @asynccontextmanager
    async def at_work(self, wish_id: str) -> AsyncIterator[bool]:
        """Show others that a wish is being worked on; False: somebody else does already."""
        async with locks.held(self.db, f"flink {wish_id}") as got:
            yield got

    @asynccontextmanager
    async def alone(self, wish_id: str, patience: Patience, what: str) -> AsyncIterator[None]:
        """Be the only one at a wish; whoever is at it is waited for."""
        key = f"flink {wish_id}"
        await patience.wait(lambda: locks.acquire(self.db, key), what=what, interval=_AGAIN)
        try:
            yield
        finally:
            await locks.release(self.db, key)

    # ------------------------------------------------------------ jobs

    async def observe(
        self, runs: Sequence[Run], age: float, errors: dict[str, str] | None = None
    ) -> list[ClusterJob]:
        """Take note of what the cluster said ``age`` seconds ago; return all jobs, newest first."""
        seen = [_seen(run, errors or {}) for run in runs]
        rows = await self.db.fetch_all(
            queries.flink_observe, cluster=self.cluster, runs=json.dumps(seen), age=age
        )
        return [_job(row) for row in rows]

    async def jobs(self) -> list[ClusterJob]:
        """All jobs as they were last seen, newest first."""
        return [
            _job(row) for row in await self.db.fetch_all(queries.flink_jobs, cluster=self.cluster)
        ]

    async def find(self, name: str) -> ClusterJob:
        """The job that is meant by a name, an id or its beginning."""
        row = await self.db.fetch_one(queries.flink_find, cluster=self.cluster, job=name)
        assert row is not None  # it raises where there is none
        return _job(row)

    async def strays(self, runs: Sequence[str]) -> list[Row]:
        """Those of these runs that are ours, and that nobody wants any more."""
        return await self.db.fetch_all(queries.flink_strays, cluster=self.cluster, runs=list(runs))

    async def definition(self, job: ClusterJob) -> Definition:
        """What a job runs."""
        row = await self.db.fetch_one(queries.flink_definition, job_id=job.job_id)
        if row is None:
            raise WrongState(f'job "{job.job_name}" has been dropped meanwhile')
        return Definition(
            row.statement,
            tuple(row.setup),
            row.settings,
            _relations(row.reads),
            _relations(row.writes),
            row.created_at,
        )

    async def create(
        self,
        job_id: str,
        name: str,
        statement: str,
        setup: Sequence[str],
        settings: dict[str, str],
        lineage: Lineage,
    ) -> None:
        """Write down a new job and that it is to run."""
        await self.db.fetch_value(
            queries.flink_create_job,
            cluster=self.cluster,
            name=name,
            job_id=job_id,
            statement=statement,
            setup=list(setup),
            settings=json.dumps(settings),
            reads=_as_json(lineage.reads),
            writes=_as_json(lineage.writes),
        )

    async def start(self, job: ClusterJob, run_id: str, restore: Restore | None) -> str:
        """Write down that a job is to run once more; returns the id of the run."""
        return str(
            await self.db.fetch_value(
                queries.flink_start_job,
                job_id=job.job_id,
                run_id=run_id,
                path=restore.path if restore else None,
                claim=bool(restore and restore.claim),
            )
        )

    async def want_stop(self, job: ClusterJob, wanted: str) -> None:
        """Write down how a job is to end."""
        await self.db.execute(queries.flink_want_stop, job_id=job.job_id, wanted=wanted)

    async def keep(self, job: ClusterJob) -> None:
        """Take back that a job is to end, but for a stop with savepoint that is under way."""
        await self.db.execute(queries.flink_keep, job_id=job.job_id)

    async def cancel_lost(self, job: ClusterJob) -> None:
        """Write down that a job which the cluster has lost is not wanted any more."""
        await self.db.execute(queries.flink_cancel_lost, job_id=job.job_id)

    async def note_checkpoint(self, engine_id: str, path: str) -> None:
        """Remember the newest checkpoint of a run."""
        await self.db.execute(queries.flink_note_checkpoint, engine_id=engine_id, path=path)

    async def note_ran(self, engine_id: str) -> None:
        """Remember that a run has worked."""
        await self.db.execute(queries.flink_note_ran, engine_id=engine_id)

    async def drop(self, job: ClusterJob) -> None:
        """Forget a job that has ended."""
        await self.db.fetch_value(queries.flink_drop_job, job_id=job.job_id)

    async def runs(self, job: ClusterJob) -> list[Row]:
        """The runs of a job, newest first, also those that never came to run."""
        return await self.db.fetch_all(queries.flink_runs, job_id=job.job_id)

    # ------------------------------------------------------------ intents

    async def run_submitted(self, run_id: str, engine_id: str) -> None:
        """The run is on the cluster."""
        await self._answered(run_id, engine_id, None)

    async def run_refused(self, run_id: str, error: str) -> None:
        """The cluster will not run it."""
        await self._answered(run_id, None, error)

    async def _answered(self, run_id: str, engine_id: str | None, error: str | None) -> None:
        await self.db.fetch_value(
            queries.flink_run_submitted, run_id=run_id, engine_id=engine_id, error=error
        )

    async def savepoint_wanted(self, wish: Wish) -> None:
        """This savepoint is about to be asked for; saying it again changes nothing."""
        await self.db.fetch_value(
            queries.flink_want_savepoint,
            cluster=self.cluster,
            savepoint_id=wish.savepoint_id,
            engine_id=wish.engine_id,
            directory=wish.directory,
            stops=wish.stop,
            drains=wish.drain,
        )

    async def savepoint_settled(self, savepoint_id: str, made: Made) -> None:
        """The savepoint is there, or never will be."""
        if made.path is not None:
            await self.move(savepoint_id, "completed", path=made.path, size=made.size)
        else:
            await self.move(savepoint_id, "failed", error=cause(made.error or ""))

    # ------------------------------------------------------------ savepoints

    async def savepoints(
        self, job: ClusterJob | None = None, *, all_of_them: bool = False
    ) -> list[Savepoint]:
        """Savepoints, newest first; ``all_of_them``: also those that failed or were dropped."""
        rows = await self.db.fetch_all(
            queries.flink_savepoints,
            cluster=self.cluster,
            job_id=job.job_id if job else None,
            all=all_of_them,
        )
        return [Savepoint(*row) for row in rows]

    async def move(
        self,
        savepoint_id: str,
        state: str,
        *,
        path: str | None = None,
        size: int | None = None,
        error: str | None = None,
    ) -> None:
        """Bring a savepoint into another state; a move that is not allowed is an error."""
        await self.db.fetch_value(
            queries.flink_move_savepoint,
            savepoint_id=savepoint_id,
            state=state,
            path=path,
            size=size,
            error=error,
        )

    async def found(self, found: Sequence[tuple[str, Found]]) -> int:
        """List savepoints that were found on disk, with ids for those that are new."""
        listed = [{"savepoint_id": new_id, **one._asdict()} for new_id, one in found]
        return int(
            await self.db.fetch_value(
                queries.flink_found_savepoints, cluster=self.cluster, found=json.dumps(listed)
            )
        )

    async def settle_claims(self) -> None:
        """Mark what was given to a run for good, once that runs."""
        await self.db.fetch_value(queries.flink_settle_claims, cluster=self.cluster)

    async def moment_before(self, age: str) -> datetime:
        """The moment that was so long ago."""
        moment: datetime = await self.db.fetch_value(queries.moment_before, age=age)
        return moment

    async def restored_from(self, path: str) -> list[Row]:
        """Runs that have not ended and began at a path."""
        return await self.db.fetch_all(queries.flink_restored_from, cluster=self.cluster, path=path)


def _seen(run: Run, errors: dict[str, str]) -> dict[str, Any]:
    name, run_id = mark_of(run.name)
    status, error = status_of(run)
    return {
        "engine_id": run.engine_id,
        "run_id": run_id,
        "name": name,
        "status": status,
        "is_batch": run.batch,
        "start": run.start.timestamp(),
        "end": run.end.timestamp() if run.end else None,
        "error": errors.get(run.engine_id) or error,
    }


def _job(row: Row) -> ClusterJob:
    return ClusterJob(**(row._asdict() | {"status": Status(row.status)}))


def _relations(found: list[dict[str, Any]]) -> tuple[Relation, ...]:
    return tuple(Relation(one["name"], one.get("place")) for one in found)


def _as_json(relations: Sequence[Relation]) -> str:
    return json.dumps([one._asdict() for one in relations])
