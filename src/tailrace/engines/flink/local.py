"""A Flink cluster on this machine: JobManager, TaskManager and planner in one Java process.

The process runs py4j's own server, over which a ``MiniCluster`` with the usual REST interface is
made in it; sessions make their planners there (``environment``). It is told apart from another
process of the same number by its working directory, and its address and password stand in a file
that only its owner can read.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tailrace.embedded.process import (
    dying_with_parent,
    eventually,
    free_port,
    is_alive,
    is_free,
    is_server,
    pause,
    write_secret,
)
from tailrace.engines.flink.home import flink_home, java
from tailrace.engines.flink.java import connect, told
from tailrace.engines.flink.jobmanager import NAME
from tailrace.errors import EngineError, Timeout, UsageError

PORT = 8081
_HEAP = "640m"
_START_WITHIN = 90.0
_MAIN = "org.apache.flink.api.python.shaded.py4j.GatewayServer"
_OPENED = (
    "java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text",
    "java.time", "java.util", "java.util.concurrent", "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
)  # fmt: skip
_LOGGING = """\
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1} %m%n
"""


class Running(NamedTuple):
    """A local cluster that runs: its process, its REST port, and how its planner is spoken to."""

    pid: int
    rest_port: int
    java_port: int
    token: str
    settings: dict[str, str]
    """Those of the cluster; whoever submits a job must have them as well."""
    name: str | None = None
    """What its catalogues call it, on whichever port it runs; its directory has it."""

    @property
    def url(self) -> str:
        """The address of its REST interface."""
        return f"http://127.0.0.1:{self.rest_port}"


class LocalCluster:
    """The cluster whose files are in one directory."""

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self._state = self.home / "cluster.json"
        self.log_path = self.home / "flink.log"

    @property
    def savepoints(self) -> str:
        """Where its savepoints go."""
        return f"file:{self.home}/savepoints"

    def status(self) -> Running | None:
        """The cluster, if it runs."""
        found = self.last()
        return found if found and is_server([str(found.pid)], self.home) else None

    def last(self) -> Running | None:
        """The cluster as it runs, or has run before it was stopped or died."""
        try:
            return Running(**json.loads(self._state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def start(
        self,
        *,
        port: int | None = None,
        slots: int = 4,
        settings: Mapping[str, str] | None = None,
        heap: str = _HEAP,
        tied: bool = False,
    ) -> Running:
        """Start it; harmless when it runs already. ``tied``: it ends with the calling thread."""
        running = self.status()
        if running is not None:
            return running
        if port is not None and not is_free(port):
            raise UsageError(f"port {port} is taken", hint="choose another one with --port")
        options = dict(settings or {})
        if port is not None or not is_free(PORT):
            return self._start(port or free_port(), slots, options, heap, tied)
        try:
            return self._start(PORT, slots, options, heap, tied)
        except EngineError as error:
            if "rest endpoint" not in error.message:
                raise
            # somebody else has taken it since we looked
            return self._start(free_port(), slots, options, heap, tied)

    def _start(
        self, rest_port: int, slots: int, settings: Mapping[str, str], heap: str, tied: bool
    ) -> Running:
        command = self._command(heap)
        for folder in ("conf", "savepoints", "checkpoints"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        (self.home / "conf" / "config.yaml").write_text("parallelism.default: 1\n")
        (self.home / "conf" / "log4j.properties").write_text(_LOGGING)
        child, said = self._launch(command, tied)
        try:
            name = self._name()
            chosen = self._settings(rest_port) | dict(settings) | {NAME: name}
            running = self._await_server(child, said, rest_port, chosen)._replace(name=name)
            self._make_cluster(running, slots)
        except BaseException:
            child.kill()
            child.wait()
            raise
        self._state.unlink(missing_ok=True)
        write_secret(self._state, json.dumps(running._asdict()))
        child.returncode = 0  # not ours to wait for any more: it may well outlive us
        return running

    def _name(self) -> str:
        """What this directory has been called since its first cluster: its savepoints stay here."""
        file = self.home / "name"
        if not file.is_file() or not file.read_text(encoding="utf-8"):
            file.unlink(missing_ok=True)
            write_secret(file, f"local-{os.urandom(4).hex()}")
        return file.read_text(encoding="utf-8")

    def _command(self, heap: str) -> list[str]:
        home = flink_home()
        return [
            str(java()),
            *(f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED),
            f"-Dlog4j.configurationFile=file:{self.home}/conf/log4j.properties",
            *("-cp", f"{home}/lib/*:{home}/opt/*", _MAIN, "--enable-auth", "0"),
        ]

    def _launch(self, command: list[str], tied: bool) -> tuple[subprocess.Popen[bytes], Path]:
        said = self.home / "flink.out"
        environment = dict(
            os.environ,
            FLINK_CONF_DIR=str(self.home / "conf"),
            FLINK_PLUGINS_DIR=str(self.home / "plugins"),
        )
        with said.open("wb") as out, self.log_path.open("ab") as log:
            os.fchmod(out.fileno(), 0o600)  # the password is printed there
            child = subprocess.Popen(
                command,
                cwd=self.home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_parent() if tied else None,
            )
        return child, said

    def _await_server(
        self,
        child: subprocess.Popen[bytes],
        said: Path,
        rest_port: int,
        settings: dict[str, str],
    ) -> Running:
        """Wait until it has said its port and its password."""
        deadline = time.monotonic() + _START_WITHIN
        while True:
            lines = said.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            if len(lines) >= 2 and lines[1].endswith("\n"):
                return Running(child.pid, rest_port, int(lines[0]), lines[1].strip(), settings)
            if child.poll() is not None:
                raise EngineError(f"Flink did not start: {self._last_word()}", hint=self._see)
            if time.monotonic() > deadline:
                raise Timeout("Java did not start in time", hint=self._see)
            pause()

    def _make_cluster(self, running: Running, slots: int) -> None:
        connection = connect(running.java_port, running.token)
        try:
            with told("Flink did not start"):
                flink = connection.jvm.org.apache.flink
                made = flink.configuration.Configuration()
                for key, value in running.settings.items():
                    made.setString(key, value)
                runtime = flink.runtime.minicluster
                builder = runtime.MiniClusterConfiguration.Builder().setConfiguration(made)
                shape = builder.setNumTaskManagers(1).setNumSlotsPerTaskManager(slots).build()
                runtime.MiniCluster(shape).start()
        finally:
            connection.close()

    def _settings(self, rest_port: int) -> dict[str, str]:
        checkpointing = "execution.checkpointing"
        return {
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": str(rest_port),
            "rest.bind-port": str(rest_port),
            "web.refresh-interval": "100 ms",
            "web.checkpoints.history": "200",
            "parallelism.default": "1",
            "taskmanager.memory.managed.size": "64m",
            "taskmanager.memory.network.min": "32m",
            "taskmanager.memory.network.max": "32m",
            f"{checkpointing}.interval": "1 s",
            f"{checkpointing}.dir": f"file://{self.home}/checkpoints",
            f"{checkpointing}.savepoint-dir": f"file://{self.home}/savepoints",
            f"{checkpointing}.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        }

    def stop(self, *, within: float = 20.0) -> bool:
        """End it, and the jobs that run in it; say whether it ran."""
        running = self.status()
        if running is None:
            return False
        os.kill(running.pid, signal.SIGTERM)
        if not eventually(lambda: not is_alive(running.pid), within):
            with suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
            eventually(lambda: not is_alive(running.pid), within)
        return True

    @property
    def _see(self) -> str:
        return f"see {self.log_path}"

    def _last_word(self) -> str:
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        return " ".join(lines[-1:]) or "it said nothing"


def default_home() -> Path:
    """Where the files of a local cluster are when no flag says where."""
    given = os.environ.get("TAILRACE_FLINK_HOME")
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/tailrace/flink")
    base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(base) / "tailrace" / "flink"


def running_here() -> Running | None:
    """The local cluster, if it runs."""
    return LocalCluster(default_home()).status()


def last_here() -> Running | None:
    """The local cluster, also one that runs no more: what is known of its jobs stays."""
    return LocalCluster(default_home()).last()
