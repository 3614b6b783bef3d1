"""The first load of a table."""

from __future__ import annotations

import asyncio
from typing import Any

from fixtures.databases import Connect
from fixtures.waiting import eventually
from integration.copy.handmade import QUEUE, Cascade
from tailrace import faults
from tailrace.replication.copy import CopyService

TABLE = "create table public.item (id integer primary key, name text)"


async def with_items(cascade: Cascade, rows: int = 5) -> None:
    """A replicated table with some rows on the root, waiting for its copy elsewhere."""
    await cascade.execute(TABLE)
    await cascade.root.execute(
        f"insert into public.item select i, 'item ' || i from generate_series(1, {rows}) as i"
    )
    await cascade.add("public.item")


async def test_rows_of_the_root_arrive_and_the_table_waits_for_its_consumer(
    cascade: Cascade,
) -> None:
    await with_items(cascade)
    for node in (cascade.branch, cascade.leaf):
        assert await node.copy()
        assert await node.rows("public.item") == await cascade.root.rows("public.item")
        info = await node.info("public.item")
        assert info.state == "syncing"
        assert info.copied_rows == 5
        assert info.copy_tick >= info.aside_tick
        assert not await node.copy()


async def test_copy_needs_no_ticks_but_its_own(pair: Cascade) -> None:
    await with_items(pair)
    before = await pair.root.value("select max(tick_id) from pgq.tick")
    assert await pair.leaf.copy()
    assert (await pair.leaf.info("public.item")).copy_tick == before + 1


async def test_transaction_open_at_the_snapshot_is_after_the_tick(
    pair: Cascade, connect: Connect
) -> None:
    await with_items(pair)
    writer = await connect(pair.root.db)
    async with writer.transaction():
        await writer.execute("insert into public.item values (100, 'late')")
        assert await pair.leaf.copy()
    assert (await pair.leaf.rows("public.item"))[-1] == (5, "item 5")

    tick = (await pair.leaf.info("public.item")).copy_tick
    last = await pair.root.tick()
    late = await pair.root.db.fetch_all(await events_sql(pair, tick, last))
    assert [event.ev_data for event in late if event.ev_type == "row:I"] == ["(100,late)"]


async def events_sql(cascade: Cascade, start: int, end: int) -> str:
    """Text of the query for the root's events between two ticks."""
    return str(
        await cascade.root.value(
            "select pgq.tick_range_sql(queue_id, null, %s, %s)"
            " from pgq.queue where queue_name = %s",
            start,
            end,
            QUEUE,
        )
    )


async def test_generated_columns_are_computed_here_and_order_does_not_matter(
    pair: Cascade,
) -> None:
    await pair.root.execute(
        "create table public.t (a integer primary key, b text, c integer,"
        " d integer generated always as (a * 2) stored);"
        "insert into public.t values (1, 'one', 10), (2, null, 20)"
    )
    await pair.leaf.execute(
        "create table public.t (c bigint, extra text default 'here',"
        " a integer primary key, d integer generated always as (a * 3) stored, b text)"
    )
    for node in (pair.root, pair.leaf):
        await node.add("public.t")
    assert await pair.leaf.copy()
    assert await pair.leaf.rows("public.t", "a, b, c, d, extra") == [
        (1, "one", 10, 3, "here"),
        (2, None, 20, 6, "here"),
    ]


async def test_text_arrives_as_it_is(pair: Cascade) -> None:
    nasty = [
        "",
        "\\",
        "\\N",
        "\\.",
        "tab\there",
        "line\nbreak",
        "\r",
        '"',
        "'",
        "é 🙂",
        "x" * 1_000_000,
    ]
    await pair.execute("create table public.t (n integer primary key, v text)")
    for number, value in enumerate(nasty):
        await pair.root.execute("insert into public.t values (%s, %s)", number, value)
    await pair.root.execute("insert into public.t values (1000, null)")
    await pair.add("public.t")
    assert await pair.leaf.copy()
    assert await pair.leaf.rows("public.t") == [*enumerate(nasty), (1000, None)]


async def test_rows_that_were_here_before_are_replaced(pair: Cascade) -> None:
    await with_items(pair)
    await pair.leaf.execute(
        "set session_replication_role = replica;"
        "insert into public.item values (3, 'old'), (99, 'old');"
        "set session_replication_role = origin"
    )
    assert await pair.leaf.copy()
    assert await pair.leaf.rows("public.item") == await pair.root.rows("public.item")


async def test_table_that_others_refer_to_is_replaced_and_they_stay(pair: Cascade) -> None:
    await with_items(pair)
    await pair.leaf.execute(
        "set session_replication_role = replica;"
        "insert into public.item values (1, 'old'), (99, 'old');"
        "set session_replication_role = origin;"
        "create table public.note (item_id integer references public.item);"
        "insert into public.note values (1)"
    )
    assert await pair.leaf.copy()
    assert await pair.leaf.rows("public.item") == await pair.root.rows("public.item")
    assert await pair.leaf.rows("public.note") == [(1,)]


