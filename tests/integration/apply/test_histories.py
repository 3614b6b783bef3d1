"""Random histories: however ticks are merged, the leaf ends as the root is."""

from __future__ import annotations

import contextlib
import random

import pytest

from fixtures.databases import Connect, NewDatabase
from fixtures.stream import CONSUMER, QUEUE, Stream
from tailrace.errors import DatabaseError
from tailrace.replication.apply import Applier
from tailrace.replication.span import Span
from tailrace.replication.transport import RangeReader

pytestmark = [pytest.mark.sql, pytest.mark.timeout(180)]

TABLE = """
create table public.t (
    id int, part text, place int unique, v text, primary key (id, part),
    exclude using gist (int4range(place, place + 1) with &&)
)
"""


def statement(rng: random.Random) -> str:
    """One statement of a history; some touch many keys, some none."""
    key, other = rng.randint(1, 12), rng.randint(1, 12)
    value = rng.choice(["''", "null", "'a,b'", r"E'\\ \" ( \n'", f"'v{rng.randint(1, 99)}'"])
    return rng.choice(
        [
            f"insert into t values ({key}, 'p', {rng.randint(1, 60)}, {value})"
            " on conflict do nothing",
            f"insert into t values ({key}, 'p', {rng.randint(1, 60)}, 'up')"
            f" on conflict (id, part) do update set v = {value}",
            f"insert into t select g, 'q', 100 + g, {value}"
            f" from generate_series({key}, {key + 5}) g on conflict do nothing",
            f"update t set v = {value} where id between {key} and {other}",
            f"update t set v = {value} where id = {key}",
            f"update t set id = id + 20 where id = {key} and id + 20 not in (select id from t)",
            "update t set id = id - 20 where id > 20 and id - 20 not in (select id from t)",
            f"update t set part = case part when 'p' then 'q' else 'p' end where id = {key} and"
            f" (select count(*) from t where id = {key}) = 1",
            f"update t set place = -place where id = {key}",
            # two rows change places, by way of a third value
            f"do $$ declare a int := (select place from t where id = {key} and part = 'p');"
            f" b int := (select place from t where id = {other} and part = 'p'); begin"
            f" if a is not null and b is not null and a <> b then"
            f" update t set place = 9999 where id = {key} and part = 'p';"
            f" update t set place = a where id = {other} and part = 'p';"
            f" update t set place = b where id = {key} and part = 'p'; end if; end $$",
            f"delete from t where id = {key}",
            f"delete from t where id between {key} and {other}",
            f"do $$ begin delete from t where id = {key};"
            f" insert into t values ({key}, 'p', {300 + key}, {value})"
            " on conflict do nothing; end $$",
            f"do $$ begin insert into t values ({key}, 'r', {400 + key}, 'short-lived')"
            f" on conflict do nothing; delete from t where part = 'r'; end $$",
            "truncate t" if rng.random() < 0.2 else "update t set v = v || '+'",
        ]
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_however_ticks_are_merged_the_leaf_ends_as_the_root(
    stream: Stream, new_database: NewDatabase, connect: Connect, seed: int
) -> None:
    rng = random.Random(seed)
    for db in (stream.root, stream.leaf):
        await db.execute(TABLE)
    await stream.add("t")
    merging = await connect(await new_database(label="merging"), replica=True)
    await merging.execute(TABLE)
    await merging.execute(
        "insert into tailrace.table_info (queue_name, table_name, dest_table, state)"
        " values (%s, 'public.t', 'public.t', 'live')",
        QUEUE,
    )
    applier = Applier(merging, queue=QUEUE, role="leaf", strict=True)
    reader = RangeReader(await connect(stream.root, name="merging"), queue=QUEUE, consumer=CONSUMER)
    stream.with_applier(strict=True)
    merged_to = stream.position

    for round_ in range(60):
        for _ in range(rng.choice([1, 1, 2, 5])):
            with contextlib.suppress(DatabaseError):  # refused on the root: as if it never was
                await stream.write(statement(rng))
        await stream.apply()
        assert await stream.same(), f"tick by tick, round {round_}"
        if rng.random() < 0.2 or round_ == 59:
            async with merging.transaction():
                await applier.apply(reader.start(Span(QUEUE, merged_to, stream.position)))
            merged_to = stream.position
            assert await stream.rows(merging) == await stream.rows(stream.root), (
                f"merged, round {round_}"
            )
