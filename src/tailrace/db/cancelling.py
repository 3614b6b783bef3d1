"""Ending a statement in the server, too, when whoever waits for it gives it up.

A server knows nothing of a caller that has lost interest: the statement would go on and keep its
locks. A request to cancel that overtakes its statement ends nothing, so one is not enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from tailrace.errors import TailraceError
from tailrace.service import background

T = TypeVar("T")

# How long the server is asked in all, answering or not, and how long it has each time.
_SECONDS = 5.0
_EACH_SECONDS = 0.2


async def ending_with_us(
    statement: Coroutine[Any, Any, T], cancel: Callable[[], Awaitable[None]]
) -> T:
    """Run a statement; when we are cancelled, it has ended in the server before that goes on.

    ``cancel`` asks the server to end what runs there. A server out of reach is given up after
    five seconds; the connection is of no use then.
    """
    async with background(statement, name="statement") as task:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(_SECONDS):
                    await _give_up(task, cancel)
            raise


async def _give_up(task: asyncio.Task[Any], cancel: Callable[[], Awaitable[None]]) -> None:
    while not task.done():
        with suppress(TailraceError):
            await cancel()
        await asyncio.wait([task], timeout=_EACH_SECONDS)
