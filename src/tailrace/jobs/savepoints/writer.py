"""Making a savepoint: hold the events, open a snapshot, write what it sees.

1. The events after the job's completed tick are held by a consumer of the queue that it reads
   (a pin), which has a position in the job's node, so that whatever moves the node moves it.
2. One repeatable-read snapshot: tables are locked against being rewritten, not against writers,
   and the job's position is read in it. So rows and position belong together, and nobody waits.
3. The pin moves up to that position.
4. Files, then the rename that makes them a savepoint, then the catalogue says so.

Killed anywhere, the wish is still there; the next one begins anew, or finds that all was done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from tailrace import __version__, log, service
from tailrace.db import locks
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.db.remote import remote
from tailrace.errors import ConnectError, TailraceError, WrongState
from tailrace.faults import reach
from tailrace.jobs.savepoints import metadata, storage
from tailrace.jobs.savepoints.disposal import SILENCE, let_go
from tailrace.jobs.savepoints.metadata import Metadata, TableFile
from tailrace.jobs.savepoints.storage import Storage

queries = load("tailrace")
_logger = log.get("savepoints")

ATTEMPTS = 5  # writers that died of it before it counts as impossible
_LOOKS = 5
_CLAIM_SECONDS = 10.0
_PROGRESS_SECONDS = 0.5
# From so many rows on a second connection pays for itself.
_MANY_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is to be written."""

    name: str
    local: str
    expected: int | None


@dataclass(frozen=True, slots=True)
class Content:
    """What the snapshot holds."""

    tick: int
    tables: list[Table]
    absent: list[str]
    tick_time: datetime | None = None

    @property
    def expected(self) -> int:
        """About how many rows there will be."""
        return sum(table.expected or 0 for table in self.tables)


