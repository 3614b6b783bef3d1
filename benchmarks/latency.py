"""Commit to visible on a leaf, one hop, light load; and the transaction that outlives idleness.

The services run as users run them, ``tailrace run`` in a process of its own. Light load: single
rows, some 20 a second. Idle: nothing is written for a minute, then a transaction inserts at once
and commits 50 to 500 ms later; an event that a tick has already counted must not wait for the
next idle tick. Several queues are idle at the same time, each gives one sample.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack

from benchmarks.report import Result, quantile
from benchmarks.services import running, tables_live
from benchmarks.stage import Scale, Stage
from tailrace.db.connection import Database

SAMPLES = 200
QUEUES = 4


async def measure(stage: Stage, scale: Scale) -> list[Result]:
    """Milliseconds for both competitors in turn, then after idleness for ours."""
    light = Result("commit to visible, one hop, light load", unit="ms")
    idle = Result(
        f"commit to visible after {scale.idle:g} idle seconds, open 50 to 500 ms", unit="ms"
    )
    async with AsyncExitStack() as stack:
        ours = await _make_ours(stage, stack)
        native = await _make_native(stage, stack)
        async with running(stage, ["lat_root", "lat_leaf"]):
            await tables_live(ours[1])
            key = 0
            for _ in range(scale.repeats):
                for name, (root, leaf) in (("tailrace", ours), ("native", native)):
                    for _ in range(SAMPLES // scale.repeats):
                        key += 1
                        light.add(name, await _one(root, leaf, "t0", key))
                        await asyncio.sleep(random.uniform(0.03, 0.07))
            for number in range(QUEUES):  # idle is not the same as never used
                for _ in range(3):
                    key += 1
                    await _one(*ours, f"t{number}", key)
            await asyncio.sleep(scale.idle)
            for number in range(QUEUES):
                key += 1
                pause = 0.05 + 0.45 * number / (QUEUES - 1)
                idle.add("tailrace", await _one(*ours, f"t{number}", key, open_for=pause))
    for result in (light, idle):
        result.note = ", ".join(
            f"{name} p50 {quantile(values, 0.5):.1f} p95 {quantile(values, 0.95):.1f}"
            f" p99 {quantile(values, 0.99):.1f}"
            for name, values in result.samples.items()
        )
    return [light, idle]


async def _one(
    root: Database, leaf: Database, table: str, key: int, *, open_for: float | None = None
) -> float:
    """Commit one row and look for it until it is there."""
    if open_for is None:
        await root.execute(f"insert into {table} values ({key})")
    else:
        async with root.transaction():
            await root.execute(f"insert into {table} values ({key})")
            await asyncio.sleep(open_for)
    start = time.perf_counter()
    while not await leaf.fetch_value(f"select count(*) from {table} where id = {key}"):
        await asyncio.sleep(0.001)
    return (time.perf_counter() - start) * 1000


async def _make_ours(stage: Stage, stack: AsyncExitStack) -> tuple[Database, Database]:
    """Several queues between two databases, one table in each."""
    root = await stack.enter_async_context(await stage.database("lat_root"))
    leaf = await stack.enter_async_context(await stage.database("lat_leaf"))
    for number in range(QUEUES):
        queue = f"q{number}"
        await stage.node("node1", queue, "root", root)
        await stage.node("node2", queue, "leaf", leaf, "lat_root")
        for db in (root, leaf):
            await db.execute(f"create table t{number} (id int primary key)")
            await stage.add_table(db, queue, f"t{number}")
    return root, leaf


async def _make_native(stage: Stage, stack: AsyncExitStack) -> tuple[Database, Database]:
    """A subscription that is up, with synchronous commit: its default waits for the WAL writer."""
    root = await stack.enter_async_context(await stage.database("lat_pub"))
    leaf = await stack.enter_async_context(await stage.database("lat_sub"))
    for db in (root, leaf):
        await db.execute("create table t0 (id int primary key)")
    await root.execute("create publication lat for table t0")
    await root.fetch_all("select pg_create_logical_replication_slot('lat', 'pgoutput')")
    connection = f"{stage.dsn('lat_pub')}&password={stage.password}".replace("'", "''")
    await leaf.execute(
        f"create subscription lat connection '{connection}' publication lat with"
        " (create_slot = false, slot_name = 'lat', copy_data = false, synchronous_commit = on)"
    )

    async def drop() -> None:
        await leaf.execute("drop subscription lat")

    stack.push_async_callback(drop)
    return root, leaf
