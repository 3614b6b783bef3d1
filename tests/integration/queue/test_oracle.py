"""The same random calls on the original extension and on ours must have the same results.

The extension is the specification here. Calls alternate between the two, each on a server of its
own, so that both see the same transactions begin and end. Times are set by hand after each tick, so
that everything that is computed from them can be compared as well.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from fixtures.databases import Connect
from fixtures.peers import PeerDatabase
from fixtures.server import Server
from tailrace.db.connection import Database
from tailrace.errors import TailraceError

pytestmark = pytest.mark.sql

RAISED = "raised"
CONSUMERS = ("alpha", "beta", "gamma")
WRITERS = 4

OWNER = (
    "(select co_name from pgq.subscription join pgq.consumer on co_id = sub_consumer"
    " where sub_id = e.ev_owner)"
)
# Only ours has a cascade installed beside it.
MAINTENANCE = (
    "select * from pgq.maint_operations() where coalesce(func_arg, '') not like 'pgq_node.%%'"
)

Side = tuple[Database, list[Database]]
Pair = tuple[Side, Side]


@pytest_asyncio.fixture
async def pair(
    database: Database,
    peer_database: PeerDatabase,
    connect: Connect,
    server: Server,
    peer_server: Server,
) -> Pair:
    """Two databases with several sessions each: ours, and one with the original extension."""

    async def side(db: Database) -> Side:
        return db, [await connect(db) for _ in range(WRITERS)]

    both = await side(database), await side(await peer_database(["pgq"]))
    for one in (server, peer_server):
        one.settle()
    return both


async def result(db: Database, sql: str, *args: object) -> Any:
    """Run a statement; return its rows, or that it raised."""
    try:
        return [tuple(row) for row in await db.fetch_all(sql, *args)]
    except TailraceError:
        return RAISED


class Twins:
    """Does everything on both sides and compares; ``story`` tells what was done."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.story: list[str] = []

    async def both(self, sql: str, *args: object, writer: int | None = None) -> Any:
        """Run one statement on both sides; return what both of them returned."""
        session = "admin" if writer is None else f"writer {writer}"
        self.story.append(f"{session}: {sql} {args}")
        results = []
        for admin, writers in self.pair:
            db = admin if writer is None else writers[writer]
            results.append(await result(db, sql, *args))
        assert results[0] == results[1], "\n".join(["ours != theirs after:", *self.story[-60:]])
        self.story[-1] += f" -> {results[0]}"
        return results[0]

    async def value(self, sql: str, *args: object) -> Any:
        """Run one statement and return its only value (or that it raised)."""
        rows = await self.both(sql, *args)
        return rows[0][0] if isinstance(rows, list) and rows else rows

    async def same_state(self) -> None:
        """Compare all that can be seen, but for times, transaction ids and internal ids.

        (A failed registration of the original uses up an id of a consumer, ours does not.)
        """
        await self.both("select co_name from pgq.consumer order by 1")
        await self.both("select tick_queue, tick_id, tick_event_seq from pgq.tick order by 1, 2")
        await self.both(
            "select sub_queue, co_name, sub_last_tick, sub_batch, sub_next_tick"
            " from pgq.subscription join pgq.consumer on co_id = sub_consumer order by 1, 2"
        )
        await self.both(
            "select ev_queue, ev_id, ev_txid, ev_retry, ev_type, ev_data, ev_extra1,"
            f" {OWNER} as owner from pgq.retry_queue as e order by owner, ev_queue, ev_id"
        )
        await self.both(
            "select tableoid::regclass::text, ev_id, ev_owner is null, ev_retry, ev_type, ev_data,"
            f" ev_extra1, {OWNER} as owner from pgq.event_template as e"
            " order by 1, 2, 3, owner, ev_retry"
        )
        await self.both(
            "select queue_name, queue_ntables, queue_cur_table, queue_external_ticker,"
            " queue_ticker_paused, queue_ticker_max_count, round(ev_per_sec::numeric, 6), ev_new,"
            " last_tick_id from pgq.get_queue_info()"
        )
        await self.both(
            "select queue_name, consumer_name, last_tick, current_batch, next_tick,"
            " pending_events from pgq.get_consumer_info()"
        )
        await self.both(MAINTENANCE)