class Writer:
    """Writes one savepoint that was asked for; ``own`` is the database of its job."""

    def __init__(self, own: Database, savepoint_id: str, *, alone: bool = False) -> None:
        """``alone``: no runner is there that would begin anew when we are interrupted."""
        self._own = own
        self._id = savepoint_id
        self._alone = alone
        self._wish: Any = None
        self._storage: Storage | None = None
        self._rows = 0
        self._shown = 0.0

    async def run(self) -> bool:
        """Write it, or write down why it cannot be written; False: somebody else is at it."""
        async with locks.held(self._own, f"savepoint {self._id}") as got:
            if not got:
                # one that is frozen keeps its lock; nothing that it does afterwards counts
                await locks.end_silent(self._own, f"savepoint {self._id}", SILENCE)
                return False
            self._wish = await self._own.fetch_one(queries.wanted_savepoint, savepoint_id=self._id)
            if self._wish is None:
                return True
            try:
                await self._write()
            except asyncio.CancelledError:
                if self._alone:
                    await self._give_up("it was interrupted")
                raise
            except TailraceError as error:
                if self._own.closed:
                    raise  # whoever comes next begins anew
                await self._give_up(str(error))
        return True

    async def _write(self) -> None:
        wish = self._wish
        if wish.attempts >= ATTEMPTS:
            raise WrongState(f"whoever wrote it has died, {ATTEMPTS} times")
        self._storage = await asyncio.to_thread(storage.at, wish.path)
        async with AsyncExitStack() as stack:
            content, readers = await self._open(stack)
            await self._still_ours()
            await asyncio.to_thread(self._storage.prepare)
            await reach("savepoint.after_prepare")
            files = await self._write_tables(content, readers)
            await reach("savepoint.after_files")
        written = await self._described(content, files)
        await self._publish(self._storage, metadata.encode(written))
        await reach("savepoint.after_publish")
        await self._own.execute(
            queries.complete_savepoint,
            savepoint_id=self._id, tick=content.tick, rows=written.rows, bytes=written.size,
            absent=content.absent, host=self._storage.host,
        )  # fmt: skip
        await reach("savepoint.after_complete")
        _logger.info(
            'savepoint "%s" of job %s: %d rows, %d bytes, at tick %d',
            wish.path, wish.job_name, written.rows, written.size, content.tick,
        )  # fmt: skip

    async def _still_ours(self) -> None:
        """Raise where another one has taken our place: it has ended the session with our lock.

        To be asked before anything of other attempts is removed. Once we are frozen for long, the
        answer is old; so what is written has a name of its own, and is not published over another.
        """
        await self._own.fetch_one(queries.wanted_savepoint, savepoint_id=self._id)

    async def _publish(self, place: Storage, data: bytes) -> None:
        if await asyncio.to_thread(place.publish, data):
            return
        # one that was frozen has come to itself after we had made room
        await self._still_ours()
        await asyncio.to_thread(place.unpublish)
        if not await asyncio.to_thread(place.publish, data):
            raise WrongState("somebody else writes to the same place; ask again")

    async def _give_up(self, error: str) -> None:
        """Nothing of it is left but the reason."""
        await self._still_ours()
        _logger.warning('savepoint of job "%s": %s', self._wish.job_name, error)
        place = self._storage
        for remove in () if place is None else (place.discard, place.remove):
            try:
                await asyncio.to_thread(remove)
            except TailraceError as problem:
                _logger.debug("%s", problem)
        problem_there = await let_go(self._own, self._wish.queue_name, self._id)
        if problem_there is not None:
            _logger.warning('savepoint of job "%s": %s', self._wish.job_name, problem_there)
        await self._own.execute(queries.fail_savepoint, savepoint_id=self._id, error=error)

    # ---------------------------------------------------------------- pin and snapshot

    async def _open(self, stack: AsyncExitStack) -> tuple[Content, list[Database]]:
        """Hold the events and open the snapshot; the connections that see it end with ``stack``."""
        async with self._nobody_moving():
            provider = await self._pin(stack)
            await reach("savepoint.after_pin")
            for _ in range(_LOOKS):
                found = await self._snapshot(stack)
                if found is not None:
                    break
            else:
                raise WrongState("its tables came and went while they were looked at; ask again")
            content, readers = found
            await reach("savepoint.after_snapshot")
            await self._own.execute(queries.move_pin, savepoint_id=self._id, tick=content.tick)
            if provider is not None:
                await self._register(provider, content.tick)
            await reach("savepoint.after_move")
            tick = await (provider or self._own).fetch_one(
                queries.tick_at, queue=self._wish.queue_name, tick=content.tick
            )
        return replace(content, tick_time=None if tick is None else tick.tick_time), readers

    @asynccontextmanager
    async def _nobody_moving(self) -> AsyncIterator[None]:
        """Keep change-provider and takeover off this node while its pin is being made."""
        key = f"switch {self._wish.queue_name}"
        start = monotonic()
        while not await locks.acquire(self._own, key):
            if monotonic() - start > _CLAIM_SECONDS:
                raise WrongState(
                    f'node "{self._wish.node_name}" is just being moved',
                    hint="ask again when change-provider or takeover is done",
                )
            await asyncio.sleep(0.1)
        try:
            yield
        finally:
            await locks.release(self._own, key)

    async def _pin(self, stack: AsyncExitStack) -> Database | None:
        """Hold the events from the job's position on; return who does, where it is not here."""
        for last in (False, False, True):
            async with self._own.transaction():
                pin = await self._own.fetch_one(queries.pin_savepoint, savepoint_id=self._id)
            assert pin is not None
            await reach("savepoint.after_intent")
            if pin.provider_location is None:
                return None
            try:
                provider = await stack.enter_async_context(
                    await Database.connect(remote(pin.provider_location), name="savepoint pin")
                )
                await self._register(provider, pin.tick_id)
            except ConnectError as error:
                raise WrongState(
                    f'node "{pin.provider_node}" must hold its events, and cannot be asked: {error}'
                ) from error
            except TailraceError:
                if last:
                    raise
                continue  # the job has moved on, and its old tick has gone meanwhile
            return provider
        return None

    async def _register(self, provider: Database, tick: int) -> None:
        await provider.fetch_value(
            queries.register_at,
            queue=self._wish.queue_name, consumer=f".savepoint.{self._id}", tick=tick,
        )  # fmt: skip

    async def _snapshot(self, stack: AsyncExitStack) -> tuple[Content, list[Database]] | None:
        """Open it with all tables locked; None when there are others than we locked."""
        before = await self._content(self._own)
        names = [table.local for table in before.tables]
        lock = await self._own.fetch_value(queries.share_lock_sql, tables=names)
        attempt = await stack.enter_async_context(AsyncExitStack())
        readers = []
        for number in range(2 if len(names) > 1 and before.expected >= _MANY_ROWS else 1):
            reader = await attempt.enter_async_context(
                await Database.connect(self._own.dsn, name=f"savepoint {number + 1}")
            )
            await attempt.enter_async_context(reader.transaction("repeatable read", read_only=True))
            # All of them before the snapshot: one that is older than a rewriting ALTER TABLE would
            # find the table empty, and one that locks later might wait for who waits for us.
            if lock:
                await reader.execute(lock)
            readers.append(reader)
        content = await self._content(readers[0])
        if {table.local for table in content.tables} - set(names):
            await attempt.aclose()
            return None
        if len(readers) > 1:
            snapshot = await readers[0].fetch_value(queries.export_snapshot)
            for reader in readers[1:]:
                await reader.execute(
                    await self._own.fetch_value(queries.import_snapshot, snapshot=snapshot)
                )
        return content, readers

    async def _content(self, db: Database) -> Content:
        rows = await db.fetch_all(queries.savepoint_content, savepoint_id=self._id)
        if not rows:
            raise WrongState("its job has been removed meanwhile")
        named = [row for row in rows if row.table_name is not None]
        return Content(
            tick=rows[0].tick_id,
            tables=[
                Table(row.table_name, row.local_table, row.expected)
                for row in named
                if row.state == "live"
            ],
            absent=[row.table_name for row in named if row.state != "live"],
        )

    # ---------------------------------------------------------------- files

    async def _write_tables(self, content: Content, readers: list[Database]) -> list[TableFile]:
        left = sorted(enumerate(content.tables), key=lambda item: item[1].expected or 0)
        files: list[TableFile] = []

        async def take(reader: Database) -> None:
            while left:
                number, table = left.pop()  # the largest first
                files.append(await self._write_table(reader, number, table, content.expected))

        await service.together(*(take(reader) for reader in readers))
        return sorted(files, key=lambda file: file.table)

    async def _write_table(
        self, reader: Database, number: int, table: Table, expected: int
    ) -> TableFile:
        assert self._storage is not None
        shape = await reader.fetch_one(queries.table_columns, table=table.local)
        if shape is None or shape.names is None:
            raise WrongState(f'table "{table.local}" has no columns of its own')
        copy = await reader.fetch_value(
            queries.copy_out_sql, table=table.local, columns=shape.names
        )
        name = self._storage.name(number)
        sink = await asyncio.to_thread(self._storage.sink, name)
        rows = 0
        buffer = bytearray()
        try:
            async with aclosing(reader.copy_blocks(copy)) as blocks:
                async for block in blocks:
                    buffer += b"".join(block)
                    rows += len(block)
                    self._rows += len(block)
                    if len(buffer) >= storage.PIECE:
                        await asyncio.to_thread(self._storage.write, sink, bytes(buffer))
                        buffer.clear()
                        await self._show(expected)
            await reach("savepoint.in_data")
            await asyncio.to_thread(self._storage.write, sink, bytes(buffer))
            written = await asyncio.to_thread(self._storage.finish, sink)
        except BaseException:
            sink.abandon()
            raise
        return TableFile(
            table=table.name, local_table=table.local, columns=tuple(shape.names),
            types=tuple(shape.types), key=None if shape.key is None else tuple(shape.key),
            rows=rows, file=name, bytes=written.size, sha256=written.sha256,
        )  # fmt: skip

    async def _show(self, expected: int) -> None:
        if monotonic() - self._shown < _PROGRESS_SECONDS:
            return
        self._shown = monotonic()
        await self._own.execute(
            queries.note_savepoint_progress,
            savepoint_id=self._id, rows=self._rows, expected=expected or None,
        )  # fmt: skip

    async def _described(self, content: Content, files: list[TableFile]) -> Metadata:
        wish = self._wish
        job = await self._own.fetch_one(queries.saved_job, job_id=wish.job_id)
        return Metadata(
            version=__version__,
            savepoint_id=self._id,
            created=datetime.now(UTC),
            job_id=wish.job_id,
            job_name=wish.job_name,
            kind=wish.kind,
            queue=wish.queue_name,
            node=wish.node_name,
            database=self._own.dbname,
            tick=content.tick,
            tick_time=content.tick_time,
            statement=None if job is None else job.statement,
            settings={} if job is None else job.settings,
            tables=tuple(files),
            absent=tuple(content.absent),
        )
