"""The statements about savepoints of a cluster's jobs: create, show, drop, and checkpoints."""

from __future__ import annotations

from contextlib import suppress

from tailrace.engines.base import Checkpoint
from tailrace.engines.flink import disk
from tailrace.engines.flink.http import Unanswered
from tailrace.errors import NotFound, TailraceError, WrongState
from tailrace.faults import reach
from tailrace.jobs.cluster.manager import Manager
from tailrace.jobs.cluster.model import Savepoint
from tailrace.jobs.savepoints.housekeeping import beyond

_LIST = "list them with: SHOW SAVEPOINTS"


class Savepoints:
    """What can be done with the savepoints of one cluster."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._catalogue = manager.catalogue
        self._resolver = manager.resolver

    async def create(self, name: str) -> str:
        """Take a savepoint of a job that goes on; returns its path."""
        return await self._manager.take(await self._resolver.settled(name))

    async def show(self, name: str | None) -> tuple[list[Savepoint], tuple[str, ...]]:
        """All savepoints, or those of one job, newest first; and what makes the list doubtful."""
        remarks, silence = await self._resolver.resolve()
        job = await self._resolver.find(name, silence) if name is not None else None
        return await self._catalogue.savepoints(job), remarks

    async def checkpoints(self, name: str) -> list[Checkpoint]:
        """The checkpoints of a job's present or last run that Flink remembers, newest first."""
        job = await self._resolver.settled(name)
        if job.engine_id is None:
            return []
        return await self._manager.engine.checkpoints(job.engine_id)

    # ------------------------------------------------------------ dropping

    async def drop(self, path: str) -> None:
        """Remove a savepoint: its files first, its record after."""
        wanted = disk.canonical(path)
        with suppress(Unanswered):  # its files may be within reach all the same
            await self._resolver.jobs()  # who needs it is known then
        savepoints = await self._catalogue.savepoints()
        found = next((one for one in savepoints if one.path == wanted), None)
        if found is None:
            await self._resolver.files.survey()  # it may be one that nobody has written down
            savepoints = await self._catalogue.savepoints()
            found = next((one for one in savepoints if one.path == wanted), None)
        if found is None:
            raise NotFound(f'there is no savepoint "{wanted}"', hint=_LIST)
        await self._drop(found)

    async def drop_of(
        self, name: str, age: str | None, keep_last: int | None, *, ours: bool = False
    ) -> list[str]:
        """Housekeeping: remove the savepoints of a job but for the newest, or the young ones.

        Only those that can be restored from count, and what a job owns is left to it. ``age`` is an
        interval as PostgreSQL reads it; ``ours``: only those that belong to the user and that he
        has asked us for.
        """
        job = await self._resolver.find(name, (await self._resolver.resolve()).silence)
        states = ("completed",) if ours else ("completed", "foreign", "lost")
        there = [one for one in await self._catalogue.savepoints(job) if one.state in states]
        there.sort(key=lambda one: one.made_at, reverse=True)
        chosen = beyond(there, keep_last, lambda one: one.state != "lost")
        if age is not None:
            before = await self._catalogue.moment_before(age)
            chosen = [one for one in chosen if one.made_at < before]
        return await self._drop_each(chosen)

    async def drop_all(self, name: str | None) -> list[str]:
        """Remove all savepoints, or all of one job."""
        silence = (await self._resolver.resolve()).silence
        job = await self._resolver.find(name, silence) if name is not None else None
        return await self._drop_each(
            [one for one in await self._catalogue.savepoints(job) if one.path]
        )

    async def _drop_each(self, chosen: list[Savepoint]) -> list[str]:
        """Remove several; one that cannot go does not hold up the others."""
        dropped, problems = [], []
        for one in chosen:
            try:
                await self._drop(one)
                dropped.append(str(one.path))
            except TailraceError as error:
                problems.append(error)
        if problems and not dropped:
            raise problems[0]
        if problems:
            raise type(problems[0])(
                f"{len(dropped)} savepoints were dropped, {len(problems)} were not: "
                f"{problems[0].message}",
                hint=problems[0].hint,
            )
        return dropped

    async def _drop(self, one: Savepoint) -> None:
        assert one.path is not None
        if one.state == "lost":
            await self._catalogue.move(one.savepoint_id, "dropped")
            return
        await self._refuse_in_use(one, one.path)
        async with self._catalogue.at_work(one.savepoint_id):
            await self._catalogue.move(one.savepoint_id, "dropping")
            await reach("flink.drop.written")
            await self._resolver.finish_drop(one)

    async def _refuse_in_use(self, one: Savepoint, path: str) -> None:
        """A run needs what it was restored from until it has a checkpoint of its own."""
        for user in await self._catalogue.restored_from(path):
            if user.is_claimed:
                raise WrongState(
                    f'savepoint "{path}" belongs to job "{user.job_name}", which runs',
                    hint="Flink removes it when it is not needed any more",
                )
            made = await self._manager.engine.checkpoints(user.engine_id) if user.engine_id else []
            if not any(check.status == "COMPLETED" for check in made):
                raise WrongState(
                    f'savepoint "{path}" is needed: job "{user.job_name}" was restored from it and '
                    "has no checkpoint of its own yet",
                    hint="drop it later, or stop the job first",
                )
