"""Imports whose runner is killed at each of their reach points, while files go on coming.

What is in the table in the end is what the files say, so none was lost and none loaded twice.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.imports import came, make_import, part, went, write
from fixtures.process import StartProcess
from fixtures.sqljobs import rows, status
from fixtures.waiting import eventually
from tailrace import faults
from tailrace.db.connection import Database
from tailrace.jobs.manager import Manager

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

POINTS = sorted(
    name for name, place in faults.declared().items() if place.startswith("bridge/import")
    or place.startswith("bridge/loading")
)  # fmt: skip
SETTINGS = {"TAILRACE_POLL": "50ms", "TAILRACE_DISCOVERY_PERIOD": "100ms"}


async def test_every_file_counts_once_wherever_the_runner_is_killed(
    database: Database, process: StartProcess, tmp_path: Path
):
    place = tmp_path / "files"
    await database.execute("create table public.bag (n integer)")
    await make_import(database, place, "bag", format="debezium-json", retention=0.0)
    number = 0
    for point in POINTS:
        runner = await process(
            "run", "--db", database.dsn, env=SETTINGS | {"TAILRACE_FAULT": f"{point}:kill"}
        )
        for _ in range(3):  # each takes away what the one before it has brought
            lines = [came(n=number), came(n=number)] + ([went(n=number - 1)] if number else [])
            write(place / part(0, number), lines)
            number += 1
        assert await runner.wait() < 0, (point, runner.err)
    await process("run", "--db", database.dsn, env=SETTINGS)
    async with Manager(database, timeout=60) as manager:
        await manager.stop("load", drain=True)
    assert await status(database, "load") == "FINISHED"
    found = await rows(database, "select n from public.bag")
    assert sorted(found) == sorted([f"({n})" for n in range(number)] + [f"({number - 1})"])
    assert await database.fetch_value("select position from tailrace.jobs") == str(number)
    await eventually(lambda: _gone(place))


async def _gone(place: Path) -> bool:
    return not os.listdir(place)
