"""``tailrace demo``: what a newcomer runs first, with few flights."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from fixtures.process import StartProcess
from fixtures.server import Server
from fixtures.waiting import eventually
from tailrace.embedded.cluster import Cluster
from tailrace.embedded.process import is_alive

FEW = ("--rows", "600", "--seconds", "2")
LONG = 150  # seconds; it takes about ten on an idle machine

pytestmark = pytest.mark.timeout(200)


async def test_demo_ends_with_equal_nodes_and_leaves_nothing(
    process: StartProcess, scratch: Path
) -> None:
    demo = await process("demo", "--data", str(scratch / "data"), *FEW)
    assert await demo.wait(LONG) == 0, demo.err
    assert "all nodes are equal" in demo.err
    assert "next: tailrace demo --keep" in demo.err
    assert "kill -9" in demo.err
    lines = [line.split() for line in demo.out.splitlines()]
    tables = {line[0]: line[1:] for line in lines if line and line[0].startswith("nyc.")}
    on, node, kept, wanted, equal, _ = tables.pop("nyc.carrier_delays")  # what the SQL job keeps
    assert (on, node, equal) == ("on", "node3", "yes")
    assert kept == wanted != "0"
    assert "STOP JOB 'carrier_delays' WITH SAVEPOINT WITH DRAIN: " in demo.err
    assert "START JOB 'carrier_delays' FROM SAVEPOINT " in demo.err
    listed = [line.split()[1:3] for line in demo.out.splitlines() if "RUNNING" in line]
    assert ["carrier_delays", "RUNNING"] in listed
    assert len(listed) == 10
    assert len(tables) == 5
    for table, [*counts, equal] in tables.items():
        assert len(set(counts)) == 1, (table, counts)
        assert len(counts) == 5
        assert equal == "yes"
    assert "Attr: sync_watermark=node4,node5" in demo.out
    assert "ERR" not in demo.out
    assert os.listdir(scratch) == []


async def test_demo_interrupted_beside_the_writers_leaves_nothing(
    process: StartProcess, scratch: Path
) -> None:
    demo = await process("demo", "--data", str(scratch / "data"), *FEW)
    await demo.says("four writers", within=LONG)
    server = Cluster(scratch / "data").status()
    assert server is not None
    demo.send(signal.SIGINT)
    assert await demo.wait(LONG) == 130
    assert "Traceback" not in demo.err
    assert os.listdir(scratch) == []
    assert not is_alive(server.pid)


async def test_demo_kept_goes_on_and_can_be_asked_and_stopped(
    process: StartProcess, scratch: Path
) -> None:
    cluster = Cluster(scratch / "data")
    demo = await process("demo", "--keep", "--data", str(cluster.data), *FEW)
    try:
        assert await demo.wait(LONG) == 0, demo.err
        status = await process("status", "--db", cluster.url("node5"), "--format", "json")
        assert await status.wait() == 0, status.err
        nodes = json.loads(status.out)["nodes"]
        assert sorted(node["node"] for node in nodes) == [f"node{n}" for n in range(1, 6)]
        assert cluster.url("node4") in demo.out
        runner = int(demo.out.partition("  kill ")[2].split()[0])
        os.kill(runner, signal.SIGTERM)
        await eventually(lambda: not is_alive(runner), within=30, what="the end of the runner")
    finally:
        cluster.destroy()


async def test_demo_does_not_touch_a_server_that_is_there(
    process: StartProcess, server: Server
) -> None:
    data = server.cluster.data
    demo = await process("demo", "--data", str(data), *FEW)
    assert await demo.wait() == 1
    assert demo.err.strip() == (
        f'tailrace: "{data}" already holds a PostgreSQL server, and the demo removes its directory '
        "in the end; name one that does not exist yet"
    )
    assert server.cluster.status() is not None


async def test_demo_does_not_touch_files_that_are_there(
    process: StartProcess, scratch: Path
) -> None:
    (scratch / "thesis.txt").write_text("years of work")
    demo = await process("demo", "--data", str(scratch), *FEW)
    assert await demo.wait() == 1
    assert "already holds something" in demo.err
    assert os.listdir(scratch) == ["thesis.txt"]
