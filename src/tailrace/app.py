"""``tailrace run``: which services run for which databases, and when all is done.

Every database that is served gets a ticker and maintenance; every node in it its worker, a branch
with tables its applying consumer, a node with tables to copy the service that copies them. Nodes
come and go while this runs, so each database is looked through again every few seconds. Any number
of runners may serve the same database: locks choose one for each service, epochs make sure of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from tailrace import log
from tailrace.cascade.node import find_root, need_node
from tailrace.cascade.provider import Hear
from tailrace.cascade.worker import NodeWorker
from tailrace.db.connection import Database
from tailrace.db.listen import Listener
from tailrace.db.queries import load
from tailrace.errors import SchemaMissing, TailraceError, WrongState
from tailrace.queue.maintenance import Maintenance
from tailrace.queue.ticker import Ticker
from tailrace.replication.consumer import ApplyingConsumer
from tailrace.replication.copy import CopyService
from tailrace.service import Loop, Service, Supervisor, together

queries = load("tailrace")
node_queries = load("pgq_node")
_logger = log.get("run")

# How often a service may fail in a row before --until-idle gives the run up.
PATIENCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How services run; the names are those of the settings."""

    queue: str | None = None
    """Serve the nodes of this queue only."""
    poll: float = 1.0
    local_watermark_period: float = 300.0
    global_watermark_period: float = 300.0
    strict: bool = False
    tick_period: float = 0.003
    discovery_period: float = 1.0
    grace: float = 30.0


async def run(
    databases: Sequence[str],
    *,
    until_idle: bool = False,
    options: Options | None = None,
    signals: bool = True,
    started: Callable[[], None] | None = None,
) -> None:
    """Serve databases until a signal ends it, or until everything is done (``until_idle``).

    A database that cannot be served now is an error; one that is lost later is waited for.
    """
    runner = Runner(databases, options or Options(), signals=signals)
    await runner.check()
    if started is not None:
        started()
    await runner.run(until_idle=until_idle)


class Runner:
    """All services of one process."""

    def __init__(self, databases: Sequence[str], options: Options, *, signals: bool = True) -> None:
        self._options = options
        self._supervisor = Supervisor(grace=options.grace, signals=signals)
        self._ears = Ears(self._supervisor)
        self.served = [
            ServedDatabase(dsn, options, self._supervisor, self._ears)
            for dsn in dict.fromkeys(databases)
        ]

    async def check(self) -> None:
        """Look at each database once, so that a wrong address or a missing schema ends the run."""
        try:
            await together(*(one.check() for one in self.served))
        except BaseException:
            await together(*(one.close() for one in self.served))
            raise

    async def run(self, *, until_idle: bool) -> None:
        """Run until told to stop, or until idle."""
        for one in self.served:
            one.start()
        idleness = Idleness(self.served, self._supervisor)
        if until_idle:
            self._supervisor.add(idleness)
        await self._supervisor.run()
        if idleness.problem is not None:
            raise idleness.problem

    def stop(self) -> None:
        """End all services in order."""
        self._supervisor.stop()


