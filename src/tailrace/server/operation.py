"""One statement that was handed in: where it is in its life, and what it came to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import StrEnum
from uuid import uuid4

from tailrace.errors import TailraceError, Timeout, WrongState
from tailrace.server.pages import Paged


class State(StrEnum):
    """Where an operation is in its life, in the protocol's words."""

    INITIALIZED = "INITIALIZED"  # taken
    PENDING = "PENDING"  # waits for its turn: a session does one thing at a time
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"  # its result can be read
    CANCELED = "CANCELED"  # by the client
    CLOSED = "CLOSED"  # forgotten, and its result with it
    ERROR = "ERROR"
    TIMEOUT = "TIMEOUT"  # took longer than its client allowed


_ENDED = frozenset({State.CANCELED, State.CLOSED, State.ERROR, State.TIMEOUT})

# From where to where.
MOVES: dict[State, frozenset[State]] = {
    State.INITIALIZED: frozenset({State.PENDING}) | _ENDED,
    State.PENDING: frozenset({State.RUNNING}) | _ENDED,
    State.RUNNING: frozenset({State.FINISHED}) | _ENDED,
    State.FINISHED: frozenset({State.CLOSED}),
    State.CANCELED: frozenset({State.CLOSED}),
    State.ERROR: frozenset({State.CLOSED}),
    State.TIMEOUT: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}


class Operation:
    """A statement of a session."""

    def __init__(self, statement: str) -> None:
        self.handle = str(uuid4())
        self.statement = statement
        self.state = State.INITIALIZED
        self.error: TailraceError | None = None
        self.said: list[str] = []
        """What was remarked on the way; the protocol has no place for it but a header."""
        self.task: asyncio.Task[None] | None = None
        self._pages: Paged | None = None
        self._changed = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return not MOVES[self.state] - {State.CLOSED}

    def become(self, state: State) -> None:
        """Go on to the next state."""
        if state not in MOVES[self.state]:
            raise WrongState(
                f'operation "{self.handle}" is {self.state} and cannot become {state}',
                hint="close it" if state is State.CANCELED else None,
            )
        self.state = state
        if self.ended:
            self._changed.set()

    def finish(self, pages: Paged) -> None:
        """It has a result."""
        self._pages = pages
        self.become(State.FINISHED)

    def fail(self, error: TailraceError) -> None:
        """It has come to nothing, unless it was given up already."""
        if not self.ended:
            self.error = error
            self.become(State.TIMEOUT if isinstance(error, Timeout) else State.ERROR)

    def end(self, state: State) -> None:
        """Cancel or close it; what is under way is given up."""
        self.become(state)
        if self.task is not None:
            self.task.cancel()

    async def put_away(self) -> None:
        """End the query behind its result, where one goes on."""
        if self._pages is not None:
            with suppress(TailraceError):
                await self._pages.close()

    def hurry(self) -> None:
        """Let whoever waits look now."""
        self._changed.set()

    async def wait(self, seconds: float) -> None:
        """Wait until it has ended, at most so long."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            pass

    def pages(self) -> Paged | None:
        """Its result; None while there is none yet."""
        if self.error is not None:
            raise self.error
        if self._pages is None and self.ended:
            raise WrongState(f'operation "{self.handle}" is {self.state}; it has no result')
        return self._pages
