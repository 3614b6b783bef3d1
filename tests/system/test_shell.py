"""The shell at a terminal: a real process on a pseudo-terminal, typed at."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from fixtures.cascade import Cascade, TestNode
from fixtures.cascade import cascade as cascade  # the fixture
from fixtures.waiting import eventually

_CODES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|[=>]|\][^\x07]*\x07)")


class Terminal:
    """A pseudo-terminal with ``tailrace sql`` on it."""

    def __init__(self, master: int, child: asyncio.subprocess.Process) -> None:
        self.child = child
        self.seen = ""
        self._master = master
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the process has ended
            asyncio.get_running_loop().remove_reader(self._master)
            return
        text = data.decode(errors="replace")
        if "\x1b[6n" in text:  # where is the cursor?
            os.write(self._master, b"\x1b[1;1R")
        self.seen += _CODES.sub("", text).replace("\r", "")

    def type(self, text: str) -> None:
        """Type; what was seen before is forgotten."""
        self.seen = ""
        os.write(self._master, text.encode())

    async def shows(self, text: str) -> None:
        """Wait until something stands on the screen."""

        def there() -> bool:
            assert text in self.seen, self.seen
            return True

        await eventually(there, 20)

    def close(self) -> None:
        """Take the terminal away."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)


@pytest_asyncio.fixture
async def node(cascade: Cascade) -> TestNode:
    """A root."""
    return await cascade.root()


@pytest_asyncio.fixture
async def terminal(node: TestNode, tmp_path: Path) -> AsyncIterator[Terminal]:
    """The shell, at its first prompt."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    child = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("tailrace")), "sql", "--db", node.dsn,
        "--history", str(tmp_path / "history"),
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(slave)
    opened = Terminal(master, child)
    await opened.shows("=>")
    yield opened
    if child.returncode is None:
        child.kill()
    await child.wait()
    opened.close()


async def test_a_session_at_a_terminal(terminal: Terminal, node: TestNode, tmp_path: Path):
    terminal.type("select 41 + 1\n")
    await terminal.shows("->")  # not complete yet
    terminal.type("as answer;\n")
    await terminal.shows("answer")
    await terminal.shows("42")

    terminal.type("show queu\t")
    await terminal.shows("es")  # the rest of it
    terminal.type(";\n")
    await terminal.shows("flow  | node1 | root")

    terminal.type("STOP JOB 'node1\t")
    await terminal.shows("_worker'")
    terminal.type(";\n")
    await terminal.shows("OK")
    assert await node.db.fetch_value("select status from tailrace.jobs") == "CANCELED"

    terminal.type("\\x on\n")
    await terminal.shows("records instead of tables: on")
    terminal.type("select 'one' as a;\n")
    await terminal.shows("-[ 1 ]")

    terminal.type("select wrong;\n")
    await terminal.shows('column "wrong" does not exist')

    terminal.type("select pg_sleep(600);\n")
    asleep = "select count(*) = 1 from pg_stat_activity where query = 'select pg_sleep(600)'"
    await eventually(lambda: node.db.fetch_value(asleep + " and state = 'active'"), 20)
    terminal.type("\x03")
    await terminal.shows("cancelled")
    assert not await node.db.fetch_value(asleep + " and state = 'active'")

    # what takes long says so, and what it waits for
    await node.db.execute("create table public.locked (a integer)")
    async with node.db.transaction():
        await node.db.execute("lock table public.locked")
        terminal.type("table locked;\n")
        await terminal.shows(f" s: waiting for a lock of process {node.db.backend_pid} (tailrace:")
    await terminal.shows("(0 rows)")

    terminal.type("START JOB 'node1_worker';\n")  # nobody runs it
    started = "select status = 'SUSPENDED' from tailrace.jobs"
    await eventually(lambda: node.db.fetch_value(started), 20)
    await terminal.shows(" s: waiting for a runner to take job")
    terminal.type("\x03")
    await terminal.shows("cancelled")

    terminal.type("begin;\n")
    await terminal.shows("=*>")
    terminal.type("half a statement\x03")
    await terminal.shows("=*>")
    terminal.type("\\q\n")
    assert await asyncio.wait_for(terminal.child.wait(), 20) == 0
    assert "select 41 + 1" in (tmp_path / "history").read_text()


async def test_dropping_all_savepoints_asks_first(terminal: Terminal):
    terminal.type("drop savepoint all;\n")
    await terminal.shows("Remove all savepoints? [y/N]")
    terminal.type("n\n")
    await terminal.shows("=>")
    assert "savepoint path" not in terminal.seen
    terminal.type("drop savepoint all;\n")
    await terminal.shows("Remove all savepoints? [y/N]")
    terminal.type("y\n")
    await terminal.shows("savepoint path")


async def test_habits_of_psql(terminal: Terminal):
    terminal.type("begin;\n")
    await terminal.shows("=*>")
    terminal.type("select wrong;\n")
    await terminal.shows("=!>")
    terminal.type("rollback;\n")
    await terminal.shows("=>")
    terminal.type("help\n")
    await terminal.shows("explain statements")
    terminal.type("exit\n")
    assert await asyncio.wait_for(terminal.child.wait(), 20) == 0
