"""Savepoints of replicas: what is in them, what starts from them, what they hold, how they go."""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path

import pytest

from fixtures.cascade import QUEUE, Cascade, running
from fixtures.command import Tailrace
from fixtures.history import History, is_at
from fixtures.savepoints import Sql, seeded
from fixtures.waiting import eventually
from tailrace import faults

# How many are taken in all: an even number; make soak takes more.
SAVEPOINTS = int(os.environ.get("SAVEPOINTS", "4"))

pytestmark = pytest.mark.timeout(180 + 10 * SAVEPOINTS)


async def test_savepoints_under_load_are_the_source_at_their_tick(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
) -> None:
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    history = History(root)
    await history.begin(branch, leaf)
    sql = Sql(tailrace, root, tmp_path)
    paths = []
    async with running(root, branch, leaf):
        await history.live(branch, leaf)
        async with history.going_on():
            for job in ("node2.apply", leaf.worker) * (SAVEPOINTS // 2):
                await asyncio.sleep(random.uniform(0, 0.3))
                paths.append(await sql.savepoint(job))
        await history.reached(branch, leaf)
        listed = await sql.listed()
        assert [str(path) for path in listed] == paths[::-1]  # newest first
        ticks = [int(str(listed[path]["position"])) for path in paths]
        assert {row["ownership"] for row in listed.values()} == {"user"}
        assert int(str(listed[paths[0]]["pinned events"])) > 0

        seeds = []
        for number, (path, tick) in enumerate(zip(paths, ticks, strict=True)):
            kind = "branch" if number == 2 else "leaf"
            # a tick means the same on every node, so any of them will do
            provider = root if number == 3 else branch
            seed = await seeded(cascade, tailrace, path, f"seed{number}", provider, kind)
            assert await is_at(seed, await history.seen_by(tick))
            if number < 4:
                seeds.append(seed)
            else:
                await tailrace("drop-node", seed.name, "--queue", QUEUE, "--db", root.dsn)
        assert await history.seen_by(ticks[0]) < history.n

        # and back in time on the nodes themselves, while the source goes on
        for job, path in (("node2.apply", paths[0]), (leaf.worker, paths[1])):
            await sql(f"STOP JOB '{job}'", f"START JOB '{job}' FROM SAVEPOINT '{path}'")
        async with history.going_on(), running(*seeds):
            await history.live(*seeds)
            written = history.n
            await eventually(lambda: history.n > written + 5, 20, what="more to be written")
        async with running(*seeds):
            await history.reached(branch, leaf, *seeds)
    for node in (branch, leaf, *seeds):
        missed = await node.db.fetch_value(
            "select sum(missed_updates + missed_deletes) from tailrace.table_info"
        )
        assert (missed, await node.errors()) == (0, [])
    (row,) = await sql.rows("DESCRIBE JOB 'node3_worker'")
    assert row["restored from"] == paths[1]


async def test_node_that_cannot_be_seeded_has_not_become_one(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
) -> None:
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    history = History(root)
    await history.begin(leaf)
    sql = Sql(tailrace, root, tmp_path)
    async with running(root, leaf):
        await history.live(leaf)
        path = await sql.savepoint(leaf.worker)
    db = await cascade.new_database(label="seed")
    words = ("create-leaf", "seed", "--provider", root.dsn, "--queue", QUEUE, "--db", db.dsn,
             "--from-savepoint")  # fmt: skip
    for fault in ("seed.after_rows", "seed.after_tables"):
        with faults.armed(f"{fault}:error"):
            assert fault in (await tailrace(*words, path, status=1)).err
    complaint = (await tailrace(*words, str(tmp_path / "savepoint-000000-0"), status=1)).complaint
    assert "there is no savepoint" in complaint
    assert "it has no file _metadata on machine" in complaint
    tick = json.loads((Path(path) / "_metadata").read_text())["tick"]
    shift = "update pgq.tick set tick_time = tick_time + %s::interval where tick_id = %s"
    await root.db.execute(shift, "1 us", tick)
    complaint = (await tailrace(*words, path, status=1)).complaint
    assert f'savepoint "{path}" is of another queue by the name "{QUEUE}"' in complaint
    await root.db.execute(shift, "-1 us", tick)
    assert await db.fetch_value("select to_regclass('public.a') is null")
    assert await root.db.fetch_value("select count(*) = 0 from pgq_node.subscriber_info where"
                                     " subscriber_node = 'seed'")  # fmt: skip
    await tailrace(*words, path)
    assert await db.fetch_value("select bool_and(state = 'live') from tailrace.table_info")
