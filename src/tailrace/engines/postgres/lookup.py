"""What the names in a job's text mean in this database, and what may not be read or written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.engines.postgres import deciding
from tailrace.engines.postgres.analysis import CHANGES, KEEP_SUMS, Table, call_of
from tailrace.engines.postgres.definition import Definition, Piece
from tailrace.engines.postgres.program import Source
from tailrace.errors import NotFound, Unsupported

queries = load("tailrace")

LOCAL_QUEUE = "tailrace.local"

_TABLES = frozenset({"r", "p"})
_READABLE = frozenset({"r", "p", "v", "m", "f"})


class Lookup:
    """The relations of one job; names are looked up with the search path of the connection."""

    def __init__(self, db: Database, job: Definition, queue: str | None) -> None:
        self._db = db
        self._job = job
        self._wanted_queue = queue
        self.queue = ""
        """The queue that the job reads."""
        self.sources: list[Source] = []
        """The tables whose changes it reads."""
        self.relations: list[dict[str, object]] = []
        """All that it reads and writes."""

    async def look(self) -> None:
        """Look up every name, and refuse what cannot be read or written."""
        columns: dict[str, list[str]] = {}
        found: dict[str, Row] = {}
        for piece in self._job.pieces:
            for node in piece.found.changes:
                if node.relname not in found:
                    found[node.relname] = await self._source(node.relname, node.location)
                    columns[node.relname] = found[node.relname].column_names
        self.queue = self._one_queue(found)
        for number, (name, row) in enumerate(found.items(), 1):
            local = self.queue == LOCAL_QUEUE
            table = row.relation if local else row.table_name
            used = self._named(name, columns[name])
            marked = self._job.marked(name)
            self.sources.append(
                Source(number, name, row.relation, table, tuple(used or ()), marked)
            )
            self.note("reads", row.relation, queue=self.queue, table=table, columns=used)
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
        row = await self._named_relation(CHANGES, name, self._wanted_queue)
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
        if self._wanted_queue not in (None, queue):
            raise NotFound(
                f'the tables of the job are not in queue "{self._wanted_queue}"',
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
                self.note("reads", row.relation)
        for table in piece.found.writes:
            columns = piece.found.written_columns[table]
            if piece.found.creates is None:
                row = await self.target(table)
                self.note("writes", row.relation, columns=columns)

    async def target(self, table: Table) -> Row:
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
        expressions = [*piece.found.deciding]
        for table, insert in piece.found.conflicts:
            expressions += await self._keys(table, insert)
        calls = [call_of(one) for one in deciding.calls(expressions, piece.found.outputs)]
        names = json.dumps([[call.schema, call.name] for call in calls])
        for row in await self._db.fetch_all(queries.volatile_functions, names=names):
            call = calls[row.place]
            self._point(
                call.start,
                f"which rows are written must not depend on {call.name}(), which is volatile",
                hint="a batch may be done again after an error, and must come to the same",
            )

    async def _keys(self, table: Table, insert: Any) -> list[Any]:
        """What becomes the key by which an INSERT looks for a row."""
        row = await self._named_relation(table.schema, table.name)
        if row.relation is None:  # this statement will be refused, or creates it
            return []
        columns = deciding.inferred(insert)
        if not columns:  # it names a constraint, or minds every conflict there is
            infer = insert.onConflictClause.infer
            name = None if infer is None else infer.conname
            columns = await self._db.fetch_value(queries.key_columns, table=row.relation, name=name)
        return [*deciding.keys(insert, row.column_names, columns)]

    async def _refuse_aggregates(self, piece: Piece) -> None:
        """Only sums and counts of batches add up to those of the table.

        Who writes an aggregate of his own may know better.
        """
        calls = [one for one in piece.found.called if one.schema in (None, "pg_catalog")]
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
        mine = {str(one["relation"]) for one in self.relations if one["direction"] == "writes"}
        reached = {source.relation for source in self.sources}
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

    def note(
        self,
        direction: str,
        relation: str,
        *,
        queue: str | None = None,
        table: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        """Remember a relation; what several statements do to it is put together."""
        for one in self.relations:
            same = (one["direction"], one["relation"], one["queue_name"])
            if same == (direction, relation, queue):
                before = one["column_names"]
                if columns is None or not isinstance(before, list):
                    one["column_names"] = None
                else:
                    one["column_names"] = [*dict.fromkeys([*before, *columns])]
                return
        self.relations.append(
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
