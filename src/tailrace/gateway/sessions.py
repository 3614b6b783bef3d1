"""One conversation with a database: its connections, its settings, what it was told.

Statements of PostgreSQL go through a connection of their own, with the settings that the user has
and his transactions; what is ours goes through another, so neither disturbs the other. Each is made
when first needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import Unsupported
from tailrace.gateway.options import Options
from tailrace.gateway.results import Answer, Result
from tailrace.jobs.manager import Manager
from tailrace.statements.tokens import Kind, scan

queries = load()
own_queries = load("tailrace")


class Session:
    """A conversation; ``async with`` ends it."""

    def __init__(self, dsn: str, *, talk: Callable[[str], None] | None = None) -> None:
        self.dsn = dsn
        self.options = Options()
        self.talk = talk
        self._ours: Database | None = None
        self._theirs: Database | None = None

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        for db in (self._ours, self._theirs):
            if db is not None:
                await db.close()
        self._ours = self._theirs = None

    async def ours(self) -> Database:
        """The connection for what tailrace asks."""
        if self._ours is None or self._ours.closed:
            self._ours = await Database.connect(self.dsn, name="sql")
        return self._ours

    async def theirs(self) -> Database:
        """The connection for what the user writes; a new one after the old one was lost."""
        if self._theirs is None or self._theirs.closed:
            self._theirs = await Database.connect(
                self.dsn, name="sql", pinned=False, prepare_threshold=None
            )
            self._theirs.on_notice = self.talk
        return self._theirs

    async def search_path(self) -> str:
        """Where the user's statements look names up."""
        return str(await (await self.theirs()).fetch_value(queries.search_path))

    @property
    def in_transaction(self) -> bool:
        """Whether the user has begun a transaction."""
        return self._theirs is not None and self._theirs.in_transaction

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
            Answer(None if one.columns is None else Result(one.columns, one.rows), one.tag)
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
