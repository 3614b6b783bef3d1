"""Which statement is carried out how."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tailrace.errors import NotFound, WrongState
from tailrace.gateway.results import OK, Answer, Result, path_of
from tailrace.gateway.sessions import Session
from tailrace.jobs.model import Job
from tailrace.statements import model as st

if TYPE_CHECKING:
    from tailrace.engines.flink.sql import Rows

JOB_COLUMNS = ("job id", "job name", "status", "start time", "end time")
EXTENDED_COLUMNS = (
    *JOB_COLUMNS, "engine", "kind", "node", "lag", "position", "duration", "statement", "error",
)  # fmt: skip
DETAIL_COLUMNS = ("queue", "consumer", "provider", "runner", "created", "wanted", "drains to",
                  "configuration", "restored from")  # fmt: skip

# Statements that are not about the jobs of an engine.
_OF_ALL_ENGINES = (
    st.ShowJobTree,
    st.ShowJobTrees,
    st.ShowAncestors,
    st.ShowNodes,
    st.ShowQueues,
    st.ShowConsumers,
    st.SetOption,
    st.ShowOptions,
    st.ResetOption,
    st.Help,
)


_WITH_EFFECT = (
    st.CreateJob,
    st.StartJob,
    st.StopJob,
    st.DropJob,
    st.CreateSavepoint,
    st.DropSavepoint,
    st.DropSavepoints,
    st.DropAllSavepoints,
)


async def execute(session: Session, statement: st.Statement) -> list[Answer]:
    """Carry out one statement; what PostgreSQL is handed may hold several results.

    Ours are carried out through another connection, and for good; so what changes anything is
    refused while the user has a transaction open that it could be thought a part of.
    """
    if session.in_transaction and isinstance(statement, _WITH_EFFECT):
        raise WrongState(
            f"{_verb(statement)} is not part of the transaction that is open here, so a ROLLBACK "
            "would not take it back",
            hint="end the transaction first, with COMMIT or ROLLBACK",
        )
    if session.options.is_flink and not isinstance(statement, _OF_ALL_ENGINES):
        from tailrace.gateway import flink

        return await flink.execute(session, statement)
    match statement:
        case st.PassThrough(text):
            return await session.pass_through(text)
        case st.ShowJobs() | st.DescribeJob() | st.StopJob() | st.StartJob() | st.DropJob():
            return [await _about_jobs(session, statement)]
        case st.ShowJobTree() | st.ShowJobTrees() | st.ShowAncestors():
            return [await _tree(session, statement)]
        case st.CreateJob():
            return [await _create_job(session, statement)]
        case st.CreateSavepoint() | st.ShowSavepoints() | st.ShowCheckpoints():
            return [await _about_savepoints(session, statement)]
        case st.DropSavepoint() | st.DropSavepoints() | st.DropAllSavepoints():
            return [await _about_savepoints(session, statement)]
        case st.ShowNodes() | st.ShowQueues() | st.ShowConsumers():
            return [await _catalog(session, statement)]
        case _:
            return [_of_the_session(session, statement)]


def _verb(statement: st.Statement) -> str:
    """STOP JOB for StopJob."""
    words = re.findall("[A-Z][a-z]+", type(statement).__name__)
    return f"{words[0]} {words[-1]}".upper()


async def start_on_flink(session: Session, statement: st.PassThrough) -> Rows:
    """Have Flink carry out a statement of its own, whose rows are fetched as they come."""
    flink = await session.flink()
    return await flink.start(statement.text, session.options.of_flink)


async def _create_job(session: Session, statement: st.CreateJob) -> Answer:
    from tailrace.cascade.waiting import Patience
    from tailrace.engines.postgres.creation import create_job
    from tailrace.engines.postgres.definition import define

    job_id = await create_job(
        await session.ours(),
        statement.name,
        statement.body,
        dict(statement.options),
        schemas=await session.setting("search_path"),
        time_zone=await session.setting("TimeZone"),
        patience=Patience(session.options.seconds("tailrace.timeout"), session.talk),
    )
    doubts = define(statement.body).doubts()
    return Answer(Result(("job id",), [(job_id,)]), remarks=doubts)


async def _about_jobs(session: Session, statement: st.Statement) -> Answer:
    async with session.manager() as manager:
        match statement:
            case st.ShowJobs(extended):
                listed = await manager.list_jobs(with_lag=extended)
                columns = EXTENDED_COLUMNS if extended else JOB_COLUMNS
                rows = [job_row(job)[: len(columns)] for job in listed.jobs]
                away = tuple(f"not asked for its jobs: {one}" for one in listed.unreachable)
                return Answer(Result(columns, rows), remarks=away)
            case st.DescribeJob(name):
                found = await manager.find(name)
                more = await manager.details(found)
                row = (*job_row(found.job), *more)
                return Answer(Result((*EXTENDED_COLUMNS, *DETAIL_COLUMNS), [row]))
            case st.StopJob(name, savepoint, drain):
                directory = await session.savepoint_directory()
                made = await manager.stop(
                    name, savepoint=savepoint, directory=directory, drain=drain, talk=session.talk
                )
                return OK if made is None else path_of(made.path, made.absent)
            case st.StartJob(name, path, claim):
                job = await manager.start(name, path=path, claim=claim, talk=session.talk)
                return Answer(Result(("job id",), [(job.job_id,)]))
            case st.DropJob(name):
                await manager.drop(name)
    return OK


async def _tree(session: Session, statement: st.Statement) -> Answer:
    from tailrace.gateway import tracing

    return await tracing.execute(session, statement)


async def _about_savepoints(session: Session, statement: st.Statement) -> Answer:
    from tailrace.gateway import savepoints

    async with session.manager() as manager:
        return await savepoints.execute(session, manager, statement)


def job_row(job: Job) -> tuple[object, ...]:
    """A job as SHOW JOBS EXTENDED shows it; Flink's first four columns, then ours."""
    return (
        job.job_id,
        job.job_name,
        str(job.status),
        _time(job.start_time),
        _time(job.end_time),
        job.engine,
        job.kind,
        job.node,
        _length(job.lag),
        job.position,
        _length(job.duration),
        job.statement,
        job.error,
    )


