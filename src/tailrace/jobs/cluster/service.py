"""What a runner does for the jobs on clusters that one database knows, as a service.

It looks every few seconds: so jobs that were started elsewhere appear, those that a cluster has
lost are seen as such, the newest checkpoint of each is known when it is needed, and what a process
left unsettled is settled, whether or not anybody gives a statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tailrace import log
from tailrace.db.connection import Database
from tailrace.db.dsn import label
from tailrace.db.queries import load
from tailrace.errors import TailraceError, Unsupported, WrongState
from tailrace.jobs.savepoints.housekeeping import Limits
from tailrace.service import Loop, background

if TYPE_CHECKING:
    from tailrace.engines.flink.engine import FlinkEngine
    from tailrace.engines.flink.sql import SqlSession
    from tailrace.jobs.cluster.manager import Manager

queries = load("tailrace")
_logger = log.get("clusters")

PERIOD = 10.0


class Clusters:
    """Keeps the catalogue of one database in agreement with the clusters that it names."""

    def __init__(self, dsn: str, *, limits: Limits | None = None, period: float = PERIOD) -> None:
        self.name = f"clusters {label(dsn)}"
        self._dsn = dsn
        self._limits = limits or Limits()
        self._engines: dict[str, FlinkEngine] = {}
        self._said: dict[str, str] = {}
        self._loop = Loop(
            self.name,
            self.run_once,
            patient=True,
            poll_min=period,
            poll_max=period,
            interruptible=True,
            on_stop=self._close,
        )

    async def run(self) -> None:
        """Work until told to stop."""
        await self._loop.run()

    def request_stop(self) -> None:
        """End at once: whatever is left half looked at is looked at again."""
        self._loop.request_stop()

    async def run_once(self) -> bool:
        """Look at every cluster once, over a connection that is not kept: most have none."""
        async with await Database.connect(self._dsn, name="clusters") as db:
            for row in await db.fetch_all(queries.flink_clusters):
                await self._look(db, row.cluster, row.url, has_name=row.has_name)
        return False

    async def _look(self, db: Database, cluster: str, url: str, *, has_name: bool) -> None:
        # Most databases know of no cluster, and all this takes longer to load than the rest.
        from tailrace.jobs.cluster.addresses import known_as
        from tailrace.jobs.cluster.catalogue import Catalogue
        from tailrace.jobs.cluster.manager import Manager
        from tailrace.jobs.cluster.resolving import see

        engine = self._engine(url)
        try:
            async with background(see(engine), name="look") as first:
                # a cluster that has a name leaves its port to others when it ends
                if has_name and await known_as(db, engine, None, first) != cluster:
                    said = f'the Flink cluster at {url} is another one by now than "{cluster}"'
                else:
                    manager = Manager(engine, Catalogue(db, cluster), first=first)
                    remarks, silence = await manager.resolver.resolve()
                    said = "; ".join(remarks)
                    if silence is None:
                        await self._tidy(manager)
        except TailraceError as error:
            said = str(error)
        if said != self._said.get(cluster, ""):
            _logger.warning("%s", said or f"the cluster at {url} answers again, and all is settled")
        self._said[cluster] = said

    async def _tidy(self, manager: Manager) -> None:
        """Drop what the limits do not allow to be kept; what is in use, or not ours, stays."""
        from tailrace.jobs.cluster.savepoints import Savepoints

        keep, age = self._limits.keep, self._limits.max_age
        savepoints = Savepoints(manager)
        for job in await manager.catalogue.jobs():
            try:
                if keep is not None:
                    await savepoints.drop_of(job.job_id, None, keep, ours=True)
                if age is not None:
                    await savepoints.drop_of(job.job_id, f"{age} seconds", None, ours=True)
            except WrongState as error:
                _logger.debug("%s", error)

    def _engine(self, url: str) -> FlinkEngine:
        from tailrace.engines.flink.engine import FlinkEngine
        from tailrace.engines.flink.jobmanager import JobManager

        if url not in self._engines:
            self._engines[url] = FlinkEngine(JobManager(url, timeout=10.0), _no_sql)
        return self._engines[url]

    async def _close(self) -> None:
        for engine in self._engines.values():
            await engine.close()


async def _no_sql(_: Mapping[str, str]) -> SqlSession:
    raise Unsupported("whoever only looks at a cluster submits nothing")
