"""Scripts that psql runs, with what it prints written behind each statement."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from fixtures.cascade import Cascade, TestNode, running
from fixtures.cascade import cascade as cascade  # the fixture
from fixtures.scripts import steps
from fixtures.waiting import eventually
from tailrace.embedded.binaries import find

_HOLES = {"<id>": "[0-9a-f]{32}", "<hex>": "[0-9a-f]{6}-[0-9a-f]{12}", "<…>": ".*"}
LIVE = "select bool_and(state = 'live') from tailrace.table_info"


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


@pytest.fixture(autouse=True)
def _psql_is_there() -> None:
    program = find().program("psql")
    if not program.exists():
        pytest.skip(f"this server came without {program}")


async def test_jobs_from_psql(cascade: Cascade):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    async with running(root, leaf):
        runs = "select status = 'RUNNING' from tailrace.jobs"
        await eventually(lambda: leaf.db.fetch_value(runs), 20)
        await check("jobs.sql", leaf)
        await check("dropping.sql", root)


async def test_savepoints_from_psql(cascade: Cascade, tmp_path: Path):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.add_table()
    await root.db.execute("insert into public.t select i, 'x' from generate_series(1, 3) i")
    async with running(root, leaf):
        await eventually(lambda: leaf.db.fetch_value(LIVE), 20)
        await check("savepoints.sql", leaf, {"<dir>": str(tmp_path)})


async def check(script: str, node: TestNode, words: Mapping[str, str] | None = None) -> None:
    """Run a script and compare what psql prints; ``words`` stand for what only a run knows."""

    def filled(text: str) -> str:
        for word, meaning in (words or {}).items():
            text = text.replace(word, meaning)
        return text

    for statements, expected in steps(Path(__file__).with_name(script)):
        printed = await psql(find().program("psql"), node.dsn, filled(statements))
        wanted = "\n".join(pattern(filled(line)) for line in expected)
        assert re.fullmatch(wanted, "\n".join(printed)), (statements, printed)
