"""The sessions that clients have opened, each with its statements.

A session does one thing at a time, in the order in which it was asked. One that nobody has used for
a while is closed, but not while it is at work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from uuid import uuid4

from tailrace import log
from tailrace.errors import TailraceError, Timeout, UsageError, one_line
from tailrace.gateway.dispatch import execute, start_on_flink
from tailrace.gateway.results import OK
from tailrace.gateway.sessions import Session
from tailrace.server.limits import Limits
from tailrace.server.operation import Operation, State
from tailrace.server.pages import Paged, Pages
from tailrace.server.refused import TooMany
from tailrace.server.streamed import Streamed
from tailrace.service import Errands
from tailrace.statements import model as st
from tailrace.statements.parser import parse, significant
from tailrace.statements.split import split

_logger = log.get(__name__)

# Remarks that are kept of one statement.
_REMARKS = 20
# What only prepares a session, so that configure-session takes it.
_PREPARING = ("SET", "RESET", "CREATE", "DROP", "ALTER", "USE", "LOAD", "UNLOAD", "ADD", "REMOVE")

Told = Callable[[Operation, float], None]


class Conversation:
    """A session of a client."""

    def __init__(self, session: Session, *, name: str, errands: Errands, told: Told) -> None:
        self.handle = str(uuid4())
        self.name = name
        self.session = session
        self.operations: dict[str, Operation] = {}
        self.used = monotonic()
        self._errands = errands
        self._told = told
        self._turn = asyncio.Lock()
        self._current: Operation | None = None
        session.talk = self._hear

    @property
    def working(self) -> bool:
        """Whether a statement is under way."""
        return any(not operation.ended for operation in self.operations.values())

    def submit(
        self, text: str, settings: Mapping[str, str], seconds: float | None, *, most: int
    ) -> Operation:
        """Begin a statement; the result is fetched later."""
        self._make_room(most)
        operation = Operation(text)
        self.operations[operation.handle] = operation
        work = self._carry_out(operation, settings, seconds)
        operation.task = self._errands.start(work, name=f"statement {operation.handle}")
        return operation

    async def configure(self, text: str, seconds: float | None) -> None:
        """Carry out a statement that prepares the session, and wait for it."""
        _refuse_working(text)
        operation = self.submit(text, {}, seconds, most=1 << 30)
        assert operation.task is not None
        try:
            await asyncio.shield(operation.task)
            operation.pages()
        finally:
            self.close(operation)

    def operation(self, handle: str) -> Operation:
        """One of its statements."""
        found = self.operations.get(handle)
        if found is None:
            raise UsageError(f'operation "{handle}" does not exist in session "{self.handle}"')
        return found

    def close(self, operation: Operation) -> None:
        """Forget a statement and its result."""
        if operation.state is not State.CLOSED:
            operation.end(State.CLOSED)
        self.operations.pop(operation.handle, None)
        self._errands.start(operation.put_away(), name=f"end of {operation.handle}")

    async def end(self) -> None:
        """End the session: its statements, its connections."""
        tasks = [one.task for one in self.operations.values() if one.task is not None]
        for operation in list(self.operations.values()):
            self.close(operation)
        if tasks:
            await asyncio.wait(tasks)
        await self.session.__aexit__(None, None, None)

    # ------------------------------------------------------------ inside

    def _make_room(self, most: int) -> None:
        """Results that nobody has closed are forgotten, the oldest first."""
        for operation in list(self.operations.values()):
            if len(self.operations) < most:
                return
            if operation.ended:
                self.close(operation)
        if len(self.operations) >= most:
            raise TooMany(
                f'session "{self.handle}" has {most} statements under way, which is the most '
                "allowed (serve.max_operations)"
            )

    async def _carry_out(
        self, operation: Operation, settings: Mapping[str, str], seconds: float | None
    ) -> None:
        begun = monotonic()
        try:
            operation.become(State.PENDING)
            async with asyncio.timeout(seconds):
                async with self._turn:
                    operation.become(State.RUNNING)
                    self._current = operation
                    operation.finish(await self._pages(operation, settings))
        except TimeoutError:
            operation.fail(Timeout(f"the statement was not done within {seconds:g} s"))
        except TailraceError as error:
            operation.fail(error)
        except asyncio.CancelledError:
            if not operation.ended:
                operation.become(State.CANCELED)
        except Exception as error:  # a mistake of ours; the client gets one line all the same
            _logger.exception("statement %s", operation.handle)
            name = type(error).__name__
            operation.fail(TailraceError(f"internal error: {name}: {one_line(str(error))}"))
        finally:
            if self._current is operation:
                self._current = None
            self.used = monotonic()
            self._told(operation, monotonic() - begun)

    async def _pages(self, operation: Operation, settings: Mapping[str, str]) -> Paged:
        statement = parse(operation.statement)
        async with self._settings_of(statement, settings):
            if isinstance(statement, st.PassThrough) and self.session.options.is_flink:
                return Streamed(await start_on_flink(self.session, statement))
            answers = await execute(self.session, statement)
        answer = answers[-1] if answers else OK
        operation.said += [remark for one in answers for remark in one.remarks]
        return Pages(answer, query=isinstance(statement, st.PassThrough))

    @asynccontextmanager
    async def _settings_of(
        self, statement: st.Statement, settings: Mapping[str, str]
    ) -> AsyncIterator[None]:
        """Settings that came with a statement hold for it alone, never for the session."""
        own = self.session.options
        if settings and not isinstance(statement, st.SetOption | st.ResetOption):
            self.session.options = own.with_more(settings)
        try:
            yield
        finally:
            self.session.options = own

    def _hear(self, line: str) -> None:
        """What is said while a statement is carried out; the last lines are kept."""
        if self._current is not None and line not in self._current.said:
            self._current.said = [*self._current.said, line][-_REMARKS:]


def _refuse_working(text: str) -> None:
    pieces = split(text)
    first = next(significant(pieces[0]), None) if pieces else None
    word = "" if first is None else first.text.upper()
    statement = parse(text)
    ours = not isinstance(statement, st.PassThrough | st.SetOption | st.ResetOption)
    if ours or word not in _PREPARING:
        raise UsageError(
            f'"{one_line(text)[:40]}" does not configure a session',
            hint=f"hand it in as a statement; this takes {', '.join(_PREPARING)}",
        )


class Sessions:
    """All sessions of the server."""

    def __init__(self, dsn: str, defaults: Mapping[str, str], limits: Limits, told: Told) -> None:
        self.limits = limits
        self.stopping = False
        self.errands = Errands()
        self._dsn = dsn
        self._defaults = dict(defaults)
        self._told = told
        self._open: dict[str, Conversation] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, handle: str) -> bool:
        return handle in self._open

    def open(self, properties: Mapping[str, str], *, name: str = "") -> Conversation:
        """Begin a session, with settings of its own."""
        if len(self._open) >= self.limits.sessions:
            raise TooMany(
                f"{len(self._open)} sessions are open, which is the most allowed "
                "(serve.max_sessions); close one, or wait until one has been idle for "
                f"{self.limits.idle:g} s"
            )
        session = self.plain()
        # The engine first: it decides what other settings are.
        for key in sorted(properties, key=lambda key: key != "tailrace.engine"):
            session.options.offer(key, properties[key])
        made = Conversation(session, name=name, errands=self.errands, told=self._told)
        self._open[made.handle] = made
        return made

    def plain(self) -> Session:
        """A session that is not listed, for a single request."""
        return Session(self._dsn, defaults=self._defaults)

    def find(self, handle: str) -> Conversation:
        """The session that a client means; it has been used now."""
        found = self.known(handle)
        if found is None:
            # In the protocol's own words: clients look for them, to open another one.
            raise UsageError(f"Session '{handle}' does not exist.")
        return found

    def known(self, handle: str) -> Conversation | None:
        """The same, if it is there."""
        found = self._open.get(handle)
        if found is not None:
            found.used = monotonic()
        return found

    def adopt(self, conversation: Conversation, handle: str) -> None:
        """Let a session be known by another's handle."""
        self._open.pop(conversation.handle)
        conversation.handle = handle
        self._open[handle] = conversation

    async def close(self, handle: str) -> None:
        """End a session."""
        await self._open.pop(self.find(handle).handle).end()

    async def sweep(self) -> bool:
        """Close what nobody uses any more."""
        now = monotonic()
        for handle, one in list(self._open.items()):
            if not one.working and now - one.used > self.limits.idle:
                _logger.info("session %s: closed after %g s without use", handle, now - one.used)
                del self._open[handle]
                await one.end()
        return False

    def hurry(self) -> None:
        """Nobody shall wait any more: the server is about to end."""
        self.stopping = True
        for conversation in self._open.values():
            for operation in conversation.operations.values():
                operation.hurry()

    async def close_all(self) -> None:
        """End all sessions."""
        while self._open:
            _, conversation = self._open.popitem()
            await conversation.end()
        await self.errands.close()
