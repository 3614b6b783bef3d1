"""Programs as users write them, run by the tests as processes: ``programs.py KIND DSN QUEUE NAME``.

Each moves what was inserted into table t, as it comes out of the queue, into table effects.
"""

from __future__ import annotations

import asyncio
import sys

import tailrace

INSERT = "insert into public.effects (data, made_by) select unnest(%s::text[]), pg_backend_pid()"


async def moving(dsn: str, queue: str, name: str) -> None:
    """Exactly once, a tick a batch so that there are many."""
    async with tailrace.Consumer(dsn, queue, name, max_events=0, poll=0.2) as consumer:
        print("open", flush=True)
        async for batch in consumer:
            async with batch.transaction() as conn:
                data = [change.row["v"] async for change in batch.changes("public.t")]
                await conn.execute(INSERT, [data])


def script(dsn: str, queue: str, name: str) -> None:
    """The same without asyncio."""
    with tailrace.PlainConsumer(dsn, queue, name, max_events=0, poll=0.2) as consumer:
        print("open", flush=True)
        for batch in consumer:
            with batch.transaction() as conn:
                conn.execute(INSERT, [[one.row["v"] for one in batch.changes("public.t")]])


if __name__ == "__main__":
    kind, *words = sys.argv[1:]
    if kind == "script":
        script(*words)
    else:
        asyncio.run(moving(*words))
