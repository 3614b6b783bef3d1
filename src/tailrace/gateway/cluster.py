"""One session's side of a Flink cluster: where it is, what was defined, conversations in SQL."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from tailrace.engines.flink import words
from tailrace.engines.flink.engine import FlinkEngine, define
from tailrace.engines.flink.http import Absent, place_of
from tailrace.engines.flink.jobmanager import JobManager
from tailrace.engines.flink.sql import Rows, SqlResult, SqlSession, collected
from tailrace.errors import EngineError, NotFound, TailraceError, UsageError, WrongState
from tailrace.gateway.definitions import Definitions, fills, subject
from tailrace.jobs.cluster.addresses import known_as
from tailrace.jobs.cluster.catalogue import Catalogue

if TYPE_CHECKING:
    from tailrace.db.connection import Database
    from tailrace.engines.flink.local import Running
    from tailrace.jobs.cluster.resolving import Sight

# What Flink itself says of a statement.
_SAID = (EngineError, NotFound, WrongState)


class Address(NamedTuple):
    """Where a cluster is; ``is_down``: it is this machine's, and is known not to run.

    ``name`` is that of this machine's, which stays when its port is another one.
    """

    url: str
    is_down: bool = False
    name: str | None = None


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
    return Address(last.url, local is None, last.name)


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
        self._address = address
        self._absent = _nobody(address.url) if address.is_down else None
        self._manager = JobManager(
            address.url, timeout=deadline, connect_timeout=deadline, client=self._absent
        )
        self.url = self._manager.url
        self._first_name = self._name()
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

        if self._absent is not None:
            raise self._absent.absence
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

    async def catalogue(self, db: Database, first: Awaitable[Sight]) -> Catalogue:
        """What a database knows of this cluster; ``first`` is a look at it that has begun."""
        if self._address.is_down and self._address.name:  # who listens there now is not asked
            return Catalogue(db, self._address.name)
        return Catalogue(db, await known_as(db, self.engine, self._name(), first))

    def _name(self) -> str | None:
        """What the cluster is called, if it is the one of this machine."""
        local = None if self._address.name else self._local()
        return local.name if local else self._address.name

    def is_same(self, other: FlinkSession) -> bool:
        """Whether another one is about the same cluster, maybe on another port by now."""
        if self._first_name and other._first_name:
            return self._first_name == other._first_name
        return self._manager.place == other._manager.place

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
        return None if stack is None else words.reason(stack)

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
