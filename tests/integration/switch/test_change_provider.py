"""change-provider: nodes move, nothing is lost or doubled, nobody keeps events for who has left."""

from __future__ import annotations

from integration.switch.conftest import FIVE, Tree, served, writing


async def test_nodes_change_their_providers_under_load(tree: Tree) -> None:
    async with served(tree, FIVE):
        async with writing(tree["node1"].db):
            await tree.change_provider("node4", "node3")
            moved = await tree.change_provider("node1", "node2", "--node", "node5")
        assert 'node "node5" reads from node "node2"' in moved.err
        assert await tree.shape() == FIVE | {"node1": "node1", "node4": "node3", "node5": "node2"}
        await tree.check()
