"""CREATE JOB: everything is checked before anything is changed.

The text is read by PostgreSQL's parser (``definition``), the names in it are looked up with the
search path of who creates the job, and each statement is planned by the server as it will run, over
an empty batch; all of that is rolled back. Then the root is asked for old values, which shows
whether that can be done; only then is the job written down, with what it creates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn

from tailrace.cascade.waiting import Patience
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.engines.postgres.analysis import CHANGES, KEEP_SUMS, Table
from tailrace.engines.postgres.batch import Batch
from tailrace.engines.postgres.definition import Definition, Piece, define
from tailrace.engines.postgres.preparing import LOCK_NOT_AVAILABLE, ask_for_old_values, prepare
from tailrace.engines.postgres.program import Program, Source
from tailrace.engines.postgres.rewriting import Rewritten
from tailrace.engines.postgres.settings import Settings
from tailrace.errors import (
    DatabaseError,
    NotFound,
    TailraceError,
    Timeout,
    Unsupported,
)
from tailrace.faults import reach

queries = load("tailrace")

LOCAL_QUEUE = "tailrace.local"

_TABLES = frozenset({"r", "p"})
_READABLE = frozenset({"r", "p", "v", "m", "f"})


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
        self._sources: list[Source] = []
        self._relations: list[dict[str, object]] = []
        self._queue = ""
        self._runnable: list[Rewritten] = []

    async def carry_out(self, options: Mapping[str, str], patience: Patience) -> str:
        """Check everything, ask the root, write the job down, see to it that it begins."""
        db = self._db
        try:
            async with db.transaction():
                await self._look()
                await self._check()
                await self._write(options)
                raise _Checked
        except _Checked:
            pass
        if self._queue != LOCAL_QUEUE:
            tables = [one.table for one in self._sources]
            await ask_for_old_values(db, self._queue, tables, patience)
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

    # ---------------------------------------------------------------- names

    async def _look(self) -> None:
        """Find out what the names mean, and refuse what cannot be read or written."""
        await self._enter()
        columns: dict[str, list[str]] = {}
        found: dict[str, Row] = {}
        for piece in self._job.pieces:
            for node in piece.found.changes:
                if node.relname not in found:
                    found[node.relname] = await self._source(node.relname, node.location)
                    columns[node.relname] = found[node.relname].column_names
        self._queue = self._one_queue(found)
        for number, (name, row) in enumerate(found.items(), 1):
            local = self._queue == LOCAL_QUEUE
            table = row.relation if local else row.table_name
            used = self._named(name, columns[name])
            marked = self._job.marked(name)
            self._sources.append(
                Source(number, name, row.relation, table, tuple(used or ()), marked)
            )
            self._note("reads", row.relation, queue=self._queue, table=table, columns=used)
        for piece in self._job.pieces:
            await self._tables(piece)
            await self._refuse_chance(piece)
            await self._refuse_aggregates(piece)
        await self._refuse_circle()

    async def _named_relation(self, schema: str | None, name: str, queue: str | None = None) -> Row:
        row = await self._db.fetch_one(
            queries.job_relation_named, schema=schema, name=name, queue=queue
        )
        assert row is not None
        return row

    async def _source(self, name: str, place: int) -> Row:
        """The table whose changes are meant."""
        row = await self._named_relation(CHANGES, name, self._settings.queue)
        if row.relation is None:
            self._point(
                place,
                f'there is no table "{name}" in database "{self._db.dbname}"',
                hint='changes of a table outside the search path: changes."schema.table"',
            )
        if row.is_ours or row.kind not in _TABLES:
            self._point(place, f'"{row.relation}" is no table whose changes could be captured')
        if not row.may_read:
            self._point(
                place, f'role "{self._db.user}" may not read table "{row.relation}"',
                hint=f"as its owner: grant select on {row.relation} to {self._db.user}",
            )  # fmt: skip
        if row.has_security:
            self._point(
                place,
                f'row security hides rows of table "{row.relation}" from role "{self._db.user}", '
                "and changes show all rows",
            )
        if row.queue_name == "*":
            self._point(
                place, f'several queues replicate table "{row.relation}"',
                hint="say which one is meant: WITH ('queue' = '…')",
            )  # fmt: skip
        return row

    def _one_queue(self, found: Mapping[str, Row]) -> str:
        """The queue of the job: that of all its sources."""
        queues = {row.relation: row.queue_name for row in found.values()}
        names = {queue or LOCAL_QUEUE for queue in queues.values()}
        if len(names) > 1:
            listed = ", ".join(
                f"{table} from {queue or 'none, so from this database alone'}"
                for table, queue in queues.items()
            )
            raise Unsupported(
                f"a job reads one queue, and these tables come from several: {listed}",
                hint="make one job for each, or read the other tables as they are",
            )
        [queue] = names
        if self._settings.queue not in (None, queue):
            raise NotFound(
                f'the tables of the job are not in queue "{self._settings.queue}"',
                hint="leave the setting 'queue' out, or name the one that replicates them",
            )
        return queue

    def _named(self, name: str, columns: Sequence[str]) -> list[str] | None:
        """The columns of a source that the job names; None: all."""
        used: set[str] = set()
        for piece in self._job.pieces:
            if any(node.relname == name for node in piece.found.changes):
                if piece.found.all_columns:
                    return None
                used |= piece.found.columns
        return [column for column in columns if column in used]

    async def _tables(self, piece: Piece) -> None:
        """The tables that a statement reads as they are, and those that it writes."""
        for table in piece.found.reads:
            row = await self._named_relation(table.schema, table.name)
            if row.relation is not None and row.kind in _READABLE:
                self._note("reads", row.relation)
        for table in piece.found.writes:
            columns = piece.found.written_columns[table]
            if piece.found.creates is None:
                row = await self._target(table)
                self._note("writes", row.relation, columns=columns)

    async def _target(self, table: Table) -> Row:
        row = await self._named_relation(table.schema, table.name)
        name = table.name if table.schema is None else f"{table.schema}.{table.name}"
        if row.relation is None:
            self._point(
                table.start, f'there is no table "{name}" in database "{self._db.dbname}"',
                hint="create it, or let the job do it: CREATE TABLE … AS SELECT …",
            )  # fmt: skip
        if row.is_ours or row.kind not in _TABLES:
            self._point(
                table.start,
                f'"{row.relation}" cannot be the target of a job',
                hint="a job writes into ordinary and partitioned tables, which are logged",
            )
        if row.queue_name is not None:
            self._point(
                table.start,
                f'table "{row.relation}" is replicated by a cascade, so a job cannot write into it',
                hint="write into a table of this database alone",
            )
        return row

    async def _refuse_chance(self, piece: Piece) -> None:
        """Which rows are written may not depend on a function that answers anew each time."""
        calls = piece.found.deciding
        names = json.dumps([[call.schema, call.name] for call in calls])
        for row in await self._db.fetch_all(queries.volatile_functions, names=names):
            call = calls[row.place]
            self._point(
                call.start,
                f"which rows are written must not depend on {call.name}(), which is volatile",
                hint="a batch may be done again after an error, and must come to the same",
            )

    async def _refuse_aggregates(self, piece: Piece) -> None:
        """Only sums and counts of batches add up to those of the table.

        Who writes an aggregate of his own may know better.
        """
        calls = piece.found.called
        names = [call.name for call in calls]
        for row in await self._db.fetch_all(queries.builtin_aggregates, names=names):
            call = calls[row.place]
            self._point(
                call.start,
                f"over changes, {call.name}() of a batch is not {call.name}() of the table",
                hint=KEEP_SUMS,
            )

    async def _refuse_circle(self) -> None:
        """A job must not read, through whatever other jobs, what it writes itself."""
        mine = {str(one["relation"]) for one in self._relations if one["direction"] == "writes"}
        reached = {source.relation for source in self._sources}
        rows = await self._db.fetch_all(queries.job_writers)
        while True:
            more = {row.reads for row in rows if row.writes in reached} - reached
            if not more:
                break
            reached |= more
        for table in sorted(mine & reached):
            raise Unsupported(
                f'the job would read the changes of table "{table}", which it writes itself',
                hint="jobs may follow each other, but not in a circle",
            )

    def _note(
        self,
        direction: str,
        relation: str,
        *,
        queue: str | None = None,
        table: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        """Remember a relation; what several statements do to it is put together."""
        for one in self._relations:
            same = (one["direction"], one["relation"], one["queue_name"])
            if same == (direction, relation, queue):
                before = one["column_names"]
                if columns is None or not isinstance(before, list):
                    one["column_names"] = None
                else:
                    one["column_names"] = [*dict.fromkeys([*before, *columns])]
                return
        self._relations.append(
            {
                "direction": direction,
                "relation": relation,
                "is_changes": queue is not None,
                "queue_name": queue,
                "table_name": table,
                "column_names": None if columns is None else list(columns),
            }
        )

    def _point(self, place: int, problem: str, hint: str | None = None) -> NoReturn:
        raise self._job.error_at(place, problem, hint)

    # ---------------------------------------------------------------- statements

    async def _check(self) -> None:
        """Let the server plan each statement, as the creator, over an empty batch."""
        db = self._db
        self._runnable = self._job.runnable({one.name: one.view for one in self._sources})
        await self._empty_batch()
        await self._create_tables()
        for rewritten, piece in zip(self._runnable, self._job.pieces, strict=True):
            try:
                await db.execute("explain " + rewritten.text)
            except DatabaseError as error:
                raise self._pointing(error, rewritten, piece) from error

    async def _empty_batch(self) -> Batch:
        user = await self._db.fetch_value(queries.current_role)
        batch = Batch(self._db, tuple(self._sources), reader=user)
        await batch.prepare({})
        return batch

    def _pointing(self, error: DatabaseError, rewritten: Rewritten, piece: Piece) -> TailraceError:
        diag = getattr(error.__cause__, "diag", None)
        position = getattr(diag, "statement_position", None)
        at = piece.start
        if position is not None:
            at = rewritten.place(max(0, int(position) - 1 - len("explain ")))
        primary = getattr(diag, "message_primary", None) or error.message
        return self._job.error_at(at, str(primary), error.hint)

    async def _create_tables(self) -> None:
        for piece, statement in self._job.creations(self._runnable):
            assert piece.found.creates is not None
            relation = piece.found.creates.into.rel
            try:
                await self._db.execute(statement)
            except DatabaseError as error:
                diag = getattr(error.__cause__, "diag", None)
                problem = str(getattr(diag, "message_primary", None) or error.message)
                raise self._job.error_at(piece.start, problem, error.hint) from error
            row = await self._target(Table(relation.schemaname, relation.relname, piece.start))
            self._note("writes", row.relation)
            if self._settings.key:
                await self._db.execute(
                    await self._db.fetch_value(
                        queries.add_primary_key_sql,
                        table=row.relation, columns=list(self._settings.key),
                    )
                )  # fmt: skip

    # ---------------------------------------------------------------- writing it down

    async def _write(self, options: Mapping[str, str]) -> str:
        """Write the job down; what it reads of this database alone is captured from here on."""
        if self._queue == LOCAL_QUEUE:
            for source in self._sources:
                await capture(self._db, source.relation)
        statements = tuple(one.text for one in self._runnable)
        program = Program(tuple(self._sources), statements, self._time_zone)
        return str(
            await self._db.fetch_value(
                queries.add_sql_job,
                name=self._name,
                statement=self._job.source.strip(),
                settings=json.dumps(dict(options)),
                schemas=self._schemas,
                queue=self._queue,
                snapshot=self._settings.snapshot,
                relations=json.dumps(self._relations),
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
