"""A worker in the background, as Londiste users start it: ``tailrace -d conf/db1.ini worker``.

Nothing here knows what is run. Under systemd or a container one does not need any of it: run the
command in the foreground there.
"""

from __future__ import annotations

import atexit
import math
import os
import sys
from pathlib import Path
from signal import SIGINT, SIGKILL, Signals

from tailrace.embedded.process import eventually
from tailrace.errors import ConfigError, NotFound, Timeout, WrongState


def running_pid(pidfile: str | None) -> int | None:
    """Return the process that a pid file names, if it is alive."""
    if pidfile is None:
        raise ConfigError("no pid file is set", hint="set log.pidfile (pidfile in an ini file)")
    try:
        pid = int(Path(pidfile).read_text(encoding="ascii").split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, IndexError, ProcessLookupError):
        return None
    except PermissionError:
        return pid
    return pid


def detach(*, logfile: str | None, pidfile: str | None) -> None:
    """Go on as a process of its own, without terminal; the caller's command ends with 0.

    Everything that can go wrong in a way the user should see goes wrong before the fork.
    """
    if logfile is None:
        raise ConfigError(
            "a worker in the background needs a log file",
            hint="set log.file in tailrace.toml (logfile in an ini file)",
        )
    if pidfile is not None:
        pid = running_pid(pidfile)
        if pid is not None:
            raise WrongState(f'already running as process {pid}, says pid file "{pidfile}"')
    try:
        log = os.open(logfile, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    except OSError as exc:
        raise ConfigError(f'log file "{logfile}" cannot be written: {exc.strerror}') from exc
    _leave_to_child()
    os.setsid()
    _leave_to_child()  # not leading the session any more, it cannot get a terminal again
    _redirect(log)
    if pidfile is not None:
        _write_pidfile(Path(pidfile))


def _leave_to_child() -> None:
    if os.fork() > 0:
        os._exit(0)


def _redirect(log: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _write_pidfile(path: Path) -> None:
    path.write_text(f"{os.getpid()}\n", encoding="ascii")
    atexit.register(path.unlink, missing_ok=True)


def stop(pidfile: str | None, *, number: Signals = SIGINT, timeout: float | None = None) -> int:
    """Ask the process of a pid file to end and wait until it has; return what its id was."""
    pid = running_pid(pidfile)
    if pid is None:
        raise NotFound(f'no process runs, says pid file "{pidfile}"')
    os.kill(pid, number)
    within = math.inf if timeout is None else timeout
    if not eventually(lambda: running_pid(pidfile) != pid, within):
        raise Timeout(f"process {pid} has not ended within {timeout:g} s")
    if number == SIGKILL:  # it had no chance to do it itself
        Path(str(pidfile)).unlink(missing_ok=True)
    return pid
