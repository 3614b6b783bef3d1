"""The first load of a table: supervised, tied to a tick, from the beginning or not at all.

One attempt (``TableCopy``):

1. the applying consumer keeps the table's events from its present position A0 on;
2. a snapshot of the source whose tick T is known, with T at or after A0;
3. one transaction on the target: empty the table, pipe COPY from source to target, note that the
   table is in at T. What has happened since T is the applying consumer's (``replication.sync``).

Whatever breaks an attempt leaves the table as it was, and the next attempt starts at 1. A session
lock on the target connection says that somebody works on the table; it goes with the connection
that writes, so two attempts cannot meet, and a dead one is taken up again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import Any

from tailrace import log
from tailrace.db import locks
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.db.remote import remote
from tailrace.errors import ConnectError, NotFound, TailraceError, WrongState
from tailrace.faults import reach
from tailrace.replication.snapshot import Snapshot, open_snapshot

queries = load("tailrace")
_logger = log.get("copy")

_CHUNK_BYTES = 128 * 1024
_PROGRESS_SECONDS = 1.0
_TIDY_SECONDS = 30.0
_PATIENT_NOTES = 3  # notes of progress that are not taken before the copy gives way


class Outcome(Enum):
    """How an attempt ended that did not fail."""

    DONE = "the rows are in"
    WAITING = "the source does not have the table yet, or is not far enough"
    BUSY = "another runner copies the table"
    AFTER_OTHERS = "the rows of another queue are being copied into it"
    GONE = "the table wants no copy any more"


@dataclass(frozen=True, slots=True)
class Columns:
    """What is copied: the columns that both sides have and that hold data of their own."""

    names: list[str]
    left_out: list[str]


class TableCopy:
    """One attempt to load one table."""

    def __init__(
        self,
        own: Database,
        queue: str,
        work: Any,
        *,
        patience: float = 20.0,
        runner_timeout: float = 5.0,
    ) -> None:
        """``work`` is a row of ``tables_to_copy``; ``patience``: seconds to wait for the source.

        ``own`` is a connection to the target's database for what must be seen while the copy's
        transaction is open.
        """
        self._own = own
        self._queue = queue
        self._table: str = work.table_name
        self._local: str = work.dest_table
        self._source_node: str = work.source_node
        self._location: str | None = work.source_location
        self._patience = patience
        self._runner_timeout = runner_timeout

    async def run(self) -> Outcome:
        """Do everything; raises what went wrong after undoing it."""
        if self._location is None:
            raise NotFound(
                f'node "{self._source_node}", from which table "{self._table}" is to be copied, '
                f'is not a member of the set of queue "{self._queue}"',
                hint="see: tailrace members",
            )
        async with await Database.connect(
            remote(self._location), name=f"copy {self._table}"
        ) as source:
            if (await self._source_state(source)).table_state != "live":
                return Outcome.WAITING
            async with await self._connect_target() as target:
                key = f"copy {self._queue} {self._table}"
                if not await locks.acquire(target, key):
                    await locks.end_silent(target, key, self._runner_timeout)
                    return Outcome.BUSY
                if not await locks.acquire(target, f"load {self._local}"):
                    return Outcome.AFTER_OTHERS
                return await self._load(source, target)

    async def _connect_target(self) -> Database:
        name = f"copy {self._table}"
        target = await Database.connect(self._own.dsn, name=name, replica=True)
        await locks.mark(target)
        return target

    async def _source_state(self, source: Database) -> Any:
        [state] = await source.fetch_all(queries.source_state, queue=self._queue, table=self._table)
        return state

    async def _load(self, source: Database, target: Database) -> Outcome:
        aside_tick = await self._own.fetch_value(
            queries.begin_aside, queue=self._queue, table=self._table
        )
        if aside_tick is None:
            return Outcome.GONE
        await reach("copy.after_aside")
        deadline = monotonic() + self._patience
        while True:
            outcome = await self._copy_at(source, target, aside_tick)
            if outcome is not None:
                return outcome
            if monotonic() > deadline:
                return Outcome.WAITING
            await asyncio.sleep(0.1)  # the source applies events that the target already has

    async def _copy_at(self, source: Database, target: Database, aside_tick: int) -> Outcome | None:
        """Copy, if the source is at or after a tick; None: it is not."""
        outcome = None
        try:
            async with self._snapshot(source) as (snapshot, state):
                if state.table_state != "live":
                    outcome = Outcome.WAITING
                elif snapshot.tick >= aside_tick:
                    outcome = await self._copy(source, target, snapshot, state)
        except ConnectError:
            if outcome is None:
                raise
            _logger.debug('table "%s": the source was lost after the copy', self._table)
        return outcome

    @asynccontextmanager
    async def _snapshot(self, source: Database) -> AsyncIterator[tuple[Snapshot, Any]]:
        """Open the source's snapshot, with the table locked, and look at the table inside it."""
        name = (await self._source_state(source)).local_table
        async with open_snapshot(source, queue=self._queue, tables=[name]) as snapshot:
            yield snapshot, await self._source_state(source)

    async def _copy(
        self, source: Database, target: Database, snapshot: Snapshot, state: Any
    ) -> Outcome:
        await reach("copy.after_snapshot")
        place = {"queue": self._queue, "table": self._table}
        if not await self._own.fetch_value(
            queries.start_copy, **place, tick=snapshot.tick, expected=state.expected_rows
        ):
            return Outcome.GONE
        # Later changes may have a descriptor that was sent before this tick. Not in the transaction
        # of the copy: whoever applies it meanwhile would wait for its end.
        for row in await source.fetch_all(queries.known_relations, table=self._table):
            await self._own.fetch_value(queries.store_relation, json=row.json)
        await reach("copy.after_start")
        try:
            async with target.transaction():
                rows, size = await self._replace_rows(source, target, state.local_table)
                if not await target.fetch_value(
                    queries.finish_copy, **place, tick=snapshot.tick, rows=rows, bytes=size
                ):
                    raise _TableGone
                await reach("copy.before_commit")
        except _TableGone:
            return Outcome.GONE
        await reach("copy.after_commit")
        _logger.info(
            'table "%s" of queue "%s": %d rows copied from node "%s" at tick %d',
            self._table, self._queue, rows, snapshot.node, snapshot.tick,
        )  # fmt: skip
        return Outcome.DONE

    async def _replace_rows(
        self, source: Database, target: Database, source_table: str
    ) -> tuple[int, int]:
        """Put the source's rows in the place of the target's, inside the open transactions."""
        into = await target.fetch_value(queries.begin_load, queue=self._queue, table=self._table)
        await reach("copy.after_empty")
        columns = await self._common_columns(source, target, source_table)
        out_sql = await source.fetch_value(
            queries.copy_out_sql, table=source_table, columns=columns.names
        )
        in_sql = await target.fetch_value(queries.copy_in_sql, table=into, columns=columns.names)
        rows, size = await self._pipe(source, out_sql, target, in_sql)
        await target.execute(queries.end_load, queue=self._queue, table=self._table)
        await reach("copy.after_data")
        # The applying consumer's plans should know the table's size from the first batch on.
        await target.execute(await target.fetch_value(queries.analyze_sql, table=self._local))
        return rows, size

    async def _common_columns(
        self, source: Database, target: Database, source_table: str
    ) -> Columns:
        [there] = await source.fetch_all(queries.copied_columns, table=source_table)
        [here] = await target.fetch_all(queries.copied_columns, table=self._local)
        columns = common_columns(there.columns, here.columns)
        missing = [name for name in (there.key or []) if name not in columns.names]
        if missing or not columns.names:
            raise WrongState(
                f'table "{self._local}" in database "{target.dbname}" lacks column '
                f'"{(missing or there.columns)[0]}" of the key that node "{self._source_node}" has',
                hint="give both tables the same key",
            )
        if columns.left_out:
            _logger.warning(
                'table "%s": not on both sides, not copied: %s',
                self._table, ", ".join(columns.left_out),
            )  # fmt: skip
        return columns

    async def _pipe(
        self, source: Database, out_sql: str, target: Database, in_sql: str
    ) -> tuple[int, int]:
        """Carry COPY text from one server to the other without looking into it."""
        rows = size = unnoted = 0
        shown = monotonic()
        buffer = bytearray()
        async with target.copy_in(in_sql) as sink:
            async with aclosing(source.copy_out(out_sql)) as messages:
                async for message in messages:
                    buffer += message
                    rows += 1
                    if len(buffer) < _CHUNK_BYTES:
                        continue
                    await sink.write(bytes(buffer))
                    size += len(buffer)
                    buffer.clear()
                    if monotonic() - shown >= _PROGRESS_SECONDS:
                        unnoted = 0 if await self._show_progress(rows, size) else unnoted + 1
                        if unnoted >= _PATIENT_NOTES:
                            raise _TableGone
                        shown = monotonic()
            await reach("copy.in_data")
            await sink.write(bytes(buffer))
        return rows, size + len(buffer)

    async def _show_progress(self, rows: int, size: int) -> bool:
        return bool(
            await self._own.fetch_value(
                queries.note_copy_progress,
                queue=self._queue, table=self._table, rows=rows, bytes=size,
            )
        )  # fmt: skip


