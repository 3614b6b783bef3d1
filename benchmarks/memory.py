"""Peak memory of ``tailrace run`` while it catches up with a million single-row events."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.report import Result
from benchmarks.stage import Scale, Stage, tick_all, timed
from tailrace.app import Options, run

QUEUE = "bench"
EVENTS = 1_000_000
WRITE = """
create procedure write_events(events int) language plpgsql as $$
begin
    for n in 1 .. events loop
        insert into public.t values (n, 'event number ' || n, n * 0.5, now());
        if n % 100 = 0 then commit; end if;
    end loop;
end $$
"""


async def measure(stage: Stage, scale: Scale) -> list[Result]:
    """One run: the backlog takes longer to write than to apply."""
    events = min(EVENTS, max(1000, EVENTS * scale.rows // 300_000))
    memory = Result(f"peak memory of tailrace run, {events} events behind", unit="MB")
    speed = Result(f"time to catch up with {events} single-row events")
    async with AsyncExitStack() as stack:
        root = await stack.enter_async_context(await stage.database("mem_root"))
        leaf = await stack.enter_async_context(await stage.database("mem_leaf"))
        await stage.node("node1", QUEUE, "root", root)
        await stage.node("node2", QUEUE, "leaf", leaf, "mem_root")
        for db in (root, leaf):
            await db.execute(
                "create table t (id int primary key, a text, b numeric, c timestamptz)"
            )
            await stage.add_table(db, QUEUE, "t")
        await run([root.dsn, leaf.dsn], until_idle=True, options=Options(poll=0.2), signals=False)
        await root.execute(WRITE)
        async with stage.ticking("mem_root"):
            await root.execute(f"call write_events({events})")
        await tick_all(root, QUEUE)
        with timed() as watch:
            memory.add("tailrace", await _peak(root.dsn, leaf.dsn))
        speed.add("tailrace", watch.seconds)
        if await leaf.fetch_value("select count(*) from t") != events:
            raise SystemExit("the leaf does not have all rows")
    return [memory, speed]


async def _peak(*databases: str) -> float:
    """Run until idle and return the highest resident size in MB."""
    arguments = [argument for dsn in databases for argument in ("--db", dsn)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tailrace", "run", "--until-idle", *arguments, env=dict(os.environ)
    )
    peak = 0
    ended = asyncio.ensure_future(process.wait())
    while not ended.done():
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        except OSError:
            break
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        peak = max(peak, int(found[1]) if found else 0)
        await asyncio.wait([ended], timeout=0.05)
    if await ended != 0:
        raise SystemExit("tailrace run failed")
    return peak / 1024
