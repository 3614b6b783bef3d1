"""Plain calls of the original API while our services run, and foreign tickers at any moment.

Nobody pauses anything and nobody tells us; from whatever state results the services carry on.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures.cascade import (
    QUEUE,
    Cascade,
    TestNode,
    differences,
    equal_everywhere,
    running,
)
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.db.dsn import parameters
from tailrace.errors import TailraceError
from tailrace.service import background

pytestmark = pytest.mark.timeout(120)


async def call(node: TestNode, function: str, *values: object) -> Any:
    """Call a function of pgq_node and return its row."""
    marks = ", ".join(["%s"] * (len(values) + 1))
    row = await node.db.fetch_one(f"select * from pgq_node.{function}({marks})", QUEUE, *values)
    assert row is not None
    return row


async def tick_for_ever(db: Database, pause: float) -> None:
    """A foreign ticker: ticks whatever may be ticked, and what may not."""
    while True:
        with contextlib.suppress(TailraceError):
            await db.fetch_value("select pgq.ticker()")
            await db.fetch_value("select pgq.ticker(%s)", QUEUE)
            await db.fetch_value("select pgq.force_tick(%s)", QUEUE)
        await asyncio.sleep(pause)


@asynccontextmanager
async def foreign_tickers(cascade: Cascade, folder: Path) -> AsyncIterator[None]:
    """One in each database, and pgqd where it is installed."""
    nodes = list(cascade.nodes.values())
    async with contextlib.AsyncExitStack() as stack:
        for number, node in enumerate(nodes):
            db = await cascade.connect(node.db)
            work = tick_for_ever(db, 0.1 + 0.01 * number)
            await stack.enter_async_context(background(work, name="ticker"))
        program = shutil.which("pgqd")
        if program is not None:
            given = parameters(nodes[0].dsn)
            address = " ".join(
                f"{key}={given[key]}"
                for key in ("host", "port", "user", "passfile")
                if given.get(key)
            )
            config = folder / "pgqd.ini"
            config.write_text(
                f"[pgqd]\nbase_connstr = {address}\ninitial_database = {nodes[0].db.dbname}\n"
                f"database_list = {','.join(node.db.dbname for node in nodes)}\n"
                "ticker_period = 0.1\nretry_period = 1\nmaint_period = 1\nsyslog = 0\n"
            )
            daemon = await asyncio.create_subprocess_exec(
                program, str(config),
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            stack.push_async_callback(daemon.wait)
            stack.callback(daemon.kill)
        yield


class Writer:
    """Writes rows at whichever node is the root; what fails there was not written."""

    def __init__(self, root: TestNode) -> None:
        self.root = root
        self.written = 0

    async def write(self, rows: int = 20) -> None:
        """Each row in a transaction of its own."""
        for number in range(self.written + 1, self.written + rows + 1):
            await self.root.db.execute("insert into public.t values (%s, 'x')", number)
        self.written += rows


async def switch(old: TestNode, new: TestNode, writer: Writer) -> None:
    """Make another node the root, with nothing but the original calls, and no pause anywhere."""
    assert (await call(old, "demote_root", 1, None)).ret_code == 200
    final = (await call(old, "demote_root", 2, None)).last_tick

    async def promoted() -> bool:
        if await new.position() < final:
            return False
        return bool((await call(new, "promote_branch")).ret_code == 200)

    await eventually(promoted, within=20, every=0.01)
    writer.root = new
    await writer.write(5)
    await call(new, "register_subscriber", old.name, old.worker, final)
    await call(old, "unregister_subscriber", new.name)
    assert (await call(old, "demote_root", 3, new.name)).ret_code == 200


async def test_services_carry_on_from_what_admins_and_tickers_of_the_original_do(
    cascade: Cascade, tmp_path: Path
) -> None:
    node1 = await cascade.root()
    node2 = await cascade.branch("node2", node1)
    node3 = await cascade.leaf("node3", node2)
    node4 = await cascade.branch("node4", node1)
    nodes = [node1, node2, node3, node4]
    for node in nodes:
        await node.add_table()
    writer = Writer(node1)
    async with foreign_tickers(cascade, tmp_path), running(*nodes):
        await writer.write()
        await eventually(lambda: equal_everywhere(*nodes), within=40)

        # another provider, without a pause, from the global watermark on
        await call(node2, "register_location", "node4", node4.dsn, False)
        await call(node2, "register_subscriber", "node4", node4.worker, None)
        await writer.write()
        await call(node4, "change_consumer_provider", node4.worker, "node2")
        await writer.write()
        await call(node1, "unregister_subscriber", "node4")
        await writer.write()
        await eventually(lambda: equal_everywhere(*nodes), within=40)

        # another root, and back
        await switch(node1, node2, writer)
        await writer.write()
        await eventually(lambda: equal_everywhere(node2, node1, node3, node4), within=40)
        await switch(node2, node1, writer)
        await writer.write()
        await eventually(lambda: equal_everywhere(*nodes), within=40)
        await eventually(lambda: no_errors(nodes), within=10)
        assert await node2.subscription(node2.apply) is not None
        assert await node1.subscription(node1.apply) is None
    assert writer.written == len(await node1.rows())
    for node in (node2, node4):
        assert await differences(node1, node) == []


async def no_errors(nodes: list[TestNode]) -> bool:
    """Whether no node shows an error."""
    return [await node.errors() for node in nodes] == [[]] * len(nodes)
