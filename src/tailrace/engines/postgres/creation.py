"""CREATE JOB: everything is checked before anything is changed.

The text is read by PostgreSQL's parser (``definition``), the names in it are looked up with the
search path of who creates the job, and each statement is planned by the server as it will run, over
an empty batch; all of that is rolled back. Then the root is asked for old values, which shows
whether that can be done; only then is the job written down, with what it creates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from tailrace.cascade.waiting import Patience
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.engines.postgres.analysis import Table
from tailrace.engines.postgres.batch import Batch
from tailrace.engines.postgres.definition import Definition, Piece, define
from tailrace.engines.postgres.lookup import LOCAL_QUEUE, Lookup
from tailrace.engines.postgres.preparing import LOCK_NOT_AVAILABLE, ask_for_old_values, prepare
from tailrace.engines.postgres.program import Program
from tailrace.engines.postgres.rewriting import Rewritten
from tailrace.engines.postgres.settings import Settings
from tailrace.errors import (
    DatabaseError,
    TailraceError,
    Timeout,
    UsageError,
)
from tailrace.faults import reach

queries = load("tailrace")


async def create_job(
    db: Database,
    name: str,
    body: str,
    options: Mapping[str, str],
    *,
    schemas: str,
    time_zone: str = "UTC",
    patience: Patience | None = None,
) -> str:
    """Create a SQL job and return its id; ``schemas``: the creator's search path."""
    settings = Settings.read(options)
    job = define(body)
    if settings.key and not any(piece.found.creates for piece in job.pieces):
        raise UsageError(
            "'key' is the primary key of a table that the job creates, and this one creates none",
            hint="leave it out, or let the job make its table: CREATE TABLE … AS SELECT …",
        )
    creation = _Creation(db, name, job, settings, schemas, time_zone)
    return await creation.carry_out(options, patience or Patience(30.0))


class _Creation:
    """One CREATE JOB under way."""

    def __init__(
        self,
        db: Database,
        name: str,
        job: Definition,
        settings: Settings,
        schemas: str,
        time_zone: str,
    ) -> None:
        self._db = db
        self._name = name
        self._job = job
        self._settings = settings
        self._schemas = schemas
        self._time_zone = time_zone
        self._names = Lookup(db, job, settings.queue)
        self._runnable: list[Rewritten] = []

    async def carry_out(self, options: Mapping[str, str], patience: Patience) -> str:
        """Check everything, ask the root, write the job down, see to it that it begins."""
        db = self._db
        try:
            async with db.transaction():
                await self._enter()
                await self._names.look()
                await self._check()
                await self._write(options)
                raise _Checked
        except _Checked:
            pass
        if self._names.queue != LOCAL_QUEUE:
            tables = [one.table for one in self._names.sources]
            await ask_for_old_values(db, self._names.queue, tables, patience)
        await reach("sqljob.after_first_request")
        async with db.transaction():
            await self._enter()
            batch = await self._empty_batch()
            await self._create_tables()
            await batch.drop()
            job_id = await self._write(options)
        await reach("sqljob.after_create")
        await self._begin(job_id, patience)
        return job_id

    async def _begin(self, job_id: str, patience: Patience) -> None:
        """Let it begin now; where that fails there is no job."""
        try:
            await prepare(self._db, job_id, patience)
        except TailraceError:
            await self._db.execute(queries.forget_sql_job, job_id=job_id)
            raise

    async def _enter(self) -> None:
        """Let names and hours mean what they mean to who creates the job."""
        await self._db.execute(
            queries.limit_settings, schemas=self._schemas, time_zone=self._time_zone
        )

    # ---------------------------------------------------------------- statements

    async def _check(self) -> None:
        """Let the server plan each statement, as the creator, over an empty batch."""
        db = self._db
        self._runnable = self._job.runnable({one.name: one.view for one in self._names.sources})
        await self._empty_batch()
        await self._create_tables()
        for rewritten, piece in zip(self._runnable, self._job.pieces, strict=True):
            try:
                await db.execute("explain " + rewritten.text)
            except DatabaseError as error:
                raise self._pointing(error, rewritten, piece) from error

    async def _empty_batch(self) -> Batch:
        user = await self._db.fetch_value(queries.current_role)
        batch = Batch(self._db, tuple(self._names.sources), reader=user)
        await batch.prepare({})
        return batch

    def _pointing(self, error: DatabaseError, rewritten: Rewritten, piece: Piece) -> TailraceError:
        diag = getattr(error.__cause__, "diag", None)
        position = getattr(diag, "statement_position", None)
        at = piece.start
        if position is not None:
            at = rewritten.place(max(0, int(position) - 1 - len("explain ")))
        return self._job.error_at(at, _problem(error), error.hint)

    async def _create_tables(self) -> None:
        for piece, statement in self._job.creations(self._runnable):
            assert piece.found.creates is not None
            relation = piece.found.creates.into.rel
            try:
                await self._db.execute(statement)
            except DatabaseError as error:
                raise self._job.error_at(piece.start, _problem(error), error.hint) from error
            row = await self._names.target(
                Table(relation.schemaname, relation.relname, piece.start)
            )
            self._names.note("writes", row.relation)
            if self._settings.key:
                await self._add_key(row.relation)

    async def _add_key(self, table: str) -> None:
        """Give a table that was created its primary key."""
        columns = list(self._settings.key)
        statement = await self._db.fetch_value(
            queries.add_primary_key_sql, table=table, columns=columns
        )
        try:
            await self._db.execute(statement)
        except DatabaseError as error:
            raise UsageError(f"'key': {_problem(error)}", hint=error.hint) from error

    # ---------------------------------------------------------------- writing it down

    async def _write(self, options: Mapping[str, str]) -> str:
        """Write the job down; what it reads of this database alone is captured from here on."""
        if self._names.queue == LOCAL_QUEUE:
            for source in self._names.sources:
                await capture(self._db, source.relation)
        statements = tuple(one.text for one in self._runnable)
        program = Program(tuple(self._names.sources), statements, self._time_zone)
        return str(
            await self._db.fetch_value(
                queries.add_sql_job,
                name=self._name,
                statement=self._job.source.strip(),
                settings=json.dumps(dict(options)),
                schemas=self._schemas,
                queue=self._names.queue,
                snapshot=self._settings.snapshot,
                relations=json.dumps(self._names.relations),
                program=program.encoded(),
            )
        )


async def capture(db: Database, table: str) -> None:
    """Capture a table of this database alone, if its writers let us lock it."""
    await db.fetch_value(queries.limit_lock_waits, milliseconds="10000")
    try:
        await db.execute(queries.capture_locally, table=table)
    except DatabaseError as error:
        if error.sqlstate != LOCK_NOT_AVAILABLE:
            raise
        raise Timeout(
            f'writers of table "{table}" have not ended within 10 s',
            hint="end the transaction that holds the table, and create the job again",
        ) from error


class _Checked(Exception):
    """Everything would work; what was tried is rolled back."""


def _problem(error: DatabaseError) -> str:
    """What PostgreSQL says, without where and how it was asked."""
    diag = getattr(error.__cause__, "diag", None)
    return str(getattr(diag, "message_primary", None) or error.message)