class RandomCalls:
    """A user without a plan, but with a seed."""

    def __init__(self, twins: Twins, seed: int) -> None:
        self.twins = twins
        self.random = random.Random(seed)
        self.open_transactions: set[int] = set()
        self.clock = 0
        self.number = 0
        self.seen = Counter[str]()

    def note(self, what: str, count: int) -> None:
        """Count what was seen, lest all be equal only because nothing happened."""
        self.seen[what] += count

    async def prepare(self) -> None:
        for queue in ("one", "two"):
            await self.twins.value("select pgq.create_queue(%s)", queue)
            for consumer in ("alpha", "beta"):
                await self.twins.value("select pgq.register_consumer(%s, %s)", queue, consumer)
        await self.twins.both("update pgq.queue set queue_rotation_period = '0'")

    def queue(self) -> str:
        return self.random.choice(("one", "one", "one", "two", "two", "none"))

    def consumer(self) -> str:
        return self.random.choice(CONSUMERS + CONSUMERS[:2] * 2)

    async def step(self) -> None:
        actions: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (30, self.insert),
            (10, self.begin_or_end),
            (5, self.savepoint),
            (12, self.tick),
            (2, self.tick_inside_transaction),
            (1, self.force_tick),
            (20, self.next_batch),
            (12, self.read_batch),
            (8, self.read_cursor),
            (12, self.finish_batch),
            (6, self.retry_event),
            (3, self.retry_batch),
            (2, self.retry_raw),
            (5, self.move_retries),
            (6, self.rotate),
            (8, self.catch_up),
            (3, self.settle),
            (3, self.register),
            (1, self.unregister),
            (1, self.configure),
            (3, self.twins.same_state),
        ]
        chosen = self.random.choices([a for _, a in actions], [w for w, _ in actions])[0]
        await chosen()

    async def insert(self) -> None:
        self.number += 1
        queue = self.random.choice(("one", "two"))
        writer = self.random.randrange(WRITERS)
        if self.random.random() < 0.5:
            sql, args = "pgq.insert_event(%s, 'short', %s)", (queue, str(self.number))
        else:
            sql = "pgq.insert_event(%s, 'long', %s, 'a', null, '', 'd')"
            args = (queue, str(self.number))
        await self.twins.both(f"select {sql}", *args, writer=writer)

    async def begin_or_end(self) -> None:
        writer = self.random.randrange(WRITERS)
        if writer in self.open_transactions:
            self.open_transactions.remove(writer)
            end = self.random.choice(("commit", "commit", "rollback"))
            await self.run(end, writer)
        else:
            self.open_transactions.add(writer)
            await self.run("begin", writer)

    async def savepoint(self) -> None:
        if not self.open_transactions:
            return
        writer = self.random.choice(sorted(self.open_transactions))
        await self.run("savepoint s", writer)
        await self.twins.both("select pgq.insert_event('one', 'inner', 'x')", writer=writer)
        if self.random.random() < 0.5:
            await self.run("rollback to savepoint s", writer)

    async def run(self, command: str, writer: int) -> None:
        self.twins.story.append(f"writer {writer}: {command}")
        for _, writers in self.twins.pair:
            await writers[writer].execute(command)

    async def set_times(self) -> None:
        """Give new ticks a time that is the same on both sides."""
        self.clock += self.random.choice((1, 5, 20))
        await self.twins.both(
            "with done as (update pgq.tick set tick_time = '2020-01-01'::timestamptz"
            " + make_interval(secs => %s) where tick_time > '2021-01-01' returning 1)"
            " select count(*) from done",
            self.clock,
        )

    async def tick(self) -> None:
        if self.random.random() < 0.6:
            await self.twins.value("select pgq.ticker()")
        else:
            await self.twins.value("select pgq.ticker(%s)", self.queue())
        await self.set_times()

    async def tick_inside_transaction(self) -> None:
        """An event inserted beside the tick is not in the batch that the tick ends."""
        for command in (
            "begin",
            "select pgq.insert_event('one', 'beside', 'before')",
            "select pgq.ticker('one')",
            "select pgq.insert_event('one', 'beside', 'after')",
            "commit",
        ):
            if command.startswith("select"):
                await self.twins.value(command)
            else:
                for admin, _ in self.twins.pair:
                    await admin.execute(command)
        await self.set_times()

    async def force_tick(self) -> None:
        await self.twins.value("select pgq.force_tick(%s)", self.queue())

    async def next_batch(self) -> None:
        queue, consumer = self.queue(), self.consumer()
        if self.random.random() < 0.6:
            batch = await self.twins.value("select pgq.next_batch(%s, %s)", queue, consumer)
        else:
            batch = await self.twins.value(
                "select * from pgq.next_batch_custom(%s, %s, %s::interval, %s, %s::interval)",
                queue,
                consumer,
                self.random.choice((None, None, "1 day", "1000 years")),
                self.random.choice((None, 0, 1, 3, 10, 1000)),
                self.random.choice((None, "0", "3 seconds", "20 seconds", "1 hour")),
            )
        self.note("batches", 1 if isinstance(batch, int) else 0)

    async def catch_up(self) -> None:
        """Let one consumer read and finish all there is, up to a lost position."""
        queue, consumer = self.queue(), self.consumer()
        while True:
            batch = await self.twins.value("select pgq.next_batch(%s, %s)", queue, consumer)
            if not isinstance(batch, int):
                return
            rows = await self.twins.both(
                "select ev_id, ev_retry, ev_data from pgq.get_batch_events(%s)", batch
            )
            self.note("batches", 1)
            self.note("events", len(rows))
            if self.random.random() < 0.1:
                await self.twins.value("select pgq.batch_retry(%s, 0)", batch)
            await self.twins.value("select pgq.finish_batch(%s)", batch)

    async def settle(self) -> None:
        """End all transactions and let everybody catch up, so that a rotation can go ahead."""
        for writer in sorted(self.open_transactions):
            await self.run("commit", writer)
        self.open_transactions.clear()
        await self.tick()
        for _ in range(4):
            await self.catch_up()
        await self.rotate()

    async def batch(self) -> int:
        """Choose a batch, mostly one that is open."""
        rows = await self.twins.both("select sub_batch from pgq.subscription order by 1")
        open_batches = [row[0] for row in rows if row[0] is not None]
        if open_batches and self.random.random() < 0.85:
            return self.random.choice(open_batches)
        return self.random.choice((1, 2, 77))

    async def event(self, batch: int) -> int:
        """Choose an event, mostly one of the batch."""
        rows = await self.twins.both("select ev_id from pgq.get_batch_events(%s)", batch)
        if isinstance(rows, list) and rows and self.random.random() < 0.9:
            return self.random.choice(rows)[0]
        return self.random.choice((1, 2, 999999))

    async def read_batch(self) -> None:
        batch = await self.batch()
        rows = await self.twins.both(
            "select ev_id, ev_retry, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4"
            " from pgq.get_batch_events(%s)",
            batch,
        )
        self.note("events", len(rows) if isinstance(rows, list) else 0)
        await self.twins.both(
            "select queue_name, consumer_name, batch_start, batch_end, prev_tick_id, tick_id,"
            " seq_start, seq_end from pgq.get_batch_info(%s)",
            batch,
        )

    async def read_cursor(self) -> None:
        batch, limit = await self.batch(), self.random.choice((-1, 0, 1, 2, 100))
        where = self.random.choice((None, "ev_id % 2 = 0", "ev_type = 'long' or ev_retry > 0"))
        self.twins.story.append("admin: begin")
        for admin, _ in self.twins.pair:
            await admin.execute("begin")
        first = await self.twins.both(
            "select ev_id, ev_retry, ev_data from pgq.get_batch_cursor(%s, 'cur', %s, %s)",
            batch,
            limit,
            where,
        )
        if first != RAISED:
            results = [
                [
                    (row.ev_id, row.ev_retry, row.ev_type, row.ev_data, row.ev_extra1)
                    for row in await admin.fetch_all("fetch all from cur")
                ]
                for admin, _ in self.twins.pair
            ]
            assert results[0] == results[1], "\n".join(self.twins.story[-60:])
        self.twins.story.append("admin: rollback")
        for admin, _ in self.twins.pair:
            await admin.execute("rollback")

    async def finish_batch(self) -> None:
        await self.twins.value("select pgq.finish_batch(%s)", await self.batch())

    async def retry_event(self) -> None:
        batch = await self.batch()
        await self.twins.value(
            f"select pgq.event_retry(%s, %s, {self.random.choice(('0', '3600', 'now()'))})",
            batch,
            await self.event(batch),
        )

    async def retry_batch(self) -> None:
        await self.twins.value("select pgq.batch_retry(%s, 0)", await self.batch())

    async def retry_raw(self) -> None:
        await self.twins.value(
            "select pgq.event_retry_raw(%s, %s, now(), %s, now(), %s, 't', 'd', null, '2', '', '')",
            self.queue(),
            self.consumer(),
            self.random.choice((None, 666, 667)),
            self.random.choice((None, 3)),
        )

    async def move_retries(self) -> None:
        # Which ten of many that are due at the same moment come first is nobody's promise.
        while moved := await self.twins.value("select pgq.maint_retry_events()"):
            self.note("retries", moved)

    async def rotate(self) -> None:
        if self.random.random() < 0.6:
            queue = self.queue()
            before = await self.twins.both("select sum(queue_cur_table) from pgq.queue")
            await self.twins.value("select pgq.maint_rotate_tables_step1(%s)", queue)
            after = await self.twins.both("select sum(queue_cur_table) from pgq.queue")
            self.note("rotations", before != after)
        else:
            await self.twins.value("select pgq.maint_rotate_tables_step2()")

    async def register(self) -> None:
        queue, consumer = self.queue(), self.consumer()
        if self.random.random() < 0.5:
            await self.twins.value("select pgq.register_consumer(%s, %s)", queue, consumer)
        else:
            tick = self.random.choice((None, 1, 2, *range(max(1, self.clock // 10), 30)))
            await self.twins.value(
                "select pgq.register_consumer_at(%s, %s, %s)", queue, consumer, tick
            )

    async def unregister(self) -> None:
        await self.twins.value(
            "select pgq.unregister_consumer(%s, %s)", self.queue(), self.consumer()
        )

    async def configure(self) -> None:
        name, value = self.random.choice(
            (
                ("ticker_max_count", "5"),
                ("ticker_max_count", "500"),
                ("ticker_max_lag", "0"),
                ("ticker_max_lag", "30 years"),
                ("ticker_idle_period", "0"),
                ("rotation_period", "0"),
                ("disable_insert", "1"),
                ("nonsense", "1"),
            )
        )
        await self.twins.value("select pgq.set_queue_config(%s, %s, %s)", self.queue(), name, value)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", range(4))
async def test_random_calls_have_the_results_of_the_original(pair: Pair, seed: int) -> None:
    twins = Twins(pair)
    calls = RandomCalls(twins, seed)
    await calls.prepare()
    for _ in range(500):
        await calls.step()
    for writer in sorted(calls.open_transactions):
        await calls.run("commit", writer)
    await twins.same_state()
    for what, least in (("batches", 40), ("events", 40), ("retries", 3), ("rotations", 3)):
        assert calls.seen[what] >= least, calls.seen


@pytest.mark.parametrize("seed", range(2))
async def test_ticker_rules_are_those_of_the_original(pair: Pair, seed: int) -> None:
    twins = Twins(pair)
    choose = random.Random(seed).choice
    await twins.value("select pgq.create_queue('q')")
    for _ in range(250):
        ages = sorted((choose((1, 7, 13, 26, 55, 110)), choose((1, 9, 21, 40, 80))), reverse=True)
        ticks = choose((0, 1, 2, 2, 2))
        await twins.both("with gone as (delete from pgq.tick returning 1) select null from gone")
        for number, age in enumerate(ages[:ticks]):
            await twins.both(
                "insert into pgq.tick (tick_queue, tick_id, tick_time, tick_event_seq)"
                " select queue_id, nextval(queue_tick_seq),"
                " now() - make_interval(secs => %s), pgq.seq_getval(queue_event_seq) + %s"
                " from pgq.queue returning tick_id",
                age + 0.5,
                choose((0, 0, 0, 3)) if number == 0 else 0,
            )
        for _ in range(choose((0, 0, 1, 4, 5, 6))):
            await twins.value("select pgq.insert_event('q', 'a', 'b')")
        for setting, values in (
            ("ticker_max_count", ("1", "5", "500")),
            ("ticker_max_lag", ("0", "5", "20", "100")),
            ("ticker_idle_period", ("0", "10", "30", "90")),
            ("ticker_paused", ("false", "false", "false", "true")),
            ("external_ticker", ("false", "false", "false", "true")),
        ):
            await twins.value("select pgq.set_queue_config('q', %s, %s)", setting, choose(values))
        await twins.value(choose(("select pgq.ticker('q')", "select pgq.ticker()")))
        await twins.both("select tick_id, tick_event_seq from pgq.tick order by 1")


CORNER_CASES = (
    "select pgq.version()",
    "select pgq.upgrade_schema()",
    "select array[pgq.quote_fqname('a'), pgq.quote_fqname('a.b.c'), pgq.quote_fqname('A.B c')]",
    "select array[pgq.quote_fqname(null), pgq.quote_fqname('.x'), pgq.quote_fqname('x.')]",
    "select pgq.create_queue(null)",
    "select pgq.create_queue('q')",
    "select pgq.create_queue('q')",
    "select pgq.create_queue('odd name''s \"queue\"')",
    "select queue_id, queue_name, queue_ntables, queue_data_pfx, queue_event_seq, queue_tick_seq,"
    " queue_extra_maint, queue_per_tx_limit, queue_rotation_period from pgq.queue order by 1",
    "select tick_queue, tick_id, tick_event_seq from pgq.tick order by 1, 2",
    "select array[pgq.tune_storage('q'), pgq.tune_storage('none'), pgq.tune_storage(null)]",
    "select pgq.grant_perms('q')",
    "select pgq.grant_perms('none')",
    "select pgq.set_queue_config('q', 'disable_insert', '1')",
    "select pgq.set_queue_config('q', 'ticker_max_lag', null)",
    "select pgq.set_queue_config('q', 'ticker_max_lag', 'tomorrow')",
    "select pgq.set_queue_config('none', 'ticker_max_lag', '1')",
    "select pgq.set_queue_config('q', 'ticker_max_lag', '1 hour')",
    "select pgq.seq_getval('none')",
    "select pgq.seq_getval(null)",
    "select pgq.seq_getval('pgq.event_1_id_seq')",
    "select pgq.seq_setval('pgq.event_1_id_seq', 1)",
    "select last_value, is_called from pgq.event_1_id_seq",
    "select pgq.seq_setval('pgq.event_1_id_seq', 5)",
    "select pgq.seq_setval('pgq.event_1_id_seq', 4)",
    "select pgq.seq_setval('pgq.event_1_id_seq', null)",
    "select array[pgq.force_tick('q'), pgq.force_tick('none'), pgq.force_tick(null)]",
    "select pgq.insert_event('none', 'a', 'b')",
    "select pgq.insert_event(null, 'a', 'b')",
    "select pgq.insert_event('q', null, null)",
    "select pgq.insert_event_raw('q', null, null, null, null, 'a', 'b', '1', '2', '3', '4')",
    "select pgq.insert_event_raw('q', 10, now(), 7, 8, 'a', 'b', '1', '2', '3', '4')",
    "select last_value from pgq.event_1_id_seq",
    "select pgq.current_event_table('q')",
    "select pgq.current_event_table('none')",
    "update pgq.queue set queue_disable_insert = true returning queue_id",
    "select pgq.insert_event('q', 'a', 'b')",
    "select pgq.insert_event_raw('q', 10, now(), 7, 8, 'a', 'b', '1', '2', '3', '4')",
    "select pgq.current_event_table('q')",
    "select last_value from pgq.event_1_id_seq",
    "update pgq.queue set queue_disable_insert = false returning queue_id",
    "update pgq.queue set queue_per_tx_limit = 2 returning queue_id",
    "select pgq.insert_event('q', 'a', n::text) from generate_series(1, 2) as t (n)",
    "select pgq.insert_event('q', 'a', n::text) from generate_series(1, 3) as t (n)",
    "update pgq.queue set queue_per_tx_limit = 0 returning queue_id",
    "select pgq.insert_event('q', 'a', 'b')",
    "update pgq.queue set queue_per_tx_limit = null returning queue_id",
    "select ev_id, ev_owner, ev_retry, ev_type, ev_data, ev_extra1, ev_extra4 from pgq.event_1"
    " order by 1, 2",
    "select pgq.register_consumer('q', null)",
    "select pgq.register_consumer(null, 'c')",
    "select pgq.register_consumer_at('q', 'c', 77)",
    "select pgq.register_consumer_at('q', 'c', 1)",
    "select pgq.register_consumer_at('q', 'c', 77)",
    "select pgq.register_consumer_at('q', 'c', null)",
    "select pgq.unregister_consumer('none', 'c')",
    "select pgq.unregister_consumer('q', 'none')",
    "select pgq.unregister_consumer(null, 'c')",
    "select pgq.next_batch('none', 'c')",
    "select pgq.next_batch('q', 'none')",
    "select pgq.next_batch('q', 'c')",
    "select * from pgq.next_batch_info('q', 'c')",
    "select * from pgq.next_batch_custom('q', 'c', null, null, null)",
    "select pgq.finish_batch(null)",
    "select pgq.finish_batch(99)",
    "select * from pgq.get_batch_info(null)",
    "select * from pgq.get_batch_info(99)",
    "select * from pgq.get_batch_events(99)",
    "select * from pgq.get_batch_events(null)",
    "select * from pgq.get_batch_cursor(99, 'c', 10)",
    "select * from pgq.get_batch_cursor(null, 'c', 10)",
    "select * from pgq.get_batch_cursor(99, null, 10, null)",
    "select * from pgq.get_batch_cursor(99, 'c', null, 'true')",
    "select pgq.event_retry(99, 1, 0)",
    "select pgq.batch_retry(99, 0)",
    "select pgq.event_retry_raw('q', 'none', now(), 1, now(), 1, 'a', 'b', '1', '2', '3', '4')",
    "select pgq.event_retry_raw('q', 'c', now(), 1, null, 1, 'a', 'b', '1', '2', '3', '4')",
    "select pgq.event_retry_raw('q', 'c', now(), 1, now(), 1, 'a', 'b', '1', '2', '3', '4')",
    "select pgq.event_retry_raw('q', 'c', now(), 1, now(), 1, 'a', 'b', '1', '2', '3', '4')",
    "select pgq.ticker('none')",
    "select pgq.ticker(null)",
    "select pgq.ticker('q', 9, now(), 500)",
    "select pgq.set_queue_config('q', 'external_ticker', 'true')",
    "select pgq.force_tick('q')",
    "select pgq.ticker('q')",
    "select pgq.ticker('none', 9, now(), 500)",
    "select pgq.ticker('q', 9, '2020-01-01', 5000)",
    "select pgq.ticker('q', 9, '2020-01-01', 5000)",
    "select pgq.ticker('q', 8, '2020-01-01', 400)",
    "select pgq.ticker('q', 10, null, 400)",
    "select pgq.ticker('q', 10, now(), null)",
    "select array[pgq.seq_getval(queue_event_seq), pgq.seq_getval(queue_tick_seq)] from pgq.queue"
    " order by queue_id",
    "select tick_queue, tick_id, tick_event_seq from pgq.tick order by 1, 2",
    "select pgq.set_queue_config('q', 'ticker_paused', 'true')",
    "select pgq.ticker('q', 11, now(), 400)",
    "select pgq.ticker()",
    "update pgq.queue set queue_extra_maint = '{a.b,c}', queue_rotation_period = '0'"
    " returning queue_id",
    MAINTENANCE,
    "select pgq.maint_rotate_tables_step1('none')",
    "select pgq.maint_rotate_tables_step1(null)",
    "select name from pgq.maint_tables_to_vacuum() as t (name) where name like 'pgq.%%'",
    "update pgq.subscription set sub_last_tick = 5 returning sub_id",
    "select pgq.next_batch('q', 'c')",
    "select pgq.maint_rotate_tables_step1('q')",
    "select pgq.drop_queue(null)",
    "select pgq.drop_queue(null, true)",
    "select pgq.drop_queue('none', true)",
    "select pgq.drop_queue('q')",
    "select pgq.drop_queue('q', false)",
    "select pgq.drop_queue('q', true)",
    "select count(*) from pg_class where relname like 'event_1%%'",
    "select count(*) from pgq.retry_queue",
    "select count(*) from pgq.consumer",
    "select pgq.drop_queue('odd name''s \"queue\"')",
    "select count(*) from pgq.tick",
)


async def test_corner_cases_answer_as_the_original_does(pair: Pair) -> None:
    twins = Twins(pair)
    for sql in CORNER_CASES:
        await twins.both(sql.replace("%%", "%"))


async def test_tables_have_the_columns_of_the_original(pair: Pair) -> None:
    twins = Twins(pair)
    await twins.value("select pgq.create_queue('q')")
    await twins.both(
        "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),"
        " a.attnotnull from pg_attribute a join pg_class c on c.oid = a.attrelid"
        " where c.relnamespace = 'pgq'::regnamespace and c.relkind = 'r' and a.attnum > 0"
        " order by 1, a.attnum"
    )
    await twins.both(
        "select conrelid::regclass::text, conname::text, contype::text from pg_constraint"
        " where connamespace = 'pgq'::regnamespace and contype in ('p', 'u', 'f') order by 1, 2"
    )
    await twins.both(
        "select c.relname::text, option from pg_class c, unnest(c.reloptions) as o (option)"
        " where c.relnamespace = 'pgq'::regnamespace and option not like 'toast_tuple_target=%%'"
        " order by 1, 2".replace("%%", "%")
    )


async def test_functions_take_and_return_what_those_of_the_original_do(pair: Pair) -> None:
    """Every function of the original that is here has its argument types, columns and rights."""
    catalog = (
        "select p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',"
        " p.proname::text, p.proargtypes::regtype[]::text, p.prorettype::regtype::text,"
        " p.proretset, (select array_agg(name order by place) from unnest(p.proargnames,"
        " p.proargmodes) with ordinality as a (name, mode, place) where mode = 'o')::text,"
        " (select string_agg(r.rolname, ' ' order by 1) from pg_roles r"
        " where r.rolname in ('pgq_reader', 'pgq_writer', 'pgq_admin')"
        " and has_function_privilege(r.oid, p.oid, 'execute'))"
        " from pg_proc p where p.pronamespace = 'pgq'::regnamespace"
    )
    (ours, _), (theirs, _) = pair
    mine = {tuple(row)[1:3]: tuple(row)[1:] for row in await ours.fetch_all(catalog)}
    internal = {"_grant_perms_from", "batch_event_tables", "find_tick_helper"}
    later = {"logutriga", "jsontriga", "sqltriga"}
    for row in await theirs.fetch_all(catalog):
        key = tuple(row)[1:3]
        if key[0] not in internal and (key[0] not in later or key in mine):
            assert mine.get(key) == tuple(row)[1:], key
