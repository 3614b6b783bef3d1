"""rewind and reset: the two positions of a consumer agree again, or nothing happens."""

from __future__ import annotations

from fixtures.cascade import QUEUE, Cascade
from fixtures.cascade import cascade as cascade  # the fixture
from tailrace.cascade.position import Seat

COMPLETED = "select pgq_node.set_consumer_completed(%s, %s, %s)"


async def test_both_positions_agree_again(cascade: Cascade, tailrace):
    root = await cascade.root("root", by_hand=True)
    leaf = await cascade.leaf("leaf", root)
    first, second, third = [await root.tick() for _ in range(3)]
    await root.db.execute("select pgq.register_consumer_at(%s, 'leaf_worker', %s)", QUEUE, third)
    await leaf.db.execute(COMPLETED, QUEUE, leaf.worker, second)

    result = await tailrace("rewind", "--db", leaf.dsn)
    assert f'consumer "leaf_worker" is at tick {second} on its provider' in result.err
    assert await root.subscription("leaf_worker") == second
    await leaf.db.execute(COMPLETED, QUEUE, leaf.worker, first)
    await tailrace("reset", "--node", "leaf", "--db", root.dsn)
    assert await leaf.position() == second

    await leaf.db.execute(COMPLETED, QUEUE, leaf.worker, third)
    await tailrace("worker", "--rewind", "--db", leaf.dsn)
    assert await root.subscription("leaf_worker") == third
    await leaf.db.execute(COMPLETED, QUEUE, leaf.worker, second)
    await tailrace("worker", "--reset", "--db", leaf.dsn)
    assert await leaf.position() == third
    assert (await tailrace("worker", "--reset", "--rewind", status=2)).complaint


async def test_refusals_change_nothing(cascade: Cascade, tailrace):
    root = await cascade.root("root", by_hand=True)
    branch = await cascade.branch("branch", root)
    tick = await root.tick()
    await root.db.execute("select pgq.register_consumer_at(%s, 'branch_worker', %s)", QUEUE, tick)
    before = await branch.position()

    result = await tailrace("reset", "--db", branch.dsn, status=1)
    assert "mirrors every tick" in result.complaint
    result = await tailrace("rewind", "--db", root.dsn, status=1)
    assert 'worker "root_worker" of the root "root" reads from nowhere' in result.complaint
    result = await tailrace("rewind", "--consumer", "nix", "--db", branch.dsn, status=1)
    assert 'no consumer "nix"' in result.complaint

    seat = Seat(branch.dsn, QUEUE, branch.worker)
    assert await seat.take()
    try:
        result = await tailrace("rewind", "--db", branch.dsn, status=1)
        assert "is being served" in result.err
    finally:
        await seat.leave()
    await branch.db.execute(COMPLETED, QUEUE, branch.worker, 77)
    result = await tailrace("rewind", "--db", branch.dsn, status=1)
    assert "has no tick 77" in result.complaint
    assert await root.subscription("branch_worker") == tick
    await root.db.execute("select pgq_node.unregister_subscriber(%s, 'branch')", QUEUE)
    result = await tailrace("rewind", "--db", branch.dsn, status=1)
    assert "tailrace change-provider" in result.complaint
    assert before <= tick
