"""What comes along with the choice of a range is what reading it would have brought."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.stream import CONSUMER, QUEUE, Stream
from tailrace.db.connection import Row
from tailrace.db.queries import load
from tailrace.replication.span import Part, Scope, Span
from tailrace.replication.transport import Reading

pytestmark = pytest.mark.sql

queries = load("tailrace")
TABLES = Scope(applied=frozenset({"public.t", "public.other"}))


async def tick_now(stream: Stream) -> int:
    """End a batch without leaving ids out, as forcing a tick does: they would seem to be many."""
    return int(
        await stream.root.fetch_value(
            "select pgq.make_tick(queue_id, txid_current_snapshot(),"
            " pgq.seq_getval(queue_event_seq)) from pgq.queue"
        )
    )


async def choose(stream: Stream, scope: Scope = TABLES) -> list[Row]:
    """Ask for what comes after the stream's position."""
    return await stream.root.fetch_all(
        queries.next_reading,
        queue=QUEUE, consumer=CONSUMER, position=stream.position, max_events=10_000,
        stop_tick=None, apply=sorted(scope.applied), aside=sorted(scope.aside),
    )  # fmt: skip


async def content(reading: Reading) -> list[Any]:
    """All that a reading brings; the order of the rows in a part means nothing."""
    found = []
    async with reading.fetched():
        for part in await reading.parts():
            facts = part.kind, part.marked, part.table, part.relation_id, part.rows
            facts += part.first_id, part.last_id
            if part.has_rows:
                text = b"\n".join([piece async for piece in reading.rows(part)])
                found.append((*facts, sorted(text.split(b"\n"))))
            else:
                found.append((*facts, part.event_type, part.data, part.extra2, part.extra4))
    return found


async def both_ways(stream: Stream) -> list[Any]:
    """Check that a range is the same, brought along and read; return what it is."""
    await tick_now(stream)
    rows = await choose(stream)
    assert rows[0].complete
    span = Span(QUEUE, stream.position, rows[0].to_tick)
    parts = [Part(*row[4:]) for row in rows if row.kind]
    along = await content(stream.reader.start(span, TABLES, parts))
    assert along == await content(stream.reader.start(span, TABLES))
    stream.position = rows[0].to_tick
    return along


async def test_few_rows_come_along(stream: Stream) -> None:
    await stream.table("id int primary key, v text")
    await stream.table("id int primary key", name="other")
    await stream.table("id int primary key", name="elsewhere")
    stream.position = await tick_now(stream)
    await stream.write("insert into t values (1, 'a'), (2, '(')", "insert into t values (3, null)")
    assert [part[0] for part in await both_ways(stream)] == ["insert"]
    joint = "update t set v = E')\"\\n(' where id < 3"
    await stream.write(joint, "update t set v = '' where id = 3")
    assert [part[:2] for part in await both_ways(stream)] == [("update", True)]
    await stream.write(
        "delete from t where id = 1", "insert into other values (1)", "update t set id = 9, v = 'x'"
        " where id = 3", "delete from t where id < 9", "insert into elsewhere values (1)",
    )  # fmt: skip
    assert [part[0] for part in await both_ways(stream)] == ["delete", "write", "insert"]
    await stream.write("delete from t", "delete from other")
    assert [part[:2] for part in await both_ways(stream)] == [("delete", False)] * 2
    await stream.write("insert into elsewhere values (2)")
    assert await both_ways(stream) == []


async def test_events_of_the_cascade_come_along(stream: Stream) -> None:
    await stream.table("id int primary key, v text")
    stream.position = await tick_now(stream)
    await stream.control("pgq.global-watermark", 7, QUEUE)
    assert [part[0] for part in await both_ways(stream)] == ["control"]
    await stream.write("insert into t values (1, 'a')")
    await stream.control("pgq.location-info", {"node": "x"}, QUEUE)
    await stream.write("insert into t values (2, 'b')")
    await stream.control("pgq.tick-id", 9, "other")
    assert [part[0] for part in await both_ways(stream)] == ["control", "control", "insert"]


async def test_what_needs_more_thought_is_left_to_the_plan(stream: Stream) -> None:
    await stream.table("id int primary key, v text")
    stream.position = await tick_now(stream)
    await stream.write("insert into t values (32)")
    tick = await tick_now(stream)
    assert (await choose(stream))[0].complete
    assert not (await choose(stream, Scope(aside=frozenset({"public.t"}))))[0].complete
    stream.position = tick
    long = "insert into t select i, repeat('x', 10000) from generate_series(1, 10) i"
    many = [f"insert into t values ({number})" for number in range(100, 201)]
    other = ["insert into t values (30)", "alter table t add w int", "insert into t values (31)"]
    for statements in ([long], many, ["truncate t"], other):
        await stream.write(*statements)
        tick = await tick_now(stream)
        [row] = await choose(stream)
        assert (row.to_tick, row.complete, row.kind) == (tick, False, None), statements
        stream.position = tick
    await stream.control("tailrace.add-table", {}, "public.t")
    await tick_now(stream)
    assert not (await choose(stream))[0].complete


async def test_nothing_to_read_is_no_row(stream: Stream) -> None:
    stream.position = await tick_now(stream)
    assert await choose(stream) == []
