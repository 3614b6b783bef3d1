"""Commit to visible on a leaf two hops away: root, branch, leaf, beside two subscriptions in a row.

Light load: single rows, some 20 a second. The competitors take turns in blocks, and whoever is not
measured is stopped, since what one of them does all readers of the server's WAL see. Every node
is served by a ``tailrace run`` of its own, with the settings that nodes and queues have unless told
otherwise; the branch applies the rows to its own tables as well, as the middle subscriber does.

When a row is visible says the leaf itself: a trigger notifies, which arrives with the commit and
costs no competitor the time that looking all the time would. The clock starts when the root's
COMMIT has been answered.
"""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from benchmarks.native import Subscription
from benchmarks.report import Result, quantile
from benchmarks.services import each_running, tables_live, until
from benchmarks.stage import Scale, Stage
from tailrace import config, service
from tailrace.db.connection import Database

QUEUE = "cascade"
WARMING = 20
# A block of ours has so many times the rows: the other figures are to compare with, not to be met.
NATIVE_SHARE = 3
TARGETS = {0.5: (12, 8), 0.99: (35, 20)}

MAKE_SEEN = """
create function seen() returns trigger language plpgsql as $$
begin
    perform pg_catalog.pg_notify('seen', new.id::text);
    return null;
end $$;
create trigger seen after insert on hop for each row execute function seen();
alter table hop enable always trigger seen;
"""


@dataclass
class Chain(ABC):
    """Three databases, one behind the other."""

    name: str
    databases: list[Database]

    @property
    def root(self) -> Database:
        """Where rows are written."""
        return self.databases[0]

    @property
    def leaf(self) -> Database:
        """Where they are waited for."""
        return self.databases[2]

    @abstractmethod
    def running(self) -> AbstractAsyncContextManager[None]:
        """Carry rows while the block runs."""


async def measure(stage: Stage, scale: Scale) -> list[Result]:
    """Milliseconds for ours, for subscriptions as they are made, and with synchronous commit."""
    result = Result("commit to visible, root to leaf by way of a branch, light load", unit="ms")
    async with AsyncExitStack() as stack:
        ours = await Tailrace.make(stage, stack)
        chains: list[Chain] = [
            ours,
            await Native.make(stage, stack, "native, default", "casd", ""),
            await Native.make(
                stage, stack, "native, synchronous", "cass", ", synchronous_commit = on"
            ),
        ]
        key = 0
        for repeat in range(scale.repeats):
            for chain in chains if repeat % 2 == 0 else reversed(chains):
                count = scale.samples if chain is ours else max(10, scale.samples // NATIVE_SHARE)
                for value in await _block(chain, key, count):
                    result.add(chain.name, value)
                key += WARMING + count
                await _check_equal(chain)
        settings = await ours.tick_settings()
    for chain in chains[1:]:
        result.ratio(f"{chain.name}/tailrace", result.median(chain.name), result.median(ours.name))
    result.remarks = [*(_quantiles(*one) for one in result.samples.items()), settings]
    return [result]


def _quantiles(name: str, values: list[float]) -> str:
    figures = ", ".join(f"p{q * 100:g} {quantile(values, q):.1f}" for q in (0.5, 0.95, 0.99))
    if name != "tailrace":
        return f"{name}: {figures}"
    wanted = ", ".join(f"p{q * 100:g} {most} (aim {aim})" for q, (most, aim) in TARGETS.items())
    return f"{name}: {figures}; wanted {wanted}"


async def _block(chain: Chain, key: int, count: int) -> list[float]:
    """Commit single rows, after a few that do not count, and note when each is seen."""
    committed: dict[int, float] = {}
    arrived: dict[int, float] = {}
    wanted = count + WARMING
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(chain.running())
        ears = await stack.enter_async_context(
            await Database.connect(chain.leaf.dsn, name="bench ears")
        )
        await ears.execute("listen seen")
        await stack.enter_async_context(service.background(_hear(ears, arrived), name="ears"))
        for number in range(key + 1, key + wanted + 1):
            await chain.root.execute(f"insert into hop values ({number})")
            committed[number] = time.perf_counter()
            await asyncio.sleep(random.uniform(0.035, 0.065))

        async def all_there() -> bool:
            return len(arrived) == wanted

        await until(all_there, f"{chain.name}: all rows on the leaf", within=30)
    counted = list(committed)[WARMING:]
    return [(arrived[number] - committed[number]) * 1000 for number in counted]


async def _hear(ears: Database, arrived: dict[int, float]) -> None:
    while True:
        heard = await ears.notifications(timeout=5.0)
        now = time.perf_counter()
        for one in heard:
            arrived.setdefault(int(one.payload), now)


async def _check_equal(chain: Chain) -> None:
    query = "select row(count(*), sum(id))::text from hop"
    here, there = await chain.root.fetch_value(query), await chain.leaf.fetch_value(query)
    if here != there:
        raise SystemExit(f"{chain.name}: the leaf differs: {here} and {there}")


async def _databases(stage: Stage, stack: AsyncExitStack, prefix: str) -> list[Database]:
    """Three databases with the table; on the last one it says what it gets."""
    found = []
    for number in (1, 2, 3):
        db = await stack.enter_async_context(await stage.database(f"{prefix}_{number}"))
        await db.execute("create table hop (id int primary key)")
        found.append(db)
    await found[-1].execute(MAKE_SEEN)
    return found


@dataclass
class Tailrace(Chain):
    """A root, a branch and a leaf, each with a process of its own."""

    stage: Stage

    @classmethod
    async def make(cls, stage: Stage, stack: AsyncExitStack) -> Tailrace:
        """Make the three nodes; the table is copied when they first run."""
        root, branch, leaf = databases = await _databases(stage, stack, "cas")
        await stage.node("node1", QUEUE, "root", root)
        await stage.node("node2", QUEUE, "branch", branch, root.dbname)
        await stage.node("node3", QUEUE, "leaf", leaf, branch.dbname)
        for db in databases:
            await stage.add_table(db, QUEUE, "hop")
        return cls("tailrace", databases, stage)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the services."""
        async with each_running(self.stage, [db.dbname for db in self.databases]):
            for db in self.databases:
                await tables_live(db)
            yield

    async def tick_settings(self) -> str:
        """How the queue is ticked, in words."""
        row = await self.root.fetch_one("select * from pgq.get_queue_info(%s)", QUEUE)
        assert row is not None
        period = config.read().tick_period
        return (
            f"ticks: ticker_max_lag {row.queue_ticker_max_lag.total_seconds() * 1000:g} ms,"
            f" ticker_max_count {row.queue_ticker_max_count}, ticker_idle_period"
            f" {row.queue_ticker_idle_period.total_seconds():g} s, looked for every"
            f" {period * 1000:g} ms"
        )


@dataclass
class Native(Chain):
    """A publication, a database that subscribes and publishes, and a subscriber."""

    hops: list[Subscription]

    @classmethod
    async def make(
        cls, stage: Stage, stack: AsyncExitStack, name: str, prefix: str, options: str
    ) -> Native:
        """Make both subscriptions, with further options."""
        databases = await _databases(stage, stack, prefix)
        hops = []
        for number in (0, 1):
            hop = await Subscription.make(
                stage, f"{prefix}_{number}", *databases[number : number + 2],
                table="hop", options=options,
            )  # fmt: skip
            stack.push_async_callback(hop.drop)
            hops.append(hop)
        return cls(name, databases, hops)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Enable both subscriptions; what was kept meanwhile is read first."""
        for hop in self.hops:
            await hop.enable()
        yield
        for hop in self.hops:
            await hop.disable()
