"""A database connection as the rest of tailrace sees it.

``Database`` wraps one asynchronous psycopg connection and is the only thing above the driver. It
differs from the driver in what it settles once and for all: every statement is its own transaction
unless ``transaction()`` says otherwise; the settings on which our text formats rest are pinned; a
dead peer is noticed within seconds; whatever goes wrong leaves as a ``TailraceError`` that names
the database and says whether trying again makes sense. Rows are named tuples.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, Literal, NamedTuple, cast

import psycopg
from psycopg.abc import PQGen
from psycopg.rows import AsyncRowFactory, namedtuple_row, tuple_row

from tailrace import log
from tailrace.db import rights
from tailrace.db.cancelling import ending_with_us
from tailrace.db.dsn import conninfo, display
from tailrace.db.queries import Query, load
from tailrace.db.returned import Returned, returned
from tailrace.errors import (
    ConnectError,
    DatabaseError,
    TailraceError,
    from_connecting,
    from_database,
)

queries = load()
_logger = log.get(__name__)

# Rows are named tuples whose fields depend on the statement, which no type can express.
Row = Any
# A statement and its parameters.
Question = tuple[Query, dict[str, Any]]
Isolation = Literal["read committed", "repeatable read", "serializable"]

_ISOLATION = {
    "read committed": psycopg.IsolationLevel.READ_COMMITTED,
    "repeatable read": psycopg.IsolationLevel.REPEATABLE_READ,
    "serializable": psycopg.IsolationLevel.SERIALIZABLE,
}

# Messages of a COPY that are read in one go.
_BLOCK_BYTES = 64 << 10


class Notification(NamedTuple):
    """Something another session said on a channel that we listen to."""

    channel: str
    payload: str


class CopyIn:
    """The writing end of ``COPY … FROM STDIN``; ``rowcount`` is known when the block has ended."""

    def __init__(self, copy: psycopg.AsyncCopy) -> None:
        self._copy = copy
        self.rowcount = -1

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a piece; pieces need not end where rows end."""
        await self._copy.write(data)


