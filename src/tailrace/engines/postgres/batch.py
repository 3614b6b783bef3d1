"""What ``changes.<table>`` means in a session: the changes of the batch under way, typed.

For each table that a job reads there is a temporary view over temporary tables, made when first
needed and again when the table has changed its shape. The rows come as text by COPY, as those of
replication do, and no row becomes an object here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.engines.postgres.program import Source
from tailrace.errors import LostChanges
from tailrace.replication.span import Part
from tailrace.replication.transport import Reading

queries = load("tailrace")


@dataclass(slots=True)
class _Made:
    """What is there for a source in this session."""

    shape: str
    copies: dict[str | None, Row] = field(default_factory=dict)


class Batch:
    """The changes of one batch after another, in one session."""

    def __init__(self, target: Database, sources: tuple[Source, ...], *, reader: str) -> None:
        """``reader``: role that the statements run as."""
        self._target = target
        self._sources = sources
        self._reader = reader
        self._made: dict[str, _Made] = {}

    async def prepare(self, shapes: Mapping[str, str | None]) -> None:
        """Have a place for the changes of each source; ``shapes``: its columns, as a hash."""
        for source in self._sources:
            shape = shapes.get(source.relation) or ""
            made = self._made.get(source.relation)
            if made is None or made.shape != shape:
                await self._make(source, rows=False)
                self._made[source.relation] = _Made(shape)

    async def drop(self) -> None:
        """Leave nothing of it in the session."""
        for source in self._sources:
            await self._target.execute(queries.drop_batch_relation, number=source.number)
        self._made.clear()

    async def show_rows(self) -> None:
        """Let changes mean all rows of the tables as they are, for this transaction."""
        for source in self._sources:
            await self._make(source, rows=True)
        self._made.clear()

    async def _make(self, source: Source, *, rows: bool) -> None:
        made = await self._target.fetch_one(
            queries.batch_relation,
            number=source.number, table=source.relation, marked=source.marked, rows=rows,
            reader=self._reader,
        )  # fmt: skip
        assert made is not None
        await self._target.execute(queries.drop_batch_relation, number=source.number)
        await self._target.execute(made.make_sql)

    async def load(self, reading: Reading) -> int:
        """Bring everything in that a reading brings; returns the number of rows."""
        parts = await reading.parts()
        by_table = {source.table: source for source in self._sources}
        await self._obey(parts)
        rows = 0
        for part in parts:
            if part.kind == "control":
                continue
            source = by_table[part.table or ""]
            copies = await self._copies(source, part.relation_id)
            if part.has_rows:
                rows += await self._load(reading, part, getattr(copies, part.kind))
        return rows

    async def _obey(self, parts: list[Part]) -> None:
        """Keep descriptors, and stop where changes went unseen."""
        for part in parts:
            if part.kind != "control":
                continue
            if part.event_type == "tailrace.relation":
                await self._target.execute(queries.store_relation, json=part.data)
                continue
            how = (
                "was removed from its queue"
                if part.event_type == "tailrace.remove-table"
                else "was changed without an event for each row, by a script of schema changes or "
                "with a partition that came with rows"
            )
            raise LostChanges(
                f'event {part.first_id}: table "{part.table}" {how}',
                hint="the job cannot know what changed; drop it, empty its tables, and create it "
                "again with 'initial' = 'snapshot'",
            )

    async def _copies(self, source: Source, relation_id: str | None) -> Row:
        known = self._made[source.relation].copies
        if relation_id not in known:
            copies = await self._target.fetch_one(
                queries.batch_copy,
                number=source.number, table=source.relation, relation_id=relation_id,
                columns=list(source.columns),
            )  # fmt: skip
            assert copies is not None
            if copies.prepare_sql is not None:
                await self._target.execute(copies.prepare_sql)
            known[relation_id] = copies
        return known[relation_id]

    async def _load(self, reading: Reading, part: Part, statement: str) -> int:
        async with self._target.copy_in(statement) as copy:
            async for rows in reading.rows(part):
                await copy.write(rows)
        return copy.rowcount
