"""Savepoints of the connected database and of all members of its cascades, and those on disk.

Each database knows the savepoints of its jobs. What is in the directories besides, because the
entry has gone with a database, is found there, and told as ``foreign``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tailrace import service
from tailrace.cascade.waiting import Patience
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import NotFound, TailraceError, Timeout, WrongState
from tailrace.jobs.manager import Manager
from tailrace.jobs.model import Made
from tailrace.jobs.savepoints import metadata, storage
from tailrace.jobs.savepoints.disposal import dispose
from tailrace.jobs.savepoints.housekeeping import beyond
from tailrace.jobs.savepoints.waiting import Progress, made, write_alone

queries = load("tailrace")

INTERVAL = 0.05

Talk = Callable[[str], None]


class Savepoint(NamedTuple):
    """A savepoint as SHOW SAVEPOINTS shows it."""

    path: str
    job_id: str
    position: str
    created: datetime
    size: int | None
    pinned_events: int | None
    ownership: str
    job_name: str

    @property
    def droppable(self) -> bool:
        """Whether housekeeping may take it."""
        return self.ownership not in ("job", "dropping")

    @property
    def restorable(self) -> bool:
        """Whether a job can be started from it."""
        return self.ownership in ("user", "foreign")


class Catalog:
    """The savepoints that ``manager`` can reach; ``directory`` is the session's."""

    def __init__(
        self,
        manager: Manager,
        *,
        directory: str | None = None,
        timeout: float | None = None,
        talk: Talk | None = None,
    ) -> None:
        self._manager = manager
        self._directory = directory
        self._timeout = timeout
        self._talk = talk

    # ------------------------------------------------------------ looking

    async def look(self, job: str | None = None) -> Sequence[Savepoint]:
        """All savepoints, newest first; those of one job, also of one that is gone."""
        databases = await self._manager.databases()
        found, known, places = await self._recorded(databases)
        found += await self._foreign(known, places)
        if job is not None:
            found = await self._of(found, job)
        return sorted(found, key=lambda one: one.created, reverse=True)

    async def _recorded(
        self, databases: Iterable[Database]
    ) -> tuple[list[Savepoint], set[str], list[Any]]:
        rows, pins, known, places = [], dict[str, int](), set[str](), []
        for answer in await service.together(*(self._ask(db) for db in databases)):
            if answer is not None:
                rows += answer[0]
                pins |= {row.consumer_name: row.pending_events for row in answer[1]}
                known |= {row.path for row in answer[2]}
                places.append(answer[3])
        found = {row.savepoint_path: _savepoint(row, pins) for row in rows}
        lost = await asyncio.to_thread(_lost, rows)
        return (
            [
                one._replace(ownership="lost") if path in lost and one.droppable else one
                for path, one in found.items()
            ],
            known,
            places,
        )

    async def _ask(self, db: Database) -> tuple[Any, Any, Any, Any] | None:
        try:
            return (
                await db.fetch_all(queries.savepoints),
                await db.fetch_all(queries.pins_held),
                await db.fetch_all(queries.savepoint_paths),
                await db.fetch_one(queries.savepoint_places),
            )
        except TailraceError as error:
            self._manager.note_unreachable(db, error)
            return None

    async def _foreign(self, known: set[str], places: Sequence[Any]) -> list[Savepoint]:
        directories = {self._directory, *(place.setting for place in places)}
        for place in places:
            directories |= set(place.directories)
        queues = {queue for place in places for queue in place.queues}
        wanted = sorted(storage.normal(name) for name in directories if name)
        on_disk = await asyncio.to_thread(_on_disk, wanted, known)
        return [found.savepoint for found in on_disk if found.queue in queues]

    async def _of(self, found: Sequence[Savepoint], job: str) -> list[Savepoint]:
        """Those of one job, by whatever it was called."""
        try:
            job_id = (await self._manager.find(job)).job.job_id
        except NotFound:
            of_old = [
                one
                for one in found
                if one.job_name == job or (len(job) >= 6 and one.job_id.startswith(job.lower()))
            ]
            if not of_old:
                raise
            return of_old
        return [one for one in found if one.job_id == job_id]

    # ------------------------------------------------------------ making

    async def create(self, job: str) -> Made:
        """Make a savepoint of a job, running or at rest."""
        found = await self._manager.find(job)
        row = await found.db.fetch_one(
            queries.request_savepoint, job=found.job.job_id, directory=self._directory
        )
        assert row is not None
        try:
            await self._until_complete(found.db, row.savepoint_path)
        except Timeout as late:
            raise Timeout(
                f'savepoint "{row.savepoint_path}" is not complete: {late.message}',
                hint="it stays asked for; see it with: SHOW SAVEPOINTS",
            ) from None
        except BaseException:
            await found.db.execute(queries.withdraw_savepoint, path=row.savepoint_path)
            raise
        return await made(found.db, row.savepoint_path)

    async def _until_complete(self, db: Database, path: str) -> None:
        progress = Progress(self._talk)

        async def complete() -> bool:
            waits = await db.fetch_value(queries.savepoint_progress, path=path)
            progress.note(waits)
            if waits is not None:
                await write_alone(db, path)
            return waits is None

        patience = Patience(self._timeout)
        await patience.wait(complete, what=lambda: progress.text, interval=INTERVAL)

    # ------------------------------------------------------------ dropping

    async def drop(self, path: str) -> str | None:
        """Remove a savepoint; returns what is left to be done later, None: nothing."""
        path = storage.normal(path)
        for db in await self._manager.databases():
            try:
                row = await db.fetch_one(queries.known_savepoint, path=path, savepoint_id=None)
            except TailraceError as error:
                self._manager.note_unreachable(db, error)
                continue
            if row is not None and row.state in ("completed", "claimed", "dropping"):
                await db.fetch_one(queries.request_drop_savepoint, path=path)
                return await self._until_gone(db, row.savepoint_id)
        await self._drop_foreign(path)
        return None

    async def drop_some(
        self, job: str | None, *, older_than: str | None = None, keep_last: int | None = None
    ) -> tuple[list[str], list[str]]:
        """Remove all that the conditions fit; returns the paths, and what is left to be done."""
        found = [one for one in await self.look(job) if one.droppable]
        found = beyond(found, keep_last, lambda one: one.restorable)
        if older_than is not None:
            before = await self._manager.here.fetch_value(queries.moment_ago, age=older_than)
            found = [one for one in found if one.created < before]
        left = []
        if self._manager.unreachable:
            left += [f"not dropped: {one.path}" for one in found if one.ownership == "foreign"]
            found = [one for one in found if one.ownership != "foreign"]
        for one in found:
            problem = await self.drop(one.path)
            if problem is not None:
                left.append(f'savepoint "{one.path}" is not gone yet: {problem}')
        return [one.path for one in found], left

    async def _until_gone(self, db: Database, savepoint_id: str) -> str | None:
        """What can be done from here is done at once; the rest is the runner's."""
        problem = await dispose(db, savepoint_id)
        if problem is None or not await db.fetch_value(queries.has_runner):
            return problem

        async def gone() -> bool:
            nonlocal problem
            row = await db.fetch_one(queries.drop_problem, savepoint_id=savepoint_id)
            problem = None if row is None else row.error
            return row is None

        await Patience(self._timeout).wait(gone, what="", interval=INTERVAL, within=3.0)
        return problem

    async def _drop_foreign(self, path: str) -> None:
        place = await asyncio.to_thread(storage.at, path)
        away = "; ".join(self._manager.unreachable)
        if not await asyncio.to_thread(place.exists):
            unasked = f"; not all could be asked: {away}" if away else ""
            raise NotFound(
                f'there is no savepoint "{path}"{unasked}',
                hint="list those that there are with: SHOW SAVEPOINTS",
            )
        if away:
            raise WrongState(
                f'savepoint "{path}" may be one of a database that cannot be asked: {away}',
                hint="drop it when all nodes answer, or are marked dead",
            )
        found = metadata.decode(await asyncio.to_thread(place.metadata), path)
        await asyncio.to_thread(place.remove)
        pin = f".savepoint.{found.savepoint_id}"
        for db in await self._manager.databases():
            await db.fetch_value(queries.unregister_if_there, queue=found.queue, consumer=pin)
            await db.fetch_one(queries.forget_position, queue=found.queue, consumer=pin)