class _TableGone(Exception):
    """Rolls the copy back when the table was removed meanwhile, or somebody waits to do it."""


def common_columns(there: list[str], here: list[str]) -> Columns:
    """Columns of both sides in the source's order, and those of one side only."""
    names = [name for name in there if name in here]
    return Columns(names, sorted(set(there) ^ set(here)))


@dataclass
class _Pause:
    """When a table that could not be copied is tried again, and what was said about it."""

    until: float = 0.0
    waits: int = 0
    failures: int = 0
    error: TailraceError | None = None
    said: str = ""


class CopyService:
    """Copies the tables of one node that want it, one at a time, and keeps trying.

    A table that cannot be copied now does not keep others waiting.
    """

    def __init__(self, dsn: str, queue: str, *, runner_timeout: float = 5.0) -> None:
        self._dsn = dsn
        self._runner_timeout = runner_timeout
        self._queue = queue
        self._own: Database | None = None
        self._pauses: dict[str, _Pause] = {}
        self._tidy_at = 0.0

    @property
    def failures(self) -> int:
        """How often the copy of the same table has failed in a row, the worst of them."""
        return max((pause.failures for pause in self._pauses.values()), default=0)

    @property
    def last_error(self) -> TailraceError | None:
        """Why the worst of them failed."""
        worst = max(self._pauses.values(), key=lambda pause: pause.failures, default=None)
        return None if worst is None else worst.error

    async def run_once(self) -> bool:
        """Copy the first table that can be copied; False when there was none.

        Raises only what concerns the node's own database.
        """
        own = await self._connected()
        wanted = await own.fetch_all(queries.tables_to_copy, queue=self._queue)
        names = {work.table_name for work in wanted}
        self._pauses = {name: pause for name, pause in self._pauses.items() if name in names}
        for work in wanted:
            pause = self._pauses.setdefault(work.table_name, _Pause())
            if monotonic() >= pause.until and await self._attempt(own, work, pause):
                return True
        if not wanted and monotonic() >= self._tidy_at:
            await own.execute(queries.drop_stale_pins, queue=self._queue)
            self._tidy_at = monotonic() + _TIDY_SECONDS
        if wanted:
            self._tidy_at = 0.0
        return False

    async def close(self) -> None:
        """Close the connection; harmless when repeated."""
        if self._own is not None:
            await self._own.close()
            self._own = None

    async def _connected(self) -> Database:
        if self._own is None or self._own.closed:
            self._own = await Database.connect(self._dsn, name=f"copies of {self._queue}")
        return self._own

    async def _attempt(self, own: Database, work: Any, pause: _Pause) -> bool:
        try:
            outcome = await TableCopy(
                own, self._queue, work, runner_timeout=self._runner_timeout
            ).run()
        except TailraceError as error:
            if own.closed:
                raise
            await self._note_failure(own, work.table_name, error, pause)
            return False
        pause.failures, pause.error = 0, None
        if outcome in (Outcome.WAITING, Outcome.BUSY, Outcome.AFTER_OTHERS):
            pause.waits += 1
            pause.until = monotonic() + min(1.0, 0.1 * 2.0 ** min(pause.waits, 4))
            self._say(pause, _logger.info, f'table "{work.table_name}": {outcome.value}; waiting')
        return outcome is Outcome.DONE

    async def _note_failure(
        self, own: Database, table: str, error: TailraceError, pause: _Pause
    ) -> None:
        """Show the error where people look, and come back later, each time a little later."""
        pause.failures += 1
        pause.error = error
        pause.until = monotonic() + min(60.0, 0.5 * 2.0 ** min(pause.failures, 10))
        await own.execute(queries.fail_copy, queue=self._queue, table=table, error=str(error))
        text = f'copy of table "{table}" failed: {error}; trying again'
        self._say(pause, _logger.warning, text)

    @staticmethod
    def _say(pause: _Pause, write: Callable[[str, str], None], text: str) -> None:
        """Log what is new about a table, once."""
        if text != pause.said:
            write("%s", text)
            pause.said = text
