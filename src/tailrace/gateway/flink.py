"""The statements, carried out on a Flink cluster: ``SET 'tailrace.engine' = 'flink'``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tailrace.errors import UsageError
from tailrace.gateway.definitions import fills, subject
from tailrace.gateway.options import refuse_unfit
from tailrace.gateway.results import OK, Answer, Result
from tailrace.jobs.cluster.manager import Manager
from tailrace.jobs.cluster.model import ClusterJob, Definition, Savepoint
from tailrace.jobs.cluster.resolving import see
from tailrace.service import background
from tailrace.statements import model as st
from tailrace.statements.render import string

if TYPE_CHECKING:
    from tailrace.engines.flink.sql import SqlResult
    from tailrace.gateway.sessions import Session
    from tailrace.gateway.tracing import Found

DETAIL_COLUMNS = ("engine id", "wanted", "configuration", "restored from", "reads", "writes")
_SECRET = ("password", "secret", "token", "credential")


async def execute(session: Session, statement: st.Statement) -> list[Answer]:
    """Carry out one statement on the session's cluster."""
    match statement:
        case st.PassThrough(text):
            flink = await session.flink()
            return [answer_of(await flink.run(text, session.options.of_flink))]
        case (
            st.CreateSavepoint()
            | st.ShowSavepoints()
            | st.ShowCheckpoints()
            | st.DropSavepoint()
            | st.DropSavepoints()
            | st.DropAllSavepoints()
        ):
            return [await _about_savepoints(session, statement)]
        case _:
            return [await _about_jobs(session, statement)]


@asynccontextmanager
async def _managed(session: Session) -> AsyncIterator[Manager]:
    flink = await session.flink()
    options = session.options
    timeout = options.seconds("tailrace.timeout") if options.is_set("tailrace.timeout") else None
    async with background(see(flink.engine), name="look") as first:
        yield Manager(
            flink.engine,
            await flink.catalogue(await session.ours(), first),
            directory=options.savepoint_directory,
            timeout=timeout,
            talk=session.talk,
            first=first,
        )


# ------------------------------------------------------------------ jobs


async def _about_jobs(session: Session, statement: st.Statement) -> Answer:
    async with _managed(session) as manager:
        match statement:
            case st.ShowJobs(extended):
                return await _show_jobs(manager, extended)
            case st.DescribeJob(name):
                return _described(*await manager.describe(name))
            case st.CreateJob():
                return await _create(session, manager, statement)
            case st.StartJob(name, savepoint, claim):
                job_id, remarks = await manager.start(name, savepoint, claim=claim)
                return Answer(Result(("job id",), [(job_id,)]), remarks=remarks)
            case st.StopJob(name, savepoint, drain):
                path, remarks = await manager.stop(name, savepoint=savepoint, drain=drain)
                if path is None:
                    return OK
                return Answer(Result(("savepoint path",), [(path,)]), remarks=remarks)
            case st.DropJob(name):
                await manager.drop(name)
                return OK
    raise AssertionError(f"{type(statement).__name__} is not about jobs")


async def _show_jobs(manager: Manager, extended: bool) -> Answer:
    from tailrace.gateway.dispatch import EXTENDED_COLUMNS, JOB_COLUMNS, job_row

    jobs, remarks, _ = await manager.list_jobs(with_causes=extended)
    columns = EXTENDED_COLUMNS if extended else JOB_COLUMNS
    rows = [job_row(job.listed)[: len(columns)] for job in jobs]
    return Answer(Result(columns, rows), remarks=remarks)


def _described(job: ClusterJob, definition: Definition, remarks: tuple[str, ...]) -> Answer:
    from tailrace.gateway.dispatch import EXTENDED_COLUMNS, job_row

    more = (
        job.engine_id,
        job.wanted,
        without_secrets(definition.settings),
        job.restored_from,
        [one.name for one in definition.reads],
        [one.name for one in definition.writes],
    )
    columns = (*EXTENDED_COLUMNS, *DETAIL_COLUMNS)
    return Answer(Result(columns, [(*job_row(job.listed), *more)]), remarks=remarks)


def without_secrets(settings: dict[str, str]) -> dict[str, str]:
    """Settings as they may be shown."""
    return {
        key: "***" if any(word in key.lower() for word in _SECRET) else value
        for key, value in settings.items()
    }


