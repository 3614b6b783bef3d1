"""The protocol of tick ranges: choosing, finishing, taking over, advancing."""

from __future__ import annotations

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode
from fixtures.databases import Connect
from tailrace.db.connection import Row
from tailrace.errors import Fenced, LostPosition, NotFound

pytestmark = pytest.mark.sql


async def next_range(
    root: TestNode, position: int, most: int | None = None, stop: int | None = None
) -> Row:
    """Ask what node2's worker reads next."""
    return await root.db.fetch_one(
        "select * from tailrace.next_range(%s, 'node2_worker', %s, %s::int, %s::bigint)",
        QUEUE, position, most, stop,
    )  # fmt: skip


async def with_ticks(cascade: Cascade) -> tuple[TestNode, TestNode, list[int]]:
    """A root with four ticks of ten events each after the one that the leaf is at."""
    root = await cascade.root(by_hand=True)
    leaf = await cascade.leaf("node2", root)
    start = await leaf.position()
    ticks = [start]
    for _ in range(4):
        for _ in range(10):
            await root.event()
        ticks.append(await root.tick())
    return root, leaf, ticks


async def test_range_is_the_next_tick_when_merging_is_not_wanted(cascade: Cascade) -> None:
    root, _, ticks = await with_ticks(cascade)
    for most in (None, 0):
        assert (await next_range(root, ticks[0], most)).to_tick == ticks[1]
    found = await next_range(root, ticks[1], 0)
    assert (found.to_tick, found.events) == (ticks[2], 10)
    assert found.newest_tick == ticks[4]


async def test_range_merges_ticks_up_to_a_number_of_events(cascade: Cascade) -> None:
    root, _, ticks = await with_ticks(cascade)
    assert (await next_range(root, ticks[1], 20)).to_tick == ticks[3]
    assert (await next_range(root, ticks[1], 29)).to_tick == ticks[3]
    assert (await next_range(root, ticks[1], 1000)).to_tick == ticks[4]
    # a tick with more events than that is not cut
    assert (await next_range(root, ticks[1], 5)).to_tick == ticks[2]


async def test_range_goes_no_further_than_the_tick_to_stop_at(cascade: Cascade) -> None:
    root, _, ticks = await with_ticks(cascade)
    assert (await next_range(root, ticks[0], 1000, ticks[2])).to_tick == ticks[2]
    found = await next_range(root, ticks[2], 1000, ticks[2])
    assert found.to_tick is None
    assert found.newest_tick == ticks[4]
    assert (await next_range(root, ticks[2], 0, ticks[1])).to_tick is None


async def test_range_is_null_when_nothing_is_new(cascade: Cascade) -> None:
    root, _, ticks = await with_ticks(cascade)
    assert (await next_range(root, ticks[4], 100)).to_tick is None


async def test_choosing_a_range_writes_nothing(cascade: Cascade) -> None:
    root, leaf, ticks = await with_ticks(cascade)
    async with root.db.transaction(read_only=True):
        await next_range(root, ticks[0], 100)
    assert await root.subscription(leaf.worker) == ticks[0]


async def test_unknown_consumer_and_lost_position_are_told_apart(cascade: Cascade) -> None:
    root, _, ticks = await with_ticks(cascade)
    with pytest.raises(NotFound, match='consumer "nobody" is not registered on queue "flow"'):
        await root.db.fetch_one(
            "select * from tailrace.next_range(%s, 'nobody', 1, 0, null)", QUEUE
        )
    with pytest.raises(LostPosition, match="needs tick 999 "):
        await next_range(root, 999)
    await root.db.execute("select tailrace.finish_range(%s, 'node2_worker', %s)", QUEUE, ticks[3])
    with pytest.raises(LostPosition, match=f"after tick {ticks[3]} for it; .*tailrace rewind"):
        await next_range(root, ticks[2])


async def test_position_that_a_root_has_yet_to_reach_is_never_met_there(cascade: Cascade) -> None:
    # its database was set back, to a backup or a standby: its next ticks stand for other events
    root, _, ticks = await with_ticks(cascade)
    ahead = ticks[4] + 3
    with pytest.raises(LostPosition, match="this root was set back"):
        await next_range(root, ahead)
    for _ in range(6):
        await root.event()
        await root.tick()
    with pytest.raises(LostPosition, match=f"needs tick {ahead} "):
        await next_range(root, ahead)
    # one that is not ahead goes on as ever
    assert (await next_range(root, ticks[4], 1000)).to_tick == (await root.ticks())[-1]
    again = (await root.ticks())[-1]
    with pytest.raises(LostPosition, match=f"needs tick {ahead} "):
        await next_range(root, ahead)
    assert await root.tick() == again + 1


async def test_position_far_beyond_a_root_moves_no_sequence(cascade: Cascade) -> None:
    root, _, ticks = await with_ticks(cascade)
    with pytest.raises(LostPosition, match="needs tick"):
        await next_range(root, 2**63 - 1)
    async with root.db.transaction(read_only=True):
        assert not await root.db.fetch_value("select tailrace.skip_ticks(%s, %s)", QUEUE, 99)
    assert await root.tick() == ticks[4] + 1


async def test_branch_that_is_behind_is_waited_for(cascade: Cascade) -> None:
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("middle", root)
    await cascade.leaf("node2", branch)
    top = (await branch.ticks())[-1]
    with pytest.raises(LostPosition, match="it may be behind"):
        await next_range(branch, top + 1)
    await branch.db.execute("select pgq.ticker(%s, %s, now(), 5)", QUEUE, top + 1)
    assert (await next_range(branch, top + 1)).to_tick is None


