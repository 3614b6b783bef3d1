"""The statements about jobs of a cluster: list, create, start, stop, drop.

Each begins with a look at the cluster and settles what was wished of its job before
(``resolving``), so it decides on what is so now; each wish is written down before the cluster is
asked. What a statement leaves behind when its process dies is put right by the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from tailrace.cascade.waiting import Patience
from tailrace.engines.base import Run, Submission, Wish, new_id
from tailrace.engines.flink import disk, words
from tailrace.engines.flink.engine import FlinkEngine
from tailrace.engines.flink.http import Unanswered
from tailrace.errors import TailraceError, Unsupported, WrongState
from tailrace.faults import reach
from tailrace.jobs.cluster.catalogue import Catalogue
from tailrace.jobs.cluster.model import ClusterJob, Definition, Savepoint, status_of
from tailrace.jobs.cluster.resolving import RECOVERED_WITHIN, Resolver, Sight
from tailrace.jobs.cluster.restoring import Beginning, Restoring
from tailrace.jobs.model import Status
from tailrace.statements.render import string

_INTERVAL = 0.015
# So long a new run is watched: most that cannot work fail at once.
_WATCHED = 5.0
# So long a job that was told to end is waited for when nobody says how long.
_END_WITHIN = 60.0


class Listed(NamedTuple):
    """All jobs, newest first, what makes the list doubtful, and why, if the cluster is silent."""

    jobs: list[ClusterJob]
    remarks: tuple[str, ...] = ()
    silence: Unanswered | None = None


class Started(NamedTuple):
    """A job that was started, and what somebody should know about it."""

    job_id: str
    remarks: tuple[str, ...] = ()


class Stopped(NamedTuple):
    """A job that was stopped: where its savepoint is, if it was to make one."""

    path: str | None = None
    remarks: tuple[str, ...] = ()


class Manager:
    """What can be done with the jobs of one cluster."""

    def __init__(
        self,
        engine: FlinkEngine,
        catalogue: Catalogue,
        *,
        directory: str | None = None,
        timeout: float | None = None,
        talk: Callable[[str], None] | None = None,
        first: Awaitable[Sight] | None = None,
    ) -> None:
        self.engine = engine
        self.catalogue = catalogue
        self.resolver = Resolver(engine, catalogue, directory, first)
        self._restoring = Restoring(engine, catalogue)
        self._timeout = timeout
        self._talk = talk

    # ------------------------------------------------------------ looking

    async def list_jobs(self, *, with_causes: bool = False) -> Listed:
        """All jobs; as they were last seen where the cluster does not answer."""
        try:
            jobs = await self.resolver.jobs()
            if await self.resolver.strays():
                jobs = await self.resolver.look()
        except Unanswered as error:
            jobs = await self.catalogue.jobs()
            remarks = (*self.resolver.remarks, f"as last seen: {error.message}")
            return Listed(jobs, remarks, error)
        if with_causes:
            jobs = await self._with_causes(jobs)
        return Listed(jobs, self.resolver.remarks)

    async def _with_causes(self, jobs: list[ClusterJob]) -> list[ClusterJob]:
        """Ask why jobs failed or restart, where that is not known yet."""
        troubled = (Status.FAILED, Status.FAILING, Status.RESTARTING)
        errors: dict[str, str] = {}
        for job in jobs:
            if job.status in troubled and job.error is None and job.engine_id is not None:
                stack = await self.engine.manager.why_failed(job.engine_id)
                if stack:
                    errors[job.engine_id] = words.reason(stack)
        return await self.resolver.look(errors) if errors else jobs

    async def describe(self, name: str) -> tuple[ClusterJob, Definition, tuple[str, ...]]:
        """Everything about one job."""
        listed = await self.list_jobs(with_causes=True)
        job = await self.resolver.find(name, listed.silence)
        return job, await self.catalogue.definition(job), listed.remarks

    # ------------------------------------------------------------ starting

    async def create(
        self,
        name: str,
        statement: str,
        setup: Sequence[str],
        settings: dict[str, str],
    ) -> Started:
        """Make a job and start it; nothing is left of one whose statement cannot run."""
        await self.resolver.look()
        job_id = new_id()
        submission = Submission(job_id, name, statement, tuple(setup), settings)
        lineage = await self.engine.lineage(submission)
        async with self.catalogue.at_work(job_id):
            await self.catalogue.create(job_id, name, statement, setup, settings, lineage)
            await reach("flink.create.written")
            engine_id = await self.engine.submit(submission, self.catalogue)
        return Started(job_id, await self._watch(name, engine_id))

    async def start(self, name: str, path: str | None = None, *, claim: bool = False) -> Started:
        """Start a job again: from a savepoint, or where it stopped."""
        job = await self._to_start(name)
        if not job.status.may_start:
            raise WrongState(
                f'job "{job.job_name}" is {job.status}; START needs one that has ended or is '
                "SUSPENDED",
                hint=f"stop it first with: STOP JOB {string(job.job_name)}",
            )
        await self._refuse_recovering(job)
        definition = await self.catalogue.definition(job)
        restore, _, remarks = await self._beginning(job, path, claim)
        run_id = new_id()
        what = f'whoever settles the last start of job "{job.job_name}"'
        async with (
            self.catalogue.at_work(run_id),
            # which it gets instead if nobody has seen that one
            self.catalogue.alone(job.run_id, self._patience(), what),
        ):
            await self._refuse_changed(job)
            run_id = await self.catalogue.start(job, run_id, restore)
            await reach("flink.start.written")
            engine_id = await self.engine.submit(
                Submission(
                    run_id,
                    job.job_name,
                    definition.statement or "",
                    definition.setup,
                    definition.settings,
                    restore,
                ),
                self.catalogue,
            )
        said = await self._watch(job.job_name, engine_id)
        await self.resolver.strays()
        await self.catalogue.settle_claims()
        return Started(job.job_id, (*remarks, *said, *self.resolver.remarks))

    async def _to_start(self, name: str) -> ClusterJob:
        """The job that is meant, at rest if it is about to be."""
        job = await self.resolver.settled(name)
        if job.status is Status.CANCELLING:
            await self._at_rest(job)
            job = await self.catalogue.find(name)
        return job

    async def _refuse_changed(self, job: ClusterJob) -> None:
        """What was found out of a job's last run holds only as long as that is the last one."""
        if (await self.catalogue.find(job.job_id)).run_id != job.run_id:
            raise WrongState(
                f'job "{job.job_name}" has been started by somebody else just now',
                hint="look at it with: SHOW JOBS",
            )

    async def _refuse_recovering(self, job: ClusterJob) -> None:
        if await self.resolver.is_recovering(job):
            raise WrongState(
                f'job "{job.job_name}" is SUSPENDED, and the cluster, which has high availability, '
                "may still be about to recover it",
                hint=f"look again in {RECOVERED_WITHIN.seconds} s with: SHOW JOBS",
            )

    async def _beginning(self, job: ClusterJob, path: str | None, claim: bool) -> Beginning:
        """Where a job starts from: as somebody says, or where it stopped."""
        if path is None:
            await self._last_image(job)
        savepoints = await self.catalogue.savepoints()
        if path is not None:
            found = await self._restoring.named(path, claim, savepoints)
        else:
            found = await self._restoring.where_it_stopped(job, savepoints)
        if found.savepoint is not None and found.savepoint.drains:
            remark = (
                "the savepoint was drained: windows were closed as if all data had come, so what "
                "comes now may be counted as late"
            )
            return found._replace(remarks=(*found.remarks, remark))
        return found

    async def _last_image(self, job: ClusterJob) -> None:
        """Wait until all that the last run has left is complete and known, whoever asked for it."""

        async def complete() -> bool:
            return job.engine_id is None or not await self.resolver.ending(job)

        what = f'the last savepoint of job "{job.job_name}"'
        await self._patience().wait(complete, what=what, interval=_INTERVAL)
        await self.resolver.files.survey()

    async def _watch(self, name: str, engine_id: str) -> tuple[str, ...]:
        """Wait until a new run works; one that fails at once is an error."""
        clock = asyncio.get_running_loop().time
        until = clock() + min(_WATCHED, self._timeout or _WATCHED)
        run: Run | None = None
        while clock() < until:
            run = await self.engine.status(engine_id)
            if run is not None and ((run.state == "RUNNING" and not run.waiting) or run.end):
                break
            await asyncio.sleep(_INTERVAL)
        await self.resolver.look()
        if run is not None and run.state == "FAILED":
            stack = await self.engine.manager.why_failed(engine_id) or ""
            raise words.error_of(stack, f'job "{name}" was started and has failed')
        status, problem = status_of(run) if run else (Status.CREATED, "the cluster has not begun")
        if status is Status.CREATED:
            return (f'job "{name}" waits: {problem}{await self._slots()}',)
        if status in (Status.RESTARTING, Status.FAILING):
            stack = await self.engine.manager.why_failed(engine_id) or ""
            return (f'job "{name}" is {status}: {words.reason(stack)}',)
        return ()

    async def _slots(self) -> str:
        free, of = await self.engine.manager.slots()
        return f"; {free} of {of} slots are free" if free == 0 else ""

    # ------------------------------------------------------------ stopping

    async def stop(self, name: str, *, savepoint: bool = False, drain: bool = False) -> Stopped:
        """Stop a job and wait until it is at rest; a savepoint that was made is never kept back."""
        if drain and not savepoint:
            raise Unsupported(
                "WITH DRAIN could only be used after WITH SAVEPOINT",
                hint=f"STOP JOB {string(name)} WITH SAVEPOINT WITH DRAIN",
            )
        job = await self.resolver.settled(name, stopping=True)
        if not job.status.may_stop:
            raise WrongState(
                f'job "{job.job_name}" is {job.status}; STOP needs one that has not ended',
                hint=f"start it again with: START JOB {string(job.job_name)}",
            )
        if not savepoint:
            if job.status is Status.SUSPENDED:  # nothing runs that could be cancelled
                await self._refuse_recovering(job)
                await self.catalogue.cancel_lost(job)
                return Stopped()
            await self._cancel(job)
            await self._at_rest(job)
            return Stopped()
        path = await self.take(job, stop=True, drain=drain)
        try:
            await self._at_rest(job)
        except TailraceError as error:
            return Stopped(path, (f"whether the job has ended is not known: {error}",))
        return Stopped(path)

    async def _cancel(self, job: ClusterJob) -> None:
        if job.engine_id is None:
            raise WrongState(
                f'job "{job.job_name}" is just being submitted',
                hint="give the statement again when it is there: SHOW JOBS",
            )
        await self.resolver.stop(job)

    async def _at_rest(self, job: ClusterJob) -> None:
        """Wait until the cluster says that the run has ended, and write that down."""
        assert job.engine_id is not None

        async def ended() -> bool:
            try:
                return await self._has_ended(job.engine_id or "")
            except Unanswered:
                return False

        await self._patience().wait(ended, what=f'job "{job.job_name}" to end', interval=_INTERVAL)
        await self.resolver.look()

    async def _has_ended(self, engine_id: str) -> bool:
        state = await self.engine.manager.state(engine_id)
        return state is None or state in ("FINISHED", "CANCELED", "FAILED")

    def _patience(self) -> Patience:
        return Patience(self._timeout or _END_WITHIN, self._talk)

    async def drop(self, name: str) -> None:
        """Forget a job that has ended."""
        await self.catalogue.drop(await self.resolver.settled(name))

    # ------------------------------------------------------------ savepoints

    async def take(self, job: ClusterJob, *, stop: bool = False, drain: bool = False) -> str:
        """Take a savepoint and return its path; with ``stop`` the run ends with it."""
        async with self._wish(job, stop, drain) as wish:
            made = await self.engine.savepoint(
                wish, self.catalogue, timeout=self._timeout, talk=self._talk
            )
        if made.path is not None and made.error is not None and stop:
            await self.catalogue.want_stop(job, "running")
            raise words.error_of(
                made.error,
                f'job "{job.job_name}" has a new savepoint, "{made.path}", but was not stopped',
            )
        if made.path is None:
            verb = "was not stopped" if stop else "has no new savepoint"
            raise words.error_of(made.error or "", f'job "{job.job_name}" {verb}')
        return made.path

    @asynccontextmanager
    async def _wish(self, job: ClusterJob, stop: bool, drain: bool) -> AsyncIterator[Wish]:
        """The savepoint to be asked for; a stop that is under way is not asked for twice."""
        _need_running(job)
        assert job.engine_id is not None
        savepoint_id = new_id()
        root = await self.resolver.files.savepoint_directory()
        directory = disk.below(root, f"tailrace-{savepoint_id}")
        async with self.catalogue.at_work(savepoint_id):
            wish = Wish(savepoint_id, job.engine_id, directory, stop, drain)
            yield await self._only(job, wish) if stop else wish

    async def _only(self, job: ClusterJob, wish: Wish) -> Wish:
        """The stop that a run ends with, written down: this one, or that of who was first.

        Two different ones at once would both fail, and have the job restart.
        """
        what = f'another STOP of job "{job.job_name}"'
        async with self.catalogue.alone(f"ending {wish.engine_id}", self._patience(), what):
            for one in await self.catalogue.savepoints(job):
                if one.stops and one.engine_id == wish.engine_id and await self._may_join(one):
                    return one.wish
            await self.catalogue.savepoint_wanted(wish)
        return wish

    async def _may_join(self, one: Savepoint) -> bool:
        """Whether a stop is under way, or has just ended its run."""
        if one.state == "requested":
            return True
        return one.state == "completed" and await self._has_ended(one.wish.engine_id)


def _need_running(job: ClusterJob) -> None:
    """A savepoint needs a run whose tasks all run, in streaming mode."""
    if job.kind == "batch":
        raise WrongState(
            f'job "{job.job_name}" runs in batch mode, where there are no savepoints',
            hint="stop it without one, or run it with 'execution.runtime-mode' = 'streaming'",
        )
    if job.status is not Status.RUNNING or job.engine_id is None:
        why = f": {job.error}" if job.error else ""
        raise WrongState(
            f'job "{job.job_name}" is {job.status}{why}; a savepoint needs a running job',
            hint="look at it with: SHOW JOBS EXTENDED",
        )
