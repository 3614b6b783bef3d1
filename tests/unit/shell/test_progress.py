"""What takes long: a bar on a terminal where numbers are known, plain lines elsewhere."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from fixtures.waiting import eventually
from tailrace.gateway.sessions import Session
from tailrace.shell import progress
from tailrace.shell.bar import done, with_bar
from tailrace.shell.printer import Printer

WRITING = "waiting for the savepoint to be written: 840 rows of about 2000 (42 %)"
BAR = "━" * 10 + "╌" * 14 + " 42 % waiting for the savepoint to be written: 840 rows of about 2000"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (WRITING, 0.42),
        ("waiting for the savepoint to be written: 2500 rows of about 2000 (99 %)", 0.99),
        ("create index of t, building index: 3 of 4 blocks", 0.75),
        ("vacuum of t, initializing: 0 of 0 blocks", None),
        ("copy from of t: 1000 rows", None),
        ("waiting for a lock of process 17 (tailrace:sql)", None),
        ("waiting for the savepoint to be written: 0 rows", None),
    ],
)
def test_part_that_is_done_is_read_from_what_is_told(text: str, part: float | None):
    assert done(text) == part


def test_bar_stands_before_the_words_where_there_is_room():
    assert with_bar(WRITING, 100) == BAR
    assert with_bar(WRITING, 59) == WRITING
    assert with_bar("waiting for a runner", 100) == "waiting for a runner"
    assert with_bar(WRITING, 100, plain=True).startswith("#" * 10 + "-" * 14 + " 42 % ")


class Screen:
    """A terminal, and what has been written to it since it was last looked at."""

    def __init__(self, master: int) -> None:
        self._master = master
        self.seen = ""

    def look(self) -> str:
        with suppress(BlockingIOError):
            while data := os.read(self._master, 65536):
                self.seen += data.decode()
        return self.seen


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """A terminal as stderr."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    os.set_blocking(master, False)
    with os.fdopen(slave, "w", encoding="utf-8") as screen, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", screen)
        yield Screen(master)
    os.close(master)


async def test_terminal_shows_a_bar_while_it_takes_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    monkeypatch.setattr(progress, "_INTERVAL", 0.01)
    printer = Printer()
    with terminal(monkeypatch) as screen:
        async with progress.shown_progress(Session("dbname=none"), printer):
            await eventually(lambda: " s\x1b[K" in screen.look())
            printer.talk(WRITING)
            await eventually(lambda: f" s: {BAR}\x1b[K" in screen.look())
        assert screen.look().endswith("\r\x1b[K")
        assert WRITING not in screen.seen


def test_other_places_get_a_line_of_words(monkeypatch: pytest.MonkeyPatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    Printer().talk(WRITING)
    assert log.getvalue() == f"{WRITING}\n"
