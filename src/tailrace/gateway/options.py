"""Settings of a session: SET, RESET, and which there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from tailrace.config import duration
from tailrace.errors import Unsupported, UsageError


def _engine(value: str) -> str:
    if value == "flink":
        raise Unsupported(
            "this version has the engine postgres only; Flink's is not in it yet",
            hint="SET 'tailrace.engine' = 'postgres'",
        )
    if value != "postgres":
        raise UsageError(f'there is no engine "{value}"; there are: postgres, flink')
    return value


def _duration(value: str) -> str:
    try:
        duration(value)
    except ValueError as error:
        raise UsageError(f'"{value}" {error}') from None
    return value


def _directory(value: str) -> str:
    if value and not re.match(r"/|[a-z][a-z0-9+.-]*://", value):
        raise UsageError(
            f'"{value}" is neither an absolute path nor a URL',
            hint="whoever writes a savepoint may run elsewhere; example: /var/lib/savepoints",
        )
    return value


class Option(NamedTuple):
    """One setting: its default, what it is for, and how a value is checked."""

    default: str
    purpose: str
    check: Callable[[str], str] = str


OPTIONS: dict[str, Option] = {
    "state.savepoints.dir": Option(
        "", "directory of savepoints, a path or URL; empty: the database's own setting", _directory
    ),
    "tailrace.engine": Option("postgres", "engine whose jobs are meant", _engine),
    "tailrace.timeout": Option("60s", "how long STOP and START wait", _duration),
    "tailrace.deadline": Option("5s", "how long to wait for the answer of a node", _duration),
}


class Options:
    """The settings of one session."""

    def __init__(self) -> None:
        self._set: dict[str, str] = {}

    def __getitem__(self, key: str) -> str:
        return self._set.get(key, OPTIONS[key].default)

    def seconds(self, key: str) -> float:
        """A duration."""
        return duration(self[key])

    def set(self, key: str, value: str) -> None:
        """Change a setting; a wrong value changes nothing."""
        self._set[key] = self._known(key).check(value)

    def reset(self, key: str | None) -> None:
        """Take one back, or all."""
        if key is None:
            self._set.clear()
        else:
            self._known(key)
            self._set.pop(key, None)

    def rows(self) -> list[tuple[str, str, str]]:
        """Each setting with its value and what it is for."""
        return [(key, self[key], option.purpose) for key, option in OPTIONS.items()]

    @staticmethod
    def _known(key: str) -> Option:
        if key not in OPTIONS:
            raise UsageError(
                f'there is no setting "{key}" of the session; there are: {", ".join(OPTIONS)}',
                hint="settings of PostgreSQL are set without the quotes: SET work_mem = '64MB'",
            )
        return OPTIONS[key]
