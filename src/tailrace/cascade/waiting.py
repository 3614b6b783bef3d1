"""Waiting for what another process does: worker acknowledges, position advances, table gets live.

Commands poll; they have nothing else to do meanwhile, and an answer within a fifth of a second is
quick enough for a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tailrace.errors import Timeout

INTERVAL = 0.2
_PATIENCE = 5.0


async def wait_until(
    reached: Callable[[], Awaitable[bool]],
    *,
    what: str,
    hint: str | None = None,
    timeout: float | None = None,
    impatient: Callable[[str], None] | None = None,
) -> None:
    """Ask again and again; ``what`` is being waited for and stands in the error and the notice.

    ``impatient`` is told once after a few seconds, so that nobody stares at a silent terminal.
    """
    clock = asyncio.get_running_loop().time
    start = clock()
    told = impatient is None
    while not await reached():
        waited = clock() - start
        if timeout is not None and waited >= timeout:
            raise Timeout(f"gave up after {timeout:g} s waiting for {what}", hint=hint)
        if not told and waited >= _PATIENCE and impatient is not None:
            impatient(f"waiting for {what}" + (f"; {hint}" if hint else ""))
            told = True
        await asyncio.sleep(INTERVAL)
