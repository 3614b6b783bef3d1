"""What savepoints hold, when nodes are moved, taken over, lost, removed and not reached."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.command import Tailrace
from fixtures.savepoints import Sql, live, pins, same, seeded, status_is
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.errors import WrongState
from tailrace.jobs.savepoints import service

pytestmark = pytest.mark.timeout(120)

FILL = "insert into public.t select i, 'x' from generate_series(%s::int, %s::int) i"
PATIENCE = ("--timeout", "30")


@pytest.fixture(autouse=True)
def _tidy_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PERIOD", 0.1)


async def grow(cascade: Cascade, *nodes: TestNode) -> None:
    """Give all nodes the table, which gets live when they run."""
    for node in nodes:
        await node.add_table()


async def start_over(sql: Sql, job: str, path: str) -> None:
    await sql(f"STOP JOB '{job}'", f"START JOB '{job}' FROM SAVEPOINT '{path}'")


@asynccontextmanager
async def writing(*places: TestNode) -> AsyncIterator[set[int]]:
    """Add rows at whichever node takes them, one after the other; in the set are those it took."""
    taken: set[int] = set()
    ended = asyncio.Event()

    async def write() -> None:
        async with AsyncExitStack() as stack:
            ways = [
                await stack.enter_async_context(await Database.connect(one.dsn, name="writer"))
                for one in places
            ]
            number = 1002
            while not ended.is_set():
                try:
                    await ways[0].execute(FILL, number, number)
                except WrongState:  # it is not the root
                    ways.append(ways.pop(0))
                    continue
                taken.add(number)
                number += 7

    task = asyncio.create_task(write())
    try:
        yield taken
    finally:
        ended.set()
        await task


async def test_savepoints_move_with_their_node_and_its_providers(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    other = await cascade.branch("node3", root)
    leaf = await cascade.leaf("leaf", branch)
    nodes = (root, branch, other, leaf)
    await grow(cascade, *nodes)
    sql = Sql(tailrace, leaf, tmp_path)
    async with running(*nodes):
        await live(branch, other, leaf)
        await root.db.execute(FILL, 1, 100)
        await same(root, branch, other, leaf)
        path = await sql.savepoint(leaf.worker)
        own = await sql.savepoint("node2.apply")
        pin = f".savepoint.{path[-12:]}"
        assert f"{pin} held" in (await pins(branch))["node2"]
        async with writing(root, branch) as taken:
            await root.db.execute("update public.t set v = 'y' where id <= 50")
            await tailrace("change-provider", "--provider", "node3", *PATIENCE, "--db", leaf.dsn)
            assert await pins(branch, other, leaf) == {
                "node2": [f".savepoint.{own[-12:]} held", f".savepoint.{own[-12:]} of node2"],
                "node3": [f"{pin} held"],
                "leaf": [f"{pin} of node3"],
            }
            await start_over(sql, leaf.worker, path)

            # the root goes elsewhere, and so does the provider of the leaf
            to_branch = ("takeover", "node1", "--node", "node2", *PATIENCE, "--db", branch.dsn)
            await tailrace(*to_branch)
            to_root = ("takeover", "node3", "--all", "--node", "node1", *PATIENCE, "--db", root.dsn)
            await tailrace(*to_root)
            await branch.db.execute("delete from public.t where id % 7 = 0")
            assert f"{pin} held" in (await pins(root))["node1"]
            await start_over(sql, leaf.worker, path)
        await same(branch, root, other, leaf)
        assert taken <= {number for number, _ in await leaf.rows()}
        listed = await sql.listed()
        assert listed[path]["ownership"] == "user"
        assert int(str(listed[path]["pinned events"])) > 0
        # what was a branch's is the root's now: its tables are the application's
        said = await sql.fails(f"DROP SAVEPOINT '{own}x'")
        assert "there is no savepoint" in said
        await sql(f"DROP SAVEPOINT '{path}'", f"DROP SAVEPOINT '{own}'")
        assert not any((await pins(*nodes)).values())


async def test_savepoint_whose_events_are_given_up_is_unpinned(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("leaf", root)
    nodes = (root, branch, leaf)
    await grow(cascade, *nodes)
    sql = Sql(tailrace, leaf, tmp_path)
    async with running(*nodes):
        await live(branch, leaf)
        await root.db.execute(FILL, 1, 100)
        await same(root, branch, leaf)
        path = await sql.savepoint(leaf.worker)
        tick = int(str((await sql.listed())[path]["position"]))
        for number in range(200, 205):
            await root.db.execute(FILL, number, number)
            await same(root, branch, leaf)
        # as if the branch had been made after that tick
        await branch.db.execute(
            "update pgq.subscription set sub_last_tick = (select max(tick_id) from pgq.tick);"
            " delete from pgq.tick where tick_id < (select max(tick_id) from pgq.tick)"
        )
        move = ("change-provider", "--provider", "node2", *PATIENCE, "--db", leaf.dsn)
        said = (await tailrace(*move, status=1)).err
        assert "give the savepoint's events up with --give-up-pins, or drop the savepoint" in said
        await tailrace(*move, "--give-up-pins")
        assert (await sql.listed())[path]["ownership"] == "unpinned"
        assert not any((await pins(*nodes)).values())
        await sql(f"STOP JOB '{leaf.worker}'")
        said = await sql.fails(f"START JOB '{leaf.worker}' FROM SAVEPOINT '{path}'")
        assert f"the savepoint needs tick {tick} of queue" in said
        await status_is(leaf, leaf.worker, "CANCELED")
        before = await leaf.rows()
        await sql(f"START JOB '{leaf.worker}'")
        assert await leaf.rows() == before
        await sql(f"DROP SAVEPOINT '{path}'")
        assert await sql.listed() == {}


async def test_savepoints_survive_the_loss_of_a_provider(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("leaf", branch)
    other = await cascade.branch("node3", root)
    await grow(cascade, root, branch, other, leaf)
    sql = Sql(tailrace, leaf, tmp_path)
    async with running(root, other, leaf):
        async with running(branch):
            await live(branch, other, leaf)
            await root.db.execute(FILL, 1, 100)
            await same(root, branch, other, leaf)
            path = await sql.savepoint(leaf.worker)
            await root.db.execute("delete from public.t where id > 90")
            await same(root, branch, other, leaf)
        await tailrace(
            "takeover", "node2", "--dead-branch", "--node", "node3", *PATIENCE, "--db", other.dsn
        )
        await start_over(sql, leaf.worker, path)
        await root.db.execute(FILL, 200, 300)
        await same(root, other, leaf)
        assert (await sql.listed())[path]["ownership"] == "user"
        await sql(f"DROP SAVEPOINT '{path}'")
        assert not any((await pins(root, other, leaf)).values())


async def test_savepoint_below_a_sync_node_does_not_hold_the_root(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root, sync=("node2",))
    leaf = await cascade.leaf("leaf", branch)
    await grow(cascade, root, branch, leaf)
    sql = Sql(tailrace, leaf, tmp_path)
    position = "select last_tick from pgq.get_consumer_info(%s, '.global_watermark')"
    async with running(root, branch, leaf):
        await live(branch, leaf)
        await root.db.execute(FILL, 1, 100)
        await same(root, branch, leaf)
        paths = {job: await sql.savepoint(job) for job in ("node2.apply", leaf.worker)}
        listed = await sql.listed()
        tick = max(int(str(row["position"])) for row in listed.values())

        async def moves_on() -> bool:
            await root.db.execute("update public.t set v = v || '.' where id = 1")
            await root.tick()
            return bool(await root.db.fetch_value(position, QUEUE) > tick)

        await eventually(moves_on, 20)
        held = await branch.db.fetch_value("select pgq_node.local_watermark(%s)", QUEUE)
        assert held <= tick
        for job, path in paths.items():
            await start_over(sql, job, path)
        await same(root, branch, leaf)
        seed = await seeded(cascade, tailrace, paths[leaf.worker], "seed", branch, "leaf")
        async with running(seed):
            await same(root, seed)


async def test_savepoint_is_dropped_later_when_its_holder_does_not_answer(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path, proxy
) -> None:
    root = await cascade.root()
    wall = await proxy(root.dsn)
    leaf = await cascade.leaf("leaf", root)
    await grow(cascade, root, leaf)
    await leaf.db.execute(
        "update pgq_node.node_location set node_location = %s where node_name = 'node1'", wall.dsn
    )
    sql = Sql(tailrace, leaf, tmp_path)
    async with running(root, leaf):
        await live(leaf)
        path = await sql.savepoint(leaf.worker)
        kept = await sql.savepoint(leaf.worker)
        wall.refuse()
        said = await sql(f"DROP SAVEPOINT '{path}'")
        assert 'is not gone yet: node "node1", which holds its events' in said.err
        assert (await sql.listed())[path]["ownership"] == "dropping"
        assert not Path(path).exists()  # noqa: ASYNC240 - a look at the disk
        said = await sql.fails(f"CREATE SAVEPOINT FOR JOB '{leaf.worker}'")
        assert 'node "node1" must hold its events, and cannot be asked' in said
        assert f".savepoint.{path[-12:]} of node1" in (await pins(leaf))["leaf"]
        # nor can one go back meanwhile: the job waits, until it is stopped or the holder answers
        await sql(f"STOP JOB '{leaf.worker}'")
        said = await sql(
            "SET 'tailrace.timeout' = '1s'",
            f"START JOB '{leaf.worker}' FROM SAVEPOINT '{kept}'", status=1,
        )  # fmt: skip
        assert f'waiting for the rows of savepoint "{kept}"' in said.err
        await status_is(leaf, leaf.worker, "RESTARTING")
        await sql(f"STOP JOB '{leaf.worker}'")
        await status_is(leaf, leaf.worker, "CANCELED")
        await leaf.db.execute("select tailrace.request_start_job(%s, %s)", leaf.worker, kept)
        # who cannot be asked may know what looks foreign
        mine = tmp_path / "savepoint-000000-000000000000"
        shutil.copytree(kept, mine)
        assert 'may be one of a database that cannot be asked: node "node1"' in await sql.fails(
            f"DROP SAVEPOINT '{mine}'"
        )
        wall.resume()

        async def gone() -> bool:
            pin = f".savepoint.{kept[-12:]}"
            return await pins(root, leaf) == {"node1": [f"{pin} held"], "leaf": [f"{pin} of node1"]}

        await eventually(gone, 20)
        assert set(await sql.listed()) == {kept, str(mine)}
        await status_is(leaf, leaf.worker, "RUNNING")


async def test_savepoint_of_a_node_that_is_removed_holds_nothing(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
) -> None:
    root = await cascade.root()
    leaf = await cascade.leaf("leaf", root)
    await grow(cascade, root, leaf)
    async with running(root, leaf):
        await live(leaf)
        path = await Sql(tailrace, leaf, tmp_path).savepoint(leaf.worker)
    await tailrace("drop-node", "leaf", "--queue", QUEUE, "--db", root.dsn)
    assert await pins(root, leaf) == {"node1": [], "leaf": []}
    sql = Sql(tailrace, leaf, tmp_path)
    (row,) = await sql.rows("SHOW SAVEPOINTS FOR JOB 'leaf_worker'")
    assert (row["savepoint path"], row["ownership"]) == (path, "unpinned")
    await sql(f"DROP SAVEPOINT '{path}'")
    assert await sql.listed() == {}
