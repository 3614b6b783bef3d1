"""``tailrace run`` struck at every reach point of the batch protocol: nothing lost or doubled.

Doubled rows cannot hide: applied twice, an insert meets its own key and stops the worker.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, differences, equal_everywhere
from fixtures.freezing import Freezes
from fixtures.process import StartProcess
from fixtures.striking import Strikes
from model.replay import Trace, replay_or_keep
from tailrace import faults

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

HERE = (
    "queue/ticker.py",
    "cascade/position.py",
    "cascade/worker.py",
    "cascade/watermark.py",
    "replication/consumer.py",
)
SETTINGS = {"TAILRACE_LOCAL_WATERMARK_PERIOD": "100ms", "TAILRACE_POLL": "200ms"}
POINTS = sorted(name for name, place in faults.declared().items() if place in HERE)


class Three:
    """A root, a branch below it and a leaf below that, with one table."""

    def __init__(self, root: TestNode, branch: TestNode, leaf: TestNode) -> None:
        self.nodes = (root, branch, leaf)
        self.root, self.branch, self.leaf = self.nodes
        self.databases = [node.db for node in self.nodes]
        self._next = 1
        self._looks = 0

    async def write(self) -> None:
        """Change something in several transactions: new rows, changed ones, deleted ones.

        And many events in one of them: a mirror takes few events in one step, many in several.
        """
        first, self._next = self._next, self._next + 20
        db = self.root.db
        await db.execute(
            "insert into public.t select i, 'new' from generate_series(%s::int, %s::int) i",
            first, first + 19,
        )  # fmt: skip
        await db.execute(
            "update public.t set v = v || '.' where id > %s and id %% 3 = %s", first - 60, first % 3
        )
        await db.execute("delete from public.t where id %% 5 = %s", first % 5)
        await db.execute(
            "do $$ begin for n in 1 .. 120 loop"
            " update public.t set v = n::text where id = (select max(id) from public.t);"
            " end loop; end $$"
        )

    async def write_now_and_then(self) -> None:
        """There are ticks without events, too."""
        self._looks += 1
        if self._looks % 3 == 0:
            await self.write()

    async def taken(self) -> int:
        """How often anybody has taken a consumer over."""
        epochs = "select coalesce(sum(epoch), 0) from tailrace.runner"
        return sum([int(await db.fetch_value(epochs)) for db in self.databases])

    async def equal(self) -> bool:
        """The table is the same everywhere."""
        return await equal_everywhere(*self.nodes)

    async def check(self) -> None:
        """Everything is everywhere, once."""
        assert await self.equal()
        assert await differences(self.root, self.branch) == []
        assert await self.branch.ticks() == [
            tick for tick in await self.root.ticks() if tick <= await self.branch.position()
        ]


async def three(cascade: Cascade) -> Three:
    """Make the cascade; the tables are live from the start."""
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    made = Three(root, branch, await cascade.leaf("node3", branch))
    await root.db.execute("select pgq.set_queue_config('flow', 'ticker_idle_period', '200 ms')")
    for node in made.nodes:
        await node.add_table()
    await branch.set_live()
    await made.leaf.set_live()
    await branch.db.execute("select tailrace.ensure_apply('flow')")
    return made


def test_there_are_reach_points_at_every_step_of_the_protocol() -> None:
    assert {
        "ticker.before_round",
        "ticker.after_round",
        "position.after_take_over",
        "mirror.after_position",
        "mirror.after_copy",
        "mirror.before_events_commit",
        "mirror.after_events_commit",
        "mirror.before_empty_tick",
        "mirror.after_tick",
        "watermark.before_report",
        "watermark.after_report",
        "position.before_finish",
        "position.after_finish",
        "apply.after_position",
        "apply.before_commit",
        "apply.after_commit",
    } <= set(POINTS)


def test_the_design_page_says_what_happens_at_each_of_them() -> None:
    page = (Path(__file__).parents[2] / "docs" / "design" / "batches.md").read_text()
    assert [point for point in POINTS if f"`{point}`" not in page] == []


async def test_nothing_is_lost_or_doubled_when_killed_at_each_of_them_in_turn(
    cascade: Cascade, process: StartProcess, tmp_path: Path
) -> None:
    """Each process first mends what the one before has left, then dies at its point.

    In the end the model goes through all that they did, one after the other.
    """
    nodes = await three(cascade)
    settings = SETTINGS | {faults.TRACE_VARIABLE: str(tmp_path / "trace")}
    strikes = Strikes(process, nodes.databases, settings, "kill", nodes.equal)
    for number, point in enumerate(POINTS):
        await nodes.write()
        await strikes.strike(point, 1 + number % 2, nodes.write_now_and_then)
    await nodes.write()
    await strikes.mend()
    await nodes.check()
    replay_or_keep(Trace.read(tmp_path / "trace", QUEUE))


async def test_nothing_is_lost_or_doubled_when_frozen_at_each_of_them_and_woken_up(
    cascade: Cascade, process: StartProcess, tmp_path: Path
) -> None:
    """Two processes replace each other, again and again; `make soak` freezes both everywhere.

    The ticker has no seat to be taken: it is frozen in ``test_processes``.
    """
    seated = [point for point in POINTS if not point.startswith("ticker.")]
    nodes = await three(cascade)
    settings = SETTINGS | {faults.TRACE_VARIABLE: str(tmp_path / "trace")}
    points = [f"{point}@{2 + number % 3}" for number, point in enumerate(seated)]
    lists = [points, points] if "STRIKES" in os.environ else [points[::2], points[1::2]]
    await nodes.write()
    freezes = Freezes(process, nodes.databases, settings)
    taken = await nodes.taken()
    await freezes.through(lists, nodes.write_now_and_then)
    assert await nodes.taken() >= taken + len(points)
    await nodes.write()
    await freezes.end(nodes.equal)
    await nodes.check()
    replay_or_keep(Trace.read(tmp_path / "trace", QUEUE))
