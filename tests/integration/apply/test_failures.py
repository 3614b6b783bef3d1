"""When an event cannot be applied: which one it was, and that nothing of the batch remains."""

from __future__ import annotations

import pytest

from fixtures.databases import Connect
from fixtures.stream import CONSUMER, QUEUE, Stream
from tailrace.errors import ApplyError, ConnectionLost, LostPosition, TailraceError, Unsupported
from tailrace.replication.span import Span
from tailrace.replication.transport import RangeReader

pytestmark = pytest.mark.sql


async def failing(stream: Stream) -> ApplyError:
    """Apply what is waiting, which must fail, and must leave the leaf as it was."""
    before = await stream.rows(stream.leaf)
    with pytest.raises(ApplyError) as caught:
        await stream.apply()
    assert await stream.rows(stream.leaf) == before
    return caught.value


async def test_an_insert_that_meets_its_key_is_named(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.leaf.execute("insert into t values (700, 0)")
    for start in range(0, 1000, 100):
        await stream.emit("I", *(f"({n},{n})" for n in range(start, start + 100)))
        if start == 700:
            guilty = await stream.root.fetch_value("select max(ev_id) from pgq.event_1")
    error = await failing(stream)
    assert error.ev_id == guilty
    assert error.table == "public.t"
    assert error.sqlstate == "23505"
    assert f'event {guilty} of queue "stream" cannot be applied to table "public.t"' in str(error)
    assert "(id)=(700)" in str(error)


async def test_an_insert_that_meets_its_key_is_named_beside_other_operations(
    stream: Stream,
) -> None:
    await stream.table("id int primary key, v int unique")
    await stream.write("insert into t select g, g from generate_series(1, 100) g")
    await stream.apply()
    await stream.write("update t set v = -v", "delete from t where id = 3")
    await stream.leaf.execute("insert into t values (200, 200)")
    await stream.write("insert into t values (150, 150)")
    guilty = await stream.emit("I", "(200,201)")
    await stream.write("update t set v = v - 1000 where id < 50")
    error = await failing(stream)
    assert error.ev_id == guilty


async def test_a_value_that_the_leaf_does_not_take_is_named(stream: Stream) -> None:
    await stream.table("id int primary key, v int", here="id int primary key, v smallint")
    for n in range(1, 40):
        await stream.write(f"insert into t values ({n}, {70000 if n == 23 else n})")
    guilty = await stream.root.fetch_value(
        "select ev_id from pgq.event_1 where ev_data like '(23,%'"
    )
    error = await failing(stream)
    assert error.ev_id == guilty
    assert 'value "70000" is out of range for type smallint' in str(error)


async def test_a_check_of_the_leaf_that_an_update_breaks_is_named(stream: Stream) -> None:
    await stream.table("id int primary key, v int", here="id int primary key, v int check (v < 50)")
    await stream.write("insert into t select g, g from generate_series(1, 9) g")
    await stream.apply()
    await stream.write(*(f"update t set v = v + {n} where id = {n % 9 + 1}" for n in range(1, 60)))
    error = await failing(stream)
    event = await stream.root.fetch_one("select * from pgq.event_1 where ev_id = %s", error.ev_id)
    value = int(event.ev_data.strip("()").split(",")[1])
    assert value >= 50
    assert error.sqlstate == "23514"


async def test_a_row_that_is_no_row_is_named(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.emit("I", "(1,1)")
    guilty = await stream.emit("I", "(2)")
    await stream.emit("I", "(3,3)")
    assert (await failing(stream)).ev_id == guilty


async def test_strict_takes_a_missed_row_for_an_error(stream: Stream) -> None:
    await stream.table("id int primary key, v int")
    await stream.write("insert into t select g, g from generate_series(1, 30) g")
    await stream.apply()
    await stream.leaf.execute("delete from t where id = 7")
    stream.with_applier(strict=True)
    await stream.write("update t set v = -1 where id = 3")
    guilty = await stream.emit("U", "(7,-1)")
    await stream.write("update t set v = -1 where id = 5")
    error = await failing(stream)
    assert error.ev_id == guilty
    assert "1 updates and 0 deletes met no row" in str(error)
    stream.with_applier(strict=False)
    await stream.apply()
    assert "(7,-1)" in await stream.rows(stream.leaf)


async def test_the_guilty_event_is_found_while_more_is_fetched_ahead(stream: Stream) -> None:
    await stream.table("id int primary key, v text")
    await stream.leaf.execute("insert into t values (5000, '')")
    await stream.write(
        *(f"insert into t select g, repeat('x', 300) from generate_series({n}, {n + 999}) g"
          for n in range(1, 9000, 1000))
    )  # fmt: skip
    middle = await stream.tick()
    await stream.write(
        "insert into t select g, repeat('y', 300) from generate_series(10000, 40000) g"
    )
    end = await stream.tick()
    stream.reader = RangeReader(
        stream.reader.provider, queue=QUEUE, consumer=CONSUMER, buffer_bytes=300_000
    )
    async with stream.reader as reader:
        scope = await stream.applier.refresh()
        first = reader.start(Span(QUEUE, stream.position, middle), scope)
        ahead = reader.start(Span(QUEUE, middle, end), scope)
        with pytest.raises(ApplyError) as caught:
            async with stream.leaf.transaction():
                await stream.applier.apply(first)
        event = await stream.root.fetch_one(
            "select * from pgq.event_1 where ev_id = %s", caught.value.ev_id
        )
        assert "(5000," in event.ev_data
        await stream.leaf.execute("delete from t where id = 5000")
        # the reader still works, and what was fetched ahead is fetched again
        async with stream.leaf.transaction():
            await stream.applier.apply(reader.start(Span(QUEUE, stream.position, middle), scope))
        async with stream.leaf.transaction():
            await stream.applier.apply(ahead)
    assert await stream.same("id, md5(v)")


async def test_an_unknown_event_is_an_error_that_names_it(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.write("insert into t values (1)")
    ev_id = await stream.control("my.own", "payload")
    with pytest.raises(Unsupported) as caught:
        await stream.apply()
    assert f'event {ev_id} of queue "stream" has type "my.own"' in str(caught.value)
    assert await stream.rows(stream.leaf) == []


async def test_an_unknown_kind_of_row_event_is_an_error(stream: Stream) -> None:
    await stream.table("id int primary key")
    ev_id = await stream.emit("X", "(1)")
    with pytest.raises(Unsupported, match=f'event {ev_id} .* type "row:X"'):
        await stream.apply()


async def test_a_descriptor_that_nobody_sent_is_an_error(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.emit("I", "(1)", relation="00000000deadbeef")
    with pytest.raises(ApplyError, match='descriptor "00000000deadbeef"'):
        await stream.apply()


async def test_a_row_event_without_descriptor_is_an_error(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.root.fetch_value(
        "select pgq.insert_event('stream', 'row:I', '(1)', 'public.t', null, null, null)"
    )
    with pytest.raises(ApplyError, match="cannot be applied to table"):
        await stream.apply()


async def test_ticks_that_are_gone_are_a_lost_position(stream: Stream) -> None:
    await stream.table("id int primary key")
    await stream.root.execute("delete from pgq.tick where tick_id = %s", stream.position)
    with pytest.raises(LostPosition):
        await stream.apply()


async def test_a_provider_that_dies_is_no_fault_of_an_event(
    stream: Stream, connect: Connect
) -> None:
    await stream.table("id int primary key, v text")
    await stream.write("insert into t select g, repeat('x', 1000) from generate_series(1, 20000) g")
    to_tick = await stream.tick()
    source = await connect(stream.root, name="victim")
    stream.reader = RangeReader(source, queue=QUEUE, consumer=CONSUMER, buffer_bytes=100_000)
    reading = await stream.reading(to_tick, scope=await stream.applier.refresh())
    with pytest.raises(ConnectionLost):
        async with stream.leaf.transaction(), reading.fetched():
            parts = await reading.parts()
            await stream.root.execute("select pg_terminate_backend(%s)", source.backend_pid)
            async for _ in reading.rows(parts[-1]):
                pass
    with pytest.raises(TailraceError) as caught:
        await stream.apply(to_tick)
    assert not isinstance(caught.value, ApplyError)
    stream.reader = RangeReader(
        await connect(stream.root, name="next"), queue=QUEUE, consumer=CONSUMER
    )
    await stream.apply(to_tick)
    assert await stream.same("id, md5(v)")
