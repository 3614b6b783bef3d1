"""Scripts that psql runs, with what it prints written behind each statement."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from fixtures.cascade import Cascade, running
from fixtures.cascade import cascade as cascade  # the fixture
from fixtures.scripts import steps
from fixtures.waiting import eventually
from tailrace.embedded.binaries import find

_HOLES = {"<id>": "[0-9a-f]{32}", "<…>": ".*"}


def pattern(line: str) -> str:
    """A regular expression for an expected line."""
    text = re.escape(line.rstrip())
    for hole, meaning in _HOLES.items():
        text = text.replace(re.escape(hole), meaning)
    return text


async def psql(program: Path, dsn: str, statements: str) -> list[str]:
    """What psql prints: results, then complaints."""
    child = await asyncio.create_subprocess_exec(
        str(program), "--no-psqlrc",
        "--variable=SHOW_CONTEXT=never", dsn,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(child.communicate(statements.encode()), 40)
    printed = out.decode().rstrip("\n").splitlines() + err.decode().rstrip("\n").splitlines()
    return [line.rstrip() for line in printed]


async def test_jobs_from_psql(cascade: Cascade):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    async with running(root, leaf):
        runs = "select status = 'RUNNING' from tailrace.jobs"
        await eventually(lambda: leaf.db.fetch_value(runs), 20)
        for statements, expected in steps(Path(__file__).with_name("jobs.sql")):
            printed = await psql(find().program("psql"), leaf.dsn, statements)
            wanted = "\n".join(pattern(line) for line in expected)
            assert re.fullmatch(wanted, "\n".join(printed)), (statements, printed)