async def test_partitioned_table_and_plain_table_copy_into_each_other(cascade: Cascade) -> None:
    parts = (
        "create table public.p (id integer primary key, v text) partition by range (id);"
        "create table public.p_low partition of public.p for values from (0) to (10);"
        "create table public.p_high partition of public.p for values from (10) to (100)"
    )
    plain = "create table public.p (id integer primary key, v text)"
    await cascade.root.execute(parts)
    await cascade.branch.execute(plain)
    await cascade.leaf.execute(parts)
    await cascade.lower.execute(plain)
    await cascade.root.execute("insert into public.p values (1, 'low'), (20, 'high')")
    await cascade.add("public.p")
    for node in (cascade.branch, cascade.leaf):
        assert await node.copy()
        assert await node.rows("public.p") == [(1, "low"), (20, "high")]


async def test_rows_of_inheriting_tables_stay_out(pair: Cascade) -> None:
    await with_items(pair, rows=2)
    await pair.root.execute(
        "create table public.special (more text) inherits (public.item);"
        "insert into public.special values (7, 'special', 'x')"
    )
    assert await pair.leaf.copy()
    assert await pair.leaf.rows("public.item") == [(1, "item 1"), (2, "item 2")]


async def test_other_local_name_on_both_sides(pair: Cascade) -> None:
    await pair.root.execute('create schema "My"; create table "My"."It" (id integer primary key)')
    await pair.root.execute('insert into "My"."It" values (4)')
    await pair.leaf.execute('create schema s; create table s."its copy" (id integer primary key)')
    await pair.root.add("public.it", "My.It")
    await pair.leaf.add("public.it", "s.its copy")
    assert await pair.leaf.copy()
    assert await pair.leaf.rows('s."its copy"') == [(4,)]


async def test_table_missing_a_key_column_is_refused_by_name(pair: Cascade) -> None:
    await pair.root.execute("create table public.t (a integer, b integer, primary key (a, b))")
    await pair.leaf.execute("create table public.t (a integer primary key)")
    for node in (pair.root, pair.leaf):
        await node.add("public.t")
    assert not await pair.leaf.copy()
    assert 'lacks column "b" of the key' in (await pair.leaf.info("public.t")).copy_error


async def test_table_that_cannot_be_copied_does_not_hold_up_the_next(pair: Cascade) -> None:
    await pair.execute("create table public.good (id integer primary key)")
    await pair.root.execute("create table public.bad (id integer primary key, v text)")
    await pair.leaf.execute("create table public.bad (id integer primary key, v integer)")
    await pair.root.execute("insert into public.bad values (1, 'no number')")
    for table in ("public.bad", "public.good"):
        await pair.root.add(table)
        await pair.leaf.add(table)
    assert await pair.leaf.copy()
    assert await pair.leaf.state("public.good") == "syncing"
    bad = await pair.leaf.info("public.bad")
    assert bad.state == "copying"
    assert "no number" in bad.copy_error
    await pair.root.execute("update public.bad set v = '5'")
    assert await eventually(pair.leaf.copy, within=15)
    bad = await pair.leaf.info("public.bad")
    assert (bad.state, bad.copy_error) == ("syncing", None)


async def test_source_that_lacks_the_table_is_waited_for(cascade: Cascade) -> None:
    await with_items(cascade)
    assert not await cascade.lower.copy()  # its provider has not copied it itself
    info = await cascade.lower.info("public.item")
    assert (info.state, info.aside_tick, info.copy_error) == ("pending", None, None)


async def test_branch_gives_its_rows_as_of_its_own_position(cascade: Cascade) -> None:
    await with_items(cascade)
    await cascade.branch.copy()
    await cascade.branch.execute("update tailrace.table_info set state = 'live'")
    await cascade.branch.move_to(1)
    await cascade.lower.execute(
        "update tailrace.table_info set copy_source = 'branch' where state = 'pending'"
    )
    assert await cascade.lower.copy()
    assert (await cascade.lower.info("public.item")).copy_tick == 1
    assert await cascade.lower.rows("public.item") == await cascade.root.rows("public.item")


async def test_source_behind_the_target_is_waited_for(cascade: Cascade) -> None:
    await with_items(cascade)
    await cascade.branch.copy()
    await cascade.branch.execute("update tailrace.table_info set state = 'live'")
    await cascade.branch.move_to(3)
    await cascade.lower.move_to(5)

    copying = asyncio.create_task(cascade.lower.copy())
    await eventually(lambda: has_begun(cascade))
    await cascade.lower.move_to(8)
    assert not copying.done()
    await cascade.branch.move_to(6)
    assert await copying
    info = await cascade.lower.info("public.item")
    assert (info.aside_tick, info.copy_tick) == (5, 6)


