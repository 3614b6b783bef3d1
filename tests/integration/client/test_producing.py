"""Programs put events into a queue in their own transaction, with either kind of connection."""

from __future__ import annotations

import psycopg
import pytest

import tailrace
from fixtures.cascade import QUEUE, Cascade


async def test_events_are_there_when_the_transaction_commits(cascade: Cascade):
    root = await cascade.root(by_hand=True)
    before = await root.tick()
    with psycopg.connect(root.dsn) as conn:
        first = tailrace.insert_event(conn, QUEUE, "order", '{"n": 1}', "extra")
        conn.rollback()
        assert tailrace.insert_event(conn, QUEUE, "order", None) > first
    async with await psycopg.AsyncConnection.connect(root.dsn) as aconn:
        assert await tailrace.insert_event(aconn, QUEUE, None, "x", "1", "2", "3", "4") > 0
        ids = await tailrace.insert_events(
            aconn, QUEUE, [tailrace.NewEvent("many", str(i)) for i in range(5000)]
        )
        assert await tailrace.insert_events(aconn, QUEUE, []) == []
    found = await root.batch(before, await root.tick())
    assert [row[2:] for row in found[:2]] == [
        ("order", None, None, None, None, None), (None, "x", "1", "2", "3", "4"),
    ]  # fmt: skip
    assert [row[3] for row in found[2:]] == [str(i) for i in range(5000)]
    assert [row[0] for row in found[2:]] == ids == sorted(ids)


async def test_a_queue_that_is_not_there_is_named(cascade: Cascade):
    root = await cascade.root()
    async with await psycopg.AsyncConnection.connect(root.dsn) as conn:
        with pytest.raises(tailrace.TailraceError, match="nowhere"):
            await tailrace.insert_event(conn, "nowhere", "a", "b")
