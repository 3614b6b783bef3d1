"""Programs as processes: killed at any point, frozen, taken over; nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.command import Tailrace
from fixtures.process import Process
from fixtures.waiting import eventually

PROGRAM = Path(__file__).with_name("programs.py")
CONSUMERS = "select consumer_name from tailrace.job where kind = 'consumer'"
Start = Callable[..., Awaitable[Process]]


@pytest_asyncio.fixture
async def program() -> AsyncIterator[Start]:
    """Start a program: ``await program("moving", node, "billing", fault="…")``."""
    started: list[Process] = []

    async def start(
        kind: str, node: TestNode, name: str, *, fault: str = "", opens: bool = True
    ) -> Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), kind, node.dsn, QUEUE, name,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TAILRACE_FAULT": fault},
        )  # fmt: skip
        started.append(Process(child))
        if opens:
            await started[-1].says("open")
        return started[-1]

    yield start
    for one in started:
        await one.kill()


async def insert(root: TestNode, number: int) -> None:
    await root.db.execute("insert into public.t values (%s, %s)", number, str(number))


async def effects(node: TestNode) -> list[str]:
    rows = await node.db.fetch_all("select data from public.effects order by data::integer")
    return [row.data for row in rows]


async def status(node: TestNode) -> str:
    found = await node.db.fetch_value("select status from tailrace.jobs where kind = 'consumer'")
    return str(found)


@pytest.mark.parametrize("kind", ["moving", "script"])
async def test_nothing_is_lost_or_doubled_when_programs_die(
    cascade: Cascade, program: Start, kind: str
):
    root = await cascade.root()
    await root.add_table()
    leaf = await cascade.leaf("node2", root)
    await leaf.db.execute("create table public.effects (data text, made_by integer)")
    async with running(root, leaf):
        sent = 0
        # dies before the position is written, before the commit, and in between of batches
        faults = ["program.before_position@3:kill", "program.before_commit@4:kill", ""]
        for fault in faults if kind == "moving" else ["", ""]:
            one = await program(kind, leaf, "billing", fault=fault)
            while one.returncode is None and sent % 12 != 11:
                sent += 1
                await insert(root, sent)
                await eventually(partial(_done_or_dead, one, leaf, sent), 20)
            sent += 1
            await insert(root, sent)
            await one.kill()
            await eventually(partial(_is, leaf, "SUSPENDED"), 10)
        one = await program(kind, leaf, "billing")
        await eventually(partial(_count, leaf, sent), 20)
        assert await effects(leaf) == [str(i + 1) for i in range(sent)]
        assert await status(leaf) == "RUNNING"


async def test_a_program_killed_while_it_is_registered_begins_the_next_time(
    cascade: Cascade, program: Start
):
    root = await cascade.root()
    await root.add_table()
    leaf = await cascade.leaf("node2", root)
    await leaf.db.execute("create table public.effects (data text, made_by integer)")
    async with running(root, leaf):
        for point in ("program.after_job", "program.after_registration"):
            one = await program("moving", leaf, "billing", fault=f"{point}:kill", opens=False)
            assert await one.wait() == -signal.SIGKILL
        await program("moving", leaf, "billing")
        await insert(root, 1)
        await eventually(partial(_count, leaf, 1), 20)
    # it is registered once, under one name
    readers = (
        "select consumer_name from pgq.get_consumer_info('flow') where consumer_name like 'b%'"
    )
    assert len(await root.db.fetch_all(readers)) == 1
    assert await status(leaf) == "RUNNING"


async def test_a_frozen_program_is_taken_over_and_does_no_harm(cascade: Cascade, program: Start):
    root = await cascade.root()
    await root.add_table()
    await root.db.execute("create table public.effects (data text, made_by integer)")
    async with running(root):
        first = await program("moving", root, "billing")
        await insert(root, 1)
        await eventually(partial(_count, root, 1), 20)
        second = await program("moving", root, "billing")  # stands by
        first.send(signal.SIGSTOP)
        await insert(root, 2)
        await eventually(partial(_count, root, 2), 30)
        first.send(signal.SIGCONT)
        await insert(root, 3)
        await eventually(partial(_count, root, 3), 20)
        assert second.returncode is None
        pids = await root.db.fetch_all("select distinct made_by from public.effects")
        assert len(pids) == 2
        assert await effects(root) == ["1", "2", "3"]
        await eventually(partial(_is, root, "RUNNING"), 10)


async def _done_or_dead(one: Process, node: TestNode, number: int) -> bool:
    return one.returncode is not None or await _count(node, number)


async def _is(node: TestNode, *wanted: str) -> bool:
    return await status(node) in wanted


async def _count(node: TestNode, number: int) -> bool:
    return len(await effects(node)) == number


async def test_a_program_goes_with_its_node_to_another_provider(
    cascade: Cascade, program: Start, tailrace: Tailrace
):
    root = await cascade.root()
    await root.add_table()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", root)
    await leaf.db.execute("create table public.effects (data text, made_by integer)")
    async with running(root, branch, leaf):
        one = await program("moving", leaf, "billing")
        (name,) = [row.consumer_name for row in await leaf.db.fetch_all(CONSUMERS)]
        for number in range(1, 6):
            await insert(root, number)
        await tailrace(
            "change-provider", "--provider", "node2", "--db", leaf.dsn, "--timeout", "30"
        )
        for number in range(6, 11):
            await insert(root, number)
        await eventually(partial(_count, leaf, 10), 20)
        assert await effects(leaf) == [str(number) for number in range(1, 11)]
        assert await root.subscription(name) is None
        assert await branch.subscription(name) is not None
        # and when the node goes, nobody keeps events for the program
        await tailrace("drop-node", "node3", "--db", root.dsn, "--yes")
        assert await branch.subscription(name) is None
        assert await one.wait() == 0  # its job is no more
