"""A job that writes files as it runs, and what may be asked of one when it is made."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import msgspec

from tailrace.config.values import duration, positive_duration
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.engines.postgres.program import Source
from tailrace.errors import UsageError

queries = load("tailrace")

Format = Literal["changes", "debezium-json", "json"]
Updates = Literal["refuse", "skip"]

_URL = re.compile(r"^([a-z][a-z0-9+.-]*)://")
_LOCAL_URL = re.compile(r"^file://(localhost)?(?=/)")
_PASSWORD = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@]*:[^/@]*@")

# Fifteen digits: a tick each millisecond for thirty thousand years.
_NAME = "{:015d}-{:015d}.json"


class Export(msgspec.Struct, frozen=True):
    """What is the same whenever the job runs."""

    sources: tuple[Source, ...]
    to: str
    format: Format
    columns: dict[str, list[tuple[str, str]]]
    """For each table the columns that readers know, with their types in Flink."""
    updates: Updates = "refuse"
    lenient: bool = False
    """NULL in the place of what Flink has no value for."""

    def encoded(self) -> str:
        """As it is stored."""
        return msgspec.json.encode(self).decode()

    def directory(self, table: str) -> str:
        """Where the files of a table are."""
        return f"{self.to.rstrip('/')}/{quote(table, safe='')}"


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What the runner of a job needs of it."""

    job_id: str
    job_name: str
    export: Export
    owner: str
    schemas: str
    start_tick: int | None
    wants_snapshot: bool
    is_foreign: bool
    every: float
    """Seconds between a file and the next, at the least."""
    retention: float | None
    """Seconds after which a file is removed; None: never."""
    starts: dict[str, int]
    """For tables that began with their rows, the tick of these."""
    with_files: frozenset[str]
    """Tables that have had a file."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """The tables whose changes it reads."""
        return self.export.sources


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for, when a job is made."""

    to: str
    format: str = "changes"
    initial: str = "snapshot"
    every: str = "1s"
    retention: str | None = None
    updates: str = "refuse"
    unreadable: str = "refuse"

    def checked(self) -> Options:
        """The same with its place in one spelling; all that is wrong is named at once."""
        wrong = [*wrong_words(vars_of(self)), *_wrong_place(self.to)]
        if self.updates != "refuse" and self.format != "json":
            wrong.append(f"format {self.format} tells of updates; --updates is for format json")
        if wrong:
            raise UsageError("; ".join(wrong))
        to = place(self.to)
        return Options(
            to, self.format, self.initial, self.every, self.retention, self.updates, self.unreadable
        )

    @property
    def settings(self) -> dict[str, str]:
        """As they are shown."""
        return {name: value for name, value in vars_of(self).items() if value is not None}


def vars_of(options: Options) -> dict[str, str | None]:
    """The options by name."""
    return {name: getattr(options, name) for name in Options.__slots__}


_WORDS: dict[str, tuple[str, ...]] = {
    "format": ("changes", "debezium-json", "json"),
    "initial": ("snapshot", "latest"),
    "updates": ("refuse", "skip"),
    "unreadable": ("refuse", "null"),
}


def wrong_words(values: Mapping[str, str | None]) -> list[str]:
    """What is wrong with options, by their names."""
    wrong = []
    for name, value in values.items():
        if name in _WORDS and value not in _WORDS[name]:
            wrong.append(f"{name} is {' or '.join(_WORDS[name])}, not '{value}'")
        for timed, read in (("every", duration), ("retention", positive_duration)):
            if name == timed and value is not None:
                try:
                    read(value)
                except ValueError as error:
                    wrong.append(f"{name} '{value}' {error}")
    return wrong


def _wrong_place(to: str) -> list[str]:
    if not to.strip():
        return ["the directory or URL of the files is empty"]
    if _PASSWORD.match(to.strip()):
        return [
            "a URL with a password in it would be shown to everybody who lists jobs; give it to"
            " those who run the job, as fsspec's configuration (FSSPEC_… in the environment)"
        ]
    if not _URL.match(place(to)) and not os.path.isabs(place(to)):
        return [f'"{to}" is neither an absolute path nor a URL']
    return []


def place(to: str) -> str:
    """A place in one spelling: local ones without scheme, none with a slash behind."""
    return _LOCAL_URL.sub("", to.strip()).rstrip("/") or "/"


def url(where: str) -> str:
    """A place as Flink names it."""
    return where if _URL.match(where) else f"file://{where}"


def file_name(from_tick: int, to_tick: int) -> str:
    """The name of the file of a batch; in the order of the batches."""
    return _NAME.format(from_tick, to_tick)


async def read_export(db: Database, queue: str, consumer: str) -> ExportJob | None:
    """Read a job; None when there is none any more."""
    row = await db.fetch_one(queries.export_job, queue=queue, consumer=consumer)
    if row is None:
        return None
    settings = msgspec.json.decode(row.settings, type=dict[str, str])
    retention = settings.get("retention")
    tables = await db.fetch_all(queries.export_starts, job_id=row.job_id)
    return ExportJob(
        row.job_id, row.job_name, msgspec.json.decode(row.program, type=Export), row.owner,
        row.schemas, row.start_tick, row.wants_snapshot, row.is_foreign,
        every=duration(settings.get("every", "1s")),
        retention=None if retention in (None, "never") else duration(retention),
        starts={one.table_name: one.start_tick for one in tables if one.is_filled},
        with_files=frozenset(one.table_name for one in tables if one.has_files),
    )  # fmt: skip


async def columns_of(db: Database, source: Source, *, lenient: bool) -> list[Row]:
    """The columns of a table as they come into files: name, type in Flink, whether in the key."""
    return await db.fetch_all(
        queries.export_columns, relation=source.relation, table=source.table, lenient=lenient
    )
