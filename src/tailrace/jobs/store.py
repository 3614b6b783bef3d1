"""The jobs of one database: reading them, and asking them to stop, to go on, to go.

All rules are in SQL, since any SQL client can do the same (architecture.md 2); here the functions
of schema ``tailrace`` are called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tailrace.cascade.waiting import Patience
from tailrace.db import locks
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.errors import ConnectError, NotFound, Timeout
from tailrace.jobs.model import Details, Job, Made, Status
from tailrace.jobs.stopping import choose_drain_tick, take_leave

queries = load("tailrace")

INTERVAL = 0.05

# Answers of other nodes, as ``tailrace.deadline`` has it.
_ANSWER_WITHIN = 5.0

# A runner that has been silent for so long is dead or frozen, as in tailrace.live_runners.
_SILENCE = 5.0


async def read_jobs(db: Database) -> list[Job]:
    """All jobs of the database, newest first."""
    rows = await db.fetch_all(queries.jobs)
    return [_job(row) for row in rows]


async def find(db: Database, name: str) -> Job | None:
    """The job of that name, id or beginning of an id; None when there is none here.

    Raises where the name is malformed, or several ids begin so.
    """
    try:
        row = await db.fetch_one(queries.find_job, job=name)
    except NotFound:
        return None
    return None if row is None else _job(row)


async def details(db: Database, job: Job) -> Details:
    """What else is known of a job."""
    row = await db.fetch_one(queries.job_details, job_id=job.job_id)
    if row is None:
        raise _gone(db, job)
    return Details(*row)


async def tick_age(db: Database, queue: str, tick: int) -> float | None:
    """Seconds since a tick of this database's queue was made; None: it is not kept here."""
    age = await db.fetch_value(queries.tick_age, queue=queue, tick=tick)
    return None if age is None else float(age)


async def stop(
    db: Database,
    job: Job,
    *,
    savepoint: bool = False,
    directory: str | None = None,
    drain: bool = False,
    timeout: float | None = None,
    talk: Callable[[str], None] | None = None,
) -> Made | None:
    """Ask a job to stop and wait until it is at rest, whether or not anybody runs it.

    With ``drain`` it first does what had been committed before; where that takes too long it is not
    stopped at all. With ``savepoint`` one of it is made when it has stopped; where that fails it
    goes on.
    """
    from tailrace.jobs.savepoints.waiting import made  # what lists jobs needs none

    asked = await db.fetch_one(
        queries.request_stop_job,
        job=job.job_id, savepoint=savepoint, drain=drain, directory=directory,
    )  # fmt: skip
    path = None if asked is None else asked.savepoint_path
    end = _End(db, job, path, drain=drain, talk=talk)
    try:
        patience = Patience(timeout, talk if path is None else None)
        await patience.wait(end.has_come, what=lambda: end.waits, interval=INTERVAL)
    except Timeout as late:
        given_up = await _give_drain_up(db, job, path, drain)
        raise _late_stop(job, late, path, given_up) from None
    except BaseException:
        await _give_drain_up(db, job, path, drain)
        raise
    if path is None:
        return None
    await db.fetch_value(queries.savepoint_progress, path=path)  # says why there is none
    return await made(db, path)


class _End:
    """The end of a job that was asked to stop: helped on, whether or not anybody runs it."""

    def __init__(
        self,
        db: Database,
        job: Job,
        path: str | None,
        *,
        drain: bool,
        talk: Callable[[str], None] | None,
    ) -> None:
        from tailrace.jobs.savepoints.waiting import Progress

        self.waits = ""
        self._db = db
        self._job = job
        self._path = path
        self._drain = drain
        self._progress = Progress(None if path is None else talk)

    async def has_come(self) -> bool:
        """Whether it is at rest; ``waits`` says for what it is not."""
        from tailrace.jobs.savepoints.waiting import write_alone

        db = self._db
        if self._drain:
            await self._ask_root()
        waits = self.waits = await db.fetch_value(queries.settle_job, job_id=self._job.job_id)
        if self._path is not None:
            self._progress.note(waits)
        if waits is None:
            return True
        if self._path is not None:
            await write_alone(db, self._path)
        if not self._drain:
            key = await db.fetch_value(queries.job_lock, job_id=self._job.job_id)
            await locks.end_silent(db, key, _SILENCE)
        return False

    async def _ask_root(self) -> None:
        """Up to where the job goes on; nobody but the root can say that."""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                await choose_drain_tick(self._db, self._job.job_id)
        except (TimeoutError, ConnectError) as error:
            if self._db.closed:  # it was not the root's
                raise
            silent = f"no answer within {_ANSWER_WITHIN:g} s"
            said = error.message if isinstance(error, ConnectError) else silent
            raise ConnectError(
                f'job "{self._job.job_name}" cannot be drained, the root of its queue has to say '
                f"up to which tick: {said}",
                hint="the job goes on; without WITH DRAIN it stops where it is",
            ) from error


async def _give_drain_up(db: Database, job: Job, path: str | None, drain: bool) -> bool:
    """A drain that nobody waits for any more is not carried out; say whether it was one."""
    paused = await db.fetch_value(queries.is_paused, job_id=job.job_id)
    if not drain or paused:
        return False
    await db.execute(queries.drain_to, job_id=job.job_id, tick=None)
    if path is not None:
        await db.execute(queries.withdraw_savepoint, path=path)
    return True


def _late_stop(job: Job, late: Timeout, path: str | None, given_up: bool) -> Timeout:
    end = "it stays asked to stop" if path is None else f'it stays asked to stop, with "{path}"'
    return Timeout(
        f'job "{job.job_name}" has not stopped: {late.message}',
        hint="the drain was given up, the job goes on" if given_up else end,
    )


async def start(
    db: Database,
    job: Job,
    *,
    path: str | None = None,
    claim: bool = False,
    timeout: float | None = None,
    talk: Callable[[str], None] | None = None,
) -> None:
    """Let a job that has ended go on, and wait until a runner has taken it.

    With ``path`` it starts from that savepoint, and with ``claim`` it then owns it.
    """
    from tailrace.jobs.savepoints.waiting import restore_alone

    more = await details(db, job)
    await db.execute(queries.request_start_job, job=job.job_id, path=path, claim=claim)
    wants_rows = path is not None

    async def taken() -> bool:
        nonlocal wants_rows
        if await db.fetch_value(queries.start_progress, job_id=job.job_id) is None:
            return True
        if wants_rows:
            await restore_alone(db, more.queue, more.consumer)
            intent = await db.fetch_one(
                queries.restore_intent, queue=more.queue, consumer=more.consumer
            )
            wants_rows = intent is not None and intent.job_id is not None
        return False

    def what() -> str:
        if wants_rows:
            return f'the rows of savepoint "{path}" to come into the tables of "{job.job_name}"'
        return f'a runner to take job "{job.job_name}"'

    hint = f"it stays asked to run, and {job.taken_by}"
    await Patience(timeout, talk).wait(taken, what=what, hint=hint, interval=INTERVAL)


async def drop(db: Database, job: Job) -> None:
    """Forget a job that has ended, also where it reads: else events would be kept for it there.

    A provider that cannot be reached now is told later, by a runner.
    """
    await db.fetch_value(queries.drop_job, job=job.job_id)
    await take_leave(db)


def _job(row: Row) -> Job:
    return Job(**(row._asdict() | {"status": Status(row.status)}))


def _gone(db: Database, job: Job) -> NotFound:
    return NotFound(f'job "{job.job_name}" has been removed from database "{db.dbname}" meanwhile')
