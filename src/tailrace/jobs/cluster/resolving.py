"""Making catalogue and cluster agree: what became of wishes, of runs and of stops.

Every statement about a job begins here, so it decides on what is so now: what nobody is at any more
is settled first (``settled``). Anybody may do this at any time, several at once too: each step
finds out what is so and writes that down, in moves that the catalogue allows from either side. What
a living process is at (it holds the lock of the wish) is left to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tailrace.db.connection import Row
from tailrace.engines.base import Run
from tailrace.engines.flink.engine import FlinkEngine
from tailrace.engines.flink.http import Unanswered
from tailrace.errors import EngineError, NotFound, TailraceError, Unsupported, WrongState
from tailrace.faults import reach
from tailrace.jobs.cluster.catalogue import Catalogue
from tailrace.jobs.cluster.files import Files
from tailrace.jobs.cluster.model import ClusterJob, Savepoint
from tailrace.jobs.model import Status

# So long a cluster with high availability may take to bring its jobs back.
RECOVERED_WITHIN = timedelta(seconds=60)
_NEVER = "it never reached the cluster: whoever asked for it died, or gave up, before"
# What a cluster, or a proxy before it, answers about a single job; the others are no worse for it.
_REFUSED = (EngineError, NotFound, Unsupported, WrongState)


class Sight(NamedTuple):
    """What a cluster has said of its runs; ``asked``: when it was asked, by the loop's clock."""

    runs: list[Run]
    asked: float


async def see(engine: FlinkEngine) -> Sight:
    """Ask a cluster for its runs; raises where it does not answer."""
    asked = asyncio.get_running_loop().time()
    return Sight(await engine.runs(), asked)


class Resolved(NamedTuple):
    """What makes the outcome doubtful, and why the cluster has not answered, if it has not."""

    remarks: tuple[str, ...]
    silence: Unanswered | None = None