async def _create(session: Session, manager: Manager, statement: st.CreateJob) -> Answer:
    own, text = body_of(statement)
    options = dict(statement.options)
    for key, value in options.items():
        if key.startswith("tailrace."):
            raise UsageError(
                f"'{key}' is a setting of the session, and not of a job",
                hint=f"SET '{key}' = {string(value)}",
            )
        refuse_unfit(key, value)
    flink = await session.flink()
    setup = (*await flink.usable(session.options.of_flink), *own)
    settings = session.options.of_flink | options
    job_id, remarks = await manager.create(statement.name, text, setup, settings)
    return Answer(Result(("job id",), [(job_id,)]), remarks=remarks)


def body_of(statement: st.CreateJob) -> tuple[tuple[str, ...], str]:
    """The definitions of a job's body, and the one statement that it runs.

    Several INSERTs become one statement set, since a job is one graph.
    """
    setup: list[str] = []
    inserts: list[str] = []
    for text in statement.statements:
        verb, kind, _ = subject(text)
        if fills(text):
            raise UsageError(
                "CREATE TABLE … AS SELECT would run by itself, beside the job",
                hint="define the table, and then: INSERT INTO … SELECT …",
            )
        if verb in ("INSERT", "EXECUTE"):
            inserts.append(text)
        elif inserts or not kind:
            raise UsageError(
                f'a job on Flink defines tables and then runs INSERT; found "{verb}"',
                hint="CREATE JOB … AS INSERT INTO … SELECT …",
            )
        else:
            setup.append(text)
    if not inserts:
        raise UsageError(
            f'job "{statement.name}" has no INSERT, so there would be nothing to run',
            hint="CREATE JOB … AS INSERT INTO … SELECT …",
        )
    if len(inserts) == 1:
        return tuple(setup), inserts[0]
    if any(subject(text)[0] == "EXECUTE" for text in inserts):
        raise UsageError("a statement set cannot stand beside other statements that write")
    return tuple(setup), f"EXECUTE STATEMENT SET BEGIN {'; '.join(inserts)}; END"


# ------------------------------------------------------------------ savepoints


async def _about_savepoints(session: Session, statement: st.Statement) -> Answer:
    from tailrace.gateway.savepoints import CHECKPOINT_COLUMNS, SAVEPOINT_COLUMNS
    from tailrace.jobs.cluster.savepoints import Savepoints

    async with _managed(session) as manager:
        savepoints = Savepoints(manager)
        match statement:
            case st.CreateSavepoint(job):
                return _paths([await savepoints.create(job)])
            case st.ShowSavepoints(job):
                listed, remarks = await savepoints.show(job)
                rows = [_savepoint_row(one) for one in listed]
                return Answer(Result(SAVEPOINT_COLUMNS, rows), remarks=remarks)
            case st.ShowCheckpoints(job):
                made = await savepoints.checkpoints(job)
                return Answer(
                    Result(
                        CHECKPOINT_COLUMNS,
                        [
                            (one.number, one.kind, one.status, one.completed, one.size)
                            for one in made
                        ],
                    )
                )
            case st.DropSavepoint(path):
                await savepoints.drop(path)
                return OK
            case st.DropSavepoints(job, age, keep):
                return _paths(await savepoints.drop_of(job, str(age) if age else None, keep))
            case st.DropAllSavepoints(job):
                return _paths(await savepoints.drop_all(job))
    raise AssertionError(f"{type(statement).__name__} is not about savepoints")


def _paths(paths: list[str]) -> Answer:
    return Answer(Result(("savepoint path",), [(path,) for path in paths]))


def _savepoint_row(one: Savepoint) -> tuple[object, ...]:
    place = one.path or one.directory
    return (
        place,
        one.job_id,
        None,
        one.made_at.replace(microsecond=0),
        one.size,
        None,
        one.ownership,
    )


# ------------------------------------------------------------------ lineage, Flink's own


async def lineage(session: Session, name: str | None) -> Found:
    """What the jobs of the session's cluster read and write; where in it the named one is."""
    from tailrace.gateway.tracing import Found
    from tailrace.jobs.cluster.lineage import joined

    async with _managed(session) as manager:
        catalogue = manager.catalogue
        job = None if name is None else await catalogue.find(name)
        jobs, remarks, _ = await manager.list_jobs()
        found = joined([(one, await catalogue.definition(one)) for one in jobs], catalogue.cluster)
    return Found(found, None if job is None else found.of_job(job.job_id), remarks)


def answer_of(result: SqlResult) -> Answer:
    """What Flink answered; rows that were taken back are marked in a column of their own."""
    if result.kinds is None:
        return Answer(Result(result.columns, result.rows))
    rows = [(kind, *row) for kind, row in zip(result.kinds, result.rows, strict=True)]
    return Answer(Result(("op", *result.columns), rows))
