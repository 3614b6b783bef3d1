"""Applying row events to local tables, exactly as the database wants its rows: in sets.

The caller owns the transaction and the position; the applier brings the rows of one ``Reading``
into the tables. The events of one table, written with one descriptor, between two events that
change the meaning of others, make a ``Section``. Of each key in it only the last event counts.
Sections that only insert are copied straight into the table; all others are staged in a temporary
table, and a function takes them from there (``tailrace.apply_staged``).

When a section fails, the caller rolls back and comes again, carefully: each section is then a
subtransaction, and the events of the one that fails are read again in halves until the one that
cannot be applied is found and named. Nearly always all goes well, and subtransactions cost two
round trips each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from tailrace.db.connection import Database, Question, Row
from tailrace.db.queries import load
from tailrace.errors import ApplyError, TailraceError, Unsupported
from tailrace.replication.culprit import find_culprit
from tailrace.replication.passing import begin_passing
from tailrace.replication.relations import ApplyPlan, LocalTable, Relations
from tailrace.replication.span import Part, Scope, tables_in
from tailrace.replication.staging import Staging
from tailrace.replication.transport import Abandoned, Reading

queries = load("tailrace")

Role = Literal["leaf", "branch"]

# Control events of ours that the applier knows; those of the cascade (pgq.*) are its caller's.
_RELATION = "tailrace.relation"
_REMOVE_TABLE = "tailrace.remove-table"
_KNOWN = frozenset({_RELATION, _REMOVE_TABLE, "tailrace.add-table", "tailrace.untracked"})
_ROW_PARTS = frozenset({"delete", "insert", "update", "write"})


@dataclass(frozen=True, slots=True)
class Control:
    """An event that is no row event."""

    ev_id: int
    type: str
    data: str | None
    extra1: str | None
    extra2: str | None
    extra3: str | None
    extra4: str | None


@dataclass(slots=True)
class Counts:
    """What happened to one table: final rows, each key once."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    missed_updates: int = 0
    missed_deletes: int = 0
    truncated: int = 0
    set_aside: int = 0

    def add(self, other: Counts) -> None:
        """Add the counts of another section."""
        for name in Counts.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Applied:
    """What a batch did here."""

    rows: int = 0
    """Rows in the events that were applied or set aside."""
    tables: dict[str, Counts] = field(default_factory=dict)
    controls: list[Control] = field(default_factory=list)
    """All events that are no row events, in their order."""

    def count(self, table: str, counts: Counts) -> None:
        """Add what a section did."""
        self.tables.setdefault(table, Counts()).add(counts)


@dataclass(frozen=True, slots=True)
class Section:
    """Parts that are applied in one go: one table, one descriptor, one segment."""

    parts: tuple[Part, ...]

    @property
    def table(self) -> str:
        """Global name of the table."""
        return self.parts[0].table or ""

    @property
    def relation_id(self) -> str | None:
        """Descriptor that its rows were written with."""
        return self.parts[0].relation_id

    @property
    def first_id(self) -> int:
        """Lowest event id."""
        return min(part.first_id for part in self.parts)

    @property
    def last_id(self) -> int:
        """Highest event id."""
        return max(part.last_id for part in self.parts)


class _SectionFailed(Exception):
    """A section cannot be applied; carries what is needed to find out why."""

    def __init__(self, section: Section, error: TailraceError) -> None:
        super().__init__(str(error))
        self.section = section
        self.error = error


class AgainCarefully(Exception):
    """Something could not be applied: roll back, and apply again in the careful way."""


