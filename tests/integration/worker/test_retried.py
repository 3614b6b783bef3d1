"""Events that somebody has sent back for later must not reach a cascaded consumer."""

from __future__ import annotations

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode
from tailrace.cascade.seated import SeatedConsumer
from tailrace.cascade.worker import NodeWorker
from tailrace.errors import ApplyError
from tailrace.replication.consumer import ApplyingConsumer


async def send_back(root: TestNode, consumer: str) -> int:
    """What a foreign client does with the consumer's subscription."""
    event = await root.event("(1,a)")
    await root.tick()
    batch = await root.db.fetch_value("select pgq.next_batch(%s, %s)", QUEUE, consumer)
    while not await root.db.fetch_value(
        "select exists (select from pgq.get_batch_events(%s) where ev_id = %s)", batch, event
    ):
        await root.db.fetch_value("select pgq.finish_batch(%s)", batch)
        batch = await root.db.fetch_value("select pgq.next_batch(%s, %s)", QUEUE, consumer)
    await root.db.fetch_value("select pgq.event_retry(%s, %s, 0)", batch, event)
    # as if it had gone no further: our position counts, not that of the subscription
    await root.db.execute(
        "update pgq.subscription set sub_batch = null, sub_next_tick = null, sub_last_tick = 1"
    )
    await root.db.fetch_value("select pgq.maint_retry_events()")
    await root.tick()
    return event


@pytest.mark.parametrize("kind", ["branch", "leaf"])
async def test_worker_stops_at_it_and_goes_on_once_it_is_gone(cascade: Cascade, kind: str) -> None:
    root = await cascade.root(by_hand=True)
    if kind == "branch":
        node = await cascade.branch("node2", root)
        worker: SeatedConsumer = NodeWorker(node.dsn, QUEUE, node.worker)
    else:
        node = await cascade.leaf("node2", root)
        worker = ApplyingConsumer(node.dsn, QUEUE, node.worker)
    event = await send_back(root, node.worker)
    top = (await root.ticks())[-1]
    with pytest.raises(ApplyError, match=f"event {event} .* was sent back for later"):
        while await worker.run_once():
            pass
    assert await node.position() < top
    assert "was sent back for later" in (await node.error() or "")
    table = await root.db.fetch_value("select queue_data_pfx from pgq.queue")
    await root.db.execute(f"delete from {table} where ev_owner is not null")
    while await worker.run_once():
        pass
    assert await node.position() == top
    await worker.run_once()
    assert await node.error() is None
    await worker.close()


async def test_that_of_another_consumer_is_not_seen(cascade: Cascade) -> None:
    root = await cascade.root(by_hand=True)
    leaf = await cascade.leaf("node2", root)
    await root.db.execute("select pgq.register_consumer_at(%s, 'other', 1)", QUEUE)
    await send_back(root, "other")
    worker = ApplyingConsumer(leaf.dsn, QUEUE, leaf.worker)
    while await worker.run_once():
        pass
    assert await leaf.position() == (await root.ticks())[-1]
    await worker.close()
