"""Catching up with a backlog: a leaf of ours against native logical replication.

The backlog is written while the subscriber is stopped. Measured is the time from starting it until
the last row, a marker, is visible: our consumer connects, learns the tables and reads; the server
launches its apply worker. The work is done in turn, on databases of the same server.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Protocol

from benchmarks.flights import make_source, make_target
from benchmarks.report import Result
from benchmarks.stage import Scale, Stage, tick_all, timed
from tailrace import service
from tailrace.app import Options, run
from tailrace.db.connection import Database
from tailrace.replication.consumer import ApplyingConsumer

QUEUE = "bench"
ACCOUNTS = 1_000_000
TABLES = ("flights", "accounts", "marker")

# Many small transactions, written by the server itself so that no client is the limit.
BACKLOGS = """
create procedure write_insert(rows int) language plpgsql as $$
begin
    for n in 0 .. rows / 1000 - 1 loop
        insert into public.flights select * from public.source
         where id between n * 1000 + 1 and n * 1000 + 1000;
        commit;
    end loop;
end $$;
create procedure write_delete(rows int) language plpgsql as $$
begin
    for n in 0 .. rows / 1000 - 1 loop
        delete from public.flights where id between n * 1000 + 1 and n * 1000 + 1000;
        commit;
    end loop;
end $$;
create procedure write_update(rows int) language plpgsql as $$
declare
    key int;
begin
    perform setseed(0.5);
    for n in 1 .. rows / 10 loop
        for m in 1 .. 5 loop
            key := 1 + floor(random() * 1000000);
            update public.accounts set abalance = abalance + n where aid = key;
        end loop;
        commit;
    end loop;
end $$;
"""
WORK = ("insert", "update", "delete")


class Competitor(Protocol):
    """A provider and a subscriber that can be stopped."""

    name: str
    provider: Database
    subscriber: Database

    async def write(self, work: str, rows: int) -> None:
        """Write a backlog, the subscriber being stopped."""

    async def catch_up(self, marker: int) -> float:
        """Start the subscriber and return the seconds until the marker is there."""


async def measure(stage: Stage, scale: Scale) -> list[Result]:
    """Insert, update and delete: three backlogs, each caught up by both in turn."""
    rows = scale.rows
    results = {
        "insert": Result(f"insert {rows} rows, 1000 a transaction"),
        "update": Result(f"update {rows // 2} rows, 5 a transaction"),
        "delete": Result(f"delete {rows} rows, 1000 a transaction"),
    }
    async with AsyncExitStack() as stack:
        competitors: list[Competitor] = [
            await Tailrace.make(stage, stack, rows),
            await Native.make(stage, stack, rows),
        ]
        marker = 0
        for repeat in range(scale.repeats):
            for work in WORK:
                marker += 1
                for one in competitors if repeat % 2 == 0 else reversed(competitors):
                    await one.write(work, rows)
                    await one.provider.execute(f"insert into marker values ({marker})")
                    await one.provider.execute("checkpoint")
                    results[work].add(one.name, await one.catch_up(marker))
                    await _check_equal(one)
    for result in results.values():
        result.ratio("native/tailrace", result.median("native"), result.median("tailrace"))
    return list(results.values())


async def _make_tables(db: Database) -> None:
    await make_target(db)
    await db.execute(
        "create table accounts (aid int primary key, bid int, abalance int, filler char(84));"
        " create table marker (id int primary key)"
    )
    await db.execute(
        f"insert into accounts select n, 1, 0, 'f' from generate_series(1, {ACCOUNTS}) n"
    )
    await db.execute("vacuum analyze accounts")


async def _make_provider(stage: Stage, name: str, rows: int) -> Database:
    db = await stage.database(name)
    await make_source(db, rows)
    await db.execute("create index on source (id)")
    await _make_tables(db)
    await db.execute(BACKLOGS)
    return db


async def _seen(db: Database, marker: int) -> None:
    while not await db.fetch_value(f"select count(*) from marker where id = {marker}"):
        await asyncio.sleep(0.01)


async def _check_equal(one: Competitor) -> None:
    """A fast run that lost a row is no result."""
    for table in TABLES:
        query = (
            "select row(count(*), coalesce(sum(hashtextextended(t::text, 0)), 0))::text"
            f" from {table} t"
        )
        here, there = await one.provider.fetch_value(query), await one.subscriber.fetch_value(query)
        if here != there:
            raise SystemExit(f"{one.name}: table {table} differs: {here} and {there}")


class Tailrace:
    """A root and a leaf; the ticker runs while the backlog is written, as it would."""

    name = "tailrace"

    def __init__(self, stage: Stage, provider: Database, subscriber: Database) -> None:
        self.stage, self.provider, self.subscriber = stage, provider, subscriber

    @classmethod
    async def make(cls, stage: Stage, stack: AsyncExitStack, rows: int) -> Tailrace:
        """Make both nodes with their tables, in step with each other."""
        provider = await stack.enter_async_context(await _make_provider(stage, "tr_root", rows))
        subscriber = await stack.enter_async_context(await stage.database("tr_leaf"))
        await _make_tables(subscriber)
        await stage.node("node1", QUEUE, "root", provider)
        await stage.node("node2", QUEUE, "leaf", subscriber, "tr_root")
        for db in (provider, subscriber):
            for table in TABLES:
                await stage.add_table(db, QUEUE, table)
        options = Options(poll=0.2)
        await run([provider.dsn, subscriber.dsn], until_idle=True, options=options, signals=False)
        return cls(stage, provider, subscriber)

    async def write(self, work: str, rows: int) -> None:
        """Write the backlog, ticking."""
        async with self.stage.ticking(self.provider.dbname):
            await self.provider.execute(f"call write_{work}({rows})")

    async def catch_up(self, marker: int) -> float:
        """Run the leaf's worker alone."""
        await tick_all(self.provider, QUEUE)
        with timed() as watch:
            consumer = ApplyingConsumer(self.subscriber.dsn, QUEUE, "node2_worker")
            async with service.background(consumer.run(), name="worker") as task:
                await _seen(self.subscriber, marker)
                watch.stop()
                consumer.request_stop()
                await task
        return watch.seconds


