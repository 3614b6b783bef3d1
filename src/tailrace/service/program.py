"""From a program into asyncio: as its only entry, or beside a program that has no loop."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# Modules are loaded where they are needed, most of them in the first second. That makes many things
# and no garbage, and to look for some would take a tenth of the time of a short command.
_LOADING_SECONDS = 1.0


class Aside:
    """An event loop in a thread beside a program that has none; it goes on while the program works.

    ``call`` is for the program's thread: it waits for what it gives the loop to do.
    """

    def __init__(self, *, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work over there; Ctrl-C here cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        finally:
            future.cancel()

    def close(self) -> None:
        """End the loop; nothing may be under way."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def run(main: Coroutine[Any, Any, T], *, stays: bool = False) -> T:
    """Run a program from its only entry into asyncio.

    SIGTERM is taken like Ctrl-C: what is under way is cancelled, and so may tidy up after itself.
    (A ``Supervisor`` has its own idea of signals while it runs.) One that ``stays`` gets the
    quicker loop: a tenth of what it computes is saved, for some milliseconds at the start.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=_quicker_loop() if stays else None) as runner:
            return runner.run(_cancelled_by_signal(main))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        (gc.enable if collected else gc.disable)()


def _quicker_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop

    return uvloop.new_event_loop


async def _cancelled_by_signal(main: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_later(_LOADING_SECONDS, gc.enable)
    if threading.current_thread() is threading.main_thread():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await main
