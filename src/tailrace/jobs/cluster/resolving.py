"""Making catalogue and cluster agree: what became of wishes, and what lies on disk.

Every statement about a job begins here, so it decides on what is so now: what nobody is at any more
is settled first (``settled``). Anybody may do this at any time, several at once too: each step
finds out what is so and writes that down, in moves that the catalogue allows from either side. What
a living process is at (it holds the lock of the wish) is left to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from tailrace.engines.base import Made, new_id
from tailrace.engines.flink import disk
from tailrace.engines.flink.engine import FlinkEngine
from tailrace.engines.flink.http import Unanswered
from tailrace.errors import EngineError, NotFound, TailraceError, WrongState
from tailrace.faults import reach
from tailrace.jobs.cluster.catalogue import Catalogue
from tailrace.jobs.cluster.model import ClusterJob, Savepoint
from tailrace.jobs.model import Status

# A request that was given up may be carried out so much later.
_LATEST = timedelta(days=1)
# So long a cluster with high availability may take to bring its jobs back.
RECOVERED_WITHIN = timedelta(seconds=60)
_NEVER = "it never reached the cluster: whoever asked for it died, or gave up, before"

SAVEPOINT_DIRECTORIES = (
    "state.savepoints.dir",
    "execution.checkpointing.savepoint-dir",
)


class Resolver:
    """Looks at one cluster and settles what is unsettled, of one job or of all."""

    def __init__(
        self, engine: FlinkEngine, catalogue: Catalogue, directory: str | None = None
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._directory = directory

    async def look(self, errors: dict[str, str] | None = None) -> list[ClusterJob]:
        """Ask the cluster, and write down what has changed; raises where it does not answer."""
        asked = asyncio.get_running_loop().time()
        runs = await self._engine.runs()
        age = asyncio.get_running_loop().time() - asked
        return await self._catalogue.observe(runs, age, errors)

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
        except Unanswered:
            job = await self._catalogue.find(name)
            if job.is_unseen:  # whether it runs, only the cluster knows
                raise
            return job  # what is to be done will say that again
        job = await self._catalogue.find(name)
        if await self._wishes([job], stopping=stopping):
            await self.look()
            return await self._catalogue.find(name)
        return job

    async def resolve(self) -> tuple[str, ...]:
        """Settle what can be settled; returns what makes the outcome doubtful."""
        remarks: tuple[str, ...] = ()
        try:
            jobs = await self.look()
            if await self._wishes(jobs, orphans=True):
                jobs = await self.look()
            await self._checkpoints(jobs)
        except Unanswered as error:
            remarks = (f"as last seen: {error.message}",)
        await self._disk()
        return remarks

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
                changed |= await self._run(job)
        only = jobs[0] if len(jobs) == 1 and not orphans else None
        ids = {job.job_id for job in jobs}
        for one in await self._catalogue.savepoints(only) if jobs or orphans else ():
            if orphans or one.job_id in ids:
                changed |= await self._savepoint(one)
        for job in jobs:
            if job.is_to_end and not stopping:
                changed |= await self._stop(job)
        if jobs or orphans:
            await self._catalogue.settle_claims()
        return changed

    async def _run(self, job: ClusterJob) -> bool:
        """A run that nobody has an answer for, and that nobody is waiting for any more."""
        async with self._catalogue.at_work(job.run_id) as mine:
            if not mine:
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
            await self._write_down(one, made)
        return made.settled

    async def _write_down(self, one: Savepoint, made: Made) -> None:
        try:
            await self._catalogue.savepoint_settled(one.savepoint_id, made)
        except WrongState:
            pass  # somebody else has found out first, and more has happened since

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
        """Have a run end where it is, and write that down first; False: somebody is at it."""
        async with self._catalogue.at_work(_stop_of(job)) as mine:
            if mine:
                await self._catalogue.want_stop(job, "canceled")
                await reach("flink.stop.written")
                await self._end(job)
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
        path = await self._engine.newest_checkpoint(job.engine_id, None)
        if path is not None:
            await self._catalogue.note_checkpoint(job.engine_id, path)
        if job.is_foreign:  # ours write into tables; this may be somebody's query
            await self._engine.opened(job.engine_id)
        await self._engine.stop(job.engine_id)

    # ------------------------------------------------------------ what is left behind

    async def _checkpoints(self, jobs: Sequence[ClusterJob]) -> None:
        """Remember the newest checkpoint of each run: the cluster may forget the run any time."""
        for one in jobs:
            if one.engine_id and one.status is Status.RUNNING and not one.is_foreign:
                path = await self._engine.newest_checkpoint(one.engine_id, one.checkpoint)
                if path is not None and path != one.checkpoint:
                    await self._catalogue.note_checkpoint(one.engine_id, path)

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

    # ------------------------------------------------------------ disk

    async def _disk(self) -> None:
        """Compare the records with what is there."""
        for one in await self._catalogue.savepoints():
            if one.path is None or one.state in ("requested", "dropping"):
                continue
            there = await disk.is_there(one.path)
            state = _next_state(one, there)
            if state == "dropped":
                await self._engine.tidy(one.path)
            if state is not None:
                try:
                    await self._catalogue.move(one.savepoint_id, state)
                except WrongState:
                    pass  # somebody was quicker
        await self._late_ones()
        await self.survey()

    async def _late_ones(self) -> None:
        """Savepoints that were given up, and were made all the same."""
        since = datetime.now(UTC) - _LATEST
        for one in await self._catalogue.savepoints(all_of_them=True):
            if one.state == "failed" and one.directory and one.asked_at > since:
                made = await disk.made_in(one.directory)
                if made is not None:
                    await self._write_down(one, Made(made.path, size=made.size))

    async def survey(self) -> None:
        """List savepoints that lie where savepoints go and that nobody has written down."""
        try:
            root = await self.savepoint_directory()
        except TailraceError:
            return
        found = await disk.survey(root)
        if found:
            await self._catalogue.found([(new_id(), one) for one in found])

    async def savepoint_directory(self) -> str:
        """Where savepoints go: as the session says, else as the cluster does."""
        if self._directory:
            return self._directory
        settings = await self._engine.manager.settings()
        given = [settings[key] for key in SAVEPOINT_DIRECTORIES if settings.get(key)]
        found = given[-1] if given else None
        if found is None:
            raise EngineError(
                "neither the cluster nor this session has a directory for savepoints",
                hint="SET 'state.savepoints.dir' = 'file:///…'",
            )
        return found


def _stop_of(job: ClusterJob) -> str:
    """The name of the wish that a run ends."""
    return f"stop {job.run_id}"


def _next_state(one: Savepoint, there: bool | None) -> str | None:
    """What a savepoint becomes by what the disk says; None: it stays what it is."""
    if there is False and one.state in ("completed", "foreign"):
        return "lost"
    if there is False and one.state == "claimed":
        return "dropped"  # its job has a newer image and has removed it
    if there and one.state == "lost":
        return "completed" if one.directory else "foreign"
    return None
