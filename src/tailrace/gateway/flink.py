"""The statements, carried out on a Flink cluster: ``SET 'tailrace.engine' = 'flink'``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from tailrace.engines.flink import words
from tailrace.engines.flink.engine import FlinkEngine, define
from tailrace.engines.flink.http import Absent, place_of
from tailrace.engines.flink.jobmanager import JobManager
from tailrace.engines.flink.sql import Rows, SqlResult, SqlSession, collected
from tailrace.errors import EngineError, NotFound, TailraceError, UsageError, WrongState
from tailrace.gateway.definitions import Definitions, fills, subject
from tailrace.gateway.options import refuse_unfit
from tailrace.gateway.results import OK, Answer, Result
from tailrace.jobs.cluster.addresses import known_as
from tailrace.jobs.cluster.catalogue import Catalogue
from tailrace.jobs.cluster.manager import Manager
from tailrace.jobs.cluster.model import ClusterJob, Definition, Savepoint
from tailrace.statements import model as st

if TYPE_CHECKING:
    from tailrace.db.connection import Database
    from tailrace.engines.flink.local import Running
    from tailrace.gateway.sessions import Session
    from tailrace.gateway.tracing import Found

DETAIL_COLUMNS = ("engine id", "wanted", "configuration", "restored from", "reads", "writes")
# What Flink itself says of a statement.
_SAID = (EngineError, NotFound, WrongState)
_SECRET = ("password", "secret", "token", "credential")


class Address(NamedTuple):
    """Where a cluster is; ``is_down``: it is this machine's, and is known not to run."""

    url: str
    is_down: bool = False


def address_of(given: str) -> Address:
    """The address of the cluster that is meant: what was named, else that of this machine.

    One of this machine that has ended is meant as well: what is known of its jobs is in the
    database, and its savepoints are on the disk. Whoever listens at its address now is not asked.
    """
    if given:
        return Address(given)
    from tailrace.engines.flink.local import last_here, running_here

    local = running_here()
    last = local or last_here()
    if last is None:
        raise UsageError(
            "no Flink cluster is named, and none runs here",
            hint="SET 'tailrace.flink.url' = 'http://…:8081', or start one with: tailrace flink "
            "start",
        )
    return Address(last.url, local is None)


def _nobody(url: str) -> Absent:
    return Absent(
        url,
        what="the Flink cluster of this machine",
        hint="start it with: tailrace flink start",
    )