class Resolver:
    """Looks at one cluster and settles what is unsettled, of one job or of all.

    ``first`` is the first look, which has begun already: the cluster answers it while the database
    is asked for something else. ``remarks`` tell what of single jobs could not be settled, for
    whoever shows them.
    """

    def __init__(
        self,
        engine: FlinkEngine,
        catalogue: Catalogue,
        directory: str | None = None,
        first: Awaitable[Sight] | None = None,
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self.files = Files(engine, catalogue, directory)
        self._first = first
        self.remarks: tuple[str, ...] = ()
        self._unlisted: list[str] = []

    async def look(self, errors: dict[str, str] | None = None) -> list[ClusterJob]:
        """Ask the cluster, and write down what has changed; raises where it does not answer."""
        first, self._first = self._first, None
        seen = await (first or see(self._engine))
        age = asyncio.get_running_loop().time() - seen.asked
        jobs = await self._catalogue.observe(seen.runs, age, errors)
        listed = {job.engine_id for job in jobs}
        self._unlisted = [
            run.engine_id for run in seen.runs if not run.end and run.engine_id not in listed
        ]
        return jobs

    async def jobs(self) -> list[ClusterJob]:
        """All jobs as they are now, newest first; raises where the cluster does not answer."""
        jobs = await self.look()
        if await self._wishes([one for one in jobs if one.is_unsettled]):
            jobs = await self.look()
        return jobs

    async def settled(self, name: str, *, stopping: bool = False) -> ClusterJob:
        """The job that is meant, as it is now, when what was wished of it before has come about.

        ``stopping``: whoever asks decides anew how it is to end.
        """
        try:
            await self.look()
        except Unanswered as silence:
            job = await self.find(name, silence)
            if job.is_unseen:  # whether it runs, only the cluster knows
                raise
            return job  # what is to be done will say that again
        job = await self._catalogue.find(name)
        if await self._wishes([job], stopping=stopping):
            await self.look()
            return await self._catalogue.find(name)
        return job

    async def find(self, name: str, silence: Unanswered | None) -> ClusterJob:
        """The job that is meant; of what we do not know a silent cluster could have told."""
        try:
            return await self._catalogue.find(name)
        except NotFound:
            if silence is not None:
                raise silence from None
            raise

    async def resolve(self) -> Resolved:
        """Settle what can be settled; returns what makes the outcome doubtful."""
        remarks: tuple[str, ...] = ()
        silence: Unanswered | None = None
        try:
            jobs = await self.look()
            changed = await self._wishes(jobs, orphans=True)
            if await self.strays() or changed:
                jobs = await self.look()
            await self._checkpoints(jobs)
        except Unanswered as error:
            silence, remarks = error, (f"as last seen: {error.message}",)
        await self.files.compare()
        return Resolved((*self.remarks, *remarks), silence)

    async def is_recovering(self, job: ClusterJob) -> bool:
        """Whether a cluster with high availability may yet bring back what it has lost."""
        if job.status is not Status.SUSPENDED or job.end_time is None:
            return False
        settings = await self._engine.manager.settings()
        kept = settings.get("high-availability.type", settings.get("high-availability", "none"))
        lost = datetime.now(UTC) - job.end_time
        return kept.lower() != "none" and lost < RECOVERED_WITHIN

    # ------------------------------------------------------------ wishes

    async def _wishes(
        self, jobs: Sequence[ClusterJob], *, stopping: bool = False, orphans: bool = False
    ) -> bool:
        """Settle what was wished of these jobs; say whether anything has changed.

        ``orphans``: also savepoints whose job is forgotten.
        """
        changed = False
        for job in jobs:
            if job.is_unseen:
                changed |= await self._each(job.job_name, self._run(job))
        only = jobs[0] if len(jobs) == 1 and not orphans else None
        ids = {job.job_id for job in jobs}
        for one in await self._catalogue.savepoints(only) if jobs or orphans else ():
            if orphans or one.job_id in ids:
                changed |= await self._each(one.job_name, self._savepoint(one))
        for job in jobs:
            if job.is_to_end and not stopping:
                changed |= await self._each(job.job_name, self._stop(job))
        if jobs or orphans:
            await self._catalogue.settle_claims()
        return changed

    async def strays(self) -> bool:
        """Cancel runs that came when all had been given up, and that nobody wants any more.

        For statements that show ``remarks``: what was done without being asked must be told.
        """
        changed = False
        for one in await self._catalogue.strays(self._unlisted) if self._unlisted else ():
            changed |= await self._each(one.job_name, self._stray(one))
        return changed

    async def _stray(self, one: Row) -> bool:
        await self._engine.stop(one.engine_id)
        since = "dropped" if one.is_dropped else "started from somewhere else"
        late = f'a run of job "{one.job_name}" came late, when that had been {since}'
        self._remark(f"{late}, and was cancelled")
        return True

    async def _each(self, name: str | None, step: Awaitable[bool]) -> bool:
        """A step about one job; an answer that keeps it from being settled keeps no other."""
        try:
            return await step
        except _REFUSED as error:
            self._remark(f'what was wished of job "{name}" is not settled: {error.message}')
            return False

    def _remark(self, text: str) -> None:
        self.remarks = tuple(dict.fromkeys((*self.remarks, text)))

    async def _run(self, job: ClusterJob) -> bool:
        """A run that nobody has an answer for, and that nobody is waiting for any more."""
        async with self._catalogue.at_work(job.run_id) as mine:
            now = await self._catalogue.find(job.job_id) if mine else None
            if now is None or not now.is_unseen or now.run_id != job.run_id:
                return False
            engine_id = await self._engine.find(job.run_id)
            await reach("flink.resolve.run")
            if engine_id is None:
                await self._catalogue.run_refused(job.run_id, _NEVER)
            else:
                await self._catalogue.run_submitted(job.run_id, engine_id)
            return True

    async def _savepoint(self, one: Savepoint) -> bool:
        if one.state not in ("requested", "dropping"):
            return False
        async with self._catalogue.at_work(one.savepoint_id) as mine:
            if mine and one.state == "requested":
                return await self._settle(one)
            if mine:
                await self._try_drop(one)
            return mine

    async def _settle(self, one: Savepoint) -> bool:
        made = await self._engine.settle(one.wish)
        await reach("flink.resolve.savepoint")
        if made.settled:
            await self.files.write_down(one, made)
        return made.settled

    async def ending(self, job: ClusterJob) -> bool:
        """Whether savepoints of a run that has ended are still being completed; settles others.

        Whoever has asked for one may live; since nothing can be asked of that run any more, what
        the cluster says of it is all there will be.
        """
        left = False
        for one in await self._catalogue.savepoints(job):
            if one.state == "requested" and one.engine_id == job.engine_id:
                left |= not await self._settle(one)
        return left

    # ------------------------------------------------------------ stops

    async def stop(self, job: ClusterJob) -> bool:
        """Have a run end where it is, and write that down first; False: somebody is at it.

        The wish lasts once the cluster has taken it, or when we die; otherwise it is taken back. An
        answer that was lost may have been a yes: then the run ends, and is seen to have ended.
        """
        async with self._catalogue.at_work(_stop_of(job)) as mine:
            if mine:
                try:
                    await self._catalogue.want_stop(job, "canceled")
                    await reach("flink.stop.written")
                    await self._end(job)
                except BaseException:  # who gave the statement hears of it, and nobody goes on
                    await self._catalogue.keep(job)
                    raise
            return mine

    async def _stop(self, job: ClusterJob) -> bool:
        """Carry out a stop whose wish somebody has left behind."""
        async with self._catalogue.at_work(_stop_of(job)) as mine:
            if not mine:
                return False
            now = await self._catalogue.find(job.job_id)
            if not now.is_to_end or now.run_id != job.run_id or await self._ends_itself(now):
                return False
            if now.status is not Status.SUSPENDED:
                with suppress(NotFound):  # the cluster has lost it just now
                    await self._end(now)
            elif await self.is_recovering(now):
                return False
            else:
                await self._catalogue.cancel_lost(now)
            return True

    async def _ends_itself(self, job: ClusterJob) -> bool:
        """Whether the stop that is wished is one with a savepoint, which the cluster sees to."""
        return any(
            one.stops and one.engine_id == job.engine_id and one.state != "failed"
            for one in await self._catalogue.savepoints(job, all_of_them=True)
        )

    async def _end(self, job: ClusterJob) -> None:
        if job.engine_id is None:
            return  # somebody is about to submit it, and has the word
        await self._checkpoint(job.engine_id, None)
        if job.is_foreign:  # ours write into tables; this may be somebody's query
            await self._engine.opened(job.engine_id)
        await self._engine.stop(job.engine_id)

    # ------------------------------------------------------------ what is left behind

    async def _checkpoints(self, jobs: Sequence[ClusterJob]) -> None:
        """Remember the newest checkpoint of each run: the cluster may forget the run any time."""
        for one in jobs:
            if one.engine_id and one.status is Status.RUNNING and not one.is_foreign:
                await self._each(one.job_name, self._checkpoint(one.engine_id, one.checkpoint))

    async def _checkpoint(self, engine_id: str, known: str | None) -> bool:
        path = await self._engine.newest_checkpoint(engine_id, known)
        if path is None or path == known:
            return False
        await self._catalogue.note_checkpoint(engine_id, path)
        return True

    async def _try_drop(self, one: Savepoint) -> None:
        try:
            await self.finish_drop(one)
        except TailraceError:
            pass  # its record says so now

    async def finish_drop(self, one: Savepoint) -> None:
        """Remove the files of a savepoint that is being dropped, and then its record."""
        assert one.path is not None
        try:
            await self._engine.drop_savepoint(one.path)
        except (EngineError, NotFound) as error:
            await self._catalogue.move(one.savepoint_id, "completed", error=error.message)
            raise
        await reach("flink.drop.done")
        await self._catalogue.move(one.savepoint_id, "dropped")


def _stop_of(job: ClusterJob) -> str:
    """The name of the wish that a run ends."""
    return f"stop {job.run_id}"
