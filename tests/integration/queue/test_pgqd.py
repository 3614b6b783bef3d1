"""The daemon that existing installations run works on our queues as it does on its own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from fixtures.queues import Queue
from fixtures.waiting import eventually
from tailrace.db.dsn import parameters

pytestmark = pytest.mark.sql


@pytest_asyncio.fixture
async def start_pgqd(queue: Queue, tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Start the daemon for the database of this test."""
    program = shutil.which("pgqd")
    if program is None:
        pytest.skip("the daemon pgqd is not installed (Debian: pgqd)")
    given = parameters(queue.db.dsn)
    address = " ".join(f"{key}={given[key]}" for key in ("host", "port", "user", "passfile"))
    config = tmp_path / "pgqd.ini"
    config.write_text(
        "[pgqd]\n"
        f"base_connstr = {address}\n"
        f"initial_database = {queue.db.dbname}\n"
        f"database_list = {queue.db.dbname}\n"
        "ticker_period = 0.1\nretry_period = 1\nmaint_period = 1\nsyslog = 0\n"
    )
    daemons = []

    async def start() -> None:
        daemons.append(
            await asyncio.create_subprocess_exec(
                program,
                str(config),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        )

    yield start
    for daemon in daemons:
        daemon.kill()
        await daemon.wait()


async def test_daemon_ticks_moves_retries_and_rotates(
    queue: Queue, start_pgqd: Callable[[], Awaitable[None]]
) -> None:
    await queue.insert("1", "2")
    await queue.call("pgq.create_queue('rotating')")
    await queue.call("pgq.set_queue_config('rotating', 'rotation_period', '0')")
    await start_pgqd()

    async def arrived() -> int | None:
        batch = await queue.next_batch()
        if batch is None or await queue.events(batch):
            return batch
        await queue.call("pgq.finish_batch(%s)", batch)
        return None

    batch = await eventually(arrived, within=20, what="a tick by the daemon")
    assert await queue.call("pgq.batch_retry(%s, 0)", batch) == 2
    await queue.call("pgq.finish_batch(%s)", batch)
    batch = await eventually(arrived, within=20, what="retries moved by the daemon")
    assert [event.ev_retry for event in await queue.events(batch)] == [1, 1]

    rotated = (
        "queue_cur_table > 0 and queue_switch_step2 is not null"
        " from pgq.queue where queue_name = 'rotating'"
    )
    await eventually(lambda: queue.call(rotated), within=20, what="a rotation by the daemon")
