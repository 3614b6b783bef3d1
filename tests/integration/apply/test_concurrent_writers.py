"""Eight writers at once: the last event id of a key is its last state, however ticks are merged."""

from __future__ import annotations

import asyncio
import contextlib
import random
from itertools import pairwise

import pytest

from fixtures.databases import Connect, NewDatabase
from fixtures.stream import CONSUMER, QUEUE, Stream
from tailrace.db.connection import Database
from tailrace.errors import DatabaseError
from tailrace.replication.apply import Applier
from tailrace.replication.span import Span
from tailrace.replication.transport import RangeReader

pytestmark = [pytest.mark.sql, pytest.mark.timeout(180)]

TABLE = "create table public.t (id int primary key, n int default 0, who text)"
WRITERS = 8


def _statement(rng: random.Random, who: int) -> str:
    key, other = rng.randint(1, 15), rng.randint(1, 15)
    return rng.choice(
        [
            f"insert into t values ({key}, 1, 'i{who}') on conflict (id)"
            f" do update set n = t.n + 1, who = 'u{who}'",
            f"update t set n = n + 1, who = 'm{who}' where id between {key} and {other}",
            f"update t set n = n + 1, who = 's{who}' where id = {key}",
            f"update t set id = {other}, who = 'k{who}' where id = {key}",
            f"update t set id = case id when {key} then {other} else {key} end"
            f" where id in ({key}, {other})",
            f"delete from t where id = {key}",
            f"with gone as (delete from t where id = {key} returning *)"
            f" insert into t select id + 100, n, 'w{who}' from gone on conflict do nothing",
            f"update t set id = id - 100 where id = {key + 100}",
            f"savepoint a; update t set who = 'lost{who}' where id < 8; rollback to a",
        ]
    )


async def _write(db: Database, rng: random.Random, who: int, count: int) -> None:
    """Transactions of one to three statements; deadlocks and refusals are part of it."""
    for _ in range(count):
        with contextlib.suppress(DatabaseError):
            async with db.transaction():
                for _ in range(rng.randint(1, 3)):
                    await db.execute(_statement(rng, who))


@pytest.mark.parametrize("seed", [11, 12])
async def test_every_merge_of_ticks_ends_as_the_root(
    stream: Stream, new_database: NewDatabase, connect: Connect, seed: int
) -> None:
    rng = random.Random(seed)
    merging = await connect(await new_database(label="merging"), replica=True)
    await stream.root.execute(TABLE)
    await stream.leaf.execute(TABLE)
    await merging.execute(TABLE)
    await stream.add("t")
    await merging.execute(
        "insert into tailrace.table_info (queue_name, table_name, dest_table, state)"
        " values (%s, 'public.t', 'public.t', 'live')",
        QUEUE,
    )
    writers = [await connect(stream.root, name=f"writer{n}") for n in range(WRITERS)]
    for writer in writers:
        await writer.execute("set search_path = public; set deadlock_timeout = '20ms'")

    ticks = [stream.position]
    work = asyncio.gather(
        *(_write(db, random.Random(seed * 100 + n), n, 60) for n, db in enumerate(writers))
    )
    while not work.done():
        ticks.append(await stream.tick())
    await work
    ticks.append(await stream.tick())

    stream.with_applier(strict=True)
    for tick in ticks[1:]:
        await stream.apply(tick)
    assert await stream.same(), "tick by tick"

    applier = Applier(merging, queue=QUEUE, role="leaf", strict=True)
    reader = RangeReader(await connect(stream.root, name="merge"), queue=QUEUE, consumer=CONSUMER)
    for part in (0.5, 0.1, 0.0):  # many ticks a batch, very many, all
        await merging.execute("truncate public.t")
        inner = [tick for tick in ticks[1:-1] if rng.random() < part]
        for from_tick, to_tick in pairwise([ticks[0], *inner, ticks[-1]]):
            async with merging.transaction():
                await applier.apply(reader.start(Span(QUEUE, from_tick, to_tick)))
        assert await stream.rows(merging) == await stream.rows(stream.root), f"merged: {part}"
