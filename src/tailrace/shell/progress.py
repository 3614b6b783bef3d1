"""The last line of the terminal while a statement takes long: for how long, and what it is at.

Where numbers tell how far it is (a savepoint, CREATE INDEX, …), a bar shows it.

Statements of ours say what they wait for. Of what PostgreSQL carries out, PostgreSQL knows how far
some are (COPY, CREATE INDEX, VACUUM, …), and whose lock one waits for; another connection asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from tailrace import service
from tailrace.errors import TailraceError
from tailrace.gateway.sessions import Session
from tailrace.shell.printer import Printer

_PATIENCE = 1.5
_INTERVAL = 0.5


@asynccontextmanager
async def shown_progress(session: Session, printer: Printer) -> AsyncIterator[None]:
    """While the block runs, show how it is going, if there is somebody to see it."""
    if not printer.may_pass:
        yield
        return
    try:
        async with service.background(_watch(session, printer), name="progress"):
            yield
    finally:
        printer.waits = ""
        printer.end_passing()


async def _watch(session: Session, printer: Printer) -> None:
    begun = monotonic()
    await asyncio.sleep(_PATIENCE)
    while True:
        try:
            at = printer.waits or await session.progress()
        except TailraceError:
            at = None  # whoever waits for the statement will hear what is wrong
        printer.pass_by(f"{monotonic() - begun:.0f} s", at)
        await asyncio.sleep(_INTERVAL)
