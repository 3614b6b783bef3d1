"""Reach points: named places in the code where a test can break things or wait.

``await reach("mirror.after_events_commit")`` does nothing in production. With ``TAILRACE_FAULT``
set to ``NAME:ACTION`` the process dies (``kill``: SIGKILL, so nothing is tidied up), freezes
(``stop``: SIGSTOP), raises (``error``) or hangs (``stall``) at that place; ``NAME@3:kill`` means
the third time, ``*@7:kill`` the seventh reach point of any name, and several are separated by
commas. Inside one process a test can also be ``watching`` a point: wait until it is reached, and
hold the code there.

``trace("events", consumer=…)`` writes a step of the cascade's model down (``docs/design/model.md``)
when ``TAILRACE_TRACE`` names a file; tests replay it through the model.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tailrace.errors import ConnectionLost, TailraceError

VARIABLE = "TAILRACE_FAULT"
TRACE_VARIABLE = "TAILRACE_TRACE"
_ACTIONS = ("kill", "stop", "error", "stall")


class InjectedFault(TailraceError):
    """Raised by a reach point that was told to fail; never seen in production."""


@dataclass
class Fault:
    """One thing that shall go wrong, and how many passes are still let through before it does."""

    name: str
    action: str
    passes_left: int

    def due(self, name: str) -> bool:
        """Count this pass, and say whether it is the one."""
        if self.name not in ("*", name):
            return False
        self.passes_left -= 1
        return self.passes_left == 0


class Watch:
    """What a test holds of a reach point: how often it was reached, and a gate to keep it shut."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self._reached = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    async def wait(self, within: float = 10.0) -> None:
        """Wait until the point has been reached since the last ``wait``."""
        await asyncio.wait_for(self._reached.wait(), within)
        self._reached.clear()

    def hold(self) -> None:
        """Let the code stop at the point from now on, until ``release``."""
        self._open.clear()

    def release(self) -> None:
        """Let the code go on."""
        self._open.set()

    async def _pass(self) -> None:
        self.count += 1
        self._reached.set()
        await self._open.wait()


def parse(text: str) -> list[Fault]:
    """Read the value of ``TAILRACE_FAULT``; an unreadable one is an error, not silence."""
    faults = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        place, _, action = item.partition(":")
        name, _, nth = place.partition("@")
        if action not in _ACTIONS or not name or (nth and not nth.isdigit()) or nth == "0":
            raise TailraceError(
                f'{VARIABLE}: "{item}" is not a fault',
                hint="write NAME:ACTION or NAME@3:ACTION with kill, stop, error or stall",
            )
        faults.append(Fault(name, action, int(nth or 1)))
    return faults


_faults: list[Fault] = []
_watches: dict[str, list[Watch]] = {}


async def reach(name: str) -> None:
    """Mark a place in a protocol; costs next to nothing unless a test armed it."""
    if not _faults and not _watches:
        return
    for watch in _watches.get(name, ()):
        await watch._pass()
    for fault in _faults:
        if fault.due(name):
            await _strike(fault, name)


async def _strike(fault: Fault, name: str) -> None:
    if fault.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault.action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)  # until somebody sends SIGCONT
        return
    if fault.action == "error":
        raise InjectedFault(f'fault injected at reach point "{name}"')
    await asyncio.Event().wait()  # stall: only cancelling ends it


@contextmanager
def watching(name: str) -> Iterator[Watch]:
    """Watch a reach point in this process for the length of a ``with`` block."""
    watch = Watch(name)
    _watches.setdefault(name, []).append(watch)
    try:
        yield watch
    finally:
        watch.release()
        _watches[name].remove(watch)
        if not _watches[name]:
            del _watches[name]


@contextmanager
def armed(text: str) -> Iterator[list[Fault]]:
    """Arm faults in this process for the length of a ``with`` block."""
    added = parse(text)
    _faults.extend(added)
    try:
        yield added
    finally:
        for fault in added:
            _faults.remove(fault)


def _open_trace(path: str) -> int | None:
    """Open the file for appending, so that several processes may write whole lines to it."""
    if not path:
        return None
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise TailraceError(
            f'{TRACE_VARIABLE}: file "{path}" cannot be written: {error.strerror}'
        ) from error


_trace_file: int | None = None


def read_environment() -> None:
    """Learn from the environment what shall go wrong, and where steps are written down."""
    global _trace_file
    _faults[:] = parse(os.environ.get(VARIABLE, ""))
    _trace_file = _open_trace(os.environ.get(TRACE_VARIABLE, ""))


read_environment()


def trace(step: str, **facts: object) -> None:
    """Write down a step that has been committed; does nothing unless a test wants to know.

    One ``write`` a line, unbuffered: a process that is killed next has left it behind.
    """
    if _trace_file is not None:
        line = json.dumps({"step": step, **facts}, default=str)
        os.write(_trace_file, f"{line}\n".encode())


@contextmanager
def committing(step: str, **facts: object) -> Iterator[dict[str, object]]:
    """Write a step down when the block, which commits it, has ended.

    One whose commit was not answered may have happened: it is written down as ``unsure``. What is
    known only afterwards goes into the dictionary.
    """
    try:
        yield facts
    except (ConnectionLost, asyncio.CancelledError):
        trace(step, **facts, unsure=True)
        raise
    trace(step, **facts)


@contextmanager
def tracing(path: Path) -> Iterator[None]:
    """Write the steps of this process to a file for the length of a ``with`` block."""
    global _trace_file
    before, _trace_file = _trace_file, _open_trace(str(path))
    try:
        yield
    finally:
        assert _trace_file is not None
        os.close(_trace_file)
        _trace_file = before


def declared() -> dict[str, str]:
    """Return every reach point of the source with the file it stands in.

    Read from the source, so that no list has to be kept beside the calls; anomaly tests go
    through it and so meet a new point the day it is written.
    """
    package = Path(__file__).parent
    found: dict[str, str] = {}
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "reach(" in text:
            for name in _names_in(ast.parse(text)):
                found[name] = path.relative_to(package).as_posix()
    return found


def _names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="reach") | ast.Attribute(attr="reach"), args=[argument]):
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value
