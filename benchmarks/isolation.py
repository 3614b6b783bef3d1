"""What one stopped branch costs the root: with a sync group, without, and with a native slot.

Two trees of six nodes: node1 above node2 and node3, node4 below node2, node5 below node3, and below
node4 the edge, node6, whose worker is stopped while events pass. In one tree node4 and node5 keep
their watermark among themselves; in the other everybody follows the root. Event tables are rotated
every 10 s, watermarks told every 2 s, ticks made five times a second, as the mirrors of both trees
share one machine. Beside them a publication with a subscription that is stopped as well, on a
server of its own, since a slot keeps the WAL of a whole server.

All three get the same events at the same steady rate, at the same time. Sampled each second: what
the root keeps (events above its oldest tick, bytes of its event tables, WAL of the slot) and the
lag of node1 to node3 (age of their newest tick). In the end the edge of the first tree comes back
and must get everything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from benchmarks.native import Subscription
from benchmarks.picture import Panel, draw
from benchmarks.report import Result
from benchmarks.services import running, until
from benchmarks.stage import Scale, Stage
from tailrace import service
from tailrace.cascade.node import NodeType
from tailrace.db.connection import Database

QUEUE = "isolation"
ROTATION = 10.0
SETTINGS = {"rotation_period": f"{ROTATION:g} seconds", "ticker_max_lag": "200 milliseconds"}
PERIODS = {
    "TAILRACE_LOCAL_WATERMARK_PERIOD": "2s",
    "TAILRACE_GLOBAL_WATERMARK_PERIOD": "2s",
}
PROVIDERS = {
    "node1": None,
    "node2": "node1",
    "node3": "node1",
    "node4": "node2",
    "node5": "node3",
    "node6": "node4",
}
EDGE = "node6"
GROUP = ("node4", "node5")
LAGGING = ("node1", "node2", "node3")

# So many events pass in so many seconds; fewer of them in less, but in some rotations all the same.
SECONDS, LEAST = 170.0, 45.0
USUAL = 2_000_000
BEATS = 10
WITH, WITHOUT, NATIVE = "tailrace, sync group", "tailrace, none", "native"

CONFIGURE = "select pgq.set_queue_config(%s, %s, %s)"
KEPT = """
select newest.tick_event_seq - oldest.tick_event_seq as events,
    extract(epoch from clock_timestamp() - oldest.tick_time)::float8 as age,
    (select sum(pg_total_relation_size(i.inhrelid))::float8 from pg_inherits i
     where i.inhparent = q.queue_data_pfx::regclass) as bytes
from pgq.queue q,
    lateral (select * from pgq.tick where tick_queue = q.queue_id order by tick_id limit 1) oldest,
    lateral (select * from pgq.tick where tick_queue = q.queue_id
             order by tick_id desc limit 1) newest
where q.queue_name = %s
"""
NEWEST = """
select t.tick_id, extract(epoch from clock_timestamp() - t.tick_time)::float8 as age
from pgq.tick t join pgq.queue q on q.queue_id = t.tick_queue
where q.queue_name = %s order by t.tick_id desc limit 1
"""
# Many events by one statement, as the capture of a table writes them; one by one they would cost
# more than all the rest.
MAKE_WRITE = """
create function write_events(i_queue text, i_events int) returns void language plpgsql as $$
declare
    v_holds_back_rotation bigint := txid_current();
    v_queue record;
begin
    select * into v_queue from pgq.queue where queue_name = i_queue;
    execute format(
        'insert into %s_%s (ev_id, ev_time, ev_type, ev_data)'
        ' select nextval(%L), now(), ''note'', rpad(n::text, 100, ''.'')'
        ' from generate_series(1, $1) as n',
        v_queue.queue_data_pfx, v_queue.queue_cur_table, v_queue.queue_event_seq)
    using i_events;
