"""Making a job that writes files: everything is checked before anything is changed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tailrace.bridge.export.definition import Export, Options, columns_of
from tailrace.cascade.waiting import Patience
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.engines.postgres.creation import capture
from tailrace.engines.postgres.lookup import LOCAL_QUEUE
from tailrace.engines.postgres.preparing import ask_for_old_values, prepare
from tailrace.engines.postgres.program import Source
from tailrace.errors import NotFound, TailraceError, Unsupported, UsageError, WrongState
from tailrace.faults import reach

queries = load("tailrace")


async def create_export(
    db: Database,
    name: str,
    tables: Sequence[str],
    options: Options,
    *,
    queue: str | None = None,
    patience: Patience | None = None,
) -> str:
    """Make a job that writes the changes of tables into files; returns its id.

    ``queue`` is needed where several replicate the same table.
    """
    patience = patience or Patience(30.0)
    options = options.checked()
    if not tables:
        raise UsageError(f'job "{name}" needs at least one table whose changes it writes')
    making = _Making(db, name, options)
    try:
        async with db.transaction():
            await making.look(tables, queue)
            await making.write()
            raise _Checked
    except _Checked:
        pass
    if making.queue != LOCAL_QUEUE:
        names = [one.table for one in making.sources]
        await ask_for_old_values(db, making.queue, names, patience)
    await reach("export.after_first_request")
    async with db.transaction():
        job_id = await making.write()
    await reach("export.after_create")
    try:
        await prepare(db, job_id, patience)
    except TailraceError:
        await db.execute(queries.forget_sql_job, job_id=job_id)
        raise
    return job_id


class _Making:
    """One such job on its way."""

    def __init__(self, db: Database, name: str, options: Options) -> None:
        self.sources: list[Source] = []
        self.queue = ""
        self._db = db
        self._name = name
        self._options = options

    async def look(self, tables: Sequence[str], queue: str | None) -> None:
        """Find out what the names mean, and refuse what cannot be written."""
        rows = {table: await self._table(table, queue) for table in dict.fromkeys(tables)}
        found = {row.relation: row for row in rows.values()}
        queues = {row.queue_name or LOCAL_QUEUE for row in found.values()}
        if len(queues) > 1:
            raise Unsupported(
                f'job "{self._name}" would read several queues: {", ".join(sorted(queues))}',
                hint="make a job for each of them",
            )
        [self.queue] = queues
        if queue not in (None, self.queue):
            raise NotFound(
                f'queue "{queue}" does not replicate the tables of job "{self._name}" into '
                f'database "{self._db.dbname}"',
                hint="see: tailrace tables",
            )
        for number, row in enumerate(found.values(), 1):
            local = self.queue == LOCAL_QUEUE
            table = row.relation if local else row.table_name
            self.sources.append(Source(number, table, row.relation, table, (), True))

    async def _table(self, name: str, queue: str | None) -> Row:
        """The table that is meant."""
        db = self._db
        row = await db.fetch_one(
            queries.job_relation_named,
            schema="changes", name=name if "." in name else f"public.{name}", queue=queue,
        )  # fmt: skip
        assert row is not None
        problem, hint = None, None
        if row.relation is None:
            raise NotFound(
                f'there is no table "{name}" in database "{db.dbname}"', hint="see: tailrace tables"
            )
        if row.is_ours or row.kind not in ("r", "p"):
            problem = f'"{row.relation}" is no table whose changes could be captured'
        elif not row.may_read:
            problem = f'role "{db.user}" may not read table "{row.relation}"'
            hint = f"as its owner: grant select on {row.relation} to {db.user}"
        elif row.has_security:
            problem = (
                f'row security hides rows of table "{row.relation}" from role "{db.user}", and '
                "changes show all rows"
            )
        elif row.queue_name == "*":
            problem = f'several queues replicate table "{row.relation}"'
            hint = "say which one is meant: --queue NAME"
        if problem is not None:
            raise WrongState(problem, hint=hint)
        return row

    async def write(self) -> str:
        """Write the job down; what it reads of this database alone is captured from here on."""
        db, options = self._db, self._options
        if self.queue == LOCAL_QUEUE:
            for source in self.sources:
                await capture(db, source.relation)
        lenient = options.unreadable == "null"
        columns = {
            source.table: [
                (row.name, row.flink_type) for row in await columns_of(db, source, lenient=lenient)
            ]
            for source in self.sources
        }
        export = Export(
            tuple(self.sources), options.to, options.format,  # type: ignore[arg-type]  # checked
            columns, options.updates, lenient,  # type: ignore[arg-type]
        )  # fmt: skip
        tables = ", ".join(source.table for source in self.sources)
        return str(
            await db.fetch_value(
                queries.add_export,
                name=self._name,
                statement=f"export {tables} to {options.to} as {options.format}",
                settings=json.dumps(options.settings),
                queue=self.queue,
                snapshot=options.initial == "snapshot",
                relations=json.dumps([self._reads(source) for source in self.sources]),
                program=export.encoded(),
            )
        )

    def _reads(self, source: Source) -> dict[str, object]:
        return {
            "direction": "reads",
            "relation": source.relation,
            "is_changes": True,
            "queue_name": self.queue,
            "table_name": source.table,
            "column_names": None,
        }


class _Checked(Exception):
    """Everything would work; what was tried is rolled back."""
