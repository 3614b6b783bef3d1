"""One transaction that loads files: position, lines, conversion, change of the table.

Lines come by COPY as they are, then are made rows by the table's own types and applied set by set
(``tailrace.import_plan``), all of it with the rights of the job's owner. Nothing here looks into a
line; when one cannot be loaded, its number is found by halving.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

from tailrace.bridge.order import Arrival
from tailrace.bridge.place import Place
from tailrace.db.connection import CopyIn, Database, Row
from tailrace.db.queries import load
from tailrace.engines.postgres.program import act_as_owner
from tailrace.errors import ApplyError, DatabaseError, StorageError
from tailrace.faults import reach

queries = load("tailrace")

PIECE = 1 << 20
_MOST_NAMED = 3

# A line of its own that ends what COPY takes, on servers before 18; never JSON.
_END_OF_COPY = re.compile(rb"\n\\\.\r?\n")
# Where in what it took COPY has found something wrong, in whatever language it says so.
_COPY_LINE = re.compile(r"^COPY [^,]+, \D*(\d+)", re.MULTILINE)
# Values and rows that a table does not take, and what its triggers refuse.
_OF_THE_DATA = ("22", "23", "P0")


class BadFile(ApplyError):
    """What a file holds cannot be loaded; somebody has to mend the file or the table."""


class Missing(ApplyError):
    """Rows that are to be removed are not there; what adds them may be in a file to come."""

    retryable = True


class TooMany(Exception):
    """One of several files cannot be loaded; each alone will say which."""


class _Reshaped(Exception):
    """The table has another shape than the statements were made for."""


class _Undone(Exception):
    """A part has been tried, and went well."""


class _Taken(NamedTuple):
    """A file whose lines have been taken."""

    file: Arrival
    lines: int
    digest: str


class Loader:
    """Loads files for one job, over the connection of its runner."""

    def __init__(self, db: Database, job: Row, place: Place) -> None:
        self._db = db
        self._job = job
        self._place = place
        self._plan: Row | None = None

    async def load(self, files: Sequence[Arrival], *, epoch: int, position: int) -> int:
        """Load files in this order in one transaction; return how many lines they have.

        Raises ``TooMany`` when several were given and one of them cannot be loaded.
        """
        while True:
            plan = await self._planned()
            try:
                async with self._db.transaction():
                    shape = await self._db.fetch_value(
                        queries.begin_import,
                        job_id=self._job.job_id, epoch=epoch, position=position, files=len(files),
                    )  # fmt: skip
                    if shape != plan.shape:
                        raise _Reshaped
                    await reach("import.after_position")
                    lines = await self._do(plan, files)
                    await reach("import.before_commit")
                return lines
            except _Reshaped:
                self._plan = None

    async def _planned(self) -> Any:
        if self._plan is None:
            plan = await self._db.fetch_one(queries.import_plan, job_id=self._job.job_id)
            assert plan is not None
            await self._db.execute(plan.make_sql)
            self._plan = plan
        return self._plan

    async def _do(self, plan: Row, files: Sequence[Arrival]) -> int:
        taken = []
        part: dict[str, str | None] = {}
        for file in files:
            if file.partition != part:
                part = file.partition
                self._refuse_wandering(file)
                await self._db.execute(queries.note_part, part=json.dumps(part) if part else "")
            taken.append(await self._take(plan, file))
        await reach("import.after_copy")
        await self._note(taken)
        lines = sum(one.lines for one in taken)
        if lines:
            last = await self._db.fetch_value(queries.last_line)
            await act_as_owner(
                self._db, self._job.job_name, self._job.owner,
                schemas=self._job.schemas, time_zone="UTC", foreign=self._job.is_foreign,
            )  # fmt: skip
            await self._convert(plan, taken, last - lines + 1, last)
            await self._apply(plan, taken)
        return lines

    def _refuse_wandering(self, file: Arrival) -> None:
        """Changes of one key in files of several directories come in no order."""
        key = self._job.key
        outside = [name for name in file.partition if key and name not in key]
        if outside:
            raise BadFile(
                f"file {self._name(file)}: rows may go from one directory to another, since "
                f'column "{outside[0]}" is not in the key ({", ".join(key)})',
                hint="give Flink's table no PARTITIONED BY, or the import a key with that column",
            )

    async def _note(self, taken: Sequence[_Taken]) -> None:
        """Write down that the files are loaded, as themselves: the owner has no business there."""
        await self._db.execute(
            queries.note_loaded_files,
            job_id=self._job.job_id,
            paths=[one.file.path for one in taken],
            bytes=[one.file.size for one in taken],
            versions=[one.file.version for one in taken],
            digests=[one.digest for one in taken],
            lines=[one.lines for one in taken],
        )

    # ---------------------------------------------------------------- taking lines

    async def _take(self, plan: Row, file: Arrival) -> _Taken:
        try:
            async with self._db.copy_in(plan.copy_sql) as copy:
                opened = await asyncio.to_thread(self._open, file)
                try:
                    digest = await self._copy(opened, copy, file)
                finally:
                    await asyncio.to_thread(opened.close)
        except DatabaseError as error:
            raise self._refused(file, error) from error
        if await asyncio.to_thread(self._place.look_at, file.path) != file:
            raise self._changing(file)
        return _Taken(file, copy.rowcount, digest)

    def _open(self, file: Arrival) -> IO[bytes]:
        with self._place.telling(f"file {self._name(file)}", "read"):
            return self._place.open(file.path)

    async def _copy(self, opened: IO[bytes], copy: CopyIn, file: Arrival) -> str:
        """Copy the file's bytes; returns their checksum."""
        found = hashlib.blake2b(digest_size=16)
        size, line, tail = 0, 1, b"\n"

        def read() -> tuple[bytes, re.Match[bytes] | None]:
            with self._place.telling(f"file {self._name(file)}", "read"):
                piece = opened.read(PIECE)
            found.update(piece)
            return piece, _END_OF_COPY.search(tail + (piece or b"\n"))

        while True:
            piece, end = await asyncio.to_thread(read)
            if end is not None:
                at = line + (tail + piece).count(b"\n", 0, end.start() + 1) - tail.count(b"\n")
                raise BadFile(f'file {self._name(file)}, line {at}: is no JSON, but "\\."')
            if not piece:
                break
            await copy.write(piece)
            size += len(piece)
            line += piece.count(b"\n")
            tail = (tail + piece)[-4:]
        if size != file.size:
            raise self._changing(file)
        if size and not tail.endswith(b"\n"):
            await copy.write(b"\n")
        return found.hexdigest()

    def _refused(self, file: Arrival, error: DatabaseError) -> Exception:
        """COPY has found something that is no JSON; it says in which line."""
        diag = getattr(error.__cause__, "diag", None)
        place = _COPY_LINE.search(str(getattr(diag, "context", None) or ""))
        if place is None or not (error.sqlstate or "").startswith("22"):
            return error
        return self._bad(f"file {self._name(file)}, line {place[1]}", error)

    def _changing(self, file: Arrival) -> StorageError:
        return StorageError(
            f"file {self._name(file)} has changed while it was read",
            hint="it is read again; a file has to be written under a name that begins with a dot, "
            "and renamed when it is complete",
            retryable=True,
        )

    # ---------------------------------------------------------------- rows

    async def _convert(self, plan: Row, taken: Sequence[_Taken], first: int, last: int) -> None:
        for check in (plan.line_sql, plan.field_sql):
            found = await self._db.fetch_one(check)
            if found is not None:
                raise BadFile(f"{self._line(taken, found.line - first)}: {found.problem}")
        try:
            async with self._db.transaction():
                await self._db.execute(plan.convert_sql)
        except DatabaseError as error:
            if error.retryable:
                raise
            line = await self._culprit(plan, first, last)
            raise self._bad(self._line(taken, line - first), error) from error

    async def _culprit(self, plan: Row, first: int, last: int) -> int:
        """The first line that cannot be converted, given that there is one."""
        while first < last:
            middle = (first + last) // 2
            try:
                async with self._db.transaction():
                    await self._db.execute(queries.note_lines, first=first, last=middle)
                    await self._db.execute(plan.part_sql)
                    raise _Undone
            except _Undone:
                first = middle + 1
            except DatabaseError:
                last = middle
        return first

    async def _apply(self, plan: Row, taken: Sequence[_Taken]) -> None:
        missing = 0
        try:
            if plan.reduce_sql is not None:
                await self._db.execute(plan.reduce_sql)
            if plan.missing_sql is not None:
                missing = await self._db.fetch_value(plan.missing_sql)
            if plan.delete_sql is not None and (missing or plan.missing_sql is None):
                missing -= await self._db.execute(plan.delete_sql)
            for statement in (plan.update_sql, plan.insert_sql):
                if statement is not None and missing <= 0:
                    await self._db.execute(statement)
        except DatabaseError as error:
            if error.retryable or not (error.sqlstate or "").startswith(_OF_THE_DATA):
                raise
            if len(taken) > 1:
                raise TooMany from error
            raise self._bad(f"file {self._name(taken[0].file)}", error) from error
        if missing > 0:
            raise Missing(
                f'{self._names(taken)} would remove {missing} rows that table "{self._job.target}" '
                "does not have",
                hint="they are loaded when these rows are there: by a file that is still to come, "
                "or by whoever has removed or changed them in the table",
            )

    # ---------------------------------------------------------------- words

    def _bad(self, where: str, error: DatabaseError) -> BadFile:
        """What the server says, without the database: the file is what has to be mended."""
        diag = getattr(error.__cause__, "diag", None)
        reason = getattr(diag, "message_primary", None) or error.message
        detail = getattr(diag, "message_detail", None)
        return BadFile(
            f"{where}: {reason}" + (f" ({detail})" if detail else ""),
            hint=error.hint,
            sqlstate=error.sqlstate,
        )

    def _name(self, file: Arrival) -> str:
        return f'"{self._place.source}/{file.path}"'

    def _names(self, taken: Sequence[_Taken]) -> str:
        names = [self._name(one.file) for one in taken[:_MOST_NAMED]]
        if len(taken) > _MOST_NAMED:
            names.append(f"{len(taken) - _MOST_NAMED} more")
        word = "file" if len(taken) == 1 else "files"
        return f"{word} {', '.join(names)}"

    def _line(self, taken: Sequence[_Taken], number: int) -> str:
        """The place of the line that was taken as number so-and-so, counted from 0."""
        for one in taken:
            if number < one.lines:
                return f"file {self._name(one.file)}, line {number + 1}"
            number -= one.lines
        raise AssertionError("the line is of none of the files")