def _time(moment: datetime | None) -> datetime | None:
    """To the second: nobody reads more of a list."""
    return None if moment is None else moment.replace(microsecond=0)


def _length(length: timedelta | None) -> timedelta | None:
    return None if length is None else timedelta(milliseconds=length // timedelta(milliseconds=1))


async def _catalog(session: Session, statement: st.Statement) -> Answer:
    from tailrace.gateway import catalog

    db = await session.ours()
    match statement:
        case st.ShowNodes(queue):
            deadline = session.options.seconds("tailrace.deadline")
            return await catalog.nodes(db, queue, deadline=deadline)
        case st.ShowConsumers(queue):
            return await catalog.consumers(db, queue)
        case _:
            return await catalog.queues(db)


def _of_the_session(session: Session, statement: st.Statement) -> Answer:
    match statement:
        case st.SetOption(key, value):
            session.options.set(key, value)
            return OK
        case st.ShowOptions():
            return Answer(Result(("key", "value", "purpose"), session.options.rows()))
        case st.ResetOption(key):
            session.options.reset(key)
            return OK
        case st.Help(topic):
            return _help(topic)
    raise TypeError(f"{type(statement).__name__} is no statement that is carried out here")


def _help(topic: str) -> Answer:
    from tailrace.statements.help import about

    entries = about(topic)
    if not entries:
        raise NotFound(f'there is no statement that begins "{topic}"', hint="list them with: HELP")
    rows = [(entry.syntax, entry.purpose) for entry in entries]
    return Answer(Result(("statement", "purpose"), rows))
