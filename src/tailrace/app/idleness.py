"""When everything is done: the end of ``tailrace run --until-idle``."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any

from tailrace import log
from tailrace.app.served import LOCAL_QUEUE, ServedDatabase
from tailrace.cascade.node import find_root, need_node
from tailrace.cascade.seated import SeatedConsumer
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import TailraceError, WrongState
from tailrace.replication.copy import CopyService
from tailrace.service import Loop, Supervisor

queries = load("tailrace")
_logger = log.get("run")

# How often a service may fail in a row before --until-idle gives the run up.
PATIENCE = 4


class Idleness:
    """A service that ends the run when all that had been committed at its start is everywhere."""

    def __init__(self, served: Iterable[ServedDatabase], supervisor: Supervisor) -> None:
        self.name = "until idle"
        self.problem: TailraceError | None = None
        self._served = list(served)
        self._supervisor = supervisor
        self._targets: dict[str, int] | None = None
        self._turns: dict[str, int] = {}
        self._chain_targets: dict[str, int] = {}
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
                if node.queue_name not in targets and node.queue_name != LOCAL_QUEUE:
                    targets[node.queue_name] = await self._target(db, node.queue_name)
        return targets

    async def _target(self, here: Database, queue: str) -> int:
        async with AsyncExitStack() as stack:
            _, root = await find_root(await need_node(here, queue), here, stack)
            return int(await root.fetch_value(queries.covering_tick, queue=queue))

    def _given_up(self) -> TailraceError | None:
        """A worker, or a copy, that fails again and again will not get idle."""
        for one in self._served:
            busy: list[SeatedConsumer | CopyService] = [
                *one.at_work.values(),
                *one.copies.values(),
            ]
            for worker in busy:
                if worker.failures >= PATIENCE and worker.last_error is not None:
                    return worker.last_error
        return None

    async def _left(self) -> str | None:
        """Name something that is not done yet."""
        local = []
        for one in self._served:
            db = await self._connected(one)
            for node in await one.nodes(db):
                if node.queue_name == LOCAL_QUEUE:
                    for name in await db.fetch_all(queries.imports_at_work):
                        if not one.has_loaded(name.consumer_name):
                            return f"consumer {name.consumer_name}: there may be files to load"
                    local.append((db, node))
                elif (left := await self._left_of(db, node)) is not None:
                    return left
        for db, node in local:  # what jobs have written by now, job after job
            length = len(node.sql_jobs) + bool(node.exports)  # these come last
            if (left := await self._left_of_chain(db, length)) is not None:
                return left
        return None

    async def _left_of_chain(self, db: Database, length: int) -> str | None:
        """What one job of a chain has done is there to be done by the next."""
        while (turn := self._turns.get(db.dsn, 0)) < length:
            if db.dsn not in self._chain_targets:
                self._chain_targets[db.dsn] = await self._target(db, LOCAL_QUEUE)
            tick = self._chain_targets[db.dsn]
            for row in await db.fetch_all(queries.unfinished, queue=LOCAL_QUEUE, tick=tick):
                return f"consumer {row.consumer_name}: is at tick {row.last_tick_id} of {tick}"
            self._turns[db.dsn] = turn + 1
            del self._chain_targets[db.dsn]
        return None

    async def _left_of(self, db: Database, node: Any) -> str | None:
        assert self._targets is not None
        queue = node.queue_name
        if queue not in self._targets:
            self._targets[queue] = await self._target(db, queue)
        target = self._targets[queue]
        wish = await db.fetch_value(queries.pending_savepoint, queue=queue)
        if wish is not None:
            return str(wish)
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
