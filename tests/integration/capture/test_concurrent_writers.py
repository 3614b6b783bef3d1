"""The property everything rests on: ids follow row locks, so the last id of a key tells its end."""

from __future__ import annotations

import asyncio
import itertools
import random

from fixtures.captured import Capture
from fixtures.databases import Connect
from tailrace.db.connection import Database
from tailrace.errors import TailraceError

WRITERS = 8
KEYS = 40


async def _write(db: Database, rng: random.Random, transactions: int) -> None:
    """Random transactions over few keys; conflicts and deadlocks between writers are part of it."""
    for _ in range(transactions):
        try:
            async with db.transaction():
                for _ in range(rng.randint(1, 3)):
                    await db.execute(_statement(rng))
                    if rng.random() < 0.2:
                        await db.execute(f"savepoint s; {_statement(rng)}; rollback to s")
                if rng.random() < 0.1:
                    raise _GiveUp
        except (TailraceError, _GiveUp):
            continue


class _GiveUp(Exception):
    """Roll the transaction back."""


def _statement(rng: random.Random) -> str:
    low, high = sorted((rng.randint(1, KEYS), rng.randint(1, KEYS)))
    key, mark = rng.randint(1, KEYS), rng.randint(1, 10**9)
    return rng.choice(
        [
            f"insert into public.t values ({key}, '{mark}')"
            " on conflict (id) do update set a = excluded.a",
            f"insert into public.t select n, '{mark}' from generate_series({low}, {high}) n"
            " on conflict (id) do nothing",
            f"update public.t set a = '{mark}' where id between {low} and {high}",
            f"update public.t set id = {key}, a = '{mark}' where id = {low}",
            f"delete from public.t where id = {key}",
            f"with d as (delete from public.t where id between {low} and {high} returning id)"
            f" insert into public.t select id, '{mark}' from d",
        ]
    )


async def test_last_event_of_a_key_wins_tick_by_tick_and_in_random_merges(
    capture: Capture, connect: Connect
) -> None:
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    await capture.db.execute("create table public.t (id int primary key, a text)")
    await capture.db.execute(
        "update pgq.queue set queue_ticker_max_lag = '0', queue_ticker_idle_period = '0'"
    )
    await capture.add("t")
    writers = [await connect(capture.db) for _ in range(WRITERS)]
    for db in writers:
        await db.execute("set deadlock_timeout = '10ms'")
    running = [asyncio.create_task(_write(db, random.Random(rng.random()), 25)) for db in writers]
    while not all(task.done() for task in running):
        await capture.db.fetch_all("select pgq.ticker()")
        await asyncio.wait(running, timeout=0.02)
    await asyncio.gather(*running)
    await capture.db.fetch_all("select pgq.ticker('flow')")

    ticks = [
        row[0] for row in await capture.db.fetch_all("select tick_id from pgq.tick order by 1")
    ]
    assert len(ticks) > 10, "too few ticks: this run shows nothing"
    expected = await capture.present("public.t", "id, a")
    for cuts in (ticks, *(_merged(ticks, rng) for _ in range(3)), [ticks[0], ticks[-1]]):
        sources = [
            await capture.db.fetch_value("select pgq.tick_range_sql(1, null, %s, %s)", start, end)
            for start, end in itertools.pairwise(cuts)
        ]
        assert await capture.replay("public.t", sources=sources) == expected, f"seed {seed}, {cuts}"


def _merged(ticks: list[int], rng: random.Random) -> list[int]:
    inner = sorted(rng.sample(ticks[1:-1], min(5, len(ticks) - 2)))
    return [ticks[0], *inner, ticks[-1]]
