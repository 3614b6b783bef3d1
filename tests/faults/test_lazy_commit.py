"""A batch with another one behind it is committed lazily: a crash takes it back, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode, equal_everywhere
from fixtures.server import SETTINGS
from tailrace.db import schema
from tailrace.db.connection import Database
from tailrace.embedded.cluster import Cluster
from tailrace.errors import TailraceError
from tailrace.replication.consumer import ApplyingConsumer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

# The server writes to disk what nobody waits for only every ten seconds.
LAZY = {**SETTINGS, "wal_writer_delay": "10s"}
TICKS, EVENTS = 4, 600


@pytest.fixture
def other(scratch: Path) -> Iterator[Cluster]:
    """A server of its own for the leaf, which crashes."""
    cluster = Cluster(scratch / "data")
    cluster.start(settings=LAZY, tied=True)
    yield cluster
    cluster.destroy()


@pytest_asyncio.fixture
async def leaf(cascade: Cascade, other: Cluster) -> AsyncIterator[TestNode]:
    """A leaf on that server, below a root on the usual one."""
    root = await cascade.root(by_hand=True)

    async def elsewhere(**_: object) -> Database:
        db = await Database.connect(other.url(), name="test")
        await schema.install(db)
        return db

    usual, cascade.new_database = cascade.new_database, elsewhere  # type: ignore[assignment]
    leaf = await cascade.leaf("node2", root)
    cascade.new_database = usual
    for node in (root, leaf):
        await node.add_table()
        await node.set_live()
    yield leaf
    await leaf.db.close()


async def crash(leaf: TestNode, other: Cluster) -> None:
    """End the server as a power cut would end its processes, and start it again."""
    other.stop(immediate=True)
    other.start(settings=LAZY, tied=True)
    await leaf.db.close()
    leaf.db = await Database.connect(leaf.dsn, name="test")


async def write(root: TestNode, start: int) -> None:
    """Write a backlog of several ticks, each of which is a batch of its own."""
    for number in range(start, start + TICKS * EVENTS, EVENTS):
        await root.db.execute(
            f"do $$ begin for i in {number} .. {number + EVENTS - 1} loop"
            " insert into public.t values (i, 'x'); end loop; end $$"
        )
        await root.tick()


async def test_lazy_batches_come_back_whole_and_the_provider_has_kept_them(
    cascade: Cascade, leaf: TestNode, other: Cluster
) -> None:
    root = cascade.nodes["node1"]
    lost = 0
    for attempt in range(5):
        await write(root, attempt * TICKS * EVENTS)
        consumer = ApplyingConsumer(leaf.dsn, QUEUE, leaf.worker)
        before = await leaf.position()
        assert await consumer.run_once()
        applied = await leaf.position()
        assert applied > before
        await crash(leaf, other)
        kept = await leaf.position()
        lost += kept < applied
        told = await root.subscription(leaf.worker)
        assert told is not None
        assert told <= kept
        with pytest.raises(TailraceError):
            await consumer.run_once()  # its connections are gone
        while await consumer.run_once():
            told = await root.subscription(leaf.worker)
            assert told is not None
            assert told <= await leaf.position()
        await consumer.close()
        assert await equal_everywhere(root, leaf)
        if lost:
            break
    assert lost, "no crash has taken a commit back: they do not seem to be lazy"


async def test_a_last_batch_is_on_disk(cascade: Cascade, leaf: TestNode, other: Cluster) -> None:
    root = cascade.nodes["node1"]
    await write(root, 0)
    consumer = ApplyingConsumer(leaf.dsn, QUEUE, leaf.worker)
    while await consumer.run_once():
        pass
    applied = await leaf.position()
    await crash(leaf, other)
    assert await leaf.position() == applied
    assert await equal_everywhere(root, leaf)
    await consumer.close()
