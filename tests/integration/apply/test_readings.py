"""What is fetched and when: states of tables, control events, reading ahead, memory."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from fixtures.stream import CONSUMER, QUEUE, Stream
from tailrace.replication.span import Narrowing, Scope, Span
from tailrace.replication.transport import RangeReader

pytestmark = pytest.mark.sql


async def test_events_of_tables_that_are_not_here_are_not_fetched(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.table("id int primary key", name="other")
    await stream.leaf.execute("delete from tailrace.table_info where table_name = 'public.other'")
    await stream.write("insert into t values (1)", "insert into other values (1)")
    applied = await stream.apply()
    assert applied.rows == 1
    assert await stream.rows(stream.leaf, name="other") == []


async def test_a_leaf_keeps_events_of_a_table_in_copy_with_their_tick(stream: Stream) -> None:
    await stream.table("id int primary key, v text")
    await stream.table("id int primary key", name="copied")
    await stream.leaf.execute(
        "update tailrace.table_info set state = 'copying' where table_name = 'public.copied'"
    )
    await stream.write(
        "insert into copied select generate_series(1, 300)", "insert into t values (1, 'x')",
        "truncate copied", "insert into copied values (5)", "delete from copied where id = 5",
    )  # fmt: skip
    applied = await stream.apply()
    assert applied.tables["public.t"].inserted == 1
    assert await stream.rows(stream.leaf, name="copied") == []
    kept = await stream.leaf.fetch_all(
        "select ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_id from tailrace.set_aside"
        " where queue_name = %s and table_name = 'public.copied' and tick_id = %s order by ev_id",
        QUEUE, stream.position,
    )  # fmt: skip
    written = await stream.root.fetch_all(
        "select ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_id from pgq.event_1"
        " where ev_extra1 = 'public.copied' and ev_type like 'row:%%' order by ev_id"
    )
    assert kept == written
    assert [event.ev_type for event in kept].count("row:T") == 1
    assert applied.tables["public.copied"].set_aside == len(kept)


async def test_few_events_come_whole_whatever_their_sizes(stream: Stream) -> None:
    """One event that is large among them makes messages short, so that there are several."""
    await stream.table("id int primary key, v text")
    await stream.write(
        "insert into t select i, repeat('x', 30) from generate_series(1, 60) i",
        *(f"insert into t values ({number}, 'y')" for number in range(100, 400)),
    )
    assert (await stream.apply()).tables["public.t"].inserted == 360
    assert await stream.rows(stream.leaf) == await stream.rows(stream.root)
    await stream.write(
        "update t set v = 'z' || v where id <= 60",
        *(f"update t set v = 'z' where id = {number}" for number in range(100, 400)),
        *(f"delete from t where id = {number}" for number in range(1, 400, 7)),
    )
    await stream.apply()
    assert await stream.rows(stream.leaf) == await stream.rows(stream.root)


async def test_a_branch_does_not_keep_them(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.leaf.execute("update tailrace.table_info set state = 'pending'")
    stream.with_applier(role="branch")
    await stream.write("insert into t values (1)")
    assert (await stream.apply()).rows == 0
    assert await stream.leaf.fetch_value("select count(*) from tailrace.set_aside") == 0


async def test_a_reading_given_up_after_its_parts_had_come_is_read_again(stream: Stream) -> None:
    await stream.table("id int primary key, v text")
    await stream.leaf.execute("update tailrace.table_info set state = 'copying'")
    scope = await stream.applier.refresh()
    # more than waits in memory, so that it is given up before all of it is here
    await stream.write("insert into t select i, repeat('x', 1000) from generate_series(1, 9000) i")
    tick = await stream.tick()
    async with stream.reader:
        reading = stream.reader.start(Span(QUEUE, stream.position, tick), scope)
        assert await reading.parts()
        stream.reader.interrupt()  # what an earlier reading does that has to be started again
        async with stream.leaf.transaction():
            applied = await stream.applier.apply(reading)
    assert applied.tables["public.t"].set_aside > 0


async def test_a_reading_for_states_of_yesterday_is_started_again(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.write("insert into t values (1)")
    old = Scope(applied=frozenset(), aside=frozenset({"public.t"}))
    for ahead in (False, True):
        first, second = await stream.tick(), None
        await stream.write(f"insert into t values ({2 + ahead})")
        second = await stream.tick()
        if not ahead:
            for reading in (
                stream.reader.start(Span(QUEUE, stream.position, first), old),
                stream.reader.start(Span(QUEUE, first, second), old),
            ):
                async with stream.leaf.transaction():
                    await stream.applier.apply(reading)
        else:
            async with stream.reader:
                readings = [
                    stream.reader.start(Span(QUEUE, stream.position, first), old),
                    stream.reader.start(Span(QUEUE, first, second), old),
                ]
                for reading in readings:
                    async with stream.leaf.transaction():
                        await stream.applier.apply(reading)
        stream.position = second
    assert await stream.same()
    assert await stream.leaf.fetch_value("select count(*) from tailrace.set_aside") == 0


async def test_many_ranges_are_fetched_ahead_within_the_buffer(stream: Stream) -> None:
    await stream.table("id int primary key, v text")
    ticks = [stream.position]
    for start in range(0, 10_000, 1000):
        await stream.write(
            "insert into t select g, repeat('x', 400)"
            f" from generate_series({start}, {start + 999}) g"
        )
        await stream.write(f"update t set v = 'short' where id % 100 = {start // 1000}")
        ticks.append(await stream.tick())
    reader = RangeReader(
        stream.reader.provider, queue=QUEUE, consumer=CONSUMER, buffer_bytes=200_000
    )
    scope = await stream.applier.refresh()
    async with reader:
        spans = [Span(QUEUE, *both) for both in pairwise(ticks)]
        readings = [reader.start(span, scope) for span in spans]
        for reading in readings:
            async with stream.leaf.transaction():
                await stream.applier.apply(reading)
            assert reading.finished
    assert reader.budget.most_used < 600_000
    assert await stream.same("id, md5(v)")


async def test_a_part_can_be_skipped(stream: Stream) -> None:
    await stream.table("id int primary key, v text", name="a")
    await stream.table("id int primary key, v text", name="b")
    await stream.write("insert into a values (1, 'a')", "insert into b values (2, 'b')")
    scope = await stream.applier.refresh()
    reading = await stream.reading(scope=scope)
    async with reading.fetched():
        first, second = [part for part in await reading.parts() if part.kind == "insert"]
        await reading.skip(first)
        assert [rows async for rows in reading.rows(second)] == [b"2,b\n"]


async def test_a_narrow_reading_holds_only_what_it_names(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.apply()
    for number in range(5):
        last = await stream.emit("I", f"({number})")
    await stream.control("pgq.location-info")
    scope = await stream.applier.refresh()
    wide = await stream.reading(scope=scope)
    only = Narrowing("public.t", await stream.relation_id(), last - 3, last - 1)
    reading = stream.reader.narrowed(wide, only)
    async with reading.fetched():
        [part] = await reading.parts()
        assert (part.rows, part.first_id, part.last_id) == (2, last - 2, last - 1)
        assert [rows async for rows in reading.rows(part)] == [b"2\n3\n"]


async def test_another_source_may_take_the_place_of_the_queue(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.apply()
    relation = await stream.relation_id()
    span = Span(
        QUEUE, 1, 2,
        "select n::bigint as ev_id, null::timestamptz as ev_time, 'row:I'::text as ev_type,"
        " format('(%s,%s)', n, n) as ev_data, 'public.t'::text as ev_extra1,"
        f" null::text as ev_extra2, '{relation}'::text as ev_extra3, null::text as ev_extra4"
        " from generate_series(1, 10) n",
    )  # fmt: skip
    async with stream.leaf.transaction():
        await stream.applier.apply(stream.reader.start(span))
    assert len(await stream.rows(stream.leaf)) == 10


# ---------------------------------------------------------------- control events


async def test_control_events_are_handed_to_the_caller_in_order(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.apply()
    await stream.write("insert into t values (1)")
    first = await stream.control("pgq.global-watermark", 5, QUEUE)
    await stream.write("insert into t values (2)")
    second = await stream.control("pgq.location-info", "three", QUEUE)
    applied = await stream.apply()
    assert [(event.ev_id, event.type, event.extra1) for event in applied.controls] == [
        (first, "pgq.global-watermark", QUEUE),
        (second, "pgq.location-info", QUEUE),
    ]
    assert applied.controls[0].data == "5"
    assert await stream.same()


async def test_descriptors_are_stored_with_the_events(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.apply()
    ours = await stream.leaf.fetch_all("select relation_id, column_names from tailrace.relation")
    assert [(row.relation_id, row.column_names) for row in ours] == [
        (await stream.relation_id(), ["id"])
    ]


async def test_a_table_that_is_removed_in_mid_batch_gets_what_came_before(stream: Stream) -> None:
    await stream.table("id int primary key", name="a")
    await stream.table("id int primary key", name="t")
    await stream.write("insert into a values (1)", "insert into t values (1)")
    relation = await stream.relation_id()
    await stream.write("select tailrace.remove_table('stream', 'public.t')")
    await stream.emit("I", "(2)", relation=relation)
    await stream.write("insert into a values (2)")
    applied = await stream.apply()
    assert [event.type for event in applied.controls][-1] == "tailrace.remove-table"
    assert json.loads(applied.controls[-1].data or "") == {"table": "public.t"}
    assert await stream.rows(stream.leaf) == ["(1)"]
    assert await stream.rows(stream.leaf, name="a") == ["(1)", "(2)"]
    left = await stream.leaf.fetch_all("select table_name from tailrace.table_info")
    assert [row.table_name for row in left] == ["public.a"]


# ---------------------------------------------------------------- staging tables


async def test_staging_tables_are_bounded_in_number(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tailrace.replication.staging.MOST_TABLES", 3)
    names = [f"t{n}" for n in range(6)]
    for name in names:
        await stream.table("id int primary key, v int", name=name)
        await stream.write(f"insert into {name} values (1, 1)")
    await stream.apply()
    for _ in range(2):
        for name in names:
            await stream.write(f"update {name} set v = v + 1")
            await stream.apply()
    await stream.write(*(f"update {name} set v = v + 1" for name in names))
    await stream.apply()
    assert await stream.same(names=names)
    count = "select count(*) from pg_class where relname like 'stage\\_%%'"
    assert await stream.leaf.fetch_value(count) == 6
    await stream.table("id int primary key, v int", name="more")
    await stream.write("insert into more values (1, 1)", "update more set v = 2")
    await stream.apply()
    assert await stream.leaf.fetch_value(count) == 1


async def test_staging_survives_a_batch_that_was_rolled_back(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.write("insert into t values (1, 1)", "update t set v = 2")
    to_tick = await stream.tick()
    with pytest.raises(ZeroDivisionError):
        async with stream.leaf.transaction():
            await stream.applier.apply(await stream.reading(to_tick))
            raise ZeroDivisionError
    assert await stream.rows(stream.leaf) == []
    await stream.apply(to_tick)
    await stream.write("update t set v = 3")
    await stream.apply()
    assert await stream.same()


async def test_two_readings_in_one_transaction(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.write("insert into t values (1, 1)", "update t set v = 2")
    first = await stream.tick()
    await stream.write("insert into t values (2, 2)", "update t set v = v + 1")
    second = await stream.tick()
    async with stream.leaf.transaction():
        await stream.applier.apply(stream.reader.start(Span(QUEUE, stream.position, first)))
        await stream.applier.apply(stream.reader.start(Span(QUEUE, first, second)))
    assert await stream.same()
