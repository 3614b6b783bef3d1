"""Settings: where each one may come from, which source wins, and one report of all that is wrong.

A setting is looked for in this order: flag, environment (``TAILRACE_…``), configuration file,
default. A configuration file is either ``tailrace.toml`` or an ini file as Skytools users have it
(``[londiste3]`` with ``db``, ``queue_name``, …). ``SETTINGS`` below is the one table from which
reading, checking and the reference page are made; how a value is written, ``values`` says, and how
a file is, ``files``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tailrace.config.values import (
    count,
    duration,
    engine,
    port,
    positive_duration,
    size,
    switch,
    text,
    text_list,
)
from tailrace.errors import ConfigError, without_secrets

DEFAULT_FILE = "tailrace.toml"
FILE_VARIABLE = "TAILRACE_CONFIG"


class Setting(NamedTuple):
    """One setting: its names in each source, how it is read, and what it is for."""

    name: str
    toml: str
    purpose: str
    read: Callable[[object], object] = text
    ini: str | None = None
    flag: str | None = None

    @property
    def variable(self) -> str:
        """The environment twin."""
        return f"TAILRACE_{self.name.upper()}"


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "db", "db", "connection string of the database that commands act on", ini="db", flag="--db"
    ),
    Setting("queue", "queue", "name of the queue", ini="queue_name", flag="--queue"),
    Setting("node_name", "node.name", "name of the node that create-* makes", ini="node_name"),
    Setting(
        "node_location",
        "node.location",
        "connection string by which other nodes reach this one",
        ini="public_node_location",
    ),
    Setting(
        "provider",
        "node.provider",
        "connection string of the node to read from",
        ini="initial_provider_location",
        flag="--provider",
    ),
    Setting(
        "remote_parameters",
        "node.remote_parameters",
        "connection parameters (name=value …) added to the location of every other node",
        ini="remote_extra_connstr",
    ),
    Setting("worker", "node.worker", "name of the node's worker", ini="job_name", flag="--worker"),
    Setting("databases", "run.databases", "connection strings that tailrace run serves", text_list),
    Setting(
        "poll",
        "run.poll",
        "longest time between two looks for work when no notification comes",
        positive_duration,
        ini="loop_delay",
    ),
    Setting(
        "tick_period",
        "run.tick_period",
        "time between two looks of the ticker for something to tick",
        positive_duration,
    ),
    Setting(
        "grace",
        "run.grace",
        "how long services may take to finish their batch when they are stopped",
        duration,
    ),
    Setting(
        "runner_timeout",
        "run.runner_timeout",
        "how long a runner may be silent before another one takes its place",
        positive_duration,
    ),
    Setting(
        "global_watermark_period",
        "run.global_watermark_period",
        "how often a root publishes the global watermark",
        positive_duration,
        ini="global_wm_publish_period",
    ),
    Setting(
        "local_watermark_period",
        "run.local_watermark_period",
        "how often a node reports its watermark to its provider",
        positive_duration,
        ini="local_wm_publish_period",
    ),
    Setting(
        "strict",
        "apply.strict",
        "updates and deletes that meet no row are errors, and with them a partition that is "
        "attached with rows in it, which come as updates",
        switch,
    ),
    Setting(
        "lock_timeout",
        "run.lock_timeout",
        "longest wait for a table lock",
        duration,
        ini="lock_timeout",
    ),
    Setting(
        "savepoints_dir",
        "savepoints.dir",
        "directory of savepoints for statements that set none; a path or URL",
    ),
    Setting("savepoints_keep", "savepoints.keep", "how many savepoints of a job are kept", count),
    Setting(
        "savepoints_max_age",
        "savepoints.max_age",
        "age from which savepoints are dropped",
        positive_duration,
    ),
    Setting(
        "engine",
        "jobs.engine",
        "engine whose jobs statements mean: postgres or flink",
        engine,
        flag="--engine",
    ),
    Setting("flink_url", "flink.url", "address of the JobManager of a Flink cluster"),
    Setting("flink_gateway", "flink.gateway", "address of the SQL Gateway of that cluster"),
    Setting("serve_host", "serve.host", "address that tailrace serve listens on", flag="--host"),
    Setting("serve_port", "serve.port", "port that it listens on", port, flag="--port"),
    Setting(
        "serve_gateway",
        "serve.gateway",
        "address of the SQL Gateway of Flink that it stands in front of",
        flag="--gateway",
    ),
    Setting(
        "serve_token_file",
        "serve.token_file",
        "file with the token that clients have to send",
        flag="--token-file",
    ),
    Setting(
        "serve_tls_cert", "serve.tls_cert", "file with its certificate for TLS", flag="--tls-cert"
    ),
    Setting("serve_tls_key", "serve.tls_key", "file with the key of it", flag="--tls-key"),
    Setting("serve_max_sessions", "serve.max_sessions", "sessions that it keeps open", count),
    Setting(
        "serve_max_operations",
        "serve.max_operations",
        "statements of a session whose results it keeps",
        count,
    ),
    Setting("serve_max_request", "serve.max_request", "size of a request that it takes", size),
    Setting(
        "serve_idle_timeout",
        "serve.idle_timeout",
        "how long a session may be unused before it is closed",
        positive_duration,
    ),
    Setting(
        "serve_long_poll",
        "serve.long_poll",
        "how long a request waits for a result that is not there yet",
        positive_duration,
    ),
    Setting("logfile", "log.file", "file that a worker in the background logs to", ini="logfile"),
    Setting("pidfile", "log.pidfile", "file with the process id of a worker", ini="pidfile"),
)


class Settings(NamedTuple):
    """What a command works with, after all sources have been merged."""

    db: str | None = None
    queue: str | None = None
    node_name: str | None = None
    node_location: str | None = None
    provider: str | None = None
    remote_parameters: str | None = None
    worker: str | None = None
    databases: tuple[str, ...] = ()
    poll: float = 1.0
    tick_period: float = 0.001
    grace: float = 30.0
    runner_timeout: float = 5.0
    global_watermark_period: float = 300.0
    local_watermark_period: float = 300.0
    strict: bool = False
    lock_timeout: float = 10.0
    savepoints_dir: str | None = None
    savepoints_keep: int | None = None
    savepoints_max_age: float | None = None
    engine: str | None = None
    flink_url: str | None = None
    flink_gateway: str | None = None
    serve_host: str = "127.0.0.1"
    serve_port: int = 8083
    serve_gateway: str | None = None
    serve_token_file: str | None = None
    serve_tls_cert: str | None = None
    serve_tls_key: str | None = None
    serve_max_sessions: int = 100
    serve_max_operations: int = 100
    serve_max_request: int = 1 << 20
    serve_idle_timeout: float = 600.0
    serve_long_poll: float = 10.0
    logfile: str | None = None
    pidfile: str | None = None
    origins: Mapping[str, str] = MappingProxyType({})
    warnings: tuple[str, ...] = ()

    def served(self) -> tuple[str, ...]:
        """The databases that ``tailrace run`` serves: the list, or the one database.

        Where both are given the nearer source wins, so ``--db`` is not overruled by a file.
        """
        if self.db and (not self.databases or self._rank("db") > self._rank("databases")):
            return (self.db,)
        return self.databases

    def _rank(self, name: str) -> int:
        return {"flag": 3, "environment": 2}.get(self.origins.get(name, "").partition(" ")[0], 1)


def read(
    path: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """Merge flags, environment and one configuration file; report everything wrong at once.

    Without ``path`` the file is ``$TAILRACE_CONFIG``, or ``tailrace.toml`` where there is one.
    """
    environ = os.environ if environ is None else environ
    report: list[str] = []
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []

    chosen = (
        path
        or environ.get(FILE_VARIABLE)
        or (DEFAULT_FILE if Path(DEFAULT_FILE).is_file() else None)
    )
    if chosen is not None:
        from tailrace.config.files import read_file  # most commands read no file

        found = read_file(Path(chosen), report, warnings)
        for setting, (raw, key) in found.items():
            _accept(setting, raw, f"{chosen}: {key}", chosen, values, origins, report)
    for setting in SETTINGS:
        raw_text = environ.get(setting.variable)
        if raw_text:
            place = f"environment {setting.variable}"
            _accept(setting, raw_text, place, place, values, origins, report)
    for setting in SETTINGS:
        given = (flags or {}).get(setting.name)
        if given not in (None, (), ""):
            values[setting.name] = given
            origins[setting.name] = f"flag {setting.flag or setting.name}"
    if report:
        raise ConfigError("\n".join(report), problems=tuple(report))
    return Settings(**_typed(values), origins=origins, warnings=tuple(warnings))


def read_each(
    paths: Iterable[str],
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> list[Settings]:
    """Read several configuration files (``run -c a.ini -c b.ini``); one report for all."""
    results: list[Settings] = []
    problems: list[str] = []
    chosen: list[str | None] = [*paths]
    for path in chosen or [None]:
        try:
            results.append(read(path, environ=environ, flags=flags))
        except ConfigError as exc:
            problems.extend(_problems(exc))
    if problems:
        raise ConfigError("\n".join(problems), problems=tuple(problems))
    return results


def _problems(exc: ConfigError) -> Sequence[str]:
    found = exc.values.get("problems")
    return [str(line) for line in found] if isinstance(found, tuple) else [str(exc)]


def _typed(values: dict[str, object]) -> dict[str, Any]:
    """Keep what ``Settings`` knows; every name in SETTINGS is a field, which a test checks."""
    return {name: value for name, value in values.items() if name in Settings._fields}


def _accept(
    setting: Setting,
    raw: object,
    place: str,
    origin: str,
    values: dict[str, object],
    origins: dict[str, str],
    report: list[str],
) -> None:
    try:
        values[setting.name] = setting.read(raw)
    except ValueError as exc:
        report.append(f'{place}: "{without_secrets(str(raw))}" {exc}')
        return
    origins[setting.name] = origin
