"""Acceptance D0 typed as users of the seed type it: ini file first, locations as short as theirs.

Only the program's name is ours. Databases are called ``db1`` to ``db5``, and where their server is
says the environment, as it does on the machine of someone who writes ``dbname=db4``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from fixtures.process import Process, StartProcess
from fixtures.server import Server
from fixtures.waiting import eventually
from tailrace.cli.daemon import running_pid
from tailrace.db.connection import Database
from tailrace.db.dsn import parameters
from tailrace.embedded.process import is_alive

pytestmark = pytest.mark.timeout(120)

INI = """[londiste3]
db = dbname=db{n}
queue_name = replika
job_name = replika_db{n}
logfile = log/%(job_name)s.log
pidfile = pid/%(job_name)s.pid
loop_delay = 0.2
local_wm_publish_period = 0.5
global_wm_publish_period = 0.5
"""
LINES = (
    "-v conf/londiste_db1.ini create-root node1 dbname=db1",
    "-v conf/londiste_db2.ini create-branch node2 dbname=db2 --provider=dbname=db1",
    "-v conf/londiste_db3.ini create-branch node3 dbname=db3 --provider=dbname=db1",
    "-v conf/londiste_db4.ini create-branch node4 dbname=db4 --provider=dbname=db2"
    " --sync-watermark=node4,node5",
    "-v conf/londiste_db5.ini create-branch node5 dbname=db5 --provider=dbname=db3"
    " --sync-watermark=node4,node5",
)
SHAPE = re.compile(r"(node\d) \((\w+)\)")


class Shell:
    """A directory with the five ini files, and the environment that tells where the server is."""

    def __init__(self, place: Path, server: Server, process: StartProcess) -> None:
        given = parameters(server.dsn("postgres"))
        self.env = {
            "PGHOST": str(given["host"]),
            "PGPORT": str(given["port"]),
            "PGUSER": str(given["user"]),
            "PGPASSFILE": str(given["passfile"]),
        }
        self.place = place
        self._process = process
        for folder in ("conf", "log", "pid"):
            (place / folder).mkdir()
        for n in range(1, 6):
            (place / "conf" / f"londiste_db{n}.ini").write_text(INI.format(n=n))

    async def types_all(self, *lines: str) -> None:
        """Type lines in several windows at once."""
        await asyncio.gather(*(self.types(line) for line in lines))

    async def types(self, line: str, status: int = 0) -> Process:
        """Type a line and wait until the command has ended."""
        typed = await self._process(*line.split(), env=self.env, cwd=self.place)
        assert await typed.wait(40) == status, f"{line}: {typed.err}"
        return typed

    def pid(self, n: int) -> int | None:
        """The worker in the background, if it runs."""
        return running_pid(str(self.place / "pid" / f"replika_db{n}.pid"))


@pytest.fixture
def databases(server: Server) -> Iterator[None]:
    """Five empty databases with the seed's names."""
    for n in range(1, 6):
        server.admin(f"create database db{n}")
    yield
    for n in range(1, 6):
        server.drop_later(f"db{n}")


@pytest_asyncio.fixture
async def shell(
    tmp_path: Path, server: Server, process: StartProcess, databases: None
) -> AsyncIterator[Shell]:
    """The user's shell; workers that were left in the background are stopped."""
    made = Shell(tmp_path, server, process)
    yield made
    for n in range(1, 6):
        if made.pid(n) is not None:
            await made.types(f"conf/londiste_db{n}.ini worker -k")


async def rows(server: Server, n: int) -> list[int]:
    """What the table of one database holds."""
    async with await Database.connect(server.dsn(f"db{n}"), name="test") as db:
        if not await db.fetch_value("select to_regclass('public.orders') is not null"):
            return []
        return [row.id for row in await db.fetch_all("select id from public.orders order by id")]


async def test_seeds_own_lines_make_its_tree_and_serve_it(shell: Shell, server: Server) -> None:
    for line in LINES:
        await shell.types(line)
    await shell.types_all(*(f"-d conf/londiste_db{n}.ini worker" for n in range(1, 6)))
    pids = [await eventually(lambda n=n: shell.pid(n), 20) for n in range(1, 6)]

    async with await Database.connect(server.dsn("db1"), name="test") as db:
        await db.execute("create table public.orders (id integer primary key)")
        await db.execute("insert into public.orders select generate_series(1, 50)")
        await shell.types("conf/londiste_db1.ini add-table orders")
        for pair in ((2, 3), (4, 5)):
            lines = (f"conf/londiste_db{n}.ini add-table orders --create" for n in pair)
            await shell.types_all(*lines)
        await db.execute("insert into public.orders select generate_series(51, 100)")

    async def arrived() -> bool:
        for n in range(2, 6):
            assert await rows(server, n) == list(range(1, 101)), f"db{n}"
        return True

    await eventually(arrived, 60, every=0.2)
    shown = (await shell.types("conf/londiste_db1.ini status")).out.splitlines()
    assert tree_of(shown) == {
        "node1": ("root", 0),
        "node2": ("branch", 1),
        "node4": ("branch", 2),
        "node3": ("branch", 1),
        "node5": ("branch", 2),
    }
    assert len([line for line in shown if "Attr: sync_watermark=node4,node5" in line]) == 2
    assert [line for line in shown if "ERR" in line] == []

    await shell.types_all(*(f"conf/londiste_db{n}.ini worker -s" for n in range(1, 6)))
    await eventually(lambda: not any(is_alive(pid) for pid in pids), 20)
    logs = [(shell.place / "log" / f"replika_db{n}.log").read_text() for n in range(1, 6)]
    assert [line for log in logs for line in log.splitlines() if " ERROR " in line] == []


def tree_of(lines: list[str]) -> dict[str, tuple[str, int]]:
    """Type and depth of each node as status draws it."""
    found = {}
    for line in lines:
        named = SHAPE.search(line)
        if named is not None:
            found[named[1]] = (named[2], max(0, named.start() - 2) // 5)
    return found
