"""Jobs of the connected database and of all members of its cascades, asked at once.

A job lives in the database that it writes to, so finding one may mean to ask everybody. The
connected database wins where a name means several; who cannot be asked is named, and holds up
nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from tailrace import service
from tailrace.cascade.node import queries as node_queries
from tailrace.cascade.node import read_members
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.db.remote import remote
from tailrace.errors import ConnectError, NotFound, TailraceError, UsageError, WrongState
from tailrace.jobs import store
from tailrace.jobs.model import Details, Job, Made, Status
from tailrace.statements.render import string

if TYPE_CHECKING:  # SHOW JOBS needs none of it
    from tailrace.jobs.lineage import Lineage, Part

queries = load("tailrace")

AT_ONCE = 32
LIST_THEM = "list them with: SHOW JOBS"


class Listed(NamedTuple):
    """All jobs, newest first, and who could not be asked for his."""

    jobs: list[Job]
    unreachable: tuple[str, ...]


class Found(NamedTuple):
    """A job and a connection to its database."""

    job: Job
    db: Database


class Manager:
    """One look at all jobs, or one action on one of them; ``async with`` closes the connections."""

    def __init__(
        self, db: Database, *, deadline: float = 5.0, timeout: float | None = None
    ) -> None:
        self._here = db
        self._deadline = deadline
        self._timeout = timeout
        self._stack = AsyncExitStack()
        self._others: dict[str, Database] | None = None
        self._unreachable: dict[str, str] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Manager:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def here(self) -> Database:
        """The connected database."""
        return self._here

    @property
    def unreachable(self) -> tuple[str, ...]:
        """Who could not be asked, and why."""
        return tuple(self._unreachable.values())

    async def databases(self) -> list[Database]:
        """The connected database, and all others that can be reached."""
        await self._connect()
        return list(self._databases())

    def note_unreachable(self, db: Database, error: TailraceError) -> None:
        """Go on without a database that does not answer; the connected one has to."""
        if db is self._here:
            raise error
        self._unreachable[db.dsn] = str(error)

    # ------------------------------------------------------------ looking

    async def list_jobs(self, *, with_lag: bool = False) -> Listed:
        """All jobs of all databases; ``with_lag`` asks providers for what a leaf cannot know."""
        await self._connect()
        found = await service.together(*(self._jobs(db) for db in self._databases()))
        # one database may be known by several names
        jobs = {job.job_id: (job, db) for part in found for job, db in part}
        listed = [job for job, _ in jobs.values()]
        if with_lag:
            listed = await service.together(*(self._with_lag(job, db) for job, db in jobs.values()))
        listed.sort(key=lambda job: (job.start_time, job.job_name), reverse=True)
        return Listed(listed, tuple(self._unreachable.values()))

    async def find(self, name: str) -> Found:
        """The job that is meant, wherever it is."""
        job = await store.find(self._here, name)
        if job is not None:
            return Found(job, self._here)
        await self._connect()
        assert self._others is not None
        answers = await service.together(*(self._find(db, name) for db in self._others.values()))
        found = {one.job.job_id: one for one in answers if one is not None}
        named = [one for one in found.values() if one.job.job_name == name]
        matching = named or list(found.values())
        if len(matching) == 1:
            return matching[0]
        if matching:
            ids = ", ".join(f"{one.job.job_id} (node {one.job.node})" for one in matching)
            raise UsageError(
                f'"{name}" may mean {len(matching)} jobs: {ids}', hint="give more of its id"
            )
        raise self._not_found(name)

    async def lineage(self, *, columns: bool = False) -> tuple[Lineage, Listed]:
        """What flows where, in all databases that can be asked, and their jobs."""
        from tailrace.jobs.lineage import joined

        listed = await self.list_jobs()
        parts = await service.together(*(self._part(db, columns) for db in self._databases()))
        return joined((part for part in parts if part is not None), listed.jobs), listed

    async def details(self, found: Found) -> Details:
        """What else is known of a job."""
        return await store.details(found.db, found.job)

    async def checkpoints(self, name: str) -> list[tuple[object, ...]]:
        """The positions that a job has recorded, newest first: its last finished batch."""
        found = await self.find(name)
        more = await self.details(found)
        if found.job.position is None:
            return []
        finished = None
        for db in await self.databases():
            row = await db.fetch_one(
                queries.last_finished, queue=more.queue, consumer=more.consumer
            )
            if row is not None and (finished is None or row.finished > finished):
                finished = row.finished
        position = found.job.position
        return [(position, position, "COMPLETED", finished, None)]

    # ------------------------------------------------------------ acting

    async def stop(
        self,
        name: str,
        *,
        savepoint: bool = False,
        directory: str | None = None,
        drain: bool = False,
        talk: Callable[[str], None] | None = None,
    ) -> Made | None:
        """Stop a job and wait until it is at rest; ``drain``: after all committed before.

        With ``savepoint`` one of it at rest is made, in ``directory``, and returned.
        """
        job, db = await self.find(name)
        if not job.status.may_stop:
            raise WrongState(
                f'job "{job.job_name}" is {job.status}; STOP needs one that has not ended',
                hint=f"start it again with: START JOB {string(job.job_name)}",
            )
        return await store.stop(
            db, job,
            savepoint=savepoint, directory=directory, drain=drain,
            timeout=self._timeout, talk=talk,
        )  # fmt: skip

    async def start(
        self,
        name: str,
        *,
        path: str | None = None,
        claim: bool = False,
        talk: Callable[[str], None] | None = None,
    ) -> Job:
        """Let a job go on, or start from a savepoint; wait until a runner has taken it."""
        job, db = await self.find(name)
        if not job.status.may_start:
            waits = job.status is Status.CREATED
            stop = f"stop it first with: STOP JOB {string(job.job_name)}"
            raise WrongState(
                f'job "{job.job_name}" is {job.status}; START needs one that has ended or is '
                "SUSPENDED",
                hint=f"it is asked to run, and {job.taken_by}" if waits else stop,
            )
        await store.start(db, job, path=path, claim=claim, timeout=self._timeout, talk=talk)
        return job

    async def drop(self, name: str) -> Job:
        """Forget a job that has ended."""
        job, db = await self.find(name)
        if job.status.may_stop and job.kind in ("consumer", "sql", "export", "import"):
            raise WrongState(
                f'job "{job.job_name}" is {job.status}; DROP needs one that has ended',
                hint=f"stop it first with: STOP JOB {string(job.job_name)}",
            )
        await store.drop(db, job)
        return job

    # ------------------------------------------------------------ inside

    def _databases(self) -> Iterable[Database]:
        return (self._here, *(self._others or {}).values())

    async def _connect(self) -> None:
        """Connect to all members of all cascades that this database is in."""
        if self._others is not None:
            return
        self._others = {}
        away: dict[str, str] = {}
        for node in await self._here.fetch_all(node_queries.nodes_here):
            for member in await read_members(self._here, node.queue_name):
                if member.name != node.node_name and not member.dead:
                    away.setdefault(member.location, member.name)
        await service.together(*(self._reach(name, place) for place, name in away.items()))

    async def _reach(self, name: str, location: str) -> None:
        assert self._others is not None
        try:
            async with self._slots, asyncio.timeout(self._deadline):
                db = await Database.connect(remote(location), name="jobs")
            self._others[location] = await self._stack.enter_async_context(db)
        except TimeoutError:
            self._unreachable[location] = f'node "{name}": no answer within {self._deadline:g} s'
        except TailraceError as error:
            self._unreachable[location] = f'node "{name}": {error}'

    async def _jobs(self, db: Database) -> list[Found]:
        """The jobs of one database; only the connected one has to answer."""
        if db is self._here:
            return [Found(job, db) for job in await store.read_jobs(db)]
        try:
            async with asyncio.timeout(self._deadline):
                return [Found(job, db) for job in await store.read_jobs(db)]
        except TimeoutError:
            problem = f'database "{db.dbname}": no answer within {self._deadline:g} s'
        except TailraceError as error:
            problem = str(error)
        self._unreachable[db.dsn] = problem
        return []

    async def _part(self, db: Database, columns: bool) -> Part | None:
        from tailrace.jobs.lineage import read_part

        try:
            async with asyncio.timeout(self._deadline):
                return await read_part(db, columns=columns)
        except (TimeoutError, TailraceError):
            if db is self._here:
                raise
            return None  # list_jobs has asked it before us, and says who is away

    async def _find(self, db: Database, name: str) -> Found | None:
        try:
            async with asyncio.timeout(self._deadline):
                job = await store.find(db, name)
        except TimeoutError:
            self._unreachable[db.dsn] = f'database "{db.dbname}": no answer'
            return None
        except ConnectError as error:
            self._unreachable[db.dsn] = str(error)
            return None
        return None if job is None else Found(job, db)

    async def _with_lag(self, job: Job, db: Database) -> Job:
        """A leaf holds no ticks; whoever holds the queue knows when one was made."""
        if job.lag is not None or job.position is None or not job.position.isdigit():
            return job
        if job.kind == "import":  # its position is a number of files
            return job
        try:
            queue = (await store.details(db, job)).queue
            for other in self._databases():
                age = await store.tick_age(other, queue, int(job.position))
                if age is not None:
                    return job._replace(lag=timedelta(seconds=max(0.0, age)))
        except TailraceError:
            pass  # a lag less is better than no list
        return job

    def _not_found(self, name: str) -> NotFound:
        away = "; ".join(self._unreachable.values())
        unasked = f"; not all could be asked: {away}" if away else ""
        short = len(name) < 6 and all(digit in "0123456789abcdefABCDEF" for digit in name)
        hint = "to name a job by its id, give at least 6 of its 32 digits" if short else LIST_THEM
        return NotFound(f'there is no job "{name}"{unasked}', hint=hint)