class Native:
    """A publication and a subscription, row format as the server chooses it."""

    name = "native"

    def __init__(self, provider: Database, subscriber: Database) -> None:
        self.provider, self.subscriber = provider, subscriber

    @classmethod
    async def make(cls, stage: Stage, stack: AsyncExitStack, rows: int) -> Native:
        """Make both databases; the slot is made first, since both are on one server."""
        provider = await stack.enter_async_context(await _make_provider(stage, "nat_pub", rows))
        subscriber = await stack.enter_async_context(await stage.database("nat_sub"))
        await _make_tables(subscriber)
        await provider.execute(f"create publication bench for table {', '.join(TABLES)}")
        await provider.fetch_all("select pg_create_logical_replication_slot('bench', 'pgoutput')")
        password = stage.password
        connection = f"{stage.dsn('nat_pub')}&password={password}".replace("'", "''")
        await subscriber.execute(
            f"create subscription bench connection '{connection}' publication bench"
            " with (create_slot = false, slot_name = 'bench', copy_data = false, enabled = false)"
        )
        stack.push_async_callback(cls._drop, subscriber)
        return cls(provider, subscriber)

    @staticmethod
    async def _drop(subscriber: Database) -> None:
        await subscriber.execute("drop subscription bench")

    async def write(self, work: str, rows: int) -> None:
        """Write the backlog; the slot keeps it.

        The slot is made anew first: an old one decodes again what lies before its restart point,
        such as the backlog before this one, and that would count against the peer.
        """
        await self.provider.fetch_all("select pg_drop_replication_slot('bench')")
        await self.provider.fetch_all(
            "select pg_create_logical_replication_slot('bench', 'pgoutput')"
        )
        await self.provider.execute(f"call write_{work}({rows})")

    async def catch_up(self, marker: int) -> float:
        """Enable the subscription, and disable it afterwards until its worker has gone."""
        with timed() as watch:
            await self.subscriber.execute("alter subscription bench enable")
            await _seen(self.subscriber, marker)
            watch.stop()
        await self.subscriber.execute("alter subscription bench disable")
        while await self.provider.fetch_value(
            "select active from pg_replication_slots where slot_name = 'bench'"
        ):
            await asyncio.sleep(0.01)
        return watch.seconds
