"""Queues that are merged into another one (acceptance E-01, E-02)."""

from __future__ import annotations

import asyncio

from fixtures.merge import COMBINED, PARTS, Merge, events, position, rows, serving
from fixtures.waiting import eventually


async def test_rows_of_two_roots_appear_once_on_combined_root_and_branch(merge: Merge) -> None:
    await merge.write()
    await merge.add_tables()
    async with serving(*merge.all):
        for _ in range(5):
            await merge.write()
            await asyncio.sleep(0)
        await eventually(merge.equal, within=40)
        await merge.write()
        await eventually(merge.equal, within=20)
    for queue in PARTS:
        sent = [
            int(data)
            for _, data, part in await events(merge.t1, COMBINED, "pgq.tick-id")
            if part == queue
        ]
        assert sent == sorted(set(sent)), "one for each batch, in order"
        assert sent[-1] == await position(merge.t1, queue)
        assert await position(merge.t2, queue) <= sent[-1]
    assert await merge.errors() == []
    assert len(await rows(merge.t2)) > 100
