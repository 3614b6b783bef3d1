"""takeover of a node that is lost: acceptance D-19, and a lost branch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fixtures.cascade import OPTIONS, TestNode
from fixtures.cascade import running as serving
from fixtures.waiting import eventually
from integration.switch.conftest import FIVE, Tree
from tailrace.db.connection import parameters


@asynccontextmanager
async def lost(node: TestNode, by: TestNode) -> AsyncIterator[None]:
    """Nobody can connect to a node while the block runs."""
    name = parameters(node.dsn)["dbname"]
    await node.db.close()
    await by.db.execute(f'alter database "{name}" allow_connections false')
    await by.db.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", name
    )
    try:
        yield
    finally:
        await by.db.execute(f'alter database "{name}" allow_connections true')


async def test_new_root_is_brought_up_to_the_most_advanced_before_others_are_moved(
    tree: Tree,
) -> None:
    await tree.grow(FIVE, set())
    rest = [tree[name] for name in ("node3", "node4", "node5")]
    async with serving(*rest):
        async with serving(tree["node1"], tree["node2"]):
            await tree.write()
            await eventually(lambda: at_least(tree, "node2", 10), within=20)
        async with serving(tree["node1"]):  # node2 stands still
            await tree.write()
            await eventually(lambda: at_least(tree, "node3", 25), within=20)
        async with lost(tree["node1"], tree["node2"]):
            async with serving(tree["node2"], options=OPTIONS):
                told = await tree.takeover("node2", "node1", status=1)
                assert "--dead-root" in told.err
                plan = await tree.takeover(
                    "node2", "node1", "--dead-root", "--plan", "--format", "json"
                )
                names = [step["name"] for step in plan.json]
                assert names.index("promote") > names.index("await-passed")
                assert names.index("promote") < names.index("switch", names.index("promote"))
                await tree.takeover("node2", "node1", "--dead-root")
                del tree.nodes["node1"]
                assert await tree.shape() == {
                    "node2": "node2", "node3": "node2", "node4": "node2", "node5": "node3",
                }  # fmt: skip
                for name in tree.nodes:
                    facts = await tree.facts(name)
                    assert facts["members"]["node1"]["dead"]
                assert "node1.gravestone" in (await tree.facts("node2"))["readers"]
                await tree.check("node1")


async def at_least(tree: Tree, name: str, rows: int) -> bool:
    return len(await tree[name].rows()) >= rows
