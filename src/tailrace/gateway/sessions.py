"""One conversation with a database: its connections, its settings, what it was told.

Statements of PostgreSQL go through a connection of their own, with the settings that the user has
and his transactions; what is ours goes through another, so neither disturbs the other. Each is made
when first needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tailrace.config.values import duration
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import Unsupported
from tailrace.gateway.options import Options
from tailrace.gateway.results import Answer, Result
from tailrace.statements.tokens import Kind, scan

if TYPE_CHECKING:
    from tailrace.gateway.cluster import FlinkSession
    from tailrace.jobs.manager import Manager

queries = load()
own_queries = load("tailrace")


class Session:
    """A conversation; ``async with`` ends it."""

    def __init__(
        self,
        dsn: str,
        *,
        talk: Callable[[str], None] | None = None,
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        self.dsn = dsn
        self.options = Options(defaults)
        self.talk = talk
        self._flink: FlinkSession | None = None
        self._flink_at: tuple[object, ...] = ()
        self._ours: Database | None = None
        self._theirs: Database | None = None

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        for db in (self._ours, self._theirs):
            if db is not None:
                await db.close()
        self._ours = self._theirs = None
        await self._leave_flink()

    async def ours(self) -> Database:
        """The connection for what tailrace asks."""
        if self._ours is None or self._ours.closed:
            self._ours = await Database.connect(self.dsn, name="sql")
        return self._ours

    async def theirs(self) -> Database:
        """The connection for what the user writes; a new one after the old one was lost."""
        if self._theirs is None or self._theirs.closed:
            again = self._theirs is not None
            self._theirs = await Database.connect(
                self.dsn, name="sql", pinned=False, prepare_threshold=None
            )
            self._theirs.on_notice = self.talk
            if again and self.talk is not None:
                self.talk("warning: connected again; what was set or begun before is gone")
        return self._theirs

    async def setting(self, name: str) -> str:
        """One of PostgreSQL's settings, as it is for the user's statements."""
        return str(await (await self.theirs()).fetch_value(queries.setting, name=name))

    async def savepoint_directory(self) -> str | None:
        """Where savepoints go: as set here, or as PostgreSQL's own SET has it in this session.

        None leaves it to the settings of the database.
        """
        chosen = self.options["state.savepoints.dir"]
        if chosen or self._theirs is None or self._theirs.closed or self._theirs.in_transaction:
            return chosen or None
        found = await self._theirs.fetch_value(queries.setting_if_any, name="state.savepoints.dir")
        return None if found is None else str(found)

    async def flink(self) -> FlinkSession:
        """The cluster that is meant; another one after the setting was changed, or where one of
        this machine has been started again.
        """
        from tailrace.gateway.cluster import FlinkSession, address_of

        address = address_of(self.options["tailrace.flink.url"])
        gateway, deadline = (
            self.options["tailrace.flink.gateway"],
            self.options["tailrace.deadline"],
        )
        at = (address, gateway, deadline)
        if self._flink is None or self._flink_at != at:
            before = self._flink
            await self._leave_flink()
            self._flink = FlinkSession(address, gateway or None, deadline=duration(deadline))
            if before is not None and self._flink.is_same(before):
                self._flink.definitions = before.definitions
            self._flink_at = at
        return self._flink

    async def _leave_flink(self) -> None:
        flink, self._flink = self._flink, None
        if flink is not None:
            await flink.close()

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[Session]:
        """Another session with the same settings, for asking while this one is at work."""
        async with Session(self.dsn) as other:
            other.options = self.options
            yield other

    @property
    def in_transaction(self) -> bool:
        """Whether the user has begun a transaction."""
        return self._theirs is not None and self._theirs.in_transaction

    @property
    def must_roll_back(self) -> bool:
        """Whether an error has left nothing to do with that transaction but to end it."""
        return self._theirs is not None and self._theirs.must_roll_back

    async def progress(self) -> str | None:
        """How far PostgreSQL is with the user's statement, or whose lock it waits for."""
        if self._theirs is None or self._theirs.closed:
            return None
        db = await self.ours()
        told = await db.fetch_value(own_queries.progress_of, pid=self._theirs.backend_pid)
        return None if told is None else str(told)

    @asynccontextmanager
    async def manager(self) -> AsyncIterator[Manager]:
        """All jobs that can be reached from here."""
        from tailrace.jobs.manager import Manager

        async with Manager(
            await self.ours(),
            deadline=self.options.seconds("tailrace.deadline"),
            timeout=self.options.seconds("tailrace.timeout"),
        ) as manager:
            yield manager

    async def pass_through(self, text: str) -> list[Answer]:
        """Let PostgreSQL carry out what is not ours."""
        _refuse_copy(text)
        db = await self.theirs()
        return [
            Answer(
                None if one.columns is None else Result(one.columns, one.rows, one.types), one.tag
            )
            for one in await db.run(text)
        ]


def _refuse_copy(text: str) -> None:
    """COPY through the client would leave the connection waiting for rows."""
    words = [token.text.upper() for token in scan(text) if token.kind is Kind.WORD]
    if words[:1] != ["COPY"]:
        return
    if "STDIN" in words:
        raise Unsupported(
            "COPY … FROM STDIN takes rows, which cannot be given here", hint="use psql"
        )
    if "STDOUT" in words:
        raise Unsupported(
            "COPY … TO STDOUT is not possible here", hint="use TABLE or SELECT, and --format csv"
        )
