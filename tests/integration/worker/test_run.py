"""``tailrace run``: all services of several databases in one process."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fixtures.cascade import (
    OPTIONS,
    QUEUE,
    TABLE,
    Cascade,
    TestNode,
    differences,
    equal_everywhere,
    running,
)
from fixtures.databases import NewDatabase
from fixtures.waiting import eventually
from tailrace.app import run
from tailrace.errors import ConnectError, SchemaMissing, TailraceError, WrongState


async def test_rows_written_at_the_root_reach_branch_and_leaves(cascade: Cascade) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    near, far = await cascade.leaf("node3", root), await cascade.leaf("node4", branch)
    await root.add_table()
    await root.db.execute("insert into public.t select i, 'before' from generate_series(1, 500) i")
    for node in (branch, near, far):
        await node.add_table()
    async with running(root, branch, near, far):
        await root.db.execute(
            "insert into public.t select i, 'during' from generate_series(501, 900) i"
        )
        await root.db.execute("update public.t set v = 'new' where id % 3 = 0")
        await root.db.execute("delete from public.t where id % 7 = 0")
        await eventually(lambda: equal_everywhere(root, branch, near, far), within=30)
    assert await differences(root, branch) == []


async def test_until_idle_ends_when_all_that_was_committed_is_everywhere(cascade: Cascade) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    for node in (root, branch, leaf):
        await node.add_table()
    await root.db.execute("insert into public.t select i, 'x' from generate_series(1, 100) i")
    dsns = [node.dsn for node in (root, branch, leaf)]
    await asyncio.wait_for(run(dsns, until_idle=True, options=OPTIONS, signals=False), 40)
    assert await equal_everywhere(root, branch, leaf)
    # and it has said so to those who keep events for it
    assert await root.subscription(branch.worker) == await branch.position()
    assert await branch.subscription(leaf.worker) == await leaf.position()


async def test_until_idle_fails_with_the_error_of_a_worker_that_cannot_go_on(
    cascade: Cascade,
) -> None:
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await root.add_table()
    await leaf.add_table()
    await leaf.set_live()
    await leaf.db.execute("set session_replication_role = replica")
    await leaf.db.execute("insert into public.t values (1, 'in the way')")
    await root.db.execute("insert into public.t values (1, 'x')")
    with pytest.raises(TailraceError, match="t_pkey"):
        await asyncio.wait_for(
            run([root.dsn, leaf.dsn], until_idle=True, options=OPTIONS, signals=False), 30
        )
    assert "public.t" in (await leaf.error() or "")


async def test_until_idle_says_that_a_worker_is_paused(cascade: Cascade) -> None:
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await root.event()
    await leaf.db.execute("select pgq_node.set_consumer_paused(%s, %s, true)", QUEUE, leaf.worker)
    with pytest.raises(WrongState, match='"node2_worker" of queue "flow" is paused'):
        await asyncio.wait_for(
            run([root.dsn, leaf.dsn], until_idle=True, options=OPTIONS, signals=False), 30
        )


async def test_failing_batch_shows_as_error_and_goes_on_once_the_cause_is_gone(
    cascade: Cascade,
) -> None:
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.add_table()
    await leaf.set_live()
    await leaf.db.execute("set session_replication_role = replica")
    await leaf.db.execute("insert into public.t values (7, 'in the way')")
    async with running(root, leaf):
        await root.db.execute("insert into public.t values (7, 'x')")
        await eventually(lambda: leaf.errors(), within=20, what="an error on record")
        await leaf.db.execute("delete from public.t where id = 7")
        await eventually(lambda: equal_everywhere(root, leaf), within=20)
        assert await eventually(lambda: no_errors(leaf), within=5)


async def no_errors(node: object) -> bool:
    """Say whether a node has no error on record."""
    return not await node.errors()  # type: ignore[attr-defined]


async def test_node_made_while_it_runs_is_served(cascade: Cascade) -> None:
    root = await cascade.root()
    later = await cascade.leaf("node2", root)
    await root.add_table()
    await root.db.execute("insert into public.t values (1, 'x')")
    async with running(root, later):
        await later.add_table()
        await eventually(lambda: equal_everywhere(root, later), within=20)


async def test_branch_gets_its_applying_consumer_with_the_first_table(cascade: Cascade) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    await root.add_table()
    async with running(root, branch):
        await root.db.execute("insert into public.t values (1, 'x')")
        await branch.add_table()
        await eventually(lambda: equal_everywhere(root, branch), within=20)
        assert await branch.subscription(branch.apply) is not None
        await branch.db.execute("select tailrace.remove_table(%s, 'public.t')", QUEUE)
        await eventually(lambda: gone(branch), within=10, what="the applying consumer is removed")
    assert await branch.subscription(branch.apply) is None


async def gone(branch: object) -> bool:
    """Say whether the applying consumer is no more."""
    return await branch.subscription(branch.apply) is None  # type: ignore[attr-defined]


async def test_database_without_schemas_is_refused(
    cascade: Cascade, new_database: NewDatabase
) -> None:
    bare = await new_database(installed=False)
    with pytest.raises(SchemaMissing, match="tailrace install"):
        await run([bare.dsn], signals=False)


async def test_unknown_database_is_refused(cascade: Cascade) -> None:
    root = await cascade.root()
    await root.db.execute(TABLE)
    missing = root.dsn.replace(root.db.dbname, "no_such_database")
    with pytest.raises(ConnectError, match="no_such_database"):
        await run([root.dsn, missing], signals=False)


async def test_until_idle_fails_with_the_error_of_a_copy_that_cannot_succeed(
    cascade: Cascade,
) -> None:
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await root.add_table()
    await root.db.execute("insert into public.t values (1, 'too long')")
    await leaf.add_table()
    await leaf.db.execute("alter table public.t alter v type varchar(3)")
    with pytest.raises(TailraceError, match="too long"):
        await asyncio.wait_for(
            run([root.dsn, leaf.dsn], until_idle=True, options=OPTIONS, signals=False), 40
        )


async def test_stopping_ends_with_the_tick_under_way_and_loses_nothing(cascade: Cascade) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    for _ in range(3):
        async with running(root, branch):
            for _ in range(20):
                await root.event("x" * 1000, "some:thing", "x")
            before = await branch.position()

            async def moved(before: int = before) -> bool:
                return await branch.position() > before

            await eventually(moved, within=20)
    async with running(root, branch):
        newest = (await root.ticks())[-1]

        async def there() -> bool:
            return await branch.position() >= newest

        await eventually(there, within=20)
    assert await differences(root, branch) == []


async def test_until_idle_fails_when_the_root_cannot_be_asked(cascade: Cascade) -> None:
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await leaf.db.execute(
        "update pgq_node.node_location set node_location ="
        " replace(node_location, %s, 'nowhere') where node_name = 'node1'", root.db.dbname,
    )  # fmt: skip
    with pytest.raises(ConnectError, match="nowhere"):
        await asyncio.wait_for(run([leaf.dsn], until_idle=True, options=OPTIONS, signals=False), 30)


async def test_copied_table_becomes_live_without_waiting_for_the_next_poll(
    cascade: Cascade,
) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    await root.add_table()
    await root.db.execute("insert into public.t values (1, 'x')")
    async with running(root, branch, leaf, options=replace(OPTIONS, poll=60.0)):
        await branch.add_table()
        await leaf.add_table()
        await eventually(lambda: equal_everywhere(root, branch, leaf), within=20)
        for node in (branch, leaf):
            await eventually(lambda n=node: live(n), within=10, what=f"live on {node.name}")


async def live(node: TestNode) -> bool:
    """Whether the table is applied with every batch."""
    state = await node.db.fetch_value("select state from tailrace.table_info")
    return bool(state == "live")
