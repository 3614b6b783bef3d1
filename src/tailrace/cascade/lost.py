"""Writing down the events that only an old root has, before they are deleted.

The file is a JSON array with an event a line. It gets its name when it is complete, so a file that
is there is whole; and it is the same each time it is written, so a command that was killed between
writing and deleting recognises its own.
"""

from __future__ import annotations

import errno
import filecmp
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.errors import AlreadyExists, WrongState
from tailrace.faults import reach

queries = load("tailrace")

BATCHES_AT_A_TIME = 1000
PROGRESS_SECONDS = 5.0

Talk = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TableLosses:
    """Rows of one table in the lost events; the table is None for events of other kinds."""

    table: str | None
    inserts: int
    updates: int
    deletes: int
    truncates: int
    old_rows: int
    others: int

    @property
    def can_be_rolled_back(self) -> bool:
        """Whether there is an old row for everything that was changed or removed."""
        return (
            self.table is not None
            and not self.truncates
            and self.old_rows >= self.updates + self.deletes
        )


async def losses(db: Database, queue: str, tick: int) -> list[TableLosses]:
    """Count what would get lost after a tick, by table."""
    rows = await db.fetch_all(queries.lost_statistics, queue=queue, tick=tick)
    return [TableLosses(*row) for row in rows]


async def write_down(db: Database, queue: str, tick: int, path: Path, say: Talk) -> int:
    """Write all events after a tick to a file and return their number; none: no file.

    A file that is there must be what would be written now.
    """
    draft = _draft(path)
    try:
        events = await _write(db, queue, tick, draft, say)
        if events == 0:
            return 0
        await reach("resurrect.before_dump")
        _give_name(draft, path)
    except OSError as exc:
        raise _not_written(path, exc) from exc
    finally:
        draft.unlink(missing_ok=True)
    return events


def _give_name(draft: Path, path: Path) -> None:
    if not path.exists():
        draft.replace(path)
    elif not filecmp.cmp(draft, path, shallow=False):
        raise _already_there(path)


def refuse_unwritable(path: Path) -> None:
    """Raise when the file could not be written, before anything else has been done."""
    draft = _draft(path)
    try:
        draft.open("wb").close()
        draft.unlink()
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as exc:
        raise _not_written(path, exc) from exc


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.draft")


def _not_written(path: Path, exc: OSError) -> WrongState:
    return WrongState(
        f'file "{path}" cannot be written: {exc.strerror}', hint="choose another one with --dump"
    )


def refuse_existing(path: Path) -> None:
    """Raise when there is a file where ours would be written for the first time."""
    if path.exists():
        raise _already_there(path)


def _already_there(path: Path) -> AlreadyExists:
    return AlreadyExists(
        f'file "{path}" exists and may hold the lost events of another time',
        hint="move it away, or choose another name with --dump",
    )


async def _write(db: Database, queue: str, tick: int, path: Path, say: Talk) -> int:
    events, told = 0, monotonic()
    with path.open("wb") as file:
        async with db.transaction(read_only=True):
            async for batch in _batches(db, queue, tick):
                async for line in db.copy_out(batch.copy_sql):
                    file.write(b",\n" if events else b"[\n")
                    file.write(bytes(line).rstrip(b"\n"))
                    events += 1
                if monotonic() - told > PROGRESS_SECONDS:
                    say(f"{events} events are written down so far, up to tick {batch.tick_id}")
                    told = monotonic()
        file.write(b"\n]\n")
        file.flush()
        os.fsync(file.fileno())
    return events


async def _batches(db: Database, queue: str, tick: int) -> AsyncIterator[Row]:
    """List the batches after a tick, some at a time."""
    while rows := await db.fetch_all(
        queries.lost_batches, queue=queue, tick=tick, limit=BATCHES_AT_A_TIME
    ):
        for row in rows:
            yield row
        tick = rows[-1].tick_id
