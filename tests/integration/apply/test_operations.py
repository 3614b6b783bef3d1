"""What inserts, updates, deletes and truncates become on the other side."""

from __future__ import annotations

import pytest

from fixtures.stream import Stream

pytestmark = pytest.mark.sql


async def test_inserts_arrive(stream: Stream) -> None:
    await stream.table("id int primary key, name text")
    await stream.write("insert into t select g, 'name ' || g from generate_series(1, 2500) g")
    applied = await stream.apply()
    assert applied.tables["public.t"].inserted == 2500
    assert await stream.same()


async def test_updates_deletes_and_inserts_of_one_batch_end_in_the_last_state(
    stream: Stream,
) -> None:
    await stream.table("id int primary key, name text")
    await stream.write("insert into t select g, 'name ' || g from generate_series(1, 50) g")
    await stream.apply()
    await stream.write(
        "update t set name = 'changed' where id < 20",
        "update t set name = name || '!' where id < 10",
        "delete from t where id in (1, 30)",
        "insert into t values (1, 'back'), (60, 'new')",
        "insert into t values (61, 'gone at once')",
        "delete from t where id = 61",
        "update t set id = -id where id > 40",
    )
    counts = (await stream.apply()).tables["public.t"]
    assert await stream.same()
    assert (counts.missed_updates, counts.missed_deletes) == (0, 0)
    assert await stream.apply()
    assert await stream.same()
