"""Where a run of a job begins: at a savepoint that was named, or where the last run stopped."""

from __future__ import annotations

from typing import NamedTuple

from tailrace.db.connection import Row
from tailrace.engines.base import Restore
from tailrace.engines.flink import disk
from tailrace.engines.flink.engine import FlinkEngine
from tailrace.errors import NotFound, WrongState
from tailrace.jobs.cluster.catalogue import Catalogue
from tailrace.jobs.cluster.model import ClusterJob, Savepoint


class Beginning(NamedTuple):
    """Where a run begins (None: anew), the savepoint that this is, and what is to be said of it."""

    restore: Restore | None
    savepoint: Savepoint | None = None
    remarks: tuple[str, ...] = ()

    def instead_of(self, tried: Tried | None, name: str) -> Beginning:
        """The same, where the last start, which did not come to run, was from somewhere else."""
        path = self.restore.path if self.restore else None
        if tried is None or tried.path == path:
            return self
        where = "begins anew" if path is None else f'goes on at "{path}"'
        remark = f'job "{name}" {where}: its last start, from "{tried.path}", {tried.outcome}'
        return self._replace(remarks=(*self.remarks, remark))


class Tried(NamedTuple):
    """A savepoint from which a job was started, as far as is known in vain."""

    path: str
    is_forgotten: bool

    @property
    def outcome(self) -> str:
        """What became of that start."""
        if self.is_forgotten:
            return "was not seen to run, and the cluster has forgotten it"
        return "did not come to run"


class Restoring:
    """Finds and checks what a run is to begin at."""

    def __init__(self, engine: FlinkEngine, catalogue: Catalogue) -> None:
        self._engine = engine
        self._catalogue = catalogue

    async def named(self, path: str, claim: bool, savepoints: list[Savepoint]) -> Beginning:
        """Check a savepoint that somebody has named."""
        wanted = disk.canonical(path)
        found = next((one for one in savepoints if one.path == wanted), None)
        if found is not None and found.state in ("dropping", "lost"):
            raise WrongState(
                f'savepoint "{wanted}" is {found.state}', hint="list them with: SHOW SAVEPOINTS"
            )
        if await disk.is_there(wanted) is False:
            raise NotFound(
                f'there is no savepoint at "{wanted}"', hint="list them with: SHOW SAVEPOINTS"
            )
        if claim:
            for other in await self._catalogue.restored_from(wanted):
                raise WrongState(
                    f'savepoint "{wanted}" cannot be claimed: job "{other.job_name}" was restored '
                    "from it and runs",
                    hint="use NO_CLAIM",
                )
        return Beginning(Restore(wanted, claim), found)

    async def where_it_stopped(self, job: ClusterJob, savepoints: list[Savepoint]) -> Beginning:
        """Where the last run that really ran has come to, as far as it has left an image of that.

        A run that was refused, or failed before it worked, has changed nothing, and is passed over.
        """
        tried: Tried | None = None
        for run in await self._catalogue.runs(job):
            found = await self._left_by(run, savepoints, job.job_name)
            has_run = found is not None or await self._has_run(run)
            if found is None and has_run:
                found = await self._back(run, job.job_name)
            if found is not None:
                return found.instead_of(tried, job.job_name)
            if tried is None and run.restored_from:
                tried = Tried(run.restored_from, has_run is None)
        return Beginning(None, None, (_anew(job.job_name),)).instead_of(tried, job.job_name)

    async def _has_run(self, run: Row) -> bool | None:
        """Whether a run has ever worked, be it unseen; None: nobody can tell any more."""
        if run.has_run or run.engine_id is None:
            return bool(run.has_run)
        worked = await self._engine.has_run(run.engine_id)
        if worked:
            await self._catalogue.note_ran(run.engine_id)
        return worked

    async def _left_by(self, run: Row, savepoints: list[Savepoint], name: str) -> Beginning | None:
        """The newest image that a run has left: the one that it ended with, or what there is."""
        if run.engine_id is None:
            return None
        own = [
            (at, one)
            for one in savepoints
            if one.engine_id == run.engine_id and (at := await _moment(one)) is not None
        ]
        ended = await self._engine.ended_with(run.engine_id)
        if ended is not None and await disk.is_there(ended) is not False:
            return Beginning(Restore(ended), next((s for _, s in own if s.path == ended), None))
        checkpoint = await self._engine.newest_checkpoint(run.engine_id, run.checkpoint)
        if own:
            at, saved = max(own, key=lambda pair: pair[0])
            if checkpoint is None or await _is_newer(saved, at, checkpoint):
                assert saved.path is not None
                remark = (
                    f'job "{name}" has left no checkpoint: it goes back to savepoint '
                    f'"{saved.path}", after which it ran on'
                )
                said = checkpoint is None and not saved.stops
                return Beginning(Restore(saved.path), saved, (remark,) if said else ())
        if checkpoint is not None:  # its own: the new run removes it when it has a newer one
            return Beginning(Restore(checkpoint, claim=True))
        return None

    async def _back(self, run: Row, name: str) -> Beginning:
        """Where a run began that ran, and has left nothing."""
        began = run.restored_from
        if began is None or await disk.is_there(began) is False:
            return Beginning(None, None, (_anew(name),))
        remark = (
            f'job "{name}" has left neither savepoint nor checkpoint: it goes back to "{began}", '
            "where its last run began"
        )
        return Beginning(Restore(began), None, (remark,))


def _anew(name: str) -> str:
    return f'job "{name}" left neither savepoint nor checkpoint: it begins anew'


async def _moment(one: Savepoint) -> float | None:
    """When a savepoint was complete; None: it cannot be used."""
    if one.path is None or one.state not in ("completed", "foreign", "claimed"):
        return None
    if await disk.is_there(one.path) is False:
        return None
    return await disk.made_at(one.path) or one.made_at.timestamp()


async def _is_newer(saved: Savepoint, at: float, checkpoint: str) -> bool:
    """Whether a savepoint was made after a checkpoint of the same run."""
    other = await disk.made_at(checkpoint)
    return saved.stops if other is None else at > other