class FlinkSession:
    """One session's side of a cluster: connections, definitions, and what it has set."""

    def __init__(self, address: Address, gateway: str | None, *, deadline: float) -> None:
        self._gateway = gateway
        self._manager = JobManager(
            address.url,
            timeout=deadline,
            connect_timeout=deadline,
            client=_nobody(address.url) if address.is_down else None,
        )
        self.url = self._manager.url
        self.engine = FlinkEngine(self._manager, self._open)
        self.definitions = Definitions()
        """What this session has defined."""
        self._sql: SqlSession | None = None
        self._left: list[SqlSession] = []
        self._settings: dict[str, str] = {}
        self._unusable: dict[str, TailraceError] = {}

    async def _open(self, settings: Mapping[str, str]) -> SqlSession:
        """Begin a conversation in SQL: with the gateway, or with the local cluster's planner."""
        if self._gateway:
            from tailrace.engines.flink.gateway import GatewaySession

            return await GatewaySession.open(self._gateway, settings, self.engine.opened)
        from tailrace.engines.flink.environment import Environment

        local = self._local()
        if local is None:
            raise UsageError(
                f"SQL for the cluster at {self.url} needs its SQL Gateway, and none is named",
                hint="SET 'tailrace.flink.gateway' = 'http://…:8083', or start a cluster of your "
                "own with: tailrace flink start",
            )
        chosen = local.settings | dict(settings)
        return await Environment.open(local.java_port, local.token, chosen, self.engine.opened)

    def _local(self) -> Running | None:
        """The cluster, if it is the one that runs here."""
        from tailrace.engines.flink.local import running_here

        local = running_here()
        return local if local is not None and place_of(local.url) == self._manager.place else None

    async def catalogue(self, db: Database) -> Catalogue:
        """What a database knows of this cluster."""
        local = self._local()
        return Catalogue(db, await known_as(db, self.engine, local.name if local else None))

    async def run(self, text: str, settings: dict[str, str]) -> SqlResult:
        """Carry out a statement that is Flink's own, and fetch all of its rows."""
        return await collected(await self.start(text, settings))

    async def start(self, text: str, settings: dict[str, str]) -> Rows:
        """Have such a statement carried out; its rows are fetched as they come."""
        sql = await self._with(settings)
        try:
            rows = await sql.start(text)
        except _SAID as error:
            raise self._explained(error) from None
        await self._note(sql, text)
        return rows

    async def trouble(self, engine_id: str) -> str | None:
        """Why a run has failed last, for somebody who waits for its rows."""
        try:
            stack = await self._manager.why_failed(engine_id)
        except TailraceError:
            return None
        return None if stack is None else words.shortened(words.cause(stack))

    async def usable(self, settings: dict[str, str]) -> tuple[str, ...]:
        """What this session has defined, as far as it means anything under these settings."""
        if self.definitions.texts:
            await self._with(settings)
        return tuple(text for text in self.definitions.texts if text not in self._unusable)

    async def _with(self, settings: dict[str, str]) -> SqlSession:
        """The conversation that has these settings; they cannot be changed in one."""
        if self._sql is None or self._settings != settings:
            await self._leave()
            self._sql, self._settings = await self._defined(settings), settings
        return self._sql

    def _explained(self, error: TailraceError) -> TailraceError:
        """An error, with what could not be defined under these settings and may be missing."""
        missing = [
            f'"{name}" is not defined here: {why.message}'
            for text, why in self._unusable.items()
            if (name := subject(text)[2]) and name in (error.stack or error.message)
        ]
        if not missing:
            return error
        return type(error)(
            f"{error.message}; {'; '.join(missing)}", hint=error.hint, stack=error.stack
        )

    async def _note(self, sql: SqlSession, text: str) -> None:
        """Remember a definition; without the query that has filled it, or it would run again."""
        if not fills(text):
            self.definitions.note(text)
            return
        _, _, name = subject(text)
        quoted = ".".join(f"`{part}`" for part in name.split("."))
        shown = await sql.run(f"SHOW CREATE TABLE {quoted}")
        self.definitions.note_filled(text, str(shown.rows[0][0]))

    async def _defined(self, settings: dict[str, str]) -> SqlSession:
        """A new conversation that knows what this session has defined.

        A view over a stream, say, means nothing in batch mode. It is left out then, since the
        statement may not need it, or may be the one that drops it.
        """
        sql = await self._open(settings)
        self._unusable = {}
        try:
            for definition in self.definitions.texts:
                try:
                    await define(sql, definition)
                except _SAID as error:
                    self._unusable[definition] = error
        except BaseException:
            await sql.close()
            raise
        return sql

    async def _leave(self, *, for_good: bool = False) -> None:
        """End the conversation in SQL; later, where rows of it are still read."""
        left = [*self._left, *([] if self._sql is None else [self._sql])]
        self._left, self._sql = [], None
        for sql in left:
            if sql.is_read and not for_good:
                self._left.append(sql)
            else:
                await sql.close()

    async def close(self) -> None:
        """End the conversation, and the queries that are still read."""
        await self._leave(for_good=True)
        await self.engine.close()


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
    yield Manager(
        flink.engine,
        await flink.catalogue(await session.ours()),
        directory=options.savepoint_directory,
        timeout=options.seconds("tailrace.timeout") if options.is_set("tailrace.timeout") else None,
        talk=session.talk,
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

    jobs, remarks = await manager.list_jobs(with_causes=extended)
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
        jobs, remarks = await manager.list_jobs()
        found = joined([(one, await catalogue.definition(one)) for one in jobs], catalogue.cluster)
    return Found(found, None if job is None else found.of_job(job.job_id), remarks)


def answer_of(result: SqlResult) -> Answer:
    """What Flink answered; rows that were taken back are marked in a column of their own."""
    if result.kinds is None:
        return Answer(Result(result.columns, result.rows))
    rows = [(kind, *row) for kind, row in zip(result.kinds, result.rows, strict=True)]
    return Answer(Result(("op", *result.columns), rows))
