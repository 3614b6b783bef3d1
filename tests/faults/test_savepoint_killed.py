"""``tailrace run`` killed at every reach point of savepoints: nothing half-done, lost, doubled."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fixtures.cascade import Cascade, TestNode
from fixtures.process import StartProcess
from fixtures.waiting import eventually
from tailrace import faults

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

POINTS = {
    name: place for name, place in faults.declared().items() if place.startswith("jobs/savepoints/")
}
COMPLETE = "savepoint.after_complete"
WRITING = sorted(
    (name for name, place in POINTS.items() if place.endswith("writer.py")),
    key=lambda name: (name == COMPLETE, name),  # it leaves nothing to be done again
)
REMOVING = sorted(name for name, place in POINTS.items() if place.endswith("disposal.py"))
# The next process goes through a point once for what was left, if it was left before that point.
LOADED = ["restore.after_commit", "restore.before_close", "restore.after_close"]
RESTORING = sorted(
    (name for name, place in POINTS.items() if place.endswith("restore.py")),
    key=lambda name: (LOADED.index(name) if name in LOADED else -1, name),
)

LISTED = "select savepoint_path from tailrace.savepoints order by 1"


def test_there_are_reach_points_at_every_step() -> None:
    assert {
        "savepoint.after_intent", "savepoint.after_pin", "savepoint.after_snapshot",
        "savepoint.after_move", "savepoint.in_data", "savepoint.after_files",
        "savepoint.after_publish", COMPLETE,
    } <= set(WRITING)  # fmt: skip
    assert {"savepoint.after_removal", "savepoint.after_release"} <= set(REMOVING)
    assert {
        "restore.after_checks", "restore.after_rewind", "restore.in_data",
        "restore.before_position", "restore.before_commit", "restore.after_commit",
        "restore.before_close", "restore.after_close",
    } <= set(RESTORING)  # fmt: skip


class Served:
    """A tree, and processes that run it and die."""

    def __init__(self, process: StartProcess, *nodes: TestNode) -> None:
        self.nodes = nodes
        self.root, self.node = nodes[0], nodes[-1]
        self.job = self.node.worker if len(nodes) == 3 else self.node.apply
        self._process = process
        self._databases = [word for node in nodes for word in ("--db", node.dsn)]
        self._number = 100

    async def run(self, fault: str | None = None) -> Any:
        return await self._process(
            "run", *self._databases, env={"TAILRACE_FAULT": fault} if fault else {}
        )

    async def die(self, child: Any, point: str) -> None:
        def dead() -> bool:
            assert child.returncode == -signal.SIGKILL, f"{point}: {child.err[-2000:]}"
            return True

        await eventually(dead, 20)

    async def add_table(self) -> None:
        """A second table, which is live on all nodes."""
        for node in self.nodes:
            await node.db.execute("create table public.u (id integer primary key)")
            await node.db.execute("select * from tailrace.add_table('flow', 'public.u')")
        child = await self.run()
        live = "select bool_and(state = 'live') and count(*) = 2 from tailrace.table_info"
        for node in self.nodes[1:]:
            await eventually(lambda node=node: node.db.fetch_value(live), 30)  # type: ignore[misc]
        await child.kill()

    async def write(self) -> None:
        """Change the source in every way."""
        self._number += 1
        await self.root.db.execute("insert into public.t values (%s, 'new')", self._number)
        await self.root.db.execute(
            "update public.t set v = v || '.' where id %% 7 = %s", self._number % 7
        )
        await self.root.db.execute("delete from public.t where id = %s", self._number - 60)

    async def equal(self) -> bool:
        return await self.root.rows() == await self.node.rows()

    async def ask(self, directory: Path | str) -> str:
        row = await self.node.db.fetch_one(
            "select * from tailrace.request_savepoint(%s, %s)", self.job, str(directory)
        )
        assert row is not None
        return str(row.savepoint_path)

    async def listed(self) -> list[str]:
        return [row[0] for row in await self.node.db.fetch_all(LISTED)]

    async def pins(self) -> set[str]:
        """Pins in all databases of the tree."""
        found: set[str] = set()
        for db in (self.root.db, self.node.db):
            rows = await db.fetch_all(
                "select consumer_name from pgq.get_consumer_info()"
                " where consumer_name like '.savepoint.%'"
                " union select consumer_name from pgq_node.local_state"
                " where consumer_name like '.savepoint.%'"
            )
            found |= {row[0] for row in rows}
        return found


@pytest_asyncio.fixture(params=["leaf", "branch"])
async def served(request: pytest.FixtureRequest, cascade: Cascade, process: StartProcess) -> Served:
    """A root and a leaf below a branch, or a root and a branch, with rows in a table."""
    nodes = [await cascade.root()]
    for number, kind in enumerate(["branch", "leaf"] if request.param == "leaf" else ["branch"]):
        nodes.append(await cascade.add(f"node{number + 2}", kind, nodes[-1]))  # type: ignore[arg-type]
    for node in nodes:
        await node.add_table()
    await nodes[0].db.execute("insert into public.t select i, 'x' from generate_series(1, 50) i")
    tree = Served(process, *nodes)
    first = await tree.run()
    live = "select state = 'live' from tailrace.table_info"
    for node in nodes[1:]:
        await eventually(lambda node=node: node.db.fetch_value(live), 30)  # type: ignore[misc]
    await eventually(tree.equal, 30)
    await first.kill()
    return tree


async def test_savepoint_whose_writer_dies_is_never_seen_half_and_written_by_the_next(
    served: Served, tmp_path: Path
) -> None:
    """Each process writes what the one before has left, then dies in the next one."""
    asked: list[str] = []
    for number, point in enumerate(WRITING):
        await served.write()
        asked.append(await served.ask(tmp_path))
        await served.die(await served.run(f"{point}@{1 if number == 0 else 2}:kill"), point)
        complete = asked if point == COMPLETE else asked[:-1]
        assert await served.listed() == sorted(complete), point
        assert set(asked[:-1]) <= set(there(tmp_path)), point
        if point != "savepoint.after_publish":
            assert (asked[-1] in complete) == (asked[-1] in there(tmp_path)), point
    last = await served.run()
    await eventually(lambda: has(served, asked), 30)
    assert there(tmp_path, partial=True) == sorted(asked)
    pins = await served.pins()
    assert len(pins) == len(asked)
    # their removal, killed in the same way
    await last.kill()
    left = list(asked)
    # a branch's pin is in its own queue, so nobody is told elsewhere
    points = REMOVING if served.job == served.node.worker else ["savepoint.after_removal"]
    for point in points:
        await served.node.db.execute("select tailrace.request_drop_savepoint(%s)", left.pop())
        await served.die(await served.run(f"{point}:kill"), point)
    for path in left:
        await served.node.db.execute("select tailrace.request_drop_savepoint(%s)", path)
    await served.run()
    await eventually(lambda: has(served, []), 30)
    assert there(tmp_path, partial=True) == []
    assert await served.pins() == set()
    assert await served.node.db.fetch_value("select count(*) from tailrace.savepoint") == 0


def there(directory: Path, *, partial: bool = False) -> list[str]:
    """Savepoints of a directory; ``partial``: whatever is in it."""
    found = [path for path in directory.iterdir() if partial or not path.name.startswith(".")]
    assert partial or all((path / "_metadata").is_file() for path in found)
    return sorted(map(str, found))


async def has(served: Served, paths: list[str]) -> bool:
    return await served.listed() == sorted(paths)


async def test_job_killed_while_it_starts_from_a_savepoint_ends_where_the_source_is(
    served: Served, tmp_path: Path
) -> None:
    """Each process finishes the start that the one before has left, then dies in the next one."""
    path = await served.ask(tmp_path)
    child = await served.run()
    await eventually(lambda: has(served, [path]), 30)
    await child.kill()
    await stop(served)
    for number, point in enumerate(RESTORING):
        if number == 0:
            await start(served, path)
        child = await served.run(f"{point}@{1 if number == 0 else 2}:kill")
        if number > 0:
            await eventually(served.equal, 30)
            await stop(served)
            await start(served, path)
        await served.die(child, point)
        await served.write()
    await served.run()
    await eventually(served.equal, 30)
    status = f"select status from tailrace.jobs where job_name = '{served.job}'"
    await eventually(lambda: is_running(served, status), 20)
    missed = await served.node.db.fetch_value(
        "select sum(missed_updates + missed_deletes) from tailrace.table_info"
    )
    assert missed == 0
    assert await served.node.db.fetch_value("select count(*) from tailrace.restore") == 0
    assert await served.node.errors() == []


async def is_running(served: Served, status: str) -> bool:
    return bool(await served.node.db.fetch_value(status) == "RUNNING")


async def stop(served: Served) -> None:
    await served.node.db.execute(f"call tailrace.stop_job('{served.job}', timeout => '20 s')")


async def start(served: Served, path: str) -> None:
    await asyncio.wait_for(
        served.node.db.execute("select tailrace.request_start_job(%s, %s)", served.job, path),
        20,
    )


@pytest.mark.parametrize("served", ["leaf"], indirect=True)
async def test_savepoint_whose_writer_is_frozen_is_written_by_another(
    served: Served, tmp_path: Path
) -> None:
    path = await served.ask(tmp_path)
    frozen = await served.run("savepoint.after_files:stop")
    await eventually(lambda: partial(tmp_path), 30)
    await served.run()
    await eventually(lambda: has(served, [path]), 60)
    frozen.send(signal.SIGCONT)
    await frozen.says("savepoints", 20)  # that its connection was lost
    asked = [path, await served.ask(tmp_path)]
    await eventually(lambda: has(served, asked), 30)
    await eventually(lambda: not_partial(tmp_path), 30)
    assert there(tmp_path, partial=True) == sorted(asked)


@pytest.mark.parametrize("served", ["leaf"], indirect=True)
async def test_writer_that_wakes_up_after_another_has_written_leaves_its_savepoint_alone(
    served: Served, tmp_path: Path
) -> None:
    """On a disk and in an object store. It has files to write yet, and still sees its snapshot."""
    await served.add_table()
    for place in (str(tmp_path / "disk"), f"local://{tmp_path}/store"):
        path = await served.ask(place)
        frozen = await served.run("savepoint.in_data:stop")
        await eventually(lambda one=frozen: one.frozen, 30)  # type: ignore[misc]
        await served.write()
        other = await served.run()
        await eventually(lambda path=path: listed(served, path), 60)  # type: ignore[misc]
        before = contents(tmp_path, path)
        assert len(before) == 3
        frozen.send(signal.SIGCONT)
        await frozen.says("works again", 20)
        await frozen.says("savepoints", 20)  # that its connection was lost
        await other.kill()
        await frozen.kill()
        after = contents(tmp_path, path)
        assert {name: after.get(name) for name in before} == before
        assert path in await served.listed()


async def listed(served: Served, path: str) -> bool:
    return path in await served.listed()


def contents(directory: Path, path: str) -> dict[str, bytes]:
    """The files of a savepoint by name."""
    found = next(directory.glob(f"*/{path.rpartition('/')[2]}"))
    return {file.name: file.read_bytes() for file in found.iterdir()}


def partial(directory: Path) -> bool:
    return any(path.name.endswith(".partial") for path in directory.iterdir())


def not_partial(directory: Path) -> bool:
    return not partial(directory)
