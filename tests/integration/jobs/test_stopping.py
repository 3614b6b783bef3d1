"""STOP while much is under way: it ends soon, or says what it waits for."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.cascade import Cascade, TestNode, running
from fixtures.command import Tailrace
from fixtures.proxy import MakeProxy
from fixtures.savepoints import Sql, live, same, status_is
from tailrace import faults

pytestmark = pytest.mark.timeout(120)

FILL = "insert into public.t select i, 'x' from generate_series(1, 20000) i"


async def pair(cascade: Cascade) -> tuple[TestNode, TestNode]:
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.add_table()
    return root, leaf


async def test_during_a_copy(cascade: Cascade, tailrace: Tailrace, tmp_path: Path) -> None:
    root, leaf = await pair(cascade)
    await root.db.execute(FILL)
    sql = Sql(tailrace, root, tmp_path)
    with faults.watching("copy.in_data") as copy:
        copy.hold()
        async with running(root, leaf):
            await copy.wait(20)
            await sql("SET 'tailrace.timeout' = '10s'", f"STOP JOB '{leaf.worker}'")
            await status_is(leaf, leaf.worker, "CANCELED")
            copy.release()
            await sql(f"START JOB '{leaf.worker}'")
            await same(root, leaf)


async def test_during_a_batch(cascade: Cascade, tailrace: Tailrace, tmp_path: Path) -> None:
    root, leaf = await pair(cascade)
    sql = Sql(tailrace, root, tmp_path)
    async with running(root, leaf):
        await live(leaf)
        with faults.watching("apply.before_commit") as batch:
            batch.hold()
            await root.db.execute(FILL)
            await batch.wait(20)
            said = await sql.fails(f"SET 'tailrace.timeout' = '1s'; STOP JOB '{leaf.worker}'")
            assert "waiting for its runner to finish the batch that is under way" in said
            assert said.endswith("it stays asked to stop")
            batch.release()
        await status_is(leaf, leaf.worker, "CANCELED")


async def test_while_the_provider_is_deaf(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path, proxy: MakeProxy
) -> None:
    root, leaf = await pair(cascade)
    way = await proxy(root.dsn)
    move = "update pgq_node.node_location set node_location = %s where node_name = 'node1'"
    await leaf.db.execute(move, way.dsn)
    sql = Sql(tailrace, leaf, tmp_path)
    async with running(root, leaf):
        await live(leaf)
        way.deafen()
        await root.db.execute(FILL)
        said = await sql.fails(f"STOP JOB '{leaf.worker}' WITH DRAIN")
        assert "cannot be drained" in said
        assert "no answer within 5 s" in said
        assert await leaf.db.fetch_value("select drain_since is null from tailrace.job")
        await sql(f"SET 'tailrace.timeout' = '10s'; STOP JOB '{leaf.worker}'")
        await status_is(leaf, leaf.worker, "CANCELED")
