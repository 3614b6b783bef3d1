"""The consumer that runs a job that writes files.

Changes come into the session as those of a SQL job do, and leave it as lines of JSON that the
database makes; here they are bytes on their way to a file. A batch takes two transactions. The
first reads and stages its files, and notes which ticks they end with (``note_export``). Then the
files are published, in no transaction, since a store may take its time. The second moves the
position. Who goes on after a crash between both makes the same batch again, and publishes only what
is not there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from time import monotonic
from typing import Any

from tailrace import log
from tailrace.bridge.export.definition import (
    ExportJob,
    columns_of,
    file_name,
    read_export,
)
from tailrace.bridge.export.directory import Directory, Staged, open_directory
from tailrace.cascade.position import State
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.engines.postgres.batch import Batch
from tailrace.engines.postgres.changes import MOST_ROWS, ChangesConsumer, Range
from tailrace.engines.postgres.filling import snapshot_of
from tailrace.engines.postgres.program import Source, act_as_owner
from tailrace.errors import ApplyError, LostChanges, WrongState
from tailrace.faults import reach

queries = load("tailrace")
_logger = log.get("export")

# Files are closed at a batch's end, so this bounds how many ticks are merged. A transaction that
# is larger makes a larger file: order holds within a file only.
MOST_BYTES = 64 << 20
PIECE = 1 << 20

# How often it is looked for files that are old enough to go, and how many go at a time.
RETENTION_PERIOD = 10.0
MOST_REMOVED = 1000


class ExportConsumer(ChangesConsumer[ExportJob]):
    """Runs one job that writes files."""

    def __init__(self, dsn: str, queue: str, consumer: str, **options: Any) -> None:
        """For the options see ``SeatedConsumer``."""
        super().__init__(dsn, queue, consumer, **options)
        self.files = 0
        self._directories: dict[str, Directory] = {}
        self._open_until: int | None = None
        self._bytes = 0
        self._next_at = 0.0
        self._look_at_age = 0.0
        self._shapes: dict[str, str | None] = {}
        self._alarm: asyncio.TimerHandle | None = None

    # ---------------------------------------------------------------- the job

    async def _read_job(self) -> ExportJob | None:
        """Read it, and find out what a runner before us has left."""
        db = self._seat.db
        job = await read_export(db, self._queue, self._consumer)
        self._directories.clear()
        self._shapes.clear()
        self._open_until = None
        if job is None:
            return None
        await self._check_columns(job)
        for source in job.sources:
            url = job.export.directory(source.table)
            directory = await asyncio.to_thread(open_directory, url, job.job_id)
            await asyncio.to_thread(directory.tidy)
            await asyncio.to_thread(directory.claim, begun=source.table in job.with_files)
            self._directories[source.table] = directory
        for row in await db.fetch_all(queries.open_files, job_id=job.job_id):
            if row.from_tick > 0:
                self._open_until = row.to_tick
            elif await asyncio.to_thread(self._directories[row.table_name].has, _name(row)):
                await self._finish(job, 0, row.to_tick)  # its rows are there, and nobody knew
                return await self._read_job()
        return job

    async def _check_columns(self, job: ExportJob) -> None:
        """Columns may come; those that readers know must stay what they are."""
        for source in job.sources:
            found = await columns_of(self._seat.db, source, lenient=job.export.lenient)
            if not found:
                raise ApplyError(
                    f'table "{source.relation}", whose changes are written, does not exist in '
                    f'database "{self._seat.db.dbname}" any more',
                    hint="make it again, or drop the job",
                )
            now = {row.name: row.flink_type for row in found}
            for name, before in job.export.columns[source.table]:
                if now.get(name) != before:
                    became = f"is {now[name]} now" if name in now else "is gone"
                    raise WrongState(
                        f'column "{name}" of table "{source.table}", {before} for those who read '
                        f"the files, {became}",
                        hint="where they can do with that, say so with: "
                        f"tailrace export {job.job_name} --accept-columns",
                    )

    def _active(self, job: ExportJob, position: int) -> tuple[Source, ...]:
        """Those whose rows at the beginning are older than the changes."""
        return tuple(one for one in job.sources if job.starts.get(one.table, 0) <= position)

    def _stop_tick(self, job: ExportJob, position: int) -> int | None:
        return min((tick for tick in job.starts.values() if tick > position), default=None)

    # ---------------------------------------------------------------- which changes

    async def _work_on(self, state: State, job: ExportJob) -> bool:
        """Wait a while between files: each that readers have seen costs them memory for ever."""
        wait = self._next_at - monotonic()
        if wait > 0 and self._open_until is None and self._ahead is None and not state.paused:
            self._wake_in(wait)
            await self._rest(state)
            return False
        return await super()._work_on(state, job)

    def _wake_in(self, seconds: float) -> None:
        if self._alarm is None or self._alarm.when() < asyncio.get_running_loop().time():
            self._alarm = asyncio.get_running_loop().call_later(seconds, self._wake.set)

    async def _rest(self, state: State) -> None:
        if self._job is not None:
            await self._remove_old(self._job)
        await super()._rest(state)

    async def _choose(self, source: Database, position: int, job: ExportJob) -> Range | None:
        """What is open from before comes first, up to the tick that was noted then."""
        until = self._open_until
        if until is None or position >= until:
            return await super()._choose(source, position, job)
        row = await source.fetch_one(
            queries.next_ticks,
            queue=self._queue, consumer=self._consumer, position=position,
            max_events=2**31 - 1, stop_tick=until,
        )  # fmt: skip
        if row is None or row.to_tick != until:
            if row is not None and row.newest_tick > until:
                raise LostChanges(
                    f'tick {until} of queue "{self._queue}", up to which files have been written, '
                    "was lost with the old root",
                    hint="drop the job, and create it again with another directory and "
                    "--initial snapshot",
                )
            return None  # the provider does not have it yet
        return self._read(job, position, until, last=False)

    # ---------------------------------------------------------------- a batch

    async def _do(self, job: ExportJob, found: Range) -> int:
        """Write the files of a batch, then move the position; returns the number of changes."""
        try:
            rows, staged = await self._write_batch(job, found)
        except LostChanges as error:
            raise LostChanges(
                error.message,
                hint="what became of its rows is not known; drop the job, and create it again with "
                "another directory and --initial snapshot",
            ) from error
        self._open_until = None
        self.rows += rows
        self._bytes = sum(one.size for one in staged.values())
        if staged:
            self._next_at = monotonic() + job.every
        await self._remove_old(job)
        return rows

    async def _write_batch(self, job: ExportJob, found: Range) -> tuple[int, dict[str, Staged]]:
        """Write the files of a batch, if there is anything to write, and move the position."""
        async with self._staging() as staged:
            async with found.reading.fetched(), self._seat.db.transaction():
                rows = await self._read_changes(job, found)
                if rows:
                    name = file_name(found.from_tick, found.to_tick)
                    for source in self._active(job, found.from_tick):
                        await self._stage(job, source, name, staged, rows=False)
                await self._note(job, found.from_tick, found.to_tick, staged)
                await reach("export.before_note")
                if not staged:
                    await self._finish(job, found.from_tick, found.to_tick)
            if staged:
                await reach("export.after_note")
                await self._publish(staged)
                await self._finish(job, found.from_tick, found.to_tick)
        return rows, staged

    async def _read_changes(self, job: ExportJob, found: Range) -> int:
        """Bring the changes into the open transaction; returns how many there are."""
        assert self._batch is not None
        shapes = await self._seat.db.fetch_all(
            queries.begin_export,
            job_id=job.job_id, queue=self._queue, consumer=self._consumer,
            epoch=self._seat.epoch, from_tick=found.from_tick,
        )  # fmt: skip
        known = {row.relation: row.shape for row in shapes}
        if known != self._shapes:
            await self._check_columns(job)
            self._shapes = known
        await self._batch.prepare(known)
        rows = await self._batch.load(found.reading)
        await reach("export.after_load")
        return rows

    async def _stage(
        self, job: ExportJob, source: Source, name: str, staged: dict[str, Staged], *, rows: bool
    ) -> None:
        """Write the changes of one table, if there are any, into a file that nobody sees."""
        db, export = self._seat.db, job.export
        statement = await db.fetch_value(
            queries.export_sql,
            number=source.number, relation=source.relation, table=source.table,
            format=export.format, updates=export.updates, lenient=export.lenient, rows=rows,
        )  # fmt: skip
        directory = self._directories[source.table]
        buffer, lines = bytearray(), 0
        async with aclosing(db.copy_blocks(statement)) as blocks:
            async for block in blocks:
                buffer += b"".join(block)
                lines += len(block)
                if len(buffer) >= PIECE:
                    await self._write(directory, source, name, staged, bytes(buffer), lines)
                    buffer.clear()
                    lines = 0
        if buffer:
            await self._write(directory, source, name, staged, bytes(buffer), lines)
        if source.table in staged:
            await asyncio.to_thread(directory.close, staged[source.table])
            await reach("export.after_stage")

    async def _write(
        self, directory: Directory, source: Source, name: str, staged: dict[str, Staged],
        data: bytes, lines: int,
    ) -> None:  # fmt: skip
        if source.table not in staged:
            staged[source.table] = await asyncio.to_thread(directory.stage, name)
        await asyncio.to_thread(directory.write, staged[source.table], data, lines)

    async def _note(
        self, job: ExportJob, from_tick: int, to_tick: int, staged: dict[str, Staged],
        empty: str | None = None,
    ) -> None:  # fmt: skip
        """Write down which files are about to be seen; ``empty``: a table that needs none."""
        files = [
            {"table_name": table, "row_count": one.rows, "byte_count": one.size}
            for table, one in staged.items()
        ]
        if empty is not None and not files:
            files = [{"table_name": empty, "row_count": 0, "byte_count": 0}]
        if files:
            await self._seat.db.execute(
                queries.note_export,
                job_id=job.job_id, queue=self._queue, consumer=self._consumer,
                epoch=self._seat.epoch, from_tick=from_tick, to_tick=to_tick,
                files=json.dumps(files),
            )  # fmt: skip

    async def _publish(self, staged: dict[str, Staged]) -> None:
        """Let the files be seen, unless another runner has taken over by now."""
        if not staged:
            return
        await self._seat.db.execute(
            queries.check_runner,
            queue=self._queue, consumer=self._consumer, epoch=self._seat.epoch,
        )  # fmt: skip
        for table, one in staged.items():
            await reach("export.before_publish")
            await asyncio.to_thread(self._directories[table].publish, one)
            await reach("export.after_publish")
            self.files += 1

    async def _finish(self, job: ExportJob, from_tick: int, to_tick: int) -> None:
        await self._seat.db.execute(
            queries.finish_export,
            job_id=job.job_id, queue=self._queue, consumer=self._consumer,
            epoch=self._seat.epoch, from_tick=from_tick, to_tick=to_tick,
        )  # fmt: skip
        await reach("export.after_finish")

    @asynccontextmanager
    async def _staging(self) -> AsyncIterator[dict[str, Staged]]:
        """Files on their way, of which nothing is left where something goes wrong."""
        staged: dict[str, Staged] = {}
        try:
            yield staged
        finally:
            for one in staged.values():
                one.discard()

    def _learn(self, found: Range, rows: int) -> None:
        """Files are bounded in bytes, too."""
        super()._learn(found, max(rows, self._bytes * MOST_ROWS // MOST_BYTES))

    # ---------------------------------------------------------------- the rows that are there

    async def _begin_with_rows(self, state: State, job: ExportJob, batch: Batch) -> bool:
        """Write the rows of each table as they are at a tick of its own; then changes count."""
        waiting = [one for one in job.sources if one.table not in job.starts]
        for source in waiting:
            if not await self._write_rows(state, job, source):
                return False
        return True

    async def _write_rows(self, state: State, job: ExportJob, source: Source) -> bool:
        """Write the rows of one table; False: it is not yet time."""
        db = self._seat.db
        rows = Batch(db, (source,), reader=job.owner)
        async with self._staging() as staged:
            async with snapshot_of(db, job, (source,), state, queue=self._queue) as tick:
                if tick is None:
                    return False
                await rows.show_rows()
                await act_as_owner(
                    db, job.job_name, job.owner,
                    schemas=job.schemas, time_zone="UTC", foreign=job.is_foreign,
                )  # fmt: skip
                await self._stage(job, source, file_name(0, tick), staged, rows=True)
            await self._note(job, 0, tick, staged, empty=source.table)
            await reach("export.after_note")
            await self._publish(staged)
            await self._finish(job, 0, tick)
        _logger.info(
            'job "%s": begins with the rows of %s at tick %d', job.job_name, source.table, tick
        )
        return True

    # ---------------------------------------------------------------- old files

    async def _remove_old(self, job: ExportJob) -> None:
        """Remove files that are old enough; first the file, then what is known of it."""
        if job.retention is None or monotonic() < self._look_at_age:
            return
        self._look_at_age = monotonic() + RETENTION_PERIOD
        for source in job.sources:
            await self._remove_old_of(job, source.table, job.retention)

    async def _remove_old_of(self, job: ExportJob, table: str, seconds: float) -> None:
        gone = await self._seat.db.fetch_all(
            queries.old_files,
            job_id=job.job_id, table=table, directory=job.export.directory(table),
            seconds=seconds, limit=MOST_REMOVED,
        )  # fmt: skip
        if not gone:
            return
        await asyncio.to_thread(self._directories[table].remove, [_name(row) for row in gone])
        await reach("export.after_removal")
        await self._seat.db.execute(
            queries.files_removed,
            job_id=job.job_id, table=table, from_ticks=[row.from_tick for row in gone],
        )  # fmt: skip
        if len(gone) == MOST_REMOVED:
            self._look_at_age = 0.0
        _logger.info(
            'job "%s": %d files of %s are old and were removed', job.job_name, len(gone), table
        )


def _name(row: Row) -> str:
    return file_name(row.from_tick, row.to_tick)
