"""Demoting a root and promoting a branch (C-06; crash table of the cascade)."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node
from tailrace.errors import NotFound, TailraceError, UsageError, WrongState

pytestmark = pytest.mark.sql


async def demote(node: Node, *steps: int) -> None:
    for step in steps:
        assert await node.code("demote_root", QUEUE, step, "node2") == 200


async def flags(node: Node) -> tuple[bool, bool]:
    row = await node.database.fetch_one(
        "select queue_disable_insert, queue_external_ticker from pgq.queue where queue_name = %s",
        QUEUE,
    )
    return tuple(row)


@pytest.mark.parametrize("step", [2, 3])
async def test_later_steps_need_the_first(node: Node, step: int) -> None:
    await node.become_root()
    with pytest.raises(WrongState, match="came before step 1"):
        await node.code("demote_root", QUEUE, step, "node2")


@pytest.mark.parametrize("step", [0, 4, None])
async def test_there_are_three_steps(node: Node, step: int | None) -> None:
    await node.become_root()
    with pytest.raises(UsageError, match="steps 1, 2 and 3"):
        await node.code("demote_root", QUEUE, step, "node2")


async def test_first_step_stops_writing_and_may_be_repeated(node: Node) -> None:
    await node.become_root()
    done = await node.call("demote_root", QUEUE, 1, None)
    assert (done.ret_code, done.last_tick) == (200, None)
    await demote(node, 1)
    assert await flags(node) == (True, True)
    with pytest.raises(TailraceError):
        await node.insert_event()
    with pytest.raises(TailraceError):
        await node.tick()
    assert (await node.call("get_node_info", QUEUE)).node_type == "root"


async def test_second_step_makes_one_more_tick_each_time(node: Node) -> None:
    await node.become_root()
    newest = await node.tick()
    await node.insert_event()
    await demote(node, 1)
    made = [(await node.call("demote_root", QUEUE, 2, None)).last_tick for _ in range(2)]
    assert made == [newest + 1, newest + 2]
    assert (await node.ticks())[-2:] == made


async def test_final_tick_has_all_that_was_written(node: Node) -> None:
    await node.become_root()
    await node.execute("select pgq.register_consumer(%s, 'reader')", QUEUE)
    written = [await node.insert_event() for _ in range(3)]
    await demote(node, 1, 2)
    batch = await node.database.fetch_one("select * from pgq.next_batch_info(%s, 'reader')", QUEUE)
    events = await node.database.fetch_all(
        "select ev_id from pgq.get_batch_events(%s)", batch.batch_id
    )
    assert [event.ev_id for event in events] == written
    assert batch.cur_tick_event_seq > max(written)


async def test_final_tick_is_not_made_in_an_old_snapshot(node: Node) -> None:
    await node.become_root()
    await demote(node, 1)
    with pytest.raises(TailraceError, match="repeatable read"):
        async with node.database.transaction("repeatable read"):
            await node.code("demote_root", QUEUE, 2, None)


async def test_demotion_leaves_the_role_of_the_session_alone(node: Node) -> None:
    await node.become_root()
    await demote(node, 1)
    async with node.database.transaction():
        await demote(node, 2)
        assert await node.value("show session_replication_role") == "origin"


async def test_third_step_makes_a_branch_that_has_completed_its_newest_tick(node: Node) -> None:
    await node.become_root()
    await node.call("set_consumer_uptodate", QUEUE, "w1", True)
    await demote(node, 1, 2)
    done = await node.call("demote_root", QUEUE, 3, "node2")
    assert (done.ret_code, done.last_tick) == (200, (await node.ticks())[-1])
    state = await node.call("get_worker_state", QUEUE)
    assert (state.node_type, state.provider_node) == ("branch", "node2")
    assert (state.completed_tick, state.uptodate) == (done.last_tick, False)
    assert await flags(node) == (True, True)
    assert await node.code("demote_root", QUEUE, 3, "node2") == 301


async def test_third_step_needs_a_known_provider(node: Node) -> None:
    await node.become_root()
    await demote(node, 1, 2)
    with pytest.raises(NotFound, match='node "node9"'):
        await node.code("demote_root", QUEUE, 3, "node9")
    with pytest.raises(UsageError, match="no node is named"):
        await node.code("demote_root", QUEUE, 3, None)
    assert (await node.call("get_node_info", QUEUE)).node_type == "root"


async def test_only_a_root_is_demoted(node: Node) -> None:
    assert await node.code("demote_root", QUEUE, 1, None) == 404
    await node.become_leaf()
    assert await node.code("demote_root", QUEUE, 1, None) == 301


async def test_only_a_branch_is_promoted(node: Node) -> None:
    assert await node.code("promote_branch", QUEUE) == 404
    await node.become_root()
    assert await node.code("promote_branch", QUEUE) == 301


async def test_promoted_branch_takes_writes_and_ticks_on_above_the_newest(node: Node) -> None:
    await node.become_branch(100)
    await node.mirror_event(500)
    await node.external_tick(101, 500)
    await node.call("set_consumer_completed", QUEUE, "w2", 101)
    await node.call("set_consumer_uptodate", QUEUE, "w2", True)
    assert await node.code("promote_branch", QUEUE) == 200
    state = await node.call("get_worker_state", QUEUE)
    assert (state.node_type, state.provider_node) == ("root", "node2")
    assert (state.completed_tick, state.uptodate) == (101, False)
    assert await flags(node) == (False, False)
    assert await node.insert_event() > 500
    await node.execute(
        "update pgq.queue set queue_ticker_max_lag = '0', queue_ticker_idle_period = '0'"
    )
    assert await node.tick() == 102
    assert await node.code("promote_branch", QUEUE) == 301


async def test_demoted_root_can_be_promoted_again(node: Node) -> None:
    await node.become_root()
    await demote(node, 1, 2, 3)
    newest = (await node.ticks())[-1]
    assert await node.code("promote_branch", QUEUE) == 200
    await node.insert_event()
    assert await node.tick() == newest + 1


async def test_promotion_makes_the_tick_that_a_killed_worker_left_out(node: Node) -> None:
    await node.become_branch(100)
    await node.execute("select pgq.register_consumer(%s, 'reader')", QUEUE)
    await node.mirror_event(500)  # the batch that ends in tick 101 is committed,
    await node.call("set_consumer_completed", QUEUE, "w2", 101)  # its tick is not there yet
    assert await node.code("promote_branch", QUEUE) == 200
    assert await node.ticks() == [100, 101]
    batch = await node.database.fetch_one("select * from pgq.next_batch_info(%s, 'reader')", QUEUE)
    assert (batch.cur_tick_id, batch.cur_tick_event_seq) == (101, 500)
    events = await node.database.fetch_all(
        "select ev_id from pgq.get_batch_events(%s)", batch.batch_id
    )
    assert [event.ev_id for event in events] == [500]
    assert await node.insert_event() > 500


async def apply_consumer(node: Node, completed: int) -> None:
    """Register node2.apply on the own queue, at tick 100, with a position in local_state."""
    await node.execute("select pgq.register_consumer_at(%s, 'node2.apply', 100)", QUEUE)
    await node.call("register_consumer", QUEUE, "node2.apply", "node2", completed)


async def apply_is_registered(node: Node) -> tuple[bool, bool]:
    info = await node.rows("get_consumer_info", QUEUE)
    return (
        "node2.apply" in await node.consumers(),
        "node2.apply" in [row.consumer_name for row in info],
    )


async def test_promotion_waits_for_the_applying_consumer(node: Node) -> None:
    await node.become_branch(100)
    await apply_consumer(node, 100)
    await node.external_tick(101)
    refused = await node.call("promote_branch", QUEUE)
    assert refused.ret_code == 409
    assert '"node2.apply"' in refused.ret_note
    assert "tailrace.promote_anyway" in refused.ret_note
    assert (await node.call("get_node_info", QUEUE)).node_type == "branch"
    assert await flags(node) == (True, True)
    assert await apply_is_registered(node) == (True, True)


@pytest.mark.parametrize("behind", ["queue", "state"])
async def test_applying_consumer_must_be_at_the_top_in_both_records(
    node: Node, behind: str
) -> None:
    await node.become_branch(100)
    await apply_consumer(node, 100 if behind == "state" else 101)
    await node.external_tick(101)
    if behind == "state":
        await node.execute("select pgq.register_consumer_at(%s, 'node2.apply', 101)", QUEUE)
    assert await node.code("promote_branch", QUEUE) == 409


async def test_refused_promotion_may_make_the_missing_tick_which_is_then_applied(
    node: Node,
) -> None:
    await node.become_branch(100)
    await apply_consumer(node, 100)
    await node.mirror_event(500)
    await node.call("set_consumer_completed", QUEUE, "w2", 101)
    assert await node.code("promote_branch", QUEUE) == 409
    assert await node.ticks() == [100, 101]
    await node.execute("select pgq.register_consumer_at(%s, 'node2.apply', 101)", QUEUE)
    await node.call("set_consumer_completed", QUEUE, "node2.apply", 101)
    assert await node.code("promote_branch", QUEUE) == 200


async def test_promotion_unregisters_the_applying_consumer_at_the_top(node: Node) -> None:
    await node.become_branch(100)
    await apply_consumer(node, 100)
    assert await node.code("promote_branch", QUEUE) == 200
    assert await apply_is_registered(node) == (False, False)


async def test_promotion_can_be_forced_for_the_named_queue(node: Node) -> None:
    await node.become_branch(100)
    await apply_consumer(node, 100)
    await node.external_tick(101)
    await node.execute("set tailrace.promote_anyway = 'other'")
    assert await node.code("promote_branch", QUEUE) == 409
    await node.execute("set tailrace.promote_anyway = 'orders'")
    assert await node.code("promote_branch", QUEUE) == 200
    assert await apply_is_registered(node) == (False, False)


async def test_consumer_of_another_name_does_not_hold_promotion(node: Node) -> None:
    await node.become_branch(100)
    await node.execute("select pgq.register_consumer(%s, 'node3.apply')", QUEUE)
    await node.external_tick(101)
    assert await node.code("promote_branch", QUEUE) == 200
    assert "node3.apply" in await node.consumers()
