"""``postmaster.pid``: what a running server says of itself, and what a killed one leaves behind.

Numbers of processes are used again, so a number alone proves nothing.
"""

from __future__ import annotations

from pathlib import Path

from tailrace.embedded.process import is_alive, is_server
from tailrace.errors import Unsupported


class PidFile:
    """The pid file of one data directory."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._path = data / "postmaster.pid"

    def lines(self) -> list[str]:
        """Return what it says, line by line; nothing where there is none."""
        try:
            return self._path.read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []
        except PermissionError:
            raise Unsupported(f'"{self._data}" belongs to another user') from None

    def names_server(self, lines: list[str]) -> bool:
        """Whether the process of these lines is really a server in this directory."""
        return is_server(lines, self._data)

    def forget_stale(self) -> None:
        """Remove what a killed server left whose number another program has got since.

        PostgreSQL sees only that the number is in use and would refuse to start, for ever.
        """
        lines = self.lines()
        used = lines and lines[0].strip().isdigit() and is_alive(int(lines[0]))
        if used and not self.names_server(lines):
            self._path.unlink(missing_ok=True)
