"""The mirror: a branch's copy of the queue, tick by tick, and the cascade's own events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode, differences
from tailrace import faults
from tailrace.cascade.worker import NodeWorker
from tailrace.errors import ApplyError, LostPosition, Unsupported


class Pair:
    """A root, a branch and the branch's worker."""

    def __init__(self, root: TestNode, branch: TestNode) -> None:
        self.root = root
        self.branch = branch
        self.worker = NodeWorker(branch.dsn, QUEUE, branch.worker)

    async def catch_up(self) -> None:
        """Let the worker do all there is."""
        while await self.worker.run_once():
            pass


@pytest_asyncio.fixture
async def pair(cascade: Cascade) -> AsyncIterator[Pair]:
    """A root and a branch."""
    root = await cascade.root(by_hand=True)
    made = Pair(root, await cascade.branch("node2", root))
    yield made
    await made.worker.close()


async def test_branch_has_the_same_events_under_the_same_ids_and_ticks(pair: Pair) -> None:
    await pair.root.event("(1,a)")
    await pair.root.event('(2,"x ""y"" \\\\ z\n\t\\.")')
    await pair.root.tick()
    await pair.root.tick()  # one without events
    await pair.root.event("(3,)")
    await pair.root.event("x" * 1_500_000)
    await pair.root.tick()
    await pair.catch_up()
    assert await pair.branch.ticks() == await pair.root.ticks()
    assert await differences(pair.root, pair.branch) == []
    assert await pair.branch.position() == (await pair.root.ticks())[-1]


async def test_many_ticks_are_mirrored_one_by_one(pair: Pair) -> None:
    for _ in range(230):
        await pair.root.event()
        await pair.root.tick()
    await pair.catch_up()
    assert await pair.branch.ticks() == await pair.root.ticks()
    assert await differences(pair.root, pair.branch) == []


async def test_events_out_of_id_order_stay_in_the_batch_they_were_committed_in(
    pair: Pair, cascade: Cascade
) -> None:
    late = await cascade.connect(pair.root.db)
    async with late.transaction():
        await late.execute("select pgq.insert_event(%s, 'row:I', '(1,late)')", QUEUE)
        await pair.root.event("(2,early)")
        await pair.root.tick()
    await pair.root.event("(3,x)")
    await pair.root.tick()
    await pair.catch_up()
    assert await differences(pair.root, pair.branch) == []


async def test_promoted_branch_goes_on_above_every_id_it_has(pair: Pair) -> None:
    for _ in range(7):
        last = await pair.root.event()
    tick = await pair.root.tick()
    await pair.catch_up()
    await pair.branch.db.execute("select pgq_node.promote_branch(%s)", QUEUE)
    assert await pair.branch.event() > last
    await pair.branch.db.execute("select pgq.set_queue_config(%s, 'ticker_max_lag', '0')", QUEUE)
    assert await pair.branch.tick() > tick


async def test_descriptors_are_stored_with_the_events(pair: Pair) -> None:
    await pair.root.add_table()
    await pair.root.db.execute("insert into public.t values (1, 'x')")
    await pair.root.tick()
    await pair.catch_up()
    query = "select * from tailrace.relation order by relation_id"
    mine, theirs = [await node.db.fetch_all(query) for node in (pair.branch, pair.root)]
    assert [row[:-1] for row in mine] == [row[:-1] for row in theirs]
    assert len(mine) == 1


# ------------------------------------------------------------------ the cascade's own events


async def location(node: TestNode, name: str) -> tuple[str, bool] | None:
    """Return what a node knows of another one."""
    row = await node.db.fetch_one(
        "select node_location, dead from pgq_node.node_location where node_name = %s", name
    )
    return None if row is None else tuple(row)


async def test_locations_come_and_go_as_the_root_says(pair: Pair) -> None:
    register = "select pgq_node.register_location(%s, 'node9', %s, %s)"
    await pair.root.db.execute(register, QUEUE, "dbname=nine", False)
    await pair.root.tick()
    await pair.catch_up()
    assert await location(pair.branch, "node9") == ("dbname=nine", False)
    await pair.root.db.execute(register, QUEUE, None, True)
    await pair.root.tick()
    await pair.catch_up()
    assert await location(pair.branch, "node9") == ("dbname=nine", True)
    await pair.root.db.execute("select pgq_node.unregister_location(%s, 'node9')", QUEUE)
    await pair.root.tick()
    await pair.catch_up()
    assert await location(pair.branch, "node9") is None


async def test_global_watermark_follows_the_root(pair: Pair) -> None:
    await pair.root.event()
    await pair.root.tick()
    await pair.catch_up()
    await pair.root.db.execute("select pgq_node.set_global_watermark(%s, null)", QUEUE)
    await pair.root.tick()
    await pair.catch_up()
    mark = await pair.root.subscription(".global_watermark")
    assert mark is not None
    assert await pair.branch.subscription(".global_watermark") == mark


async def test_unknown_event_of_the_cascade_stops_the_mirror_and_names_it(pair: Pair) -> None:
    number = await pair.root.event("x", "pgq.from-the-future", QUEUE)
    before = (await pair.root.ticks())[-1]
    await pair.root.tick()
    with pytest.raises(Unsupported, match=f'event {number} .* "pgq.from-the-future"'):
        await pair.catch_up()
    assert (await pair.branch.ticks())[-1] == before
    assert "pgq.from-the-future" in (await pair.branch.error() or "")


