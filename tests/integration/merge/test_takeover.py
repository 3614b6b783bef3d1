"""The combined root is taken over while something is missing: no batch is merged twice or never."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.merge import COMBINED, PARTS, Merge, events, position, rows, serving
from fixtures.process import StartProcess
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.db.dsn import parameters

pytestmark = pytest.mark.timeout(120)


async def told(db: Database, queue: str) -> list[int]:
    """The positions of a part queue that the combined queue has, in order."""
    return [
        int(data) for _, data, part in await events(db, COMBINED, "pgq.tick-id") if part == queue
    ]


async def merged_once(db: Database) -> bool:
    """Each batch of each part is in the combined queue once, in order."""
    for queue in PARTS:
        ticks = await told(db, queue)
        assert ticks == sorted(set(ticks)), queue
    return True


async def has_all(merge: Merge, db: Database) -> bool:
    """Assert that a database has the rows of both parts, once each; for ``eventually``."""
    wanted = sorted(await rows(merge.s1) + await rows(merge.s2))
    found = await rows(db)
    assert found == wanted, f"{len(found)} rows, not {len(wanted)}"
    return True


async def mirrored(merge: Merge) -> bool:
    """The combined branch has in its queue all that the leaves on the root have brought."""
    for queue in PARTS:
        assert (await told(merge.t2, queue))[-1] >= await position(merge.t1, queue)
    return True


async def test_rows_that_are_given_up_at_a_promotion_are_not_merged_a_second_time(
    merge: Merge, process: StartProcess
) -> None:
    """t2's tables stand still, so its positions do; as the root it would begin to merge there."""
    await merge.add_tables()
    async with serving(*merge.all):
        await merge.write()
        await eventually(merge.equal, within=40)
        await merge.t2.execute("select pgq_node.set_consumer_paused('c', 't2.apply', true)")
        stands = {queue: await position(merge.t2, queue) for queue in PARTS}
        for _ in range(3):
            await merge.write()
            await eventually(lambda: has_all(merge, merge.t1), within=20)
        await eventually(lambda: mirrored(merge), within=20)
        # a batch that was under way when it was paused may still have counted
        assert all([(await told(merge.t2, q))[-1] > stands[q] for q in PARTS])
        over = await process(
            "takeover", "t1", "--promote-anyway", "--db", merge.t2.dsn, "--queue", COMBINED
        )
        assert await over.wait(40) == 0, over.err
        await merge.write()
        await eventually(lambda: has_all(merge, merge.t1), within=40)
        assert await merged_once(merge.t2)
    assert await merge.errors() == []


async def test_old_combined_root_merges_what_was_lost_with_it_again_and_nothing_else(
    merge: Merge, process: StartProcess, tmp_path: Path
) -> None:
    """t1 has brought batches that t2 has never seen. As a branch it gets them back from t2."""
    await merge.add_tables()
    s1, s2, t1, t2 = merge.all
    async with serving(s1, s2):
        async with serving(t1, t2):
            await merge.write()
            await eventually(merge.equal, within=40)
        async with serving(t1):
            for _ in range(2):
                await merge.write()
                await eventually(lambda: has_all(merge, t1), within=20)
        ahead = {queue: await position(t1, queue) for queue in PARTS}
        behind = {queue: (await told(t2, queue))[-1] for queue in PARTS}
        assert all(behind[queue] < ahead[queue] for queue in PARTS)

        name = parameters(t1.dsn)["dbname"]
        await t1.close()
        await t2.execute(f'alter database "{name}" allow_connections false')
        async with serving(t2):
            over = await process(
                "takeover", "t1", "--dead-root", "--db", t2.dsn, "--queue", COMBINED
            )
            assert await over.wait(40) == 0, over.err
            await merge.write()
            await eventually(lambda: has_all(merge, t2), within=40)

        await t2.execute(f'alter database "{name}" allow_connections true')
        async with await Database.connect(t1.dsn, name="test") as again:
            merge.t1, merge.all = again, (s1, s2, again, t2)
            await comes_back(merge, process, behind, tmp_path / "lost.json")


async def comes_back(
    merge: Merge, process: StartProcess, behind: dict[str, int], dump: Path
) -> None:
    """t1 is resurrected, merges again what t2 had not heard of, and becomes the root again."""
    t1, t2 = merge.t1, merge.t2
    ours = ("--db", t1.dsn, "--queue", COMBINED)
    back = await process("resurrect", "--yes", "--dump", str(dump), *ours)
    assert await back.wait(40) == 0, back.err
    assert 'merged here that bring their rows again: "public.t"' in back.err
    for queue in PARTS:
        assert await position(t1, queue) == behind[queue], queue
    async with serving(t1, t2):
        go_on = await process("resume", *ours)
        assert await go_on.wait(40) == 0, go_on.err
        await merge.write()
        await eventually(merge.equal, within=40)
        again = await process("takeover", "t2", *ours)
        assert await again.wait(40) == 0, again.err
        await merge.write()
        await eventually(merge.equal, within=40)
        assert await merged_once(t1)
    assert await merge.errors() == []
