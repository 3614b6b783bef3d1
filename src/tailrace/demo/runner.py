"""The process ``tailrace run``: exactly what a user starts, and what the demo kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tailrace.embedded.process import dying_with_parent
from tailrace.errors import WrongState

_PATIENCE = 10.0  # seconds for an orderly end; after that it is killed


class RunProcess:
    """One ``tailrace run`` for all databases; started, killed and started again."""

    def __init__(self, databases: Sequence[str], log: Path, *, tied: bool) -> None:
        """``tied``: it ends with us, even when we are killed."""
        self._databases = databases
        self._log = log
        self._tied = tied
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Number of the running process."""
        return self._child.pid if self._child else None

    def start(self) -> int:
        """Start the process and return its number."""
        command = [sys.executable, "-m", "tailrace", "run"]
        command += [word for dsn in self._databases for word in ("--db", dsn)]
        # Settings that are meant for something else must not steer it.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TAILRACE_", "PG"))}
        with self._log.open("ab") as output:
            self._child = subprocess.Popen(
                command,
                cwd=self._log.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us; we tell it what to do
                preexec_fn=dying_with_parent() if self._tied else None,
            )
        return self._child.pid

    def kill(self) -> None:
        """End it without any chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it finish its batches and end."""
        self._end(signal.SIGTERM)

    def leave(self) -> None:
        """Let it go on when we have ended."""
        if self._child is not None:
            self._child.returncode = 0  # not ours to wait for any more

    def check(self) -> None:
        """Raise if it has ended by itself; its last line says why."""
        if self._child is not None and self._child.poll() is not None:
            status, self._child = self._child.returncode, None
            raise WrongState(f"tailrace run has ended with status {status}: {self._last_line()}")

    def _end(self, number: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.send_signal(number)
        try:
            child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _last_line(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"