end $$;
"""


@dataclass
class Sample:
    """How things were at one moment of the load."""

    at: float
    megabytes: float
    events: float = 0
    age: float = 0
    """Seconds since the oldest event that is kept."""
    lags: dict[str, float] = field(default_factory=dict)
    """Milliseconds."""


class Contestant(Protocol):
    """Something that keeps events for who is stopped."""

    name: str
    samples: list[Sample]

    async def write(self, count: int) -> None:
        """Write events in one transaction."""

    async def sample(self, at: float) -> Sample:
        """Look how it is."""


async def measure(stage: Stage, scale: Scale) -> list[Result]:
    """Let the events pass, show what was kept, and draw it."""
    seconds = max(LEAST, SECONDS * min(1.0, scale.events / USUAL))
    with stage.beside("native") as other:
        async with AsyncExitStack() as stack:
            group = await Tree.plant(stage, stack, WITH, "group", GROUP)
            plain = await Tree.plant(stage, stack, WITHOUT, "plain", None)
            slot = await Slot.make(other, stack)
            for tree in (group, plain):
                await stack.enter_async_context(tree.growing())
            everybody: tuple[Contestant, ...] = (group, plain, slot)
            late = await _load(everybody, scale.events, seconds)
            back = await group.bring_edge_back(scale.events)
    results = _results(group, plain, slot)
    rate = scale.events / seconds
    results[0].remarks = [
        f"{scale.events} events in {seconds + late:.0f} s, {rate:.0f} a second; {_settings()}",
        *(_verdict(tree, rate) for tree in (group, plain)),
        f"{WITH}: {EDGE} came back and had everything after {back:.1f} s",
    ]
    results[2].remarks = [_steadiness(tree) for tree in (group, plain)]
    path = stage.pictures / "isolation.png"
    drawn = draw(path, _heading(scale.events, rate), _panels(group, plain, slot, rate))
    results[0].remarks.append(
        f"drawn to {path}" if drawn else 'not drawn; for that: pip install "tailrace[bench]"'
    )
    return results


# ---------------------------------------------------------------- load


async def _load(everybody: Sequence[Contestant], events: int, seconds: float) -> float:
    """Write at a steady rate and sample each second; return how late it ended."""
    start = time.perf_counter()
    async with service.background(_watch(everybody, start), name="watch") as watching:
        await service.together(*(_write(one, events, seconds, start) for one in everybody))
        late = time.perf_counter() - start - seconds
        if watching.done():
            await watching
    return late


async def _write(one: Contestant, events: int, seconds: float, start: float) -> None:
    beats = round(seconds * BEATS)
    for beat in range(beats):
        await asyncio.sleep(max(0.0, start + beat / BEATS - time.perf_counter()))
        await one.write(events * (beat + 1) // beats - events * beat // beats)


async def _watch(everybody: Sequence[Contestant], start: float) -> None:
    second = 0
    while True:
        second += 1
        await asyncio.sleep(max(0.0, start + second - time.perf_counter()))
        at = time.perf_counter() - start
        for one in everybody:
            one.samples.append(await one.sample(at))


# ---------------------------------------------------------------- the three


@dataclass
class Tree:
    """Six nodes, served by one process for five of them and one for the edge."""

    name: str
    stage: Stage
    nodes: dict[str, Database]
    stack: AsyncExitStack
    writer: Database
    samples: list[Sample] = field(default_factory=list)

    @classmethod
    async def plant(
        cls,
        stage: Stage,
        stack: AsyncExitStack,
        name: str,
        prefix: str,
        group: tuple[str, ...] | None,
    ) -> Tree:
        """Make the nodes; those of the group are told so."""
        nodes: dict[str, Database] = {}
        for node, provider in PROVIDERS.items():
            kind: NodeType = "branch" if provider else "root"
            db = await stack.enter_async_context(await stage.database(f"{prefix}_{node}"))
            above = nodes[provider].dbname if provider else None
            member = group if group and node in group else None
            await stage.node(node, QUEUE, kind, db, above, sync_watermark=member)
            for setting, value in SETTINGS.items():
                if node != EDGE:  # which in the end is to show all that it has got
                    await db.fetch_value(CONFIGURE, QUEUE, setting, value)
            nodes[node] = db
        await nodes["node1"].execute(MAKE_WRITE)
        writer = await stack.enter_async_context(await stage.connect(nodes["node1"].dbname))
        return cls(name, stage, nodes, stack, writer)

    @asynccontextmanager
    async def growing(self) -> AsyncIterator[None]:
        """Serve all nodes until an event is everywhere, then all but the edge during the block."""
        edge = self.nodes[EDGE].dbname
        others = [db.dbname for name, db in self.nodes.items() if name != EDGE]
        async with running(self.stage, others, env=PERIODS):
            async with running(self.stage, [edge], env=PERIODS):
                before = await self.newest("node1")
                await self.writer.fetch_value("select pgq.insert_event(%s, 'first', '')", QUEUE)
                await self._edge_has(before + 1, within=60)
            yield

    async def _edge_has(self, tick: int, *, within: float) -> None:
        async def has_it() -> bool:
            return await self.newest(EDGE) >= tick

        await until(has_it, f"{self.name}: {EDGE} has tick {tick}", within=within)

    async def _all_ticked(self) -> bool:
        left = "select ev_new from pgq.get_queue_info(%s)"
        return not await self.nodes["node1"].fetch_value(left, QUEUE)

    async def newest(self, name: str) -> int:
        """The newest tick of a node."""
        return int(await self.nodes[name].fetch_value(NEWEST, QUEUE))

    async def write(self, count: int) -> None:
        """Write events on the root."""
        await self.writer.fetch_value("select public.write_events(%s, %s)", QUEUE, count)

    async def sample(self, at: float) -> Sample:
        """Ask the root what it keeps, and three nodes how far they are."""
        kept = await self.nodes["node1"].fetch_one(KEPT, QUEUE)
        assert kept is not None
        lags = {}
        for name in LAGGING:
            row = await self.nodes[name].fetch_one(NEWEST, QUEUE)
            assert row is not None
            lags[name] = row.age * 1000
        return Sample(at, kept.bytes / 1e6, kept.events, min(kept.age, at), lags)

    async def bring_edge_back(self, events: int) -> float:
        """Serve the edge again until it is current; it must have got everything."""
        await until(self._all_ticked, f"{self.name}: everything is in a tick")
        top, start = await self.newest("node1"), time.perf_counter()
        async with running(self.stage, [self.nodes[EDGE].dbname], env=PERIODS):
            await self._edge_has(top, within=180)
            seconds = time.perf_counter() - start
        edge = self.nodes[EDGE]
        table = await edge.fetch_value("select queue_data_pfx from pgq.queue")
        found = await edge.fetch_value(f"select count(*) from {table} where ev_type = 'note'")
        if found != events:
            raise SystemExit(f"{self.name}: {EDGE} has {found} events of {events}")
        return seconds


@dataclass
class Slot:
    """A publication, and a subscription that is stopped."""

    subscription: Subscription
    name: str = NATIVE
    samples: list[Sample] = field(default_factory=list)

    @classmethod
    async def make(cls, stage: Stage, stack: AsyncExitStack) -> Slot:
        """Let the subscription work once before it is stopped."""
        publisher, subscriber = [
            await stack.enter_async_context(await stage.database(name)) for name in ("pub", "sub")
        ]
        for db in (publisher, subscriber):
            await db.execute("create table note (id bigserial primary key, text text)")
        one = await Subscription.make(stage, "isolation", publisher, subscriber, table="note")
        stack.push_async_callback(one.drop)
        await one.enable()
        await one.disable()
        return cls(one)

    async def write(self, count: int) -> None:
        """Write rows like the events."""
        await self.subscription.publisher.execute(
            "insert into note (text) select rpad(n::text, 100, '.')"
            f" from generate_series(1, {count}) n"
        )

    async def sample(self, at: float) -> Sample:
        """Ask what the slot keeps."""
        return Sample(at, await self.subscription.retained() / 1e6)


# ---------------------------------------------------------------- what it shows


def _results(group: Tree, plain: Tree, slot: Slot) -> list[Result]:
    events = Result("events kept at the root, each second", unit="events")
    size = Result("kept at the root: event tables, WAL of the slot", unit="MB")
    lag = Result("lag of a node, each second", unit="ms")
    for tree in (group, plain):
        events.samples[tree.name] = [one.events for one in tree.samples]
        for node in LAGGING:
            lag.samples[f"{node}, {tree.name}"] = [round(one.lags[node], 1) for one in tree.samples]
    for contestant in (group, plain, slot):
        size.samples[contestant.name] = [round(one.megabytes, 1) for one in contestant.samples]
    return [events, size, lag]


def _verdict(tree: Tree, rate: float) -> str:
    """How much was kept at most, in rotation periods; half a second is lost to looking."""
    age = max(one.age for one in tree.samples)
    most = max(one.events for one in tree.samples)
    held = "stays within" if age <= 2 * ROTATION + 0.5 else "grows beyond"
    return (
        f"{tree.name}: {held} two rotation periods ({2 * ROTATION:g} s,"
        f" {2 * ROTATION * rate:.0f} events): at most {age:.1f} s, {most:.0f} events"
    )


def _steadiness(tree: Tree) -> str:
    """Lag at the beginning and in the end."""
    third = max(1, len(tree.samples) // 3)
    parts = []
    for node in LAGGING:
        first, last = (
            median(one.lags[node] for one in part)
            for part in (tree.samples[:third], tree.samples[-third:])
        )
        parts.append(f"{node} {first:.0f} and {last:.0f}")
    return f"{tree.name}: first and last third, ms: {', '.join(parts)}"


def _settings() -> str:
    return ", ".join(f"{name} {value}" for name, value in SETTINGS.items())


def _heading(events: int, rate: float) -> str:
    return f"{EDGE} is stopped while {events:,} events pass ({rate:,.0f} a second)"


def _panels(group: Tree, plain: Tree, slot: Slot, rate: float) -> list[Panel]:
    kept = Panel("events kept at the root", "events")
    kept.marks["two rotation periods"] = 2 * ROTATION * rate
    size = Panel("kept at the root: event tables of ours, WAL of the native slot", "MB")
    lag = Panel("lag (age of the newest tick)", "ms", logarithmic=True)
    for tree in (group, plain):
        kept.curves[tree.name] = [(one.at, one.events) for one in tree.samples]
        for node in LAGGING:
            lag.curves[f"{node}, {tree.name}"] = [(one.at, one.lags[node]) for one in tree.samples]
    for contestant in (group, plain, slot):
        size.curves[contestant.name] = [(one.at, one.megabytes) for one in contestant.samples]
    return [kept, size, lag]
