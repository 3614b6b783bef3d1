"""Imports whose runner is killed at each of their reach points, while files go on coming.

What is in the table in the end is what the files say, so none was lost and none loaded twice.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from fixtures.imports import came, killed_import, make_import, part, run_import, went, write
from fixtures.sqljobs import rows
from tailrace import faults
from tailrace.db.connection import Database

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

POINTS = sorted(
    name
    for name, place in faults.declared().items()
    if place in ("bridge/importing.py", "bridge/loading.py")
)


async def test_every_file_counts_once_wherever_the_runner_is_killed(
    database: Database, tmp_path: Path
):
    place = tmp_path / "files"
    await database.execute("create table public.bag (n integer)")
    await make_import(database, place, "bag", format="debezium-json", retention=0.0)
    number = 0
    assert len(POINTS) == 6
    for point in POINTS:
        for _ in range(3):  # each takes away what the one before it has brought
            lines = [came(n=number), came(n=number)] + ([went(n=number - 1)] if number else [])
            write(place / part(0, number), lines)
            number += 1
        assert await killed_import(database, f"{point}:kill") == -signal.SIGKILL, point
    await run_import(database)
    found = await rows(database, "select n from public.bag")
    assert sorted(found) == sorted([f"({n})" for n in range(number)] + [f"({number - 1})"])
    assert await database.fetch_value("select position from tailrace.jobs") == str(number)
    assert os.listdir(place) == []
