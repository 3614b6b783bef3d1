"""The SQL of takeovers: the permit to promote, the bookmark, the gap, opening a root again."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node
from tailrace.db.queries import load
from tailrace.errors import DatabaseError

pytestmark = pytest.mark.sql


async def promote(node: Node, dead_root: str | None = None, anyway: bool = False):  # type: ignore[no-untyped-def]
    return await node.database.fetch_one(
        "select * from tailrace.promote(%s, %s, %s)", QUEUE, dead_root, anyway
    )


async def permit(node: Node) -> None:
    """The worker is paused and has said so."""
    await node.call("set_consumer_paused", QUEUE, "w2", True)
    await node.call("set_consumer_uptodate", QUEUE, "w2", True)


async def node_type(node: Node) -> str:
    return str((await node.call("get_node_info", QUEUE)).node_type)


async def test_promotion_needs_a_worker_that_has_acknowledged_its_pause(node: Node) -> None:
    await node.become_branch(100)
    assert (await promote(node)).ret_code == 409
    await node.call("set_consumer_paused", QUEUE, "w2", True)
    refused = await promote(node)
    assert (refused.ret_code, await node_type(node)) == (409, "branch")
    await permit(node)
    done = await promote(node)
    assert (done.ret_code, done.last_tick, await node_type(node)) == (200, 100, "root")
    state = await node.call("get_consumer_state", QUEUE, "w2")
    assert (state.paused, state.uptodate) == (False, False)
    assert (await promote(node)).ret_code == 301


async def test_failover_leaves_a_bookmark_and_goes_on_far_above(node: Node) -> None:
    await node.become_branch(100)
    await node.external_tick(101)
    await node.call("set_consumer_completed", QUEUE, "w2", 101)
    await permit(node)
    assert (await promote(node, "node1")).last_tick == 101
    readers = await node.database.fetch_all(
        "select consumer_name, last_tick from pgq.get_consumer_info(%s)", QUEUE
    )
    positions = {row.consumer_name: row.last_tick for row in readers}
    assert positions["node1.gravestone"] == 101
    assert positions[".node1.watermark"] == 100
    await node.execute(
        "update pgq.queue set queue_ticker_max_lag = '0', queue_ticker_idle_period = '0'"
    )
    await node.insert_event()
    assert await node.tick() == 1_000_102


async def test_table_in_copy_keeps_a_node_from_becoming_the_root(node: Node) -> None:
    await node.become_branch(100)
    await node.execute("create table public.t (id integer primary key)")
    await node.execute("select tailrace.add_table(%s, 'public.t')", QUEUE)
    await permit(node)
    refused = await promote(node)
    assert (refused.ret_code, "public.t" in refused.ret_note) == (409, True)
    assert await node.code("promote_branch", QUEUE) == 409
    assert (await promote(node, anyway=True)).ret_code == 200
    assert await node.value("select state from tailrace.table_info") == "live"


async def test_closed_root_is_opened_again(node: Node) -> None:
    await node.become_root()
    for step in (1, 2):
        await node.code("demote_root", QUEUE, step, None)
    newest = (await node.ticks())[-1]
    assert await node.value("select ret_code from tailrace.reopen_root(%s)", QUEUE) == 200
    await node.insert_event()
    await node.execute("update pgq.queue set queue_ticker_max_lag = '0'")
    assert await node.tick() == newest + 1
    assert await node.value("select ret_code from tailrace.reopen_root('nix')") == 404


async def test_branch_is_not_opened(node: Node) -> None:
    await node.become_branch(100)
    assert await node.value("select ret_code from tailrace.reopen_root(%s)", QUEUE) == 301
    assert await node.value("select queue_disable_insert from pgq.queue")


async def test_tick_that_a_killed_mirror_left_out_is_made_without_a_provider(node: Node) -> None:
    await node.become_branch(100)
    await node.mirror_event(500)
    await node.call("set_consumer_completed", QUEUE, "w2", 101)
    assert await node.value("select tailrace.complete_ticks(%s)", QUEUE) == 101
    assert await node.ticks() == [100, 101]
    assert await node.value("select tailrace.complete_ticks('nix')") is None


async def test_admin_needs_no_other_right_and_others_have_none(node: Node) -> None:
    await node.become_branch(100)
    await permit(node)
    for role in ("pgq_reader", "pgq_writer"):
        await node.execute(f"set role {role}")
        with pytest.raises(DatabaseError, match="permission denied"):
            await promote(node)
        with pytest.raises(DatabaseError, match="permission denied"):
            await node.execute("select tailrace.reopen_root('nix')")
        await node.execute("reset role")
    await node.execute("set role pgq_admin")
    assert await node.value("select tailrace.complete_ticks(%s)", QUEUE) == 100
    assert (await promote(node, "node1")).ret_code == 200
    assert await node.value("select ret_code from tailrace.reopen_root(%s)", QUEUE) == 200
    await node.execute(load("tailrace").keep_closed.sql.replace("%(queue)s", "'x'"))


async def test_facts_of_a_leaf_and_of_no_node(node: Node) -> None:
    assert await node.value("select tailrace.node_facts(%s)", QUEUE) is None
    await node.become_leaf()
    facts = await node.value("select tailrace.node_facts(%s)", QUEUE)
    assert (facts["type"], facts["closed"], facts["newest"]) == ("leaf", False, None)
