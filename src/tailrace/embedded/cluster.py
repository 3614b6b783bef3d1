"""One PostgreSQL server of our own in one data directory.

``Cluster(data).start()`` makes the data directory where there is none, starts the server and waits
until it takes connections; ``stop`` ends it. The server is an ordinary PostgreSQL: it goes on when
we end, unless it was started ``tied``, and everything we know of it stands in the data directory,
so any later process can ask for its status or stop it.

The server listens on 127.0.0.1 only, with a random password. Our own files are in ``tailrace/``
inside the data directory: ``pgpass`` (mode 0600), ``port`` and ``log``. ``url`` names the
``pgpass`` file instead of holding the password: it can be pasted into psql and into every program
that uses libpq, it may be shown in a log, and it works only for those who may read the file.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tailrace.embedded.account import Account, first_barrier, server_account
from tailrace.embedded.binaries import ROOT_STORE, Binaries, find, usable_by
from tailrace.embedded.pidfile import PidFile
from tailrace.embedded.process import (
    HOST,
    PAUSE,
    clean_environment,
    dying_with_parent,
    eventually,
    free_port,
    is_alive,
    is_free,
    pause,
    write_secret,
)
from tailrace.errors import NotFound, TailraceError, Timeout, Unsupported, UsageError, WrongState

SUPERUSER = "postgres"
_SETTING = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
_LARGE_LOG = 10_000_000


@dataclass(frozen=True, slots=True)
class Running:
    """A server that takes connections."""

    pid: int
    port: int
    data: Path


class StartFailed(TailraceError):
    """The server ended before it was ready; the message is its own last word."""


class Cluster:
    """A data directory and the server that runs, or does not run, in it."""

    def __init__(self, data: Path, *, binaries: Binaries | None = None) -> None:
        self.data = Path(os.path.abspath(data))
        self._binaries = binaries
        self._started: int | None = None
        self._pid = PidFile(self.data)

    # ---------------------------------------------------------------- what there is

    @property
    def exists(self) -> bool:
        """Whether the data directory has been made."""
        return self._made()

    def _made(self) -> bool:
        return (self._own / "pgpass").is_file()

    @property
    def log_path(self) -> Path:
        """The file that the server writes its messages to."""
        return self._own / "log"

    @property
    def _own(self) -> Path:
        return self.data / "tailrace"

    def status(self) -> Running | None:
        """Return the running server, or None."""
        lines = self._pid.lines()
        if len(lines) < 8 or lines[7].strip() != "ready" or not self._pid.names_server(lines):
            return None
        return Running(int(lines[0]), int(lines[3]), self.data)

    def url(self, dbname: str = "postgres") -> str:
        """Return a connection string for the running server; it names the password file."""
        running = self.status()
        if running is None:
            raise WrongState(
                f'no server runs in "{self.data}"',
                hint=f"start it with: tailrace postgres start --data {shlex.quote(str(self.data))}",
            )
        passfile = quote(str(self._own / "pgpass"), safe="/")
        return (
            f"postgresql://{SUPERUSER}@{HOST}:{running.port}/{quote(dbname, safe='')}"
            f"?passfile={passfile}"
        )

    @property
    def password(self) -> str:
        """The password of the superuser, for programs that cannot read a pgpass file."""
        return (self._own / "pgpass").read_text(encoding="utf-8").strip().rpartition(":")[2]

    # ---------------------------------------------------------------- making

    def create(self) -> bool:
        """Make the data directory if there is none; say whether it was made now.

        It is made under a passing name, so that a killed attempt leaves nothing that looks ready,
        and of several attempts at once one wins.
        """
        if self.exists:
            return False
        if self.data.exists() and any(self.data.iterdir()):
            raise WrongState(
                f'"{self.data}" is not empty and was not made by tailrace',
                hint="name a directory that does not exist yet",
            )
        account = server_account(self.data)
        self._check_reachable(account)
        passing = self.data.with_name(f"{self.data.name}.new-{secrets.token_hex(4)}")
        try:
            self.data.parent.mkdir(parents=True, exist_ok=True)
            passing.mkdir(mode=0o700)
            account.give(passing)
            self._initdb(passing, account)
            os.rename(passing, self.data)
        except OSError as exc:
            if self._made():
                return False
            raise WrongState(f'cannot make "{self.data}": {exc.strerror or exc}') from exc
        finally:
            shutil.rmtree(passing, ignore_errors=True)
        return True

    def _check_reachable(self, account: Account) -> None:
        barrier = first_barrier(self.data.parent, account)
        if barrier is not None and account.is_other:
            raise Unsupported(
                f'"{barrier}" is closed to "{account.name}", which runs PostgreSQL for root',
                hint=f"choose a directory below {ROOT_STORE}",
            )

    def _initdb(self, target: Path, account: Account) -> None:
        password = secrets.token_urlsafe(24)
        password_file = target.with_name(f"{target.name}.pw")
        try:
            write_secret(password_file, password)
            account.give(password_file)
            self._call_initdb(target, password_file, account)
        finally:
            password_file.unlink(missing_ok=True)
        own = target / "tailrace"
        own.mkdir(mode=0o700)
        account.give(own)
        write_secret(own / "pgpass", f"{HOST}:*:*:{SUPERUSER}:{password}\n")

    def _call_initdb(self, target: Path, password_file: Path, account: Account) -> None:
        binaries = self._usable(account)
        locale = ["--no-locale"]
        if binaries.major >= 17:
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command = [
            str(binaries.program("initdb")),
            *("-D", str(target), "-U", SUPERUSER, "-A", "scram-sha-256"),
            *(f"--pwfile={password_file}", "-E", "UTF8", "--no-sync", "--no-instructions"),
            *locale,
        ]
        done = subprocess.run(
            command,
            cwd="/",
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **account.process_options(),
        )
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise StartFailed(f'initdb failed in "{self.data}": {" ".join(said[-2:])}')

    def _usable(self, account: Account) -> Binaries:
        if self._binaries is None:
            self._binaries = find()
        return usable_by(self._binaries, account)

    # ---------------------------------------------------------------- starting

    def start(
        self,
        *,
        settings: Mapping[str, str] | None = None,
        port: int | None = None,
        tied: bool = False,
        within: float = 60.0,
    ) -> Running:
        """Start the server, making its data first where needed; harmless when it runs already.

        ``settings`` are for this run only. Without ``port`` the port of the last run is taken
        again if it is free, else any. ``tied`` lets the server end with the process (exactly: the
        thread) that calls; on Linux even when that is killed, elsewhere only when it calls
        ``stop``.
        """
        for key in settings or {}:
            if not _SETTING.match(key):
                raise UsageError(f'"{key}" is not the name of a PostgreSQL setting')
        running = self.status()
        if running is not None:
            return running
        self.create()
        deadline = time.monotonic() + within
        chosen = port or self._last_port() or free_port()
        while True:
            try:
                running = self._start_once(settings or {}, chosen, tied, deadline)
                break
            except StartFailed as failure:
                running = self.status()  # somebody else may have started it meanwhile
                if running is not None:
                    break
                if port is None and _port_was_taken(failure):
                    chosen = free_port()
                elif not (_will_pass(failure) and time.monotonic() < deadline):
                    raise
                else:
                    pause()
        (self._own / "port").write_text(f"{running.port}\n", encoding="utf-8")
        return running

    def _start_once(
        self, settings: Mapping[str, str], port: int, tied: bool, deadline: float
    ) -> Running:
        account = server_account(self.data)
        binaries = self._usable(account)
        self._check_version(binaries)
        self._pid.forget_stale()
        log_from = self._open_log()
        with self.log_path.open("ab") as log_file:
            child = subprocess.Popen(
                [str(binaries.program("postgres")), *self._arguments(settings, port)],
                cwd="/",
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
                preexec_fn=dying_with_parent() if tied else None,
                **account.process_options(),
            )
        self._await_ready(child, deadline, log_from)
        self._started = child.pid
        child.returncode = 0  # not ours to wait for any more: it may well outlive us
        return Running(child.pid, port, self.data)

    def _arguments(self, settings: Mapping[str, str], port: int) -> list[str]:
        ours = {
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "port": str(port),
            "logging_collector": "off",
        }
        chosen = ours | dict(settings)
        return ["-D", str(self.data), *(f"--{key}={value}" for key, value in chosen.items())]

    def _check_version(self, binaries: Binaries) -> None:
        made_by = (self.data / "PG_VERSION").read_text(encoding="utf-8").strip()
        if made_by != str(binaries.major):
            raise WrongState(
                f'"{self.data}" was made by PostgreSQL {made_by}, '
                f"but {binaries.source} is version {binaries.version}",
                hint="set TAILRACE_PG_BIN to the programs of the same major version",
            )

    def _await_ready(self, child: subprocess.Popen[bytes], deadline: float, log_from: int) -> None:
        """Wait until the pid file says ready *and* is our child's: a stale one says ready, too."""
        while True:
            try:
                child.wait(PAUSE)
            except subprocess.TimeoutExpired:
                lines = self._pid.lines()
                if [line.strip() for line in lines[:8:7]] == [str(child.pid), "ready"]:
                    return
                if time.monotonic() < deadline:
                    continue
                self.stop(immediate=True)
                raise Timeout(
                    f'PostgreSQL in "{self.data}" was not ready in time',
                    hint=f"see {self.log_path}",
                ) from None
            raise StartFailed(
                f'PostgreSQL in "{self.data}" did not start: {self._last_word(log_from)}',
                hint=f"see {self.log_path}",
            )

    def _last_word(self, log_from: int) -> str:
        with self.log_path.open("rb") as log_file:
            log_file.seek(log_from)
            lines = log_file.read().decode(errors="replace").splitlines()
        fatal = [line for line in lines if re.search(r"\b(FATAL|PANIC):", line)]
        warned = [line for line in lines if "could not bind" in line]
        prefix = re.compile(r"^.*?\b(FATAL|PANIC|LOG|WARNING):\s+")
        said = [prefix.sub("", line) for line in warned[:1] + fatal[-1:]]
        return ": ".join(said) or " ".join(lines[-1:]) or "it said nothing"

    def _open_log(self) -> int:
        """Return where new messages will begin; a log that has become large is put aside."""
        if self.log_path.exists() and self.log_path.stat().st_size > _LARGE_LOG:
            self.log_path.replace(self.log_path.with_suffix(".old"))
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def _last_port(self) -> int | None:
        """The port of the last run if nobody listens there now, so that a URL stays good."""
        try:
            port = int((self._own / "port").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return port if is_free(port) else None

    # ---------------------------------------------------------------- stopping

    def stop(self, *, immediate: bool = False, within: float = 60.0) -> bool:
        """End the server, disconnecting everybody; say whether one was running.

        ``immediate`` is a controlled crash, from which the next start recovers.
        """
        lines = self._pid.lines()
        if not lines or not self._pid.names_server(lines):
            return False
        pid = int(lines[0])
        os.kill(pid, signal.SIGQUIT if immediate else signal.SIGINT)
        if not eventually(lambda: not is_alive(pid), within):
            raise Timeout(
                f'PostgreSQL (pid {pid}) in "{self.data}" did not end within {within:g} s',
                hint=f"see {self.log_path}",
            )
        return True

    def destroy(self) -> None:
        """Stop the server and remove its data directory."""
        self.stop(immediate=True)
        shutil.rmtree(self.data, ignore_errors=True)

    def check(self) -> None:
        """Raise if the server that this object started has ended by itself."""
        if self._started is not None and not is_alive(self._started):
            raise WrongState(
                f'PostgreSQL in "{self.data}" has ended by itself',
                hint=f"see {self.log_path}",
            )


def require(data: Path) -> Cluster:
    """Return the cluster of a data directory that must exist."""
    cluster = Cluster(data)
    if not cluster.exists:
        raise NotFound(
            f'there is no PostgreSQL data in "{cluster.data}"',
            hint="make and start it with: "
            f"tailrace postgres start --data {shlex.quote(str(cluster.data))}",
        )
    return cluster


def default_data() -> Path:
    """Where a server is kept when nobody says where."""
    if os.geteuid() == 0:
        return ROOT_STORE / "postgres"
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(home) / "tailrace" / "postgres"


def _port_was_taken(failure: StartFailed) -> bool:
    return "Address already in use" in failure.message or "could not bind" in failure.message


def _will_pass(failure: StartFailed) -> bool:
    """Whether another server is ending there (its children outlive a kill -9) or starting."""
    return bool(re.search(r"pre-existing shared memory|lock file .* exists", failure.message))
