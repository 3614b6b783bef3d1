"""Ctrl-C that ends a piece of work instead of the program."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from tailrace.service.task import background

T = TypeVar("T")


@contextlib.contextmanager
def on_interrupt(callback: Callable[[], object]) -> Iterator[None]:
    """While the block runs, Ctrl-C calls this instead of ending the program."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not ours there
        return
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, callback)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


class Interrupted(Exception):
    """Ctrl-C has ended a piece of work, and only that."""


async def interruptible(work: Coroutine[Any, Any, T], *, name: str) -> T:
    """Do some work that Ctrl-C ends, without ending the program."""
    async with background(work, name=name) as task:
        with on_interrupt(task.cancel):
            await asyncio.wait([task])
    if task.cancelled():
        raise Interrupted
    return task.result()