class _Found(NamedTuple):
    queue: str
    savepoint: Savepoint


def _savepoint(row: Any, pins: dict[str, int]) -> Savepoint:
    pin = f".savepoint.{storage.savepoint_id(row.savepoint_path)}"
    held = row.held_by is not None
    return Savepoint(
        row.savepoint_path,
        row.job_id,
        str(row.position),
        row.created,
        row.size,
        row.pinned_events if row.pinned_events is not None else pins.get(pin) if held else None,
        row.ownership,
        row.job_name,
    )


def _lost(rows: Sequence[Any]) -> set[str]:
    """Which of them have no files, as far as that can be seen from this machine."""
    lost = set()
    for row in rows:
        try:
            place = storage.at(row.savepoint_path)
            if place.host is not None and place.here(row.host) and not place.exists():
                lost.add(row.savepoint_path)
        except TailraceError:
            pass  # what cannot be looked at is not known to be lost
    return lost


def _on_disk(directories: Sequence[str], known: set[str]) -> list[_Found]:
    found = []
    for directory in directories:
        for path in storage.list_directory(directory):
            if path in known:
                continue
            try:
                read = metadata.decode(storage.at(path).metadata(), path)
            except TailraceError:
                continue  # of another version, or damaged: not to be used
            one = Savepoint(
                path, read.job_id, str(read.tick), read.created, read.size, None, "foreign",
                read.job_name,
            )  # fmt: skip
            found.append(_Found(read.queue, one))
    return found
