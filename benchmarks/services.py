"""Services as users run them, ``tailrace run`` in processes of their own, and commands."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from benchmarks.stage import Stage
from tailrace.db.connection import Database


@asynccontextmanager
async def running(
    stage: Stage, databases: Sequence[str], *, env: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """Run one process for some databases while the block runs."""
    arguments = [argument for name in databases for argument in ("--db", stage.dsn(name))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tailrace", "-q", "run", *arguments, env={**os.environ, **(env or {})}
    )
    try:
        yield
        if process.returncode is not None:
            raise SystemExit(f"tailrace run ended with exit status {process.returncode}")
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


@asynccontextmanager
async def each_running(
    stage: Stage, databases: Sequence[str], *, env: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """Run a process for each of the databases, as if each were on a machine of its own."""
    async with AsyncExitStack() as stack:
        for name in databases:
            await stack.enter_async_context(running(stage, [name], env=env))
        yield


async def command(*words: str) -> None:
    """Run a command; one that fails ends the benchmark with what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tailrace",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise SystemExit(f"tailrace {words[0]}: {said.decode().strip()}")


async def until(
    check: Callable[[], Awaitable[object]], what: str, *, within: float = 60.0, every: float = 0.05
) -> None:
    """Wait for something that must come about."""
    try:
        async with asyncio.timeout(within):
            while not await check():
                await asyncio.sleep(every)
    except TimeoutError:
        raise SystemExit(f"{what}: not within {within:g} s") from None


async def tables_live(db: Database) -> None:
    """Wait until the initial copies of a node are over."""

    async def live() -> bool:
        query = "select count(*) from tailrace.table_info where state <> 'live'"
        return not await db.fetch_value(query)

    await until(live, f'database "{db.dbname}": tables are live')
