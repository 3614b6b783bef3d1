"""Queues come and go, are configured, and belong to roles."""

from __future__ import annotations

import pytest

from fixtures.databases import Connect
from fixtures.queues import Queue
from tailrace.db.connection import Database
from tailrace.errors import DatabaseError, NotFound, TailraceError, UsageError, WrongState

pytestmark = pytest.mark.sql


async def test_queue_is_created_once_and_dropped_once_its_consumers_are_gone(
    database: Database,
) -> None:
    queue = Queue(database)
    assert await queue.call("pgq.create_queue('q')") == 1
    assert await queue.call("pgq.create_queue('q')") == 0
    assert await queue.call("pgq.register_consumer('q', 'c')") == 1
    assert await queue.call("pgq.register_consumer('q', 'c')") == 0
    with pytest.raises(WrongState, match=r'queue "q" has 1 consumer\(s\), the first is "c"'):
        await queue.call("pgq.drop_queue('q')")
    assert await queue.call("pgq.unregister_consumer('q', 'c')") == 1
    assert await queue.call("pgq.unregister_consumer('q', 'c')") == 0
    assert await queue.call("pgq.drop_queue('q')") == 1
    with pytest.raises(NotFound, match='queue "q" does not exist'):
        await queue.call("pgq.drop_queue('q')")
    with pytest.raises(UsageError, match="NULL"):
        await queue.call("pgq.create_queue(null)")


async def test_forced_drop_leaves_nothing_behind(queue: Queue) -> None:
    await queue.insert("1", "2")
    await queue.tick()
    batch = await queue.next_batch()
    assert await queue.call("pgq.batch_retry(%s, 0)", batch) == 2
    assert await queue.call("pgq.drop_queue('q', true)") == 1
    for table in ("queue", "tick", "subscription", "consumer", "retry_queue"):
        assert await queue.call(f"count(*) from pgq.{table}") == 0, table
    left = await queue.db.fetch_all(
        "select relname from pg_class where relname like 'event\\_1%'"
        " and relnamespace = 'pgq'::regnamespace"
    )
    assert left == []


async def test_new_queue_has_a_first_tick(database: Database) -> None:
    queue = Queue(database)
    await queue.call("pgq.create_queue('q')")
    row = await database.fetch_one("select tick_id, tick_event_seq from pgq.tick")
    assert tuple(row) == (1, 1)


async def test_error_names_the_queue_and_the_command_that_helps(database: Database) -> None:
    with pytest.raises(NotFound) as caught:
        await database.fetch_value("select pgq.insert_event('orders', 'a', 'b')")
    assert f'queue "orders" does not exist in database "{database.dbname}"' in str(caught.value)
    assert "tailrace create-queue orders" in str(caught.value)
    assert caught.value.sqlstate == "TR004"


@pytest.mark.parametrize(
    ("setting", "value", "column"),
    [
        ("ticker_max_count", "17", "queue_ticker_max_count"),
        ("ticker_max_lag", "00:00:07", "queue_ticker_max_lag"),
        ("ticker_idle_period", "00:00:09", "queue_ticker_idle_period"),
        ("ticker_paused", "true", "queue_ticker_paused"),
        ("rotation_period", "01:00:00", "queue_rotation_period"),
        ("external_ticker", "true", "queue_external_ticker"),
    ],
)
async def test_setting_shows_in_queue_info(
    queue: Queue, setting: str, value: str, column: str
) -> None:
    assert await queue.call("pgq.set_queue_config('q', %s, %s)", setting, value) == 1
    assert await queue.call(f"{column}::text from pgq.get_queue_info('q')") == value


@pytest.mark.parametrize("setting", ["disable_insert", "nonsense", "name"])
async def test_other_settings_are_refused(queue: Queue, setting: str) -> None:
    with pytest.raises(UsageError, match=f'setting "{setting}" of queue "q" cannot be changed'):
        await queue.call("pgq.set_queue_config('q', %s, '1')", setting)


async def test_settings_of_an_unknown_queue_and_null_are_refused(queue: Queue) -> None:
    with pytest.raises(NotFound):
        await queue.call("pgq.set_queue_config('none', 'ticker_paused', 'true')")
    for arguments in ("null, 'ticker_paused', '1'", "'q', null, '1'", "'q', 'ticker_paused', null"):
        with pytest.raises(UsageError):
            await queue.call(f"pgq.set_queue_config({arguments})")


