"""Where a run of a job begins: at a savepoint that was named, or where the last run stopped."""

from __future__ import annotations

from tailrace.engines.base import Restore
from tailrace.engines.flink import disk
from tailrace.engines.flink.engine import FlinkEngine
from tailrace.errors import NotFound, WrongState
from tailrace.jobs.cluster.catalogue import Catalogue
from tailrace.jobs.cluster.model import ClusterJob, Savepoint


class Restoring:
    """Finds and checks what a run is to begin at."""

    def __init__(self, engine: FlinkEngine, catalogue: Catalogue) -> None:
        self._engine = engine
        self._catalogue = catalogue

    async def named(
        self, path: str, claim: bool, savepoints: list[Savepoint]
    ) -> tuple[Restore, Savepoint | None]:
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
        return Restore(wanted, claim), found

    async def where_it_stopped(
        self, job: ClusterJob, savepoints: list[Savepoint]
    ) -> tuple[Restore | None, Savepoint | None]:
        """The savepoint with which the last run ended, or its newest checkpoint."""
        for one in savepoints:
            mine = one.engine_id == job.engine_id and job.engine_id is not None
            if mine and one.stops and one.path and await disk.is_there(one.path) is not False:
                return Restore(one.path), one
        if job.engine_id is not None:
            path = await self._engine.newest_checkpoint(job.engine_id, job.checkpoint)
            if path is not None:  # its own: the new run removes it when it has a newer one
                return Restore(path, claim=True), None
        if job.restored_from and await disk.is_there(job.restored_from) is not False:
            return Restore(job.restored_from), None
        return None, None