async def has_begun(cascade: Cascade) -> bool:
    return bool((await cascade.lower.info("public.item")).aside_tick is not None)


async def test_branch_pins_its_queue_from_the_first_step_on(cascade: Cascade) -> None:
    await with_items(cascade)
    with faults.watching("copy.after_aside") as watch:
        watch.hold()
        copying = asyncio.create_task(cascade.branch.copy())
        await watch.wait()
        assert await pins(cascade) == [(".copy.public.item", await cascade.branch.position())]
        watch.release()
        assert await copying
    assert len(await pins(cascade)) == 1


async def pins(cascade: Cascade) -> list[Any]:
    found = await cascade.branch.db.fetch_all(
        "select consumer_name, last_tick from pgq.get_consumer_info(%s)"
        " where consumer_name like '.copy.%%'",
        QUEUE,
    )
    return [tuple(row) for row in found]


async def test_pin_without_a_table_is_dropped(cascade: Cascade) -> None:
    await with_items(cascade)
    await cascade.branch.copy()
    await cascade.branch.execute("delete from tailrace.table_info")
    assert not await cascade.branch.copy()
    assert await pins(cascade) == []


async def test_table_removed_during_its_copy_ends_the_copy_quietly(
    pair: Cascade, connect: Connect
) -> None:
    await with_items(pair)
    other = await connect(pair.leaf.db)
    with faults.watching("copy.after_data") as watch:
        watch.hold()
        copying = asyncio.create_task(pair.leaf.copy())
        await watch.wait()
        removing = asyncio.create_task(
            other.fetch_value(
                "select ret_code from tailrace.remove_table(%s, 'public.item')", QUEUE
            )
        )
        await eventually(lambda: waits_for_lock(pair, other.backend_pid))
        watch.release()
        await asyncio.wait([copying, removing])
    assert await pair.leaf.info("public.item") is None or removing.result() == 200
    assert not await pair.leaf.copy()


async def waits_for_lock(cascade: Cascade, pid: int) -> bool:
    return bool(
        await cascade.leaf.value(
            "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", pid
        )
    )


async def test_two_runners_do_not_copy_the_same_table(pair: Cascade) -> None:
    await with_items(pair)
    second = CopyService(pair.leaf.db.dsn, QUEUE)
    with faults.watching("copy.after_empty") as watch:
        watch.hold()
        copying = asyncio.create_task(pair.leaf.copy())
        await watch.wait()
        assert not await second.run_once()
        watch.release()
        assert await copying
    assert watch.count == 1
    await second.close()


async def test_table_rewritten_before_the_lock_is_copied_whole(
    pair: Cascade, connect: Connect
) -> None:
    await with_items(pair)
    ddl = await connect(pair.root.db)
    async with ddl.transaction():
        await ddl.execute("alter table public.item alter column id type bigint")
        copying = asyncio.create_task(pair.leaf.copy())
        await eventually(lambda: somebody_waits_for(pair))
    assert await copying
    assert await pair.leaf.rows("public.item") == await pair.root.rows("public.item")


async def somebody_waits_for(cascade: Cascade) -> bool:
    return bool(
        await cascade.root.value(
            "select exists (select from pg_locks where not granted"
            " and relation = 'public.item'::regclass)"
        )
    )


async def test_paused_node_starts_no_copy(pair: Cascade) -> None:
    await with_items(pair)
    await pair.leaf.execute("update pgq_node.local_state set paused = true")
    assert not await pair.leaf.copy()
    await pair.leaf.execute("update pgq_node.local_state set paused = false")
    assert await pair.leaf.copy()


async def test_unknown_source_node_is_named(pair: Cascade) -> None:
    await with_items(pair)
    await pair.leaf.execute("update tailrace.table_info set copy_source = 'nowhere'")
    assert not await pair.leaf.copy()
    assert 'node "nowhere"' in (await pair.leaf.info("public.item")).copy_error


async def test_root_and_unknown_queue_have_nothing_to_copy(pair: Cascade) -> None:
    await with_items(pair)
    assert not await pair.root.copy()
    other = CopyService(pair.root.db.dsn, "nothing")
    assert not await other.run_once()
    await other.close()


async def test_copy_that_keeps_failing_can_be_seen(pair: Cascade) -> None:
    await with_items(pair)
    await pair.leaf.execute("drop table public.item")
    assert not await pair.leaf.copy()
    assert pair.leaf.service.failures == 1
    assert 'table "public.item" does not exist' in str(pair.leaf.service.last_error)
