"""The demo on a real Flink."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from fixtures.flink_session import Sql
from fixtures.process import StartProcess
from tailrace.engines.flink.local import Running

DEMO = ("demo", "--engine", "flink")

LONG = 120  # seconds; it takes about ten on an idle machine


@pytest.mark.timeout(200)
async def test_demo_goes_through_flink_and_back_and_everything_is_equal(
    process: StartProcess, real_flink: Running, flink_home: Path, scratch: Path
):
    where = ("--flink-home", str(flink_home), "--data", str(scratch / "data"))
    demo = await process(*DEMO, *where, "--rows", "600", "--seconds", "2")
    assert await demo.wait(LONG) == 0, demo.err
    assert "everything is equal" in demo.err
    assert "STOP JOB 'carrier_delays' WITH SAVEPOINT: file:" in demo.err
    assert "START JOB 'carrier_delays' FROM SAVEPOINT 'file:" in demo.err
    lines = [line.split() for line in demo.out.splitlines()]
    returned = {line[0]: line[1:] for line in lines if line and line[0].startswith("nyc.")}
    assert set(returned) == {"nyc.carrier_delays", "nyc.daily_delays"}
    for rows, wanted, equal in returned.values():
        assert (rows == wanted != "0", equal) == (True, "yes")
    assert os.listdir(scratch) == []


@pytest.mark.timeout(200)
async def test_demo_interrupted_leaves_nothing_but_the_cluster_it_was_given(
    process: StartProcess, real_sql: Sql, flink_home: Path, scratch: Path
):
    where = ("--flink-home", str(flink_home), "--data", str(scratch / "data"))
    demo = await process(*DEMO, *where, "--rows", "100")
    await demo.says("four writers", within=LONG)
    demo.send(signal.SIGINT)
    assert await demo.wait(LONG) == 130
    assert "Traceback" not in demo.err
    assert os.listdir(scratch) == []
    ours = [row for row in await real_sql("SHOW JOBS") if "carrier_delays" in row["job name"]]
    assert {row["status"] for row in ours} <= {"CANCELED", "CANCELLING", "FINISHED"}
    assert ours


async def test_demo_without_flink_says_what_is_missing(
    process: StartProcess, scratch: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FLINK_HOME", str(scratch))
    place = ("--data", str(scratch / "data"))
    demo = await process(*DEMO, *place)
    assert await demo.wait() == 1
    assert demo.err.strip() == f'tailrace: FLINK_HOME is "{scratch}", which has no folder lib'
    demo = await process(*DEMO, "--flink-home", str(scratch), *place)
    assert await demo.wait() == 1
    assert f'no Flink cluster runs in "{scratch}"; start one with: tailrace flink' in demo.err
    assert os.listdir(scratch) == []
