"""The job that loads files into a table: what is new is found, put in order, and loaded.

Which files are loaded is written down in the transaction of their rows, which also compares and
moves the job's position (the number of files) under its runner's epoch. So a file is loaded once,
whatever becomes of runners; and what is still to do, a directory and the table say at any time.
"""

from __future__ import annotations

import asyncio
import hashlib
from time import monotonic
from typing import Any

from tailrace import log
from tailrace.bridge.loading import PIECE, BadFile, Loader, Missing, TooMany
from tailrace.bridge.order import Arrival, complete, in_order
from tailrace.bridge.place import Place, at
from tailrace.cascade.position import State
from tailrace.cascade.seated import SeatedConsumer
from tailrace.db.connection import Row
from tailrace.db.queries import load
from tailrace.engines.postgres.failing import count_failure
from tailrace.errors import TailraceError
from tailrace.faults import reach

queries = load("tailrace")
_logger = log.get("import")

# Files that are loaded in one transaction: small ones together, a large one alone.
MOST_BYTES = 64 << 20
MOST_FILES = 500

# A look at many files takes a while: the pause after it is so many times as long.
_REST = 10

# Files that are old enough are looked for so often.
_REMOVE_EVERY = 10.0


class ImportConsumer(SeatedConsumer):
    """Runs one import."""

    hears_home = True

    def __init__(self, dsn: str, queue: str, consumer: str, **options: Any) -> None:
        """For the options see ``SeatedConsumer``. What is loaded fires triggers like any DML."""
        super().__init__(dsn, queue, consumer, replica=False, **options)
        self.lines = 0
        self.idle = False
        """Whether the last look has found nothing to load, or another runner looks."""
        self._poll = float(options.get("poll", 1.0))
        self._job: Row | None = None
        self._place: Place | None = None
        self._loader: Loader | None = None
        self._loaded: dict[str, Arrival] = {}
        self._look_at = 0.0
        self._remove_at = 0.0
        self._most_files = MOST_FILES
        self._most_bytes = MOST_BYTES

    def serves(self, state: State) -> bool:
        """Whatever the node is: it reads no queue."""
        return True

    async def run_once(self) -> bool:
        """Make one pass."""
        did_work = await super().run_once()
        if not self.seated:
            self.idle = True
        return did_work

    # ---------------------------------------------------------------- one pass

    async def _pass(self, state: State) -> bool:
        job = await self._known()
        if job is None:
            self._end()
            return False
        # asked before the look, so that the look finds all that was there when it was asked for
        wishes = await self._seat.db.fetch_one(queries.import_wishes, job_id=job.job_id)
        if wishes is None or wishes.settings != job.settings:
            await self._let_go()
            return True
        if not wishes.drains and monotonic() < self._look_at:
            return False
        begun = monotonic()
        files = await self._new_files(job)
        await reach("import.after_look")
        self.idle = not files
        if files:
            await self._load(job, files, state.completed_tick)
            self._wake.set()
            return True
        self._most_files, self._most_bytes = MOST_FILES, MOST_BYTES
        took = monotonic() - begun
        self._look_at = monotonic() + max(job.poll or self._poll, _REST * took)
        if wishes.drains:
            await self._seat.db.execute(
                queries.drain_to, job_id=job.job_id, tick=state.completed_tick
            )
        await self._remove_old(job)
        return False

    async def _known(self) -> Any:
        """The job; read once for each time that we take it over."""
        if self._job is None:
            self._job = await self._seat.db.fetch_one(
                queries.import_job, queue=self._queue, consumer=self._consumer
            )
            if self._job is not None:
                self._place = await asyncio.to_thread(at, self._job.source)
                self._loader = Loader(self._seat.db, self._job, self._place)
                if self._job.poll is not None:
                    self._loop.look_every(min(self._poll, self._job.poll))
        return self._job

    async def _load(self, job: Row, files: list[Arrival], position: int) -> None:
        """Load the first of some files, as many as go together."""
        assert self._loader is not None
        assert self._seat.epoch is not None
        batch, size = [files[0]], files[0].size
        for file in files[1 : self._most_files]:
            if size + file.size > self._most_bytes:
                break
            batch.append(file)
            size += file.size
        try:
            lines = await self._loader.load(batch, epoch=self._seat.epoch, position=position)
        except TooMany:
            self._most_files = 1  # the one that is to blame says so alone
            return
        except Missing:
            if len(batch) < len(files):  # what is missing may be in one of those behind
                self._most_files *= 4
                self._most_bytes *= 4
                return
            raise
        await reach("import.after_commit")
        self.lines += lines
        self._loaded |= {file.path: file for file in batch}
        await self._seat.refresh()
        _logger.debug("%s: %d files, %d lines", job.job_name, len(batch), lines)

    # ---------------------------------------------------------------- looking

    async def _new_files(self, job: Row) -> list[Arrival]:
        """The files that are not loaded yet, in the order in which they are."""
        assert self._place is not None
        first = await asyncio.to_thread(self._place.look)
        if not await self._not_loaded(job, first):
            known = {file.path for file in first}
            self._loaded = {path: one for path, one in self._loaded.items() if path in known}
            return []
        second = await asyncio.to_thread(self._place.look)
        return in_order(await self._not_loaded(job, complete(first, second)))

    async def _not_loaded(self, job: Row, files: list[Arrival]) -> list[Arrival]:
        """Leave out what is loaded; raises where a loaded file has another content now."""
        unknown = {one.path: one for one in files if self._loaded.get(one.path) != one}
        if not unknown:
            return []
        rows = await self._seat.db.fetch_all(
            queries.loaded_files, job_id=job.job_id, paths=list(unknown)
        )
        for row in rows:
            file = unknown.pop(row.path)
            if (row.byte_count, row.version) != (file.size, file.version):
                await self._same(job, file, row)
            self._loaded[file.path] = file
        return list(unknown.values())

    async def _same(self, job: Row, file: Arrival, row: Row) -> None:
        """Make sure that a loaded file that was touched is still what it was."""
        assert self._place is not None
        if row.byte_count != file.size or row.digest != await self._digest(file):
            raise BadFile(
                f'file "{job.source}/{file.path}" has changed since it was loaded: '
                f"it had {row.byte_count} bytes and has {file.size}",
                hint="what was loaded stays; put the file back as it was or away, bring what is "
                "new in a file of another name, and start the job again",
            )
        await self._seat.db.execute(
            queries.note_version, job_id=job.job_id, path=file.path, version=file.version
        )

    async def _digest(self, file: Arrival) -> str:
        place = self._place
        assert place is not None

        def read() -> str:
            found = hashlib.blake2b(digest_size=16)
            with place.telling(f'file "{place.source}/{file.path}"', "read"):
                with place.open(file.path) as opened:
                    while piece := opened.read(PIECE):
                        found.update(piece)
            return found.hexdigest()

        return await asyncio.to_thread(read)

    # ---------------------------------------------------------------- removing

    async def _remove_old(self, job: Row) -> None:
        """Remove files that were loaded long enough ago, if that is wanted, and are still those."""
        if job.retention is None or monotonic() < self._remove_at:
            return
        assert self._place is not None
        old = await self._seat.db.fetch_all(
            queries.files_to_remove, job_id=job.job_id, retention=job.retention
        )
        gone = []
        for row in old:
            file = await asyncio.to_thread(self._place.look_at, row.path)
            if file is not None:
                if (file.size, file.version) != (row.byte_count, row.version):
                    continue  # not what was loaded; the next look says so
                await asyncio.to_thread(self._place.remove, row.path)
                await reach("import.after_remove")
            gone.append(row.path)
        if gone:
            await self._seat.db.execute(queries.note_removed_files, job_id=job.job_id, paths=gone)
        self._remove_at = monotonic() + (0 if len(old) == len(gone) and old else _REMOVE_EVERY)

    # ---------------------------------------------------------------- putting away

    async def _fail(self, error: TailraceError) -> None:
        """Say why it does not get on; what a file holds, somebody has to mend first."""
        job, epoch = self._job, self._seat.epoch
        await super()._fail(error)
        if job is not None and epoch is not None and not error.retryable:
            await count_failure(
                self._seat.dsn, self.name, job.job_id, epoch, error,
                final=isinstance(error, BadFile),
            )  # fmt: skip

    async def _let_go(self) -> None:
        self._job = self._place = self._loader = None
        self._loaded = {}
        self._look_at = 0.0
