"""A SQL job as it runs: its sources and its statements, made of its text when it was created.

Statements run as the role that owns the job and with the search path that it was created with, so
a job may do what its creator may do and no more, whoever runs it.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import ApplyError, TailraceError

queries = load("tailrace")


class Source(msgspec.Struct, frozen=True):
    """A table whose changes a job reads."""

    number: int
    name: str
    """As the job names it."""
    relation: str
    """As it is called in this database, schema.table."""
    table: str
    """As it is called in the queue."""
    columns: tuple[str, ...]
    """Those that the statements name; none where they read whole rows."""
    marked: bool
    """Event id, operation or time may be asked of its changes."""

    @property
    def view(self) -> str:
        """What stands in the place of its name."""
        return f"tailrace_changes_{self.number}"


class Program(msgspec.Struct, frozen=True):
    """What is the same whenever the job runs."""

    sources: tuple[Source, ...]
    statements: tuple[str, ...]
    time_zone: str = "UTC"
    """That of who created the job: days and hours are his."""

    def encoded(self) -> str:
        """As it is stored."""
        return msgspec.json.encode(self).decode()


class ChangesJob(Protocol):
    """What is the same of all jobs that read changes."""

    @property
    def job_id(self) -> str:
        """Its id."""

    @property
    def job_name(self) -> str:
        """Its name."""

    @property
    def owner(self) -> str:
        """Role that created it, as which it reads and writes."""

    @property
    def is_foreign(self) -> bool:
        """The connection's own role is another one than the owner."""

    @property
    def schemas(self) -> str:
        """Search path that names in it are meant with."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """The tables that it reads."""

    @property
    def start_tick(self) -> int | None:
        """The first change that counts comes after it; None: not known yet."""

    @property
    def wants_snapshot(self) -> bool:
        """It is still to begin with the rows that are there."""


class SqlJob(msgspec.Struct, frozen=True):
    """What the runner of a job needs of it."""

    job_id: str
    job_name: str
    program: Program
    owner: str
    schemas: str
    start_tick: int | None
    wants_snapshot: bool
    is_foreign: bool
    """The connection's own role is another one than the owner."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """The tables whose changes it reads."""
        return self.program.sources

    async def run(self, db: Database, where: str) -> None:
        """Run all statements in the open transaction; ``where`` names the batch in errors."""
        await self._enter(db)
        for number, statement in enumerate(self.program.statements, 1):
            try:
                await db.execute(statement)
            except TailraceError as error:
                raise ApplyError(
                    f'job "{self.job_name}", statement {number}, {where}: {error.message}',
                    hint=error.hint,
                    sqlstate=error.sqlstate,
                    retryable=error.retryable,
                ) from error

    async def _enter(self, db: Database) -> None:
        """Take on the rights and the search path of the job, to the end of the transaction."""
        await act_as_owner(
            db, self.job_name, self.owner,
            schemas=self.schemas, time_zone=self.program.time_zone, foreign=self.is_foreign,
        )  # fmt: skip


async def act_as_owner(
    db: Database, job: str, owner: str, *, schemas: str, time_zone: str, foreign: bool
) -> None:
    """Take on the rights of a job's owner and its search path, to the end of the transaction.

    ``foreign``: the connection's own role is another one.
    """
    await db.execute(queries.limit_settings, schemas=schemas, time_zone=time_zone)
    if not foreign:
        return
    try:
        await db.execute(queries.act_as, role=owner)
    except TailraceError as error:
        raise ApplyError(
            f'role "{db.user}", which runs job "{job}", cannot act as its owner "{owner}"',
            hint=f'run it as that role, or: grant "{owner}" to "{db.user}"',
            sqlstate=error.sqlstate,
            retryable=error.retryable,
        ) from error


async def read_job(db: Database, queue: str, consumer: str) -> SqlJob | None:
    """Read a job; None when there is none any more."""
    row = await db.fetch_one(queries.sql_job, queue=queue, consumer=consumer)
    if row is None:
        return None
    values = row._asdict() | {"program": msgspec.json.decode(row.program, type=Program)}
    return SqlJob(**values)