class Applier:
    """Applies the events of one queue to the tables of one database."""

    def __init__(
        self,
        target: Database,
        *,
        queue: str,
        role: Role,
        strict: bool = False,
        passes: bool = False,
    ) -> None:
        """``passes``: what is applied also goes into the queue that this one is merged into."""
        self.target = target
        self.queue = queue
        self.role = role
        self.strict = strict
        self.scope = Scope()
        """What becomes of the events of each table; give it to ``RangeReader.start``."""
        self._relations = Relations(target, queue=queue, keep_aside=role == "leaf", passes=passes)
        self._staging = Staging(target)

    async def refresh(self) -> Scope:
        """Look which tables are live, so that the next reading fetches the right events."""
        self.scope = await self._relations.look()
        return self.scope

    def questions(self, reading: Reading) -> list[Question]:
        """What may be asked at once with whatever begins the transaction, if it is known already.

        ``apply`` then takes the answers.
        """
        if reading.whole is None:
            return []
        return [self._relations.question(tables_in(reading.whole))]

    async def apply(
        self, reading: Reading, *, careful: bool = True, answers: Sequence[list[Row]] = ()
    ) -> Applied:
        """Apply everything that a reading brings, within the caller's transaction.

        Positions are not touched. The caller's transaction has to be rolled back after any error.
        A careful one names the guilty event where there is one; the quick way then raises
        ``AgainCarefully``. ``answers``: to ``questions``, from this transaction.
        """
        if reading.scope is None:
            reading = reading.again(await self.refresh())
        while True:
            try:
                async with reading.fetched():
                    if await self._is_current(reading, answers):
                        return await self._apply_parts(reading, careful=careful)
            except Abandoned:
                pass  # together with an earlier reading, whose scope had changed
            except _SectionFailed as failed:
                section, error = failed.section, failed.error
                if not careful:
                    raise AgainCarefully from error
                raise await find_culprit(self, reading, section, error) from error
            reading, answers = reading.again(self.scope), ()

    async def _is_current(self, reading: Reading, answers: Sequence[list[Row]]) -> bool:
        """Look at the tables in this transaction; was the reading started for what they are?"""
        parts = await reading.parts()
        if reading.failure is not None:
            # Given up with an earlier one after its parts had come: nothing has been done yet.
            raise reading.failure
        if answers:
            self.scope = await self._relations.learn(answers[0])
        else:
            self.scope = await self._relations.look(tables_in(parts))
        return self.scope == reading.scope

    async def _apply_parts(self, reading: Reading, *, careful: bool) -> Applied:
        parts = await reading.parts()
        applied = Applied()
        self._staging.begin(self._relations.transaction)
        for part in parts:
            if part.kind == "control":
                applied.controls.append(self._control(part))
        for part in parts:
            if part.event_type == _RELATION:
                await self.target.execute(queries.store_relation, json=part.data)
        for group in _groups(parts):
            await self._apply_group(reading, group, applied, careful=careful)
        return applied

    async def _apply_group(
        self, reading: Reading, group: list[Part], applied: Applied, *, careful: bool
    ) -> None:
        part = group[0]
        table = self._relations.find(part.table or "")
        if part.kind == "control":
            await self._obey(part)
        elif part.kind == "pass":
            await self._pass_on(reading, part)
        elif table is None:  # removed by an event of this very batch
            for one in group:
                await reading.skip(one)
        elif part.kind == "truncate":
            applied.count(table.name, await self._truncate(table, part))
        elif part.kind == "aside":
            applied.rows += part.rows
            applied.count(table.name, await self._set_aside(reading, part))
        else:
            section = Section(tuple(group))
            try:
                if careful:
                    counts = await self.apply_section(reading, section)
                else:
                    counts = await self._apply_rows(reading, section, table)
            except TailraceError as error:
                if error is reading.failure or error.retryable:
                    raise
                raise _SectionFailed(section, error) from error
            applied.rows += sum(one.rows for one in group)
            applied.count(table.name, counts)
            await self._note_missed(table, counts)

    # ---------------------------------------------------------------- rows

    @staticmethod
    def sections_of(parts: Sequence[Part]) -> list[Section]:
        """Only the sections among the parts."""
        return [Section(tuple(group)) for group in _groups(parts) if group[0].kind in _ROW_PARTS]

    async def apply_section(self, reading: Reading, section: Section) -> Counts:
        """Apply one section in a subtransaction; an error leaves the table as it was before."""
        table = self._relations.find(section.table)
        if table is None:
            raise ValueError(f'table "{section.table}" is not replicated here')
        try:
            async with self.target.transaction():
                return await self._apply_rows(reading, section, table)
        except TailraceError:
            self._staging.doubt()  # a table made in here went with the subtransaction
            raise

    async def _apply_rows(self, reading: Reading, section: Section, table: LocalTable) -> Counts:
        plan = await self._relations.plan(table, section.relation_id)
        direct = plan.statements.direct
        if section.parts[0].kind == "insert" and direct is not None:
            return Counts(inserted=await self._load(reading, section.parts[0], direct))
        counts = await self._apply_staged(reading, section, plan)
        if self.strict and (counts.missed_updates or counts.missed_deletes):
            raise ApplyError(
                f"{counts.missed_updates} updates and {counts.missed_deletes} deletes met no row",
                hint="compare the table with: tailrace compare",
            )
        return counts

    async def _apply_staged(self, reading: Reading, section: Section, plan: ApplyPlan) -> Counts:
        await self._staging.prepare(plan.statements)
        written = deleted = 0
        for part in section.parts:
            count = await self._load(reading, part, _load_statement(plan, part))
            if part.kind == "delete":
                deleted += count
            else:
                written += count
        [row] = await self.target.fetch_all(
            queries.apply_staged,
            plan=plan.text,
            kind=section.parts[-1].kind,
            written=written,
            deleted=deleted,
        )
        return Counts(
            row.inserted, row.updated, row.deleted, row.missed_updates, row.missed_deletes
        )

    async def _load(self, reading: Reading, part: Part, statement: str) -> int:
        """Send the rows of a part to a COPY statement; return their number."""
        async with self.target.copy_in(statement) as copy:
            async for rows in reading.rows(part):
                await copy.write(rows)
        return copy.rowcount

    async def _pass_on(self, reading: Reading, part: Part) -> None:
        """Write events into the combined queue, after they have been applied here."""
        statement = await begin_passing(self.target, self.queue, part.data)
        await self._load(reading, part, statement)

    async def _truncate(self, table: LocalTable, part: Part) -> Counts:
        others = await self.target.fetch_value(
            queries.other_parts, queue=self.queue, table=table.name
        )
        if others:
            raise ApplyError(
                f'event {part.first_id} of queue "{self.queue}" truncates table "{table.name}", '
                f"which here also holds the rows of: {', '.join(others)}",
                ev_id=part.first_id,
                table=table.name,
                hint="delete the rows of this queue by hand, remove the table here with: tailrace "
                "remove-table, and add it again",
            )
        try:
            await self.target.execute(queries.empty_table, table=table.dest)
        except TailraceError as error:
            raise _apply_error(self.queue, part, error) from error
        return Counts(truncated=1)

    async def _set_aside(self, reading: Reading, part: Part) -> Counts:
        return Counts(set_aside=await self._load(reading, part, queries.take_aside.sql))

    async def _note_missed(self, table: LocalTable, counts: Counts) -> None:
        if counts.missed_updates or counts.missed_deletes:
            await self.target.execute(
                queries.note_missed,
                queue=self.queue,
                table=table.name,
                updates=counts.missed_updates,
                deletes=counts.missed_deletes,
            )

    # ---------------------------------------------------------------- control events

    def _control(self, part: Part) -> Control:
        """Check that the event is one that somebody here knows."""
        kind = part.event_type or ""
        if kind not in _KNOWN and not kind.startswith("pgq."):
            raise Unsupported(
                f'event {part.first_id} of queue "{self.queue}" has type "{kind}", '
                "which the applying consumer does not know",
                hint="a cascaded queue carries changes of tables only; if a newer tailrace wrote "
                "the event, upgrade this node",
                ev_id=part.first_id,
            )
        return Control(
            part.first_id, kind, part.data, part.table, part.extra2, part.relation_id, part.extra4
        )

    async def _obey(self, part: Part) -> None:
        if part.event_type == _REMOVE_TABLE and self._relations.find(part.table or ""):
            await self.target.execute(queries.stop_replicating, queue=self.queue, table=part.table)
            self._relations.forget(part.table or "")


def _groups(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Put together the parts that make a section; each other part stands alone."""

    def section_of(numbered: tuple[int, Part]) -> object:
        number, part = numbered
        if part.kind in _ROW_PARTS:
            return part.segment, part.table, part.relation_id
        return number

    for _, group in groupby(enumerate(parts), key=section_of):
        yield [part for _, part in group]


def _load_statement(plan: ApplyPlan, part: Part) -> str:
    texts = plan.statements
    if part.kind == "delete":
        return texts.load_marked_delete if part.marked else texts.load_delete
    return texts.load_write if part.marked else texts.load_insert


def _apply_error(queue: str, part: Part, error: TailraceError) -> ApplyError:
    return ApplyError(
        f'event {part.first_id} of queue "{queue}" cannot be applied to table "{part.table}": '
        f"{error.message}",
        ev_id=part.first_id,
        table=part.table,
        hint=error.hint,
        sqlstate=error.sqlstate,
        retryable=error.retryable,
    )
