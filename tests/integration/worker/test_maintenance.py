"""Maintenance: rotation, retried events, tables that change, holds nobody owns any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade
from fixtures.waiting import eventually
from tailrace import service
from tailrace.db.connection import Database
from tailrace.queue.maintenance import Maintenance


@pytest_asyncio.fixture
async def maintenance(database: Database) -> AsyncIterator[Maintenance]:
    """The service for the test's database."""
    service = Maintenance(database.dsn, period=0, retry_period=0, capture_period=0)
    yield service
    service.request_stop()
    await service.run()


async def queue_table(db: Database) -> int:
    """Return the index of the current event table."""
    return int(await db.fetch_value("select queue_cur_table from pgq.queue"))


async def test_event_tables_are_rotated_in_two_steps(
    database: Database, maintenance: Maintenance
) -> None:
    await database.execute("select pgq.create_queue('q')")
    await database.execute("select pgq.set_queue_config('q', 'rotation_period', '0')")
    assert await queue_table(database) == 0
    for wanted in (1, 2, 0):
        await maintenance.run_once()
        assert await queue_table(database) == wanted
        assert await database.fetch_value("select queue_switch_step2 is not null from pgq.queue")


async def test_event_tables_are_rotated_when_their_period_is_over_and_not_at_the_next_round(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tailrace.queue.maintenance.ROTATION_LEAST", 0.02)
    await database.execute("select pgq.create_queue('q')")
    await database.execute("select pgq.set_queue_config('q', 'rotation_period', '100 ms')")
    async with service.background(Maintenance(database.dsn).run(), name="maintenance"):
        for wanted in (1, 2, 0):

            async def rotated(wanted: int = wanted) -> bool:
                return await queue_table(database) == wanted

            await eventually(rotated, 20, every=0.01)


async def test_retried_events_come_back(database: Database, maintenance: Maintenance) -> None:
    await database.execute("select pgq.create_queue('q')")
    await database.execute("select pgq.register_consumer('q', 'c')")
    for number in range(25):
        await database.execute(
            "select pgq.event_retry_raw('q', 'c', now(), %s, now(), 1, 't', 'd',"
            " null, null, null, null)",
            number + 1,
        )
    await maintenance.run_once()
    assert await database.fetch_value("select count(*) from pgq.retry_queue") == 0
    assert await database.fetch_value("select count(*) from pgq.event_1") == 25


async def test_one_failing_operation_does_not_keep_the_others_from_being_done(
    database: Database, maintenance: Maintenance, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b"):
        await database.execute("select pgq.create_queue(%s)", name)
        await database.execute("select pgq.set_queue_config(%s, 'rotation_period', '0')", name)
    await database.execute(
        "update pgq.queue set queue_extra_maint = array['public.no_such'] where queue_name = 'a'"
    )
    await maintenance.run_once()
    assert "public.no_such" in caplog.text
    rows = await database.fetch_all("select queue_cur_table from pgq.queue")
    assert [row.queue_cur_table for row in rows] == [1, 1]


async def test_capture_follows_a_column_that_was_added(cascade: Cascade) -> None:
    root = await cascade.root(by_hand=True)
    await root.add_table()
    await root.db.execute("alter table public.t add column w integer")
    service = Maintenance(root.dsn)
    await service.run_once()
    service.request_stop()
    await asyncio.wait_for(service.run(), 10)
    await root.db.execute("insert into public.t values (1, 'x', 7)")
    found = await root.db.fetch_value("select ev_data from pgq.event_1 where ev_type = 'row:I'")
    assert found == "(1,x,7)"


async def test_expired_hold_is_forgotten_and_a_living_one_kept(
    database: Database, maintenance: Maintenance
) -> None:
    for life in ("-1 second", "1 hour"):
        await database.execute(
            "insert into tailrace.hold (queue_name, consumer_name, held_for, expires_at)"
            " values (%s, 'c', %s, clock_timestamp() + %s::interval)", QUEUE, life, life,
        )  # fmt: skip
    await maintenance.run_once()
    rows = await database.fetch_all("select held_for from tailrace.hold")
    assert [row.held_for for row in rows] == ["1 hour"]
