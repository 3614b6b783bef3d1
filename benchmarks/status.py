"""``tailrace status`` of a large tree, and what an idle node costs its server.

The tree has 50 nodes, each a database of one server; the whole command is timed, from its start to
its last line. For idleness a root, a branch and a leaf are served by ``tailrace run`` with nobody
writing, and the server logs every statement that it is sent.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.report import Result
from benchmarks.stage import Scale, Stage
from tailrace.cascade.node import NodeType

NODES = 50
BRANCHES = 9
QUEUE = "tree"
SETTLE = 8.0
# A node's worker counts for its node, also where it reads; all else for the node of its database.
_LINE = re.compile(
    rb"^<(idle_\w+)\|(?:tailrace:tree/(idle_[a-z]+))?[^>]*> LOG:  (?:statement|execute [^:]*): ",
    re.MULTILINE,
)


async def measure(stage: Stage, scale: Scale) -> list[Result]:
    """Seconds for the command, and statements a second for each kind of node."""
    shown = Result(f"tailrace status, {NODES} nodes")
    await _make_tree(stage)
    for _ in range(max(3, scale.repeats)):
        shown.add("tailrace", await _timed("status", "--db", stage.dsn("tree_0")))
        as_json = ("status", "--db", stage.dsn("tree_0"), "--format", "json")
        shown.add("tailrace, as JSON", await _timed(*as_json))
    idle = Result(f"statements of an idle node, {min(scale.idle, 60):g} s", unit="/s")
    await _measure_idle(stage, idle, min(scale.idle, 60.0))
    return [shown, idle]


async def _make_tree(stage: Stage) -> None:
    """A root, branches below it, and leaves and branches below those."""
    names = await _copies(stage, [f"tree_{number}" for number in range(NODES)])
    for number, name in enumerate(names):
        kind: NodeType = "root" if number == 0 else "branch" if number % 2 else "leaf"
        if 0 < number <= BRANCHES:
            kind = "branch"
        above = 0 if number <= BRANCHES else 1 + number % BRANCHES
        provider = None if number == 0 else names[above]
        async with await stage.connect(name) as db:
            await stage.node(f"node{number}", QUEUE, kind, db, provider)


async def _copies(stage: Stage, names: list[str]) -> list[str]:
    """Databases with our schemas, all copied from one."""
    from tailrace.db import schema

    async with await stage.database("tree_template") as template:
        await schema.install(template)
    async with await stage.connect("postgres") as admin:
        for name in names:
            await admin.execute(f'drop database if exists "{name}" with (force)')
            await admin.execute(f'create database "{name}" template tree_template')
    return names


async def _timed(*words: str) -> float:
    start = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tailrace", *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    seconds = time.perf_counter() - start
    assert process.returncode == 0
    assert out.count(b"node") >= NODES
    return seconds


async def _measure_idle(stage: Stage, result: Result, seconds: float) -> None:
    """Count what the server is sent while nobody writes."""
    places = {"idle_root": None, "idle_branch": "idle_root", "idle_leaf": "idle_branch"}
    await _copies(stage, list(places))
    for name, provider in places.items():
        kind: NodeType = name.removeprefix("idle_")  # type: ignore[assignment]
        async with await stage.connect(name) as db:
            await stage.node(name, QUEUE, kind, db, provider)
            await db.execute("create table public.t (id integer primary key)")
            await stage.add_table(db, QUEUE, "public.t")
    async with _logging(stage), _served(stage, list(places)):
        await asyncio.sleep(SETTLE)
        start = stage.log_size()
        await asyncio.sleep(seconds)
        counted = Counter(
            (who or where).decode() for where, who in _LINE.findall(stage.log_from(start))
        )
    for name in places:
        result.add(name.removeprefix("idle_"), counted[name] / seconds)


@asynccontextmanager
async def _logging(stage: Stage) -> AsyncIterator[None]:
    """Let the server log each statement with the name of its database."""
    async with await stage.connect("postgres") as admin:
        for setting in ("log_line_prefix = '<%d|%a> '", "log_statement = 'all'"):
            await admin.execute(f"alter system set {setting}")
        await admin.execute("select pg_reload_conf()")
        try:
            yield
        finally:
            for setting in ("log_line_prefix", "log_statement"):
                await admin.execute(f"alter system reset {setting}")
            await admin.execute("select pg_reload_conf()")


@asynccontextmanager
async def _served(stage: Stage, databases: list[str]) -> AsyncIterator[None]:
    """Run the services of some databases, as users do."""
    arguments = [argument for name in databases for argument in ("--db", stage.dsn(name))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tailrace", "run", *arguments, env=dict(os.environ)
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
