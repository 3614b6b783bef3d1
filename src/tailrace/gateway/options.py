"""Settings of a session: SET, RESET, and which there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tailrace.config.values import duration
from tailrace.errors import Unsupported, UsageError


def _engine(value: str) -> str:
    if value not in ("postgres", "flink"):
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
    "tailrace.flink.url": Option(
        "", "address of Flink's JobManager; empty: the cluster of tailrace flink start"
    ),
    "tailrace.flink.gateway": Option("", "address of Flink's SQL Gateway, for SQL of Flink"),
}

# What Flink itself calls the directory of savepoints.
_FLINKS_DIRECTORY = "execution.checkpointing.savepoint-dir"
# What would hold for whatever runs next, too: where a run begins is said by START.
_RECOVERY = ("execution.state-recovery.", "execution.savepoint.")
# The id of a run, which another tailrace sends along when this one is its gateway.
_RUN_ID = "$internal.pipeline.job-id"
_NAME = "pipeline.name"
_MARK = r"\[tailrace [0-9a-f]{32}\]\s*$"


def refuse_unfit(key: str, value: str, *, once: bool = False) -> None:
    """Settings of Flink that must not be left set; ``once``: they are for a single statement."""
    if key.startswith("$") and not (once and key == _RUN_ID):
        raise Unsupported(f"'{key}' cannot be set: it is Flink's own, and not for its users")
    if once:
        return
    if key.startswith(_RECOVERY):
        raise Unsupported(
            f"'{key}' cannot be set: it would hold for whatever runs next, too",
            hint="START JOB '…' FROM SAVEPOINT '…' [CLAIM | NO_CLAIM]",
        )
    if key == _NAME and re.search(_MARK, value):
        raise UsageError(
            f"'{_NAME}' cannot be \"{value}\": it ends with the mark by which the run of a job is "
            "found",
            hint="leave out what stands in brackets; each run of a job gets a mark of its own",
        )


class Options:
    """The settings of one session."""

    def __init__(self, defaults: Mapping[str, str] | None = None) -> None:
        self._defaults = dict(defaults or {})
        self._set: dict[str, str] = {}
        self._flink: dict[str, str] = {}

    def __getitem__(self, key: str) -> str:
        return self._set.get(key) or self._defaults.get(key) or OPTIONS[key].default

    def is_set(self, key: str) -> bool:
        """Whether somebody has chosen the value."""
        return key in self._set

    @property
    def is_flink(self) -> bool:
        """Whether the jobs of a Flink cluster are meant."""
        return self["tailrace.engine"] == "flink"

    @property
    def of_flink(self) -> dict[str, str]:
        """Settings of Flink's own: they go with each statement, and stay nowhere else."""
        return dict(self._flink)

    @property
    def savepoint_directory(self) -> str | None:
        """Where savepoints of Flink jobs go, if the session says so."""
        return self["state.savepoints.dir"] or self._flink.get(_FLINKS_DIRECTORY) or None

    def seconds(self, key: str) -> float:
        """A duration."""
        return duration(self[key])

    def set(self, key: str, value: str) -> None:
        """Change a setting; a wrong value changes nothing."""
        if self._is_of_flink(key):
            refuse_unfit(key, value)
            self._flink[key] = value
        else:
            self._set[key] = self._known(key).check(value)

    def offer(self, key: str, value: str, *, once: bool = False) -> None:
        """Take what a client sends along of itself: unknown settings are Flink's, if anybody's.

        ``once``: they are for a single statement, and so may say where its run begins.
        """
        if key in OPTIONS or key.startswith("tailrace."):
            self.set(key, value)
        else:
            refuse_unfit(key, value, once=once)
            self._flink[key] = value

    def take_back(self, key: str | None) -> None:
        """Undo what was offered."""
        if key is None or key in OPTIONS:
            self.reset(key)
        else:
            self._flink.pop(key, None)

    def with_more(self, more: Mapping[str, str]) -> Options:
        """A copy for a single statement, with settings of its own."""
        copy = Options(self._defaults)
        copy._set, copy._flink = dict(self._set), dict(self._flink)
        for key, value in more.items():
            copy.offer(key, value, once=True)
        return copy

    def reset(self, key: str | None) -> None:
        """Take one back, or all."""
        if key is None:
            self._set.clear()
            self._flink.clear()
        elif self._is_of_flink(key):
            self._flink.pop(key, None)
        else:
            self._known(key)
            self._set.pop(key, None)

    def rows(self) -> list[tuple[str, str, str]]:
        """Each setting with its value and what it is for."""
        ours = [(key, self[key], option.purpose) for key, option in OPTIONS.items()]
        return ours + [(key, value, "of Flink") for key, value in self._flink.items()]

    def _is_of_flink(self, key: str) -> bool:
        return self.is_flink and key not in OPTIONS and not key.startswith("tailrace.")

    @staticmethod
    def _known(key: str) -> Option:
        if key not in OPTIONS:
            raise UsageError(
                f'there is no setting "{key}" of the session; there are: {", ".join(OPTIONS)}',
                hint="settings of PostgreSQL are set without the quotes: SET work_mem = '64MB'",
            )
        return OPTIONS[key]
