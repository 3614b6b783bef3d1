"""One database of a run: the services that its nodes need, kept up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from tailrace import log
from tailrace.app.hearing import Ears
from tailrace.app.options import Options
from tailrace.cascade.follower import Follower
from tailrace.cascade.provider import Hear
from tailrace.cascade.seated import SeatedConsumer
from tailrace.cascade.worker import NodeWorker
from tailrace.db import locks, schema
from tailrace.db.connection import Database
from tailrace.db.dsn import label
from tailrace.db.queries import load
from tailrace.engines.postgres.sqljob import SqlJobConsumer
from tailrace.errors import TailraceError
from tailrace.jobs import stopping
from tailrace.jobs.cluster.service import Clusters
from tailrace.jobs.savepoints.housekeeping import Limits
from tailrace.jobs.savepoints.restore import restore
from tailrace.jobs.savepoints.service import Savepoints
from tailrace.queue.maintenance import Maintenance
from tailrace.queue.ticker import Ticker
from tailrace.replication.consumer import ApplyingConsumer
from tailrace.replication.copy import CopyService
from tailrace.service import Loop, Service, Supervisor

queries = load("tailrace")
_logger = log.get("run")

# The database is its only node; there is nobody to tell how far anybody is.
LOCAL_QUEUE = "tailrace.local"


class _Tracked:
    """A service whose end is noted, so that it can be started again when its node comes back."""

    def __init__(self, service: Service, ended: Callable[[], None]) -> None:
        self.name = service.name
        self.service = service
        self._ended = ended

    async def run(self) -> None:
        """Run the service."""
        try:
            await self.service.run()
        finally:
            self._ended()

    def request_stop(self) -> None:
        """Ask the service to end."""
        self.service.request_stop()


class ServedDatabase:
    """One database: what runs for it, kept up to date as nodes come and go."""

    def __init__(self, dsn: str, options: Options, supervisor: Supervisor, ears: Ears) -> None:
        self.dsn = dsn
        self.at_work: dict[str, SeatedConsumer] = {}
        self.copies: dict[str, CopyService] = {}
        self._options = options
        self._supervisor = supervisor
        self._hear: Hear = ears.hear
        self._running: set[str] = set()
        self._checked = False
        self._db: Database | None = None

    def start(self) -> None:
        """Run what every database needs; the rest follows from looking into it."""
        options = self._options
        self._supervisor.add(
            Ticker(self.dsn, period=options.tick_period, runner_timeout=options.runner_timeout)
        )
        self._supervisor.add(Maintenance(self.dsn))
        limits = Limits(options.savepoints_keep, options.savepoints_max_age)
        self._supervisor.add(Clusters(self.dsn, limits=limits))
        self._supervisor.add(
            Savepoints(
                self.dsn,
                limits=limits,
                poll=options.poll,
                hear=self._hear,
            )
        )
        self._supervisor.add(
            Loop(
                f"discovery {label(self.dsn)}",
                self.discover,
                patient=True,
                poll_min=self._options.discovery_period,
                poll_max=self._options.discovery_period,
                backoff_max=3.0,
                on_error=self._dropped,
                on_stop=self.close,
            )
        )

    async def _connected(self) -> Database:
        if self._db is None or self._db.closed:
            self._db = await Database.connect(self.dsn, name="run")
            # asked something every second: by this others know that we are alive
            await locks.mark(self._db)
        return self._db

    async def check(self, digests: Mapping[str, str] | None = None) -> None:
        """Raise what would keep this database from being served, such as schemas of old."""
        db = await self._connected()
        await schema.require(db, wanted=digests)
        await self._look_for_queue(db)
        self._checked = True

    async def _look_for_queue(self, db: Database) -> None:
        """Say it at once when the only queue that is to be served has no node here."""
        wanted = self._options.queue
        rows = await db.fetch_all(queries.nodes_served)
        names = [row.queue_name for row in rows if row.queue_name != LOCAL_QUEUE]
        if wanted not in (None, LOCAL_QUEUE, *names):
            there = f"it is one of: {', '.join(names)}" if names else "nor of any other"
            _logger.warning(
                'database "%s" is no node of queue "%s", %s; until it is, no worker runs for it',
                db.dbname, wanted, there,
            )  # fmt: skip

    async def nodes(self, db: Database) -> list[Any]:
        """The nodes in this database that are served."""
        rows = await db.fetch_all(queries.nodes_served)
        wanted = self._options.queue
        return [row for row in rows if wanted is None or row.queue_name in (wanted, LOCAL_QUEUE)]

    async def discover(self) -> bool:
        """Start what the nodes here need and does not run yet; stop jobs that are asked to stop."""
        if not self._checked:  # it did not answer when we began
            await self.check()
        db = await self._connected()
        for node in await self.nodes(db):
            for key, make in self._wanted(node):
                if key not in self._running:
                    self._start(key, make())
            if node.has_stopping:
                await stopping.carry_out(db, node.queue_name)
            if node.has_leaving:
                await stopping.take_leave(db)
        return False

    def _wanted(self, node: Any) -> Iterator[tuple[str, Callable[[], Service]]]:
        queue = node.queue_name
        if node.node_type == "leaf":
            # a service ends when its node gets other duties, and the next look starts the other
            kind, make = (
                ("follower", self._follower)
                if node.combined_type == "branch"
                else ("leaf", self._applying)
            )
            yield f"{queue}/{node.worker_name}/{kind}", lambda: make(queue, node.worker_name)
        elif queue != LOCAL_QUEUE:
            yield f"{queue}/{node.worker_name}", lambda: self._worker(queue, node.worker_name)
        for job in node.sql_jobs:
            yield f"{queue}/{job}", partial(self._sql_job, queue, job)
        for job in node.exports:
            yield f"{queue}/{job}", partial(self._export, queue, job)
        for job in node.imports:
            yield f"{queue}/{job}", partial(self._import, queue, job)
        if node.applies:
            name = f"{node.node_name}.apply"
            yield f"{queue}/{name}", lambda: self._applying(queue, name)
        if node.node_type != "root":
            yield f"{queue}/copies", lambda: self._copies(queue)

    def _start(self, key: str, service: Service) -> None:
        self._running.add(key)
        if isinstance(service, SeatedConsumer):
            self.at_work[key] = service

        def ended() -> None:
            self._running.discard(key)
            self.at_work.pop(key, None)

        self._supervisor.add(_Tracked(service, ended))

    def _settings(self) -> dict[str, Any]:
        """What every consumer is told."""
        options = self._options
        return {
            "hear": self._hear,
            "poll": options.poll,
            "local_watermark_period": options.local_watermark_period,
            "global_watermark_period": options.global_watermark_period,
            "runner_timeout": options.runner_timeout,
            "restore": restore,
        }

    def _worker(self, queue: str, consumer: str) -> SeatedConsumer:
        return NodeWorker(self.dsn, queue, consumer, **self._settings())

    def _follower(self, queue: str, consumer: str) -> SeatedConsumer:
        return Follower(self.dsn, queue, consumer, **self._settings())

    def _applying(self, queue: str, consumer: str) -> SeatedConsumer:
        return ApplyingConsumer(
            self.dsn, queue, consumer, strict=self._options.strict, **self._settings()
        )

    def _sql_job(self, queue: str, consumer: str) -> SeatedConsumer:
        return SqlJobConsumer(self.dsn, queue, consumer, **self._settings())

    def _export(self, queue: str, consumer: str) -> SeatedConsumer:
        from tailrace.bridge.export.consumer import ExportConsumer

        return ExportConsumer(self.dsn, queue, consumer, **self._settings())

    def _import(self, queue: str, consumer: str) -> SeatedConsumer:
        from tailrace.bridge.importing import ImportConsumer

        return ImportConsumer(self.dsn, queue, consumer, **self._settings())

    def has_loaded(self, consumer: str) -> bool:
        """Whether an import that runs here has loaded all files that it has seen."""
        found = self.at_work.get(f"{LOCAL_QUEUE}/{consumer}")
        return found is not None and found.idle

    def _copies(self, queue: str) -> Loop:
        service = self.copies[queue] = CopyService(
            self.dsn, queue, runner_timeout=self._options.runner_timeout
        )

        async def put_away(_: TailraceError | None = None) -> None:
            await service.close()

        return Loop(
            f"{queue}/copies {label(self.dsn)}",
            service.run_once,
            patient=True,
            poll_min=0.2,
            poll_max=1.0,
            interruptible=True,
            on_error=put_away,
            on_stop=put_away,
        )

    async def _dropped(self, _: TailraceError) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection for questions."""
        db, self._db = self._db, None
        if db is not None:
            await db.close()