async def test_names_may_be_anything(database: Database) -> None:
    queue = Queue(database)
    name = 'odd name\'s "queue"; drop table pgq.queue'
    assert await queue.call("pgq.create_queue(%s)", name) == 1
    assert await queue.call("pgq.register_consumer(%s, %s)", name, name) == 1
    assert await queue.call("pgq.insert_event(%s, null, %s)", name, name) == 1
    await queue.call("pgq.set_queue_config(%s, 'ticker_max_lag', '0')", name)
    assert await queue.call("pgq.ticker(%s)", name) == 2
    batch = await queue.call("pgq.next_batch(%s, %s)", name, name)
    assert [event.ev_data for event in await queue.events(batch)] == [name]
    assert await queue.call("pgq.drop_queue(%s, true)", name) == 1


async def test_two_sessions_creating_a_queue_make_one(database: Database, connect: Connect) -> None:
    other = await connect(database)
    async with database.transaction():
        assert await database.fetch_value("select pgq.create_queue('q')") == 1
        await other.execute("set lock_timeout = '100ms'")
        with pytest.raises(TailraceError):  # it waits for the first one
            await other.fetch_value("select pgq.create_queue('q')")
    assert await other.fetch_value("select pgq.create_queue('q')") == 0


# ---------------------------------------------------------------- registration


async def test_consumer_sees_what_was_inserted_since_the_newest_tick(queue: Queue) -> None:
    await queue.insert("before")
    await queue.tick()
    await queue.insert("after")
    await queue.call("pgq.register_consumer('q', 'late')")
    await queue.tick()
    assert await queue.consume("late") == ["after"]
    assert await queue.consume("c") == ["before", "after"]


async def test_consumer_can_be_moved_to_any_tick_that_is_kept(queue: Queue) -> None:
    await queue.insert("1")
    first = await queue.tick()
    await queue.insert("2")
    await queue.tick()
    await queue.next_batch()
    assert await queue.call("pgq.register_consumer_at('q', 'c', %s)", first) == 0
    row = await queue.db.fetch_one(
        "select last_tick, current_batch, next_tick from pgq.get_consumer_info('q', 'c')"
    )
    assert tuple(row) == (first, None, None)
    assert await queue.consume() == ["2"]
    assert await queue.call("pgq.register_consumer_at('q', 'c', 1)") == 0
    assert await queue.consume() == ["1", "2"]


async def test_registration_at_a_missing_tick_is_refused(queue: Queue) -> None:
    with pytest.raises(NotFound, match=r'queue "q" has no tick 99.*the ticks kept are 1 to 1'):
        await queue.call("pgq.register_consumer_at('q', 'new', 99)")
    assert await queue.call("count(*) from pgq.consumer where co_name = 'new'") == 0


async def test_registration_without_a_tick_changes_nothing_for_a_known_consumer(
    queue: Queue,
) -> None:
    await queue.tick()
    assert await queue.call("pgq.register_consumer_at('q', 'c', null)") == 0
    assert await queue.call("last_tick from pgq.get_consumer_info('q', 'c')") == 1


async def test_consumer_row_stays_while_another_queue_needs_it(queue: Queue) -> None:
    await queue.call("pgq.create_queue('second')")
    await queue.call("pgq.register_consumer('second', 'c')")
    assert await queue.call("pgq.unregister_consumer('q', 'c')") == 1
    assert await queue.call("count(*) from pgq.consumer") == 1
    assert await queue.call("pgq.unregister_consumer('second', 'c')") == 1
    assert await queue.call("count(*) from pgq.consumer") == 0


async def add_member(queue: Queue, name: str) -> None:
    """Add an idle cooperative member to consumer ``c``, as schema pgq_coop stores it."""
    await queue.db.execute(
        "with new as (insert into pgq.consumer (co_name) values (%s) returning co_id)"
        " insert into pgq.subscription (sub_id, sub_queue, sub_consumer)"
        " select s.sub_id, s.sub_queue, new.co_id"
        " from new, pgq.subscription s join pgq.consumer c on c.co_id = s.sub_consumer"
        " where c.co_name = 'c'",
        name,
    )


async def test_cooperative_consumer_goes_with_its_members(queue: Queue) -> None:
    for name in ("c.1", "c.2", "c.3"):
        await add_member(queue, name)
    assert await queue.call("pgq.unregister_consumer('q', 'c.2')") == 1
    await queue.tick()
    await queue.next_batch("c")
    assert await queue.call("pgq.unregister_consumer('q', 'c')") == 3
    assert await queue.call("count(*) from pgq.subscription") == 0