async def test_finishing_never_moves_back_and_drops_an_open_batch(cascade: Cascade) -> None:
    root, leaf, ticks = await with_ticks(cascade)
    finish = "select tailrace.finish_range(%s, 'node2_worker', %s)"
    assert await root.db.fetch_value("select pgq.next_batch(%s, 'node2_worker')", QUEUE)
    assert await root.db.fetch_value(finish, QUEUE, ticks[3]) == 1
    assert await root.db.fetch_value(finish, QUEUE, ticks[3]) == 0
    assert await root.db.fetch_value(finish, QUEUE, ticks[1]) == 0
    assert await root.subscription(leaf.worker) == ticks[3]
    row = await root.db.fetch_one(
        "select current_batch, next_tick from pgq.get_consumer_info(%s, 'node2_worker')", QUEUE
    )
    assert tuple(row or ()) == (None, None)
    with pytest.raises(LostPosition):
        await root.db.fetch_value(finish, QUEUE, 999)


async def advance(node: TestNode, epoch: int, old: int, new: int) -> None:
    """Move the position of a node's worker."""
    await node.db.fetch_one(
        "select tailrace.advance(%s, %s, %s, %s, %s)", QUEUE, node.worker, epoch, old, new
    )


async def test_position_moves_only_from_where_it_is(cascade: Cascade) -> None:
    _, leaf, ticks = await with_ticks(cascade)
    epoch = await leaf.db.fetch_value("select tailrace.take_over(%s, %s, 'a')", QUEUE, leaf.worker)
    await leaf.db.execute(
        "select pgq_node.set_consumer_error(%s, %s, 'old trouble')", QUEUE, leaf.worker
    )
    await advance(leaf, epoch, ticks[0], ticks[1])
    assert await leaf.position() == ticks[1]
    assert await leaf.error() is None
    with pytest.raises(
        LostPosition, match=f"is at tick {ticks[1]} in .* starts at tick {ticks[0]}"
    ):
        await advance(leaf, epoch, ticks[0], ticks[1])
    assert await leaf.position() == ticks[1]


async def test_who_takes_over_fences_the_one_before(cascade: Cascade) -> None:
    _, leaf, ticks = await with_ticks(cascade)
    take = "select tailrace.take_over(%s, %s, %s)"
    first = await leaf.db.fetch_value(take, QUEUE, leaf.worker, "a")
    second = await leaf.db.fetch_value(take, QUEUE, leaf.worker, "b")
    assert second == first + 1
    with pytest.raises(Fenced, match='taken over by runner "b"'):
        await advance(leaf, first, ticks[0], ticks[1])
    await advance(leaf, second, ticks[0], ticks[1])


async def test_taking_over_waits_for_the_transaction_of_the_one_before(
    cascade: Cascade, connect: Connect
) -> None:
    _, leaf, ticks = await with_ticks(cascade)
    epoch = await leaf.db.fetch_value("select tailrace.take_over(%s, %s, 'a')", QUEUE, leaf.worker)
    other = await connect(leaf.db)
    await other.execute("set lock_timeout = '50 ms'")
    async with leaf.db.transaction():
        await advance(leaf, epoch, ticks[0], ticks[1])
        with pytest.raises(Exception, match="lock timeout"):
            await other.execute("select tailrace.take_over(%s, %s, 'b')", QUEUE, leaf.worker)
    await other.execute("select tailrace.take_over(%s, %s, 'b')", QUEUE, leaf.worker)


async def test_consumer_of_the_own_queue_finishes_there_in_the_same_transaction(
    cascade: Cascade,
) -> None:
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root)
    await branch.add_table()
    start = await branch.position()
    assert await branch.db.fetch_value("select tailrace.ensure_apply(%s)", QUEUE) == "registered"
    assert await branch.position(branch.apply) == start
    assert await branch.subscription(branch.apply) == start

    await root.event()
    tick = await root.tick()
    await branch.db.execute("update pgq_node.local_state set last_tick_id = %s", tick)
    await branch.db.execute(
        "update pgq_node.local_state set last_tick_id = %s where consumer_name = %s",
        start, branch.apply,
    )  # fmt: skip
    await branch.db.execute("select tailrace.mirror_tick(%s, %s, now(), 2, null)", QUEUE, tick)
    epoch = await branch.db.fetch_value(
        "select tailrace.take_over(%s, %s, 'a')", QUEUE, branch.apply
    )
    with pytest.raises(ZeroDivisionError):
        async with branch.db.transaction():
            await branch.db.execute(
                "select tailrace.advance(%s, %s, %s, %s, %s)",
                QUEUE, branch.apply, epoch, start, tick,
            )  # fmt: skip
            assert await branch.subscription(branch.apply) == tick
            raise ZeroDivisionError
    assert await branch.subscription(branch.apply) == start
    assert await branch.position(branch.apply) == start


async def test_applying_consumer_comes_and_goes_with_the_tables(cascade: Cascade) -> None:
    root = await cascade.root(by_hand=True)
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", root)
    ensure = "select tailrace.ensure_apply(%s)"
    assert await branch.db.fetch_value(ensure, QUEUE) == "none"
    await branch.add_table()
    assert await branch.db.fetch_value(ensure, QUEUE) == "registered"
    assert await branch.db.fetch_value(ensure, QUEUE) == "kept"
    await branch.db.execute("select tailrace.remove_table(%s, 'public.t')", QUEUE)
    assert await branch.db.fetch_value(ensure, QUEUE) == "removed"
    assert await branch.subscription(branch.apply) is None
    # a leaf's worker applies, a root has nobody who does
    for node in (root, leaf):
        await node.add_table()
        assert await node.db.fetch_value(ensure, QUEUE) == "none"
    assert await root.db.fetch_value(ensure, "no such queue") is None
