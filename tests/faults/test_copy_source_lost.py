"""A copy whose connections break starts again, and what was there before stays until it is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode
from fixtures.proxy import MakeProxy, Proxy
from fixtures.waiting import eventually
from tailrace import faults
from tailrace.errors import TailraceError
from tailrace.replication.copy import CopyService

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("modelled")]

POINTS = ("copy.after_snapshot", "copy.after_empty", "copy.in_data", "copy.after_data")


class Pair:
    """A leaf that reads from the root through a proxy; both have the table, with other rows."""

    def __init__(self, root: TestNode, leaf: TestNode, proxy: Proxy) -> None:
        self.root = root
        self.leaf = leaf
        self.proxy = proxy
        self.service = CopyService(leaf.dsn, QUEUE)

    async def terminate(self, node: TestNode, name: str) -> None:
        """Let an administrator end the copy's connection to a database, and wait until it has."""
        pids = await node.db.fetch_all(
            "select pid from pg_stat_activity"
            " where datname = current_database() and application_name = %s",
            f"tailrace:{name}",
        )
        assert pids
        for row in pids:
            assert await node.db.fetch_value("select pg_terminate_backend(%s, 5000)", row.pid)

    async def state(self) -> tuple[str, str | None]:
        """State of the leaf's table, and the error of the last copy."""
        row = await self.leaf.db.fetch_one("select state, copy_error from tailrace.table_info")
        assert row is not None
        return row.state, row.copy_error

    async def check_untouched(self) -> None:
        """The leaf has what it had before the copy."""
        assert await self.leaf.rows() == [(1, "stale")]

    async def check_copied(self) -> None:
        """A later pass has copied the table."""

        async def copied() -> bool:
            try:
                return await self.service.run_once()
            except TailraceError as error:
                if not error.retryable:
                    raise
                await self.service.close()
                return False

        await eventually(copied)
        assert await self.state() == ("syncing", None)
        assert await self.leaf.rows() == await self.root.rows()


@pytest_asyncio.fixture
async def pair(cascade: Cascade, proxy: MakeProxy) -> AsyncIterator[Pair]:
    """A root and a leaf below it."""
    root = await cascade.root()
    through = await proxy(root.dsn)
    leaf = await cascade.leaf("node2", root)
    await leaf.db.execute(
        "update pgq_node.node_location set node_location = %s where node_name = 'node1'",
        through.dsn,
    )
    for node in (root, leaf):
        await node.add_table()
    await root.db.execute("insert into public.t select i, 'new' from generate_series(1, 20000) i")
    await leaf.db.execute(
        "set session_replication_role = replica; insert into public.t values (1, 'stale');"
        " set session_replication_role = origin"
    )
    made = Pair(root, leaf, through)
    yield made
    await made.service.close()


@asynccontextmanager
async def copy_at(pair: Pair, point: str) -> AsyncIterator[asyncio.Task[bool]]:
    """Hold a copy at a reach point while the block does something to it."""
    with faults.watching(point) as watch:
        watch.hold()
        copying = asyncio.create_task(pair.service.run_once())
        await watch.wait()
        yield copying


@pytest.mark.parametrize("point", POINTS)
async def test_source_backend_terminated(pair: Pair, point: str) -> None:
    async with copy_at(pair, point) as copying:
        await pair.terminate(pair.root, "copy public.t")
    if point in ("copy.in_data", "copy.after_data"):  # all is here, the source has done its part
        assert await copying
        assert await pair.leaf.rows() == await pair.root.rows()
        return
    assert not await copying
    state, error = await pair.state()
    assert state == "copying"
    assert error is not None
    await pair.check_untouched()
    await pair.check_copied()


@pytest.mark.parametrize("point", POINTS)
async def test_target_backend_terminated(pair: Pair, point: str) -> None:
    async with copy_at(pair, point) as copying:
        await pair.terminate(pair.leaf, "copy public.t")
    assert not await copying
    await pair.check_untouched()
    await pair.check_copied()


async def test_connection_of_the_service_itself_terminated(pair: Pair) -> None:
    async with copy_at(pair, "copy.after_snapshot") as copying:
        await pair.terminate(pair.leaf, f"copies of {QUEUE}")
    with pytest.raises(TailraceError) as caught:
        await copying
    assert caught.value.retryable
    await pair.check_untouched()
    await pair.check_copied()


async def test_network_to_the_source_cut_in_the_middle(pair: Pair) -> None:
    async with copy_at(pair, "copy.after_empty") as copying:
        pair.proxy.cut()
    assert not await copying
    await pair.check_untouched()
    await pair.check_copied()


async def test_source_that_cannot_be_reached_is_tried_again(pair: Pair) -> None:
    pair.proxy.refuse()
    assert not await pair.service.run_once()
    state, error = await pair.state()
    assert state == "pending"
    assert error is not None
    assert "cannot connect" in error
    pair.proxy.resume()
    await pair.check_copied()
