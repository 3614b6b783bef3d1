"""The applying consumer of a branch comes with its tables, but not amid a change of the node."""

from __future__ import annotations

from fixtures.cascade import QUEUE, Cascade

ENSURE = "select tailrace.ensure_apply(%s)"


async def test_it_does_not_come_while_the_role_of_the_node_is_being_changed(
    cascade: Cascade,
) -> None:
    """``resurrect``, for one, sorts consumers out by whether they belong to this node.

    It reads both lists one after the other; one that came in between would be unregistered.
    """
    branch = await cascade.branch("node2", await cascade.root())
    await branch.add_table()
    other = await cascade.connect(branch.db)
    async with other.transaction():
        await other.execute("select from pgq_node.node_info for no key update")
        assert await branch.db.fetch_value(ENSURE, QUEUE) == "later"
        assert await branch.subscription("node2.apply") is None
    assert await branch.db.fetch_value(ENSURE, QUEUE) == "registered"
    assert await branch.subscription("node2.apply") == await branch.position("node2.apply")
    assert await branch.db.fetch_value(ENSURE, QUEUE) == "kept"
