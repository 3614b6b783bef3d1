"""Processes, ports and files as the launcher needs them: what the operating system can tell us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

HOST = "127.0.0.1"
PAUSE = 0.02


def is_alive(pid: int) -> bool:
    """Whether a process of this number exists, whoever it is."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # a dead child that nobody has asked after looks alive
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_server(lines: list[str], data: Path) -> bool:
    """Whether the process of a ``postmaster.pid`` is really a server in this directory.

    Numbers are used again. A server works in its data directory, which Linux lets us see; where
    it does not, being alive has to do.
    """
    if not lines or not lines[0].strip().isdigit():
        return False
    pid = int(lines[0])
    if not is_alive(pid):
        return False
    try:
        return os.path.realpath(os.readlink(f"/proc/{pid}/cwd")) == os.path.realpath(data)
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    except PermissionError:
        return True


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a port that is free now; it can be lost again, so callers retry."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def pause() -> None:
    """Wait for a moment between two looks."""
    threading.Event().wait(PAUSE)


def eventually(check: Callable[[], bool], within: float) -> bool:
    """Look again and again until the check holds; say whether it did in time."""
    deadline = time.monotonic() + within
    while not check():
        if time.monotonic() > deadline:
            return False
        pause()
    return True


def write_secret(path: Path, text: str) -> None:
    """Write a new file that nobody else could read at any moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def clean_environment() -> dict[str, str]:
    """Return our environment without what would steer PostgreSQL: PGDATA, PGPORT, languages."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def dying_with_parent() -> Callable[[], None] | None:
    """Return what a child runs so that the kernel sends it SIGINT when we die (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)  # loaded here: after the fork as little as possible should happen
    pr_set_pdeathsig = 1
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(pr_set_pdeathsig, int(signal.SIGINT))
        if os.getppid() != parent:  # it died while we were being made
            os._exit(1)

    return ask