class Database:
    """One connection to one database; made by ``connect``, usable as an async context manager."""

    def __init__(self, connection: psycopg.AsyncConnection[Row], dsn: str) -> None:
        self._connection = connection
        self.dsn = dsn
        self.dsn_display = display(dsn)
        info = connection.info
        self.dbname = info.dbname
        self.user = info.user
        self.backend_pid = info.backend_pid
        self.server_version = info.server_version
        self.on_notice: Callable[[str], None] | None = None
        """Is told what the server remarks; None: the log is."""
        connection.add_notice_handler(self._note)

    # ---------------------------------------------------------------- life

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        name: str,
        replica: bool = False,
        connect_timeout: float = 10.0,
        prepare_threshold: int | None = 5,
        pinned: bool = True,
    ) -> Database:
        """Connect and pin the session; ``name`` shows in ``pg_stat_activity`` as ``tailrace:name``.

        Without ``pinned`` it has the settings that its user has, for statements that he writes.

        ``replica`` makes the session one that applies: triggers and foreign keys do not fire.
        ``prepare_threshold=None`` is for poolers that hand a session around between transactions.
        """
        try:
            connection = await psycopg.AsyncConnection.connect(
                conninfo(dsn, name, connect_timeout),
                autocommit=True,
                prepare_threshold=prepare_threshold,
                row_factory=cast(AsyncRowFactory[Row], namedtuple_row),
            )
        except psycopg.Error as exc:
            raise from_connecting(exc, where=display(dsn)) from exc
        database = cls(connection, dsn)
        try:
            if pinned:
                await database.execute(queries.pin_session)
            if replica:
                await database.become_replica()
        except BaseException:
            await connection.close()
            raise
        return database

    async def become_replica(self) -> None:
        """Make the session one that applies: triggers and foreign keys do not fire."""
        lent = self.server_version < 150000 and await self.fetch_value(queries.has_become_replica)
        try:
            await self.execute(queries.become_replica_14 if lent else queries.become_replica)
        except DatabaseError as exc:
            if exc.sqlstate != "42501":
                raise
            raise ConnectError(
                f'role "{self.user}" may not switch triggers off in database "{self.dbname}"',
                hint=rights.to_apply(self.user, self.server_version),
                sqlstate=exc.sqlstate,
                retryable=False,
            ) from exc

    async def close(self) -> None:
        """Close the connection; an open transaction is rolled back. Harmless when repeated."""
        await self._connection.close()

    @property
    def closed(self) -> bool:
        """Whether the connection can no longer be used."""
        return bool(self._connection.closed)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        states = psycopg.pq.TransactionStatus
        return self._connection.info.transaction_status not in (states.IDLE, states.UNKNOWN)

    @property
    def must_roll_back(self) -> bool:
        """Whether a transaction is open in which there was an error."""
        return self._connection.info.transaction_status is psycopg.pq.TransactionStatus.INERROR

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Database {self.dsn_display}>"

    @property
    def driver(self) -> psycopg.AsyncConnection[Row]:
        """The driver's connection, for programs of others that write their effects through it."""
        return self._connection

    # ---------------------------------------------------------------- statements

    async def execute(self, query: Query | str, /, *args: object, **params: object) -> int:
        """Run a statement and return the number of rows it touched (-1 where that means nothing).

        Without parameters the text may hold several statements, and ``%`` means itself.
        """
        with self._translated(query):
            cursor = await self._connection.execute(_text(query), _values(args, params))
            return cursor.rowcount

    async def fetch_all(self, query: Query | str, /, *args: object, **params: object) -> list[Row]:
        """Run a statement and return all its rows."""
        with self._translated(query):
            cursor = await self._connection.execute(_text(query), _values(args, params))
            return await cursor.fetchall()

    async def fetch_one(self, query: Query | str, /, *args: object, **params: object) -> Row | None:
        """Run a statement and return its first row, or None."""
        with self._translated(query):
            cursor = await self._connection.execute(_text(query), _values(args, params))
            return await cursor.fetchone()

    async def fetch_value(self, query: Query | str, /, *args: object, **params: object) -> Any:
        """Run a statement and return the first value of its first row; None without a row."""
        row = await self.fetch_one(query, *args, **params)
        return None if row is None else row[0]

    async def stream(
        self, query: Query | str, /, *args: object, size: int = 1000, **params: object
    ) -> AsyncGenerator[list[Row], None]:
        """Run a query and yield its rows in blocks, so that any number of them fits into memory.

        The connection is in a transaction until the generator has ended or was closed.
        """
        with self._translated(query):
            async with self._connection.transaction():
                async with self._connection.cursor(name="tailrace_stream") as cursor:
                    await cursor.execute(_text(query), _values(args, params))
                    while rows := await cursor.fetchmany(size):
                        yield rows

    async def run(self, text: str) -> list[Returned]:
        """Run whatever somebody wrote and return what each statement of it returned.

        When the caller is cancelled, the server has given it up, too.
        """
        return await ending_with_us(self._run(text), self.cancel)

    async def _run(self, text: str) -> list[Returned]:
        with self._translated():
            try:
                cursor = self._connection.cursor(row_factory=tuple_row)
                await cursor.execute(text.encode())
                return [returned(one) async for one in cursor.results()]
            except psycopg.ProgrammingError as exc:
                if exc.sqlstate is None and self.in_transaction:
                    await self.close()  # it was a COPY through the client, which is still open
                raise

    @asynccontextmanager
    async def transaction(
        self, isolation: Isolation | None = None, *, read_only: bool = False
    ) -> AsyncIterator[None]:
        """Make the block one transaction; inside another one, a subtransaction.

        An error rolls back what the block did and goes on upwards. If the connection dies while
        COMMIT is on its way, ``ConnectionLost`` is raised and nobody knows what happened: read
        the position that was to be written before doing it again.
        """
        with self._translated():
            nested = self.in_transaction
            if nested and (isolation or read_only):
                raise ValueError("isolation and read_only belong to the outermost transaction")
            if not nested:
                level = _ISOLATION[isolation] if isolation else None
                await self._begin_as(level, read_only or None)
            async with self._connection.transaction():
                yield

    @asynccontextmanager
    async def transaction_asking(self, *questions: Question) -> AsyncIterator[list[list[Row]]]:
        """Make the block a transaction that begins with some statements, and yield their rows.

        They and BEGIN are one round trip: what a small transaction costs is mostly waiting for
        answers. For outermost transactions only; otherwise like ``transaction``.
        """
        with self._translated(questions[0][0]):
            try:
                async with self._connection.pipeline():
                    await self._connection.execute("begin")
                    cursors = [
                        await self._connection.execute(_text(query), params)
                        for query, params in questions
                    ]
                    answers = [await cursor.fetchall() for cursor in cursors]
                yield answers
            except BaseException:
                await self._roll_back()
                raise
            await self._connection.commit()

    async def _roll_back(self) -> None:
        """End the transaction, in one way or the other."""
        try:
            await self._connection.rollback()
        except psycopg.Error:
            await self._connection.close()

    async def _begin_as(self, level: psycopg.IsolationLevel | None, read_only: bool | None) -> None:
        """Set what the next BEGIN says; the driver keeps it, so mostly there is nothing to do."""
        if self._connection.isolation_level != level:
            await self._connection.set_isolation_level(level)
        if self._connection.read_only != read_only:
            await self._connection.set_read_only(read_only)

    # ---------------------------------------------------------------- COPY

    async def copy_out(
        self, query: Query | str, /, *args: object, **params: object
    ) -> AsyncGenerator[bytes | bytearray | memoryview, None]:
        """Run ``COPY … TO STDOUT`` and yield its messages, one a row, as the server sends them."""
        async with aclosing(self.copy_blocks(query, *args, **params)) as blocks:
            async for block in blocks:
                for data in block:
                    yield data

    async def copy_blocks(
        self, query: Query | str, /, *args: object, **params: object
    ) -> AsyncGenerator[list[bytes | bytearray | memoryview], None]:
        """Run ``COPY … TO STDOUT`` and yield its messages, many at a time."""
        with self._translated(query):
            async with self._connection.cursor() as cursor:
                async with cursor.copy(_text(query), _values(args, params)) as copy:
                    while block := await self._connection.wait(_read_block(copy)):
                        yield block

    @asynccontextmanager
    async def copy_in(
        self, query: Query | str, /, *args: object, **params: object
    ) -> AsyncIterator[CopyIn]:
        """Run ``COPY … FROM STDIN``; leaving the block with an error cancels it."""
        with self._translated(query):
            async with self._connection.cursor() as cursor:
                async with cursor.copy(_text(query), _values(args, params)) as copy:
                    stream = CopyIn(copy)
                    yield stream
                stream.rowcount = cursor.rowcount

    # ---------------------------------------------------------------- notifications, cancelling

    async def listen(self) -> None:
        """Hear of ticks from now on; ``notifications`` returns what was heard."""
        await self.execute(queries.listen)

    async def notifications(self, *, timeout: float | None = None) -> list[Notification]:
        """Wait until something is notified and return all that has come by then.

        Returns an empty list when nothing came within ``timeout`` seconds.
        """
        heard = []
        with self._translated():
            async for notify in self._connection.notifies(timeout=timeout, stop_after=1):
                heard.append(Notification(notify.channel, notify.payload))
        return heard

    async def cancel(self) -> None:
        """Ask the server to end the statement that is running on this connection."""
        with self._translated():
            await self._connection.cancel_safe(timeout=5.0)

    # ---------------------------------------------------------------- inside

    def _note(self, notice: psycopg.errors.Diagnostic) -> None:
        """Pass on what the server remarks: its warnings to everybody, the rest to who debugs."""
        if self.on_notice is not None:
            self.on_notice(f"{(notice.severity or 'notice').lower()}: {notice.message_primary}")
            return
        level = logging.WARNING if notice.severity_nonlocalized == "WARNING" else logging.DEBUG
        _logger.log(level, 'database "%s": %s', self.dbname, notice.message_primary)

    @contextmanager
    def _translated(self, query: Query | str = "") -> Iterator[None]:
        """Let exceptions of the driver leave as ours; a ``Query`` is a statement that we wrote."""
        try:
            yield
        except psycopg.Error as exc:
            raise self._translation(exc, own=isinstance(query, Query)) from exc

    def _translation(self, exc: psycopg.Error, *, own: bool) -> TailraceError:
        error = from_database(exc, where=f'database "{self.dbname}"', own=own)
        if error.sqlstate == "42501" and error.hint is None:
            error.hint = rights.remedy(error.message, self.user)
        return error


def _read_block(copy: psycopg.AsyncCopy) -> PQGen[list[Any]]:
    """Read messages of a COPY until they make a block; an empty list is the end.

    What the driver offers waits for each message anew, which costs more than the message itself.
    """
    block: list[Any] = []
    size = 0
    while size < _BLOCK_BYTES:
        data = yield from copy._read_gen()
        if not data:
            break
        block.append(data)
        size += len(data)
    return block


def _text(query: Query | str) -> Any:
    return (query.sql if isinstance(query, Query) else query).encode()


def _values(args: Sequence[object], params: dict[str, object]) -> Any:
    if args and params:
        raise ValueError("a statement takes positional or named parameters, not both")
    return params or args or None