async def test_leaving_member_leaves_the_retried_events_to_the_others(queue: Queue) -> None:
    await add_member(queue, "c.1")
    await queue.insert("1", "2")
    await queue.tick()
    batch = await queue.next_batch()
    assert await queue.call("pgq.batch_retry(%s, 0)", batch) == 2
    assert await queue.call("pgq.unregister_consumer('q', 'c.1')") == 1
    assert await queue.call("count(*) from pgq.retry_queue") == 2
    assert await queue.call("pgq.unregister_consumer('q', 'c')") == 1
    assert await queue.call("count(*) from pgq.retry_queue") == 0


# ---------------------------------------------------------------- rights

READ = (
    "pgq.register_consumer('q', 'mine')",
    "pgq.next_batch('q', 'mine')",
    "count(*) from pgq.get_batch_events((select pgq.next_batch('q', 'c')))",
    "count(*) from pgq.event_1",
    "pgq.force_tick('q')",
)
WRITE = (
    "pgq.insert_event('q', 'a', 'b')",
    "pgq.insert_event('q', 'a', 'b', 'c', 'd', 'e', 'f')",
    "pgq.current_event_table('q')",
)
ADMINISTER = (
    "pgq.create_queue('new')",
    "pgq.ticker()",
    "pgq.maint_retry_events()",
    "pgq.maint_rotate_tables_step1('q')",
    "pgq.maint_rotate_tables_step2()",
    "pgq.insert_event_raw('q', null, now(), null, null, 'a', 'b', null, null, null, null)",
    "pgq.set_queue_config('q', 'ticker_paused', 'false')",
)
LOOK = (
    "count(*) from pgq.get_queue_info()",
    "count(*) from pgq.get_consumer_info('q')",
    "pgq.version()",
)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("pgq_reader", LOOK + READ, WRITE + ADMINISTER),
        ("pgq_writer", LOOK + WRITE, READ + ADMINISTER),
        ("pgq_admin", LOOK + READ + WRITE + ADMINISTER, ()),
    ],
)
async def test_role_may_do_its_part_and_no_more(
    queue: Queue, role: str, may: tuple[str, ...], may_not: tuple[str, ...]
) -> None:
    await queue.insert("1", "2")
    await queue.tick()
    await queue.call("pgq.set_queue_config('q', 'rotation_period', '0')")
    await queue.db.execute(f"set role {role}")
    for expression in may:
        await queue.call(expression)
    for expression in may_not:
        with pytest.raises(DatabaseError) as caught:
            await queue.call(expression)
        assert caught.value.sqlstate == "42501", expression
    await queue.db.execute("reset role")


async def test_grants_of_the_template_reach_the_tables_of_a_queue(queue: Queue) -> None:
    await queue.db.execute("grant select on pgq.event_template to pgq_writer")
    try:
        assert await queue.call("pgq.grant_perms('q')") == 1
        for table in ("event_1", "event_1_0", "event_1_1", "event_1_2"):
            assert await queue.call(
                "has_table_privilege('pgq_writer', %s, 'select')", f"pgq.{table}"
            )
    finally:
        await queue.db.execute("revoke select on pgq.event_template from pgq_writer")


async def test_operators_of_the_caller_have_no_power_in_functions_of_the_owner(
    queue: Queue,
) -> None:
    """A function that runs with the owner's rights must not look into the caller's schemas."""
    unpinned = await queue.db.fetch_all(
        "select proname from pg_proc where pronamespace = 'pgq'::regnamespace and prosecdef"
        " and not coalesce(proconfig::text like '%search_path=pg_catalog, pg_temp%', false)"
    )
    assert unpinned == []


async def test_every_table_and_column_says_what_it_is(database: Database) -> None:
    silent = await database.fetch_all(
        "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'pgq'::regnamespace and c.relkind = 'r' and a.attnum > 0"
        " and (obj_description(c.oid, 'pg_class') is null"
        " or col_description(c.oid, a.attnum) is null)"
    )
    assert silent == []


async def test_event_ids_are_drawn_one_by_one(queue: Queue) -> None:
    """Apply lets the highest id win, which a cache of ids in each session would break."""
    caches = await queue.db.fetch_all(
        "select sequencename, cache_size from pg_sequences where schemaname = 'pgq'"
    )
    assert {row.cache_size for row in caches} == {1}