class Ears:
    """One listening connection for each database that somebody reads from."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._listeners: dict[str, Listener] = {}

    def hear(self, dsn: str, queue: str, event: asyncio.Event) -> Callable[[], None]:
        """Set the event whenever the queue in that database gets a tick."""
        listener = self._listeners.get(dsn)
        if listener is None:
            listener = self._listeners[dsn] = Listener(dsn)
            self._supervisor.add(_Patient(listener))
        listener.register(queue, event)
        return lambda: listener.unregister(queue, event)


class _Patient:
    """A listener that cannot connect for good (no rights, say) is no reason to end: we poll."""

    def __init__(self, listener: Listener) -> None:
        self.name = listener.name
        self._listener = listener

    async def run(self) -> None:
        """Listen as long as that works."""
        try:
            await self._listener.run()
        except TailraceError as error:
            _logger.warning("not listening, only polling: %s", error)

    def request_stop(self) -> None:
        """End at once."""
        self._listener.request_stop()


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
        self.at_work: dict[str, NodeWorker | ApplyingConsumer | CopyService] = {}
        self.copies: dict[str, CopyService] = {}
        self._options = options
        self._supervisor = supervisor
        self._hear: Hear = ears.hear
        self._running: set[str] = set()
        self._db: Database | None = None

    def start(self) -> None:
        """Run what every database needs; the rest follows from looking into it."""
        self._supervisor.add(Ticker(self.dsn, period=self._options.tick_period))
        self._supervisor.add(Maintenance(self.dsn))
        self._supervisor.add(
            Loop(
                "discovery",
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
        return self._db

    async def check(self) -> None:
        """Raise what would keep this database from being served."""
        db = await self._connected()
        if not await db.fetch_value(node_queries.has_schemas):
            raise SchemaMissing(
                f'database "{db.dbname}" does not have the schemas of tailrace',
                hint="install them with: tailrace install --db DSN",
            )

    async def nodes(self, db: Database) -> list[Any]:
        """The nodes in this database that are served."""
        rows = await db.fetch_all(queries.nodes_served)
        return [row for row in rows if self._options.queue in (None, row.queue_name)]

    async def discover(self) -> bool:
        """Start what the nodes here need and what does not run yet."""
        for node in await self.nodes(await self._connected()):
            for key, make in self._wanted(node):
                if key not in self._running:
                    self._start(key, make())
        return False

    def _wanted(self, node: Any) -> Iterator[tuple[str, Callable[[], Service]]]:
        queue = node.queue_name
        if node.node_type == "leaf":
            yield (
                f"{queue}/{node.worker_name}/leaf",
                lambda: self._applying(queue, node.worker_name),
            )
        else:
            yield f"{queue}/{node.worker_name}", lambda: self._worker(queue, node.worker_name)
        if node.applies:
            name = f"{node.node_name}.apply"
            yield f"{queue}/{name}", lambda: self._applying(queue, name)
        if node.node_type != "root":
            yield f"{queue}/copies", lambda: self._copies(queue)

    def _start(self, key: str, service: Service) -> None:
        self._running.add(key)
        if isinstance(service, NodeWorker | ApplyingConsumer):
            self.at_work[key] = service

        def ended() -> None:
            self._running.discard(key)
            self.at_work.pop(key, None)

        self._supervisor.add(_Tracked(service, ended))

    def _worker(self, queue: str, consumer: str) -> NodeWorker:
        return NodeWorker(
            self.dsn,
            queue,
            consumer,
            hear=self._hear,
            poll=self._options.poll,
            local_watermark_period=self._options.local_watermark_period,
            global_watermark_period=self._options.global_watermark_period,
        )

    def _applying(self, queue: str, consumer: str) -> ApplyingConsumer:
        return ApplyingConsumer(
            self.dsn,
            queue,
            consumer,
            hear=self._hear,
            poll=self._options.poll,
            local_watermark_period=self._options.local_watermark_period,
            strict=self._options.strict,
        )

    def _copies(self, queue: str) -> Loop:
        service = self.copies[queue] = CopyService(self.dsn, queue)

        async def put_away(_: TailraceError | None = None) -> None:
            await service.close()

        return Loop(
            f"{queue}/copies",
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


class Idleness:
    """A service that ends the run when all that had been committed at its start is everywhere."""

    def __init__(self, served: Iterable[ServedDatabase], supervisor: Supervisor) -> None:
        self.name = "until idle"
        self.problem: TailraceError | None = None
        self._served = list(served)
        self._supervisor = supervisor
        self._targets: dict[str, int] | None = None
        self._connections: dict[str, Database] = {}
        self._loop = Loop(
            self.name,
            self.run_once,
            patient=True,
            poll_min=0.05,
            poll_max=0.25,
            on_error=self._note,
            on_stop=self._close,
        )

    async def run(self) -> None:
        """Watch until all is done."""
        await self._loop.run()

    def request_stop(self) -> None:
        """Stop watching."""
        self._loop.request_stop()

    async def run_once(self) -> bool:
        """Compare what there was to do with what is done."""
        if self._targets is None:
            self._targets = await self._find_targets()
        self.problem = self._given_up()
        left = None if self.problem else await self._left()
        if left is not None and self.problem is None:
            _logger.debug("not idle yet: %s", left)
            return False
        if self.problem is None:
            _logger.info("everything that had been committed at the start is done")
        self._loop.request_stop()
        self._supervisor.stop()
        return False

    async def _find_targets(self) -> dict[str, int]:
        """Ask the root of each queue for the tick at which everything is done."""
        targets: dict[str, int] = {}
        for one in self._served:
            db = await self._connected(one)
            for node in await one.nodes(db):
                if node.queue_name not in targets:
                    targets[node.queue_name] = await self._target(db, node.queue_name)
        return targets

    async def _target(self, here: Database, queue: str) -> int:
        async with AsyncExitStack() as stack:
            _, root = await find_root(await need_node(here, queue), here, stack)
            return int(await root.fetch_value(queries.covering_tick, queue=queue))

    def _given_up(self) -> TailraceError | None:
        """A worker, or a copy, that fails again and again will not get idle."""
        for one in self._served:
            for worker in (*one.at_work.values(), *one.copies.values()):
                if worker.failures >= PATIENCE and worker.last_error is not None:
                    return worker.last_error
        return None

    async def _left(self) -> str | None:
        """Name something that is not done yet."""
        for one in self._served:
            db = await self._connected(one)
            for node in await one.nodes(db):
                left = await self._left_of(db, node)
                if left is not None:
                    return left
        return None

    async def _left_of(self, db: Database, node: Any) -> str | None:
        assert self._targets is not None
        queue = node.queue_name
        if queue not in self._targets:
            self._targets[queue] = await self._target(db, queue)
        target = self._targets[queue]
        tables = await db.fetch_all(queries.tables_in_copy, queue=queue)
        if tables:
            return f"table {tables[0].table_name}: is {tables[0].state}"
        if node.node_type == "branch" and await db.fetch_value(queries.lacks_apply, queue=queue):
            return f"node {node.node_name}: has no applying consumer yet"
        for row in await db.fetch_all(queries.unfinished, queue=queue, tick=target):
            if row.paused:
                self.problem = WrongState(
                    f'consumer "{row.consumer_name}" of queue "{queue}" is paused',
                    hint="let it go on with: tailrace resume",
                )
            return f"consumer {row.consumer_name}: is at tick {row.last_tick_id} of {target}"
        return None

    async def _connected(self, one: ServedDatabase) -> Database:
        if one.dsn not in self._connections:
            self._connections[one.dsn] = await Database.connect(one.dsn, name="until idle")
        return self._connections[one.dsn]

    async def _note(self, error: TailraceError) -> None:
        """A root that cannot be asked will not tell when all is done."""
        await self._close()
        if self._loop.failures >= PATIENCE:
            self.problem = error
            self._loop.request_stop()
            self._supervisor.stop()

    async def _close(self) -> None:
        while self._connections:
            await self._connections.popitem()[1].close()
