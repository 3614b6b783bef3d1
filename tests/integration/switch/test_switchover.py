"""takeover of a node that is alive: acceptance D-17 and D-18."""

from __future__ import annotations

import pytest

from fixtures.waiting import eventually
from integration.switch.conftest import FIVE, Tree, served, writing
from tailrace.errors import TailraceError


async def test_root_gives_its_role_away_under_load_and_gets_it_back(tree: Tree) -> None:
    async with served(tree, FIVE):
        async with writing(tree["node1"].db) as before:
            await eventually(lambda: len(before) > 20)
            await tree.takeover("node2", "node1")
            async with writing(tree["node2"].db, 200_000) as after:
                await eventually(lambda: len(after) > 20)
        shape = {"node1": "node2", "node2": "node2", "node3": "node1", "node4": "node2"}
        assert await tree.shape() == shape | {"node5": "node3"}
        with pytest.raises(TailraceError):
            await tree["node1"].db.execute("insert into public.t values (-1, 'no')")
        await tree.check()
        ids = {row[0] for row in await tree["node5"].rows()}
        assert set(before) | set(after) <= ids

        await tree.takeover("node1", "node2")
        assert await tree.provider("node2") == "node1"
        await tree.check()