async def test_event_of_another_queue_stops_the_mirror(pair: Pair) -> None:
    await pair.root.event("7", "pgq.global-watermark", "other")
    await pair.root.tick()
    with pytest.raises(ApplyError, match='names queue "other"'):
        await pair.catch_up()


async def test_events_of_other_kinds_are_carried_without_a_look(pair: Pair) -> None:
    await pair.root.event("anything", "somebody:else", "x")
    await pair.root.tick()
    await pair.catch_up()
    assert await differences(pair.root, pair.branch) == []


# ------------------------------------------------------------------ pause, provider, loss


async def test_pause_is_acknowledged_and_nothing_moves_until_resume(pair: Pair) -> None:
    await pair.catch_up()
    paused = "select pgq_node.set_consumer_paused(%s, %s, %s)"
    state = "select paused, uptodate from pgq_node.get_consumer_state(%s, %s)"
    await pair.branch.db.execute(paused, QUEUE, pair.branch.worker, True)
    assert await pair.worker.run_once() is False
    assert tuple(
        await pair.branch.db.fetch_one(state, QUEUE, pair.branch.worker)  # type: ignore[arg-type]
    ) == (True, True)
    await pair.root.event()
    tick = await pair.root.tick()
    assert await pair.worker.run_once() is False
    assert tick not in await pair.branch.ticks()
    await pair.branch.db.execute(paused, QUEUE, pair.branch.worker, False)
    await pair.catch_up()
    assert tick in await pair.branch.ticks()
    assert await pair.branch.db.fetch_value(
        "select uptodate from pgq_node.get_consumer_state(%s, %s)", QUEUE, pair.branch.worker
    )


async def test_worker_follows_a_change_of_provider(pair: Pair, cascade: Cascade) -> None:
    other = await cascade.branch("node3", pair.root)
    middle = NodeWorker(other.dsn, QUEUE, other.worker)
    await pair.root.event()
    await pair.root.tick()
    await pair.catch_up()
    while await middle.run_once():
        pass
    paused = "select pgq_node.set_consumer_paused(%s, %s, %s)"
    await pair.branch.db.execute(paused, QUEUE, pair.branch.worker, True)
    await pair.catch_up()
    position = await pair.branch.position()
    await other.db.execute(
        "select pgq_node.register_location(%s, 'node2', %s, false)", QUEUE, pair.branch.dsn
    )
    await other.db.execute(
        "select pgq_node.register_subscriber(%s, 'node2', 'node2_worker', %s)", QUEUE, position
    )
    await pair.branch.db.execute(
        "select pgq_node.change_consumer_provider(%s, 'node2_worker', 'node3')", QUEUE
    )
    await pair.branch.db.execute(paused, QUEUE, pair.branch.worker, False)
    await pair.root.event()
    tick = await pair.root.tick()
    while await middle.run_once():
        pass
    await middle.close()
    await pair.catch_up()
    assert tick in await pair.branch.ticks()
    assert await differences(pair.root, pair.branch) == []
    await pair.worker.close()
    assert await other.subscription("node2_worker") == tick


async def test_position_that_the_provider_has_lost_is_an_error_with_a_way_out(pair: Pair) -> None:
    await pair.root.event()
    tick = await pair.root.tick()
    await pair.root.db.execute(
        "select tailrace.finish_range(%s, %s, %s)", QUEUE, pair.branch.worker, tick
    )
    with pytest.raises(LostPosition, match="tailrace rewind"):
        await pair.worker.run_once()
    await pair.root.db.execute("delete from pgq.tick where tick_id < %s", tick)
    with pytest.raises(LostPosition, match="tailrace change-provider"):
        await pair.worker.run_once()
    assert "needs tick" in (await pair.branch.error() or "")


async def test_queue_written_by_somebody_else_stops_the_mirror(pair: Pair) -> None:
    await pair.catch_up()
    await pair.branch.db.execute("select pgq.ticker(%s, 1000, now(), 1000)", QUEUE)
    with pytest.raises(LostPosition, match="goes up to tick 1000"):
        for _ in range(2):  # settings may be from a moment before
            await pair.worker.run_once()


async def test_worker_ends_when_its_node_is_dropped(pair: Pair) -> None:
    await pair.catch_up()
    await pair.branch.db.execute("select pgq_node.drop_node(%s, 'node2')", QUEUE)
    await pair.worker.run()  # returns


MANY_EVENTS = "select pgq.insert_event(%s, 'test', 'x') from generate_series(1, 200)"


async def test_few_large_events_are_copied_like_many_small_ones(pair: Pair) -> None:
    await pair.catch_up()
    await pair.root.event("x" * 70_000)
    await pair.root.tick()
    await pair.root.event("few and small")
    await pair.root.tick()
    with faults.watching("mirror.after_copy") as copied:
        await pair.catch_up()
    assert copied.count == 1
    assert await differences(pair.root, pair.branch) == []


async def test_events_are_fetched_while_others_are_being_written(pair: Pair) -> None:
    for _ in range(3):
        await pair.root.db.execute(MANY_EVENTS, QUEUE)
        await pair.root.tick()
    with faults.watching("mirror.after_copy") as writing:
        await pair.catch_up()
    assert writing.count == 3
    assert await differences(pair.root, pair.branch) == []
