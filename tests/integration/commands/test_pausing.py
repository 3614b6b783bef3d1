"""pause, resume, wait-root, wait-provider: they return when the running worker has answered."""

from __future__ import annotations

import pytest_asyncio

from fixtures.process import StartProcess

STATE = "select consumer_name, paused, uptodate from pgq_node.local_state order by 1"


@pytest_asyncio.fixture
async def served(new_cascade, process: StartProcess):
    """Three nodes in a row, the middle one with tables, and a process that serves them."""
    cascade = await new_cascade({"up": None, "mid": "up", "down": "mid"}, leaves={"down"})
    await cascade["up"].execute("create table public.t (id integer primary key)")
    await cascade.at("up", "add-table", "t")
    await cascade.at("mid", "add-table", "t", "--create")
    words = [word for db in cascade.nodes.values() for word in ("--db", db.dsn)]
    await process("run", *words)
    await cascade.at("mid", "wait-sync", "--timeout", "40")
    return cascade


async def test_pause_and_resume_are_acknowledged_by_mirror_and_apply(served):
    result = await served.at("mid", "pause", "--timeout", "20")
    rows = [tuple(row) for row in await served["mid"].fetch_all(STATE)]
    assert rows == [("mid.apply", True, True), ("mid_worker", True, True)]
    assert 'consumer "mid_worker" of node "mid" is paused' in result.err
    await served.at("up", "resume", "--node", "mid", "--timeout", "20")
    rows = [tuple(row) for row in await served["mid"].fetch_all(STATE)]
    assert rows == [("mid.apply", False, True), ("mid_worker", False, True)]


async def test_one_consumer_can_be_paused_alone(served):
    await served.at("mid", "pause", "--consumer", "mid.apply", "--timeout", "20")
    rows = [tuple(row) for row in await served["mid"].fetch_all(STATE)]
    assert rows == [("mid.apply", True, True), ("mid_worker", False, True)]
    result = await served.at("mid", "pause", "--consumer", "nix", status=1)
    assert "it has: mid.apply, mid_worker" in result.complaint


async def test_wait_root_returns_when_what_was_written_is_there(served):
    """The root is idle afterwards, so nobody else makes the tick that ends the wait."""
    idle = "select pgq.set_queue_config('shop', 'ticker_idle_period', '1 hour')"
    await served["up"].execute(idle)
    await served["up"].execute("insert into public.t select generate_series(1, 1000)")
    await served.at("mid", "wait-root", "--timeout", "40")
    assert await served["mid"].fetch_value("select count(*) from public.t") == 1000
    await served.at("mid", "wait-root", "--timeout", "40")
    await served.at("down", "wait-provider", "--timeout", "40")


async def test_waiting_makes_no_tick_where_there_shall_be_none(pair):
    await pair["up"].execute("select pgq.set_queue_config('shop', 'ticker_paused', 'true')")
    ticks = "select count(*) from pgq.tick"
    before = await pair["up"].fetch_value(ticks)
    for command in ("wait-root", "wait-provider"):
        result = await pair.at("down", command, "--timeout", "0.3", status=1)
        assert "gave up after 0.3 s waiting for" in result.complaint
    assert await pair["up"].fetch_value(ticks) == before


async def test_waiting_on_the_root_returns_at_once(new_cascade):
    cascade = await new_cascade({"up": None})
    for command in ("wait-root", "wait-provider"):
        result = await cascade.at("up", command)
        assert "this node is the root" in result.err


async def test_pause_gives_up_while_nobody_serves(pair):
    result = await pair.at("down", "pause", "--timeout", "0.3", status=1)
    assert "gave up after 0.3 s" in result.complaint
    assert "it stays asked to pause, until: tailrace resume; " in result.complaint
    assert "tailrace run" in result.complaint
    assert [tuple(row) for row in await pair["down"].fetch_all(STATE)] == [
        ("down_worker", True, False)
    ]
    result = await pair.at("down", "resume", "--timeout", "0.3", status=1)
    assert "it stays asked to go on; " in result.complaint
    assert "until" not in result.complaint
