"""Statements on a Flink cluster beside Flink's own tools on the same cluster.

``flink list`` is what Flink's script of that name runs: one Java process that reads the
configuration, then another one with the command line client. The SQL Gateway cannot be installed
from a package, so its 44 ms for SHOW JOBS in an open session are those that were measured with it
elsewhere. How long the engine itself takes for a savepoint is measured over its REST interface,
asked every few milliseconds.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import Result
from benchmarks.stage import Scale, Stage
from tailrace.db import schema
from tailrace.engines.base import Wish, new_id
from tailrace.engines.flink.home import flink_home, java
from tailrace.engines.flink.jobmanager import JobManager
from tailrace.engines.flink.local import LocalCluster, Running
from tailrace.errors import TailraceError
from tailrace.gateway.dispatch import execute
from tailrace.gateway.results import Answer
from tailrace.gateway.sessions import Session
from tailrace.statements.parser import parse

GATEWAY_SECONDS = 0.044
JOBS = 3
LOOKS = 200
_TABLES = (
    "CREATE TABLE src (a INT, b STRING) WITH ('connector'='datagen','rows-per-second'='20')",
    "CREATE TABLE sink (a INT, n BIGINT) WITH ('connector'='blackhole')",
)
_BODY = "INSERT INTO sink SELECT a, count(*) FROM src GROUP BY a"


async def measure(stage: Stage, scale: Scale) -> list[Result]:
    """Listing jobs cold and warm, and stopping one with a savepoint."""
    async with await stage.database("flink") as db:
        await schema.install(db)
    with tempfile.TemporaryDirectory(prefix="tailrace-flink-", ignore_cleanup_errors=True) as home:
        os.environ["TAILRACE_FLINK_HOME"] = home
        cluster = LocalCluster(Path(home))
        try:
            running = cluster.start(tied=True)
        except TailraceError as error:
            raise SystemExit(str(error)) from None
        try:
            return await _measured(stage.dsn("flink"), running, scale)
        finally:
            cluster.stop()
            del os.environ["TAILRACE_FLINK_HOME"]


async def _measured(dsn: str, running: Running, scale: Scale) -> list[Result]:
    async with Session(dsn, defaults={"tailrace.engine": "flink"}) as session:
        for text in _TABLES:
            await _run(session, text)
        for number in range(JOBS):
            await _run(session, f"CREATE JOB job{number} AS {_BODY}")
        return [
            await _cold(dsn, running, scale),
            await _warm(session),
            await _stops(session, running, scale),
        ]


async def _run(session: Session, text: str) -> Answer:
    (answer,) = await execute(session, parse(text))
    return answer


async def _cold(dsn: str, running: Running, scale: Scale) -> Result:
    """A command line that lists the jobs, from its start to its end."""
    result = Result(f"SHOW JOBS from a cold command line, {JOBS} jobs")
    ours = [str(Path(sys.executable).with_name("tailrace")), "sql", "-c", "SHOW JOBS"]
    environment = dict(os.environ, TAILRACE_DB=dsn, TAILRACE_ENGINE="flink")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
    await _timed(environment, ours)
    conf = Path(os.environ["TAILRACE_FLINK_HOME"], "conf")
    theirs = _flink_list(conf, running.rest_port)
    flink_environment = dict(os.environ, FLINK_CONF_DIR=str(conf))
    for _ in range(max(5, scale.repeats)):
        result.add("tailrace", await _timed(environment, ours))
        result.add("flink list", await _timed(flink_environment, *theirs))
    result.ratio("flink list / tailrace", result.median("flink list"), result.median("tailrace"))
    return result


def _flink_list(conf: Path, rest_port: int) -> list[list[str]]:
    """The two programs that the script starts; the wheel of Flink lacks the script itself."""
    home = flink_home()
    configured = [*home.glob("lib/flink-dist*.jar"), *home.glob("lib/log4j*.jar")]
    configured += home.glob("bin/bash-java-utils.jar")
    return [
        [
            str(java()), "-cp", ":".join(map(str, configured)),
            "org.apache.flink.runtime.util.bash.BashJavaUtils",
            "UPDATE_AND_GET_FLINK_CONFIGURATION", "--configDir", str(conf),
        ],
        [
            str(java()), "-cp", f"{home}/lib/*", "org.apache.flink.client.cli.CliFrontend", "list",
            "-m", f"127.0.0.1:{rest_port}",
        ],
    ]  # fmt: skip


async def _timed(environment: dict[str, str], *commands: list[str]) -> float:
    """Seconds for commands one after the other, of which the last one lists the jobs."""
    start = time.perf_counter()
    for command in commands:
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, check=False, text=True
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command[:3])} … failed: {done.stderr[-300:]}")
    seconds = time.perf_counter() - start
    if "job0" not in done.stdout:
        raise SystemExit(f"{' '.join(command[:3])} … lists no jobs: {done.stdout[-300:]}")
    return seconds


async def _warm(session: Session) -> Result:
    """The statement in an open session."""
    result = Result(f"SHOW JOBS in an open session, {JOBS} jobs", unit="ms")
    for _ in range(LOOKS):
        start = time.perf_counter()
        await _run(session, "SHOW JOBS")
        result.add("tailrace", (time.perf_counter() - start) * 1000)
    result.add("SQL Gateway, measured before", GATEWAY_SECONDS * 1000)
    result.ratio("SQL Gateway / tailrace", GATEWAY_SECONDS * 1000, result.median("tailrace"))
    return result


async def _stops(session: Session, running: Running, scale: Scale) -> Result:
    """STOP WITH SAVEPOINT until the job is at rest, and the same by the engine's own calls."""
    result = Result("STOP WITH SAVEPOINT of small state")
    manager = JobManager(running.url)
    try:
        for _ in range(max(5, scale.repeats)):
            result.add("the engine alone", await _engine_alone(session, manager))
            await _run(session, "START JOB 'job0'")
            start = time.perf_counter()
            await _run(session, "STOP JOB 'job0' WITH SAVEPOINT")
            result.add("tailrace", time.perf_counter() - start)
            await _run(session, "START JOB 'job0'")
    finally:
        await manager.close()
    added = result.median("tailrace") - result.median("the engine alone")
    result.remarks.append(f"added to the engine's own time: {added:.3f} s")
    return result


async def _engine_alone(session: Session, manager: JobManager) -> float:
    """The engine's time, asked so often that waiting for the next question hardly counts."""
    answer = await _run(session, "DESCRIBE JOB 'job0'")
    assert answer.result is not None
    row = dict(zip(answer.result.columns, answer.result.rows[0], strict=True))
    directory = f"file:{os.environ['TAILRACE_FLINK_HOME']}/savepoints/by-hand-{new_id()}"
    wish = Wish(new_id(), str(row["engine id"]), directory, stop=True)
    start = time.perf_counter()
    await manager.trigger(wish)
    while not ((made := await manager.triggered(wish)) and made.settled):
        await asyncio.sleep(0.005)
    while await manager.state(wish.engine_id) != "FINISHED":
        await asyncio.sleep(0.005)
    seconds = time.perf_counter() - start
    await _run(session, "SHOW JOBS")  # it has ended behind our back
    return seconds
