"""Loops, and the one place that starts, watches and stops them.

A service is anything with a name, ``run`` and ``request_stop``. Most are a ``Loop`` around an
``async run_once() -> bool``: one pass without sleeping, True meaning "did work, come again now".
The ``Supervisor`` runs several together: one that fails stops the others, a first SIGTERM or SIGINT
lets each finish its batch, a second one cancels. No other module makes tasks or handles signals;
for work beside one's own there are ``background`` and ``together``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from tailrace import log
from tailrace.errors import TailraceError

T = TypeVar("T")
_logger = log.get("service")


class Service(Protocol):
    """What the supervisor runs."""

    name: str

    async def run(self) -> None:
        """Work until told to stop; return when all is put away, raise what cannot be mended."""

    def request_stop(self) -> None:
        """Ask for an orderly end; returns at once, harmless when repeated."""


class Loop:
    """A service that repeats ``run_once``, sleeping only between passes that found nothing.

    * ``wake`` (an event, shared with whoever notifies) ends a sleep early; the sleep is
      ``poll_min`` after work, then ``poll_max``: each idle pass costs the server something.
    * Without ``eager``, a pass that did work knows whether there is more, and sets ``wake`` then;
      otherwise the loop sleeps ``poll_min`` instead of asking at once, as somebody will notify.
    * A retryable error is logged once, ``on_error`` (drop the connection, say) is called, and the
      pass is repeated with growing pauses. Any other error ends the loop.
    * ``patient`` makes every ``TailraceError`` a retryable one: for loops whose database is known
      to have worked once, so that whatever is wrong may be mended while other loops go on.
    * ``interruptible`` is for passes that only wait, such as listening: stopping cancels them
      instead of letting them finish.
    * ``on_stop`` puts things away, however the loop ended.
    """

    def __init__(
        self,
        name: str,
        run_once: Callable[[], Awaitable[bool]],
        *,
        wake: asyncio.Event | None = None,
        poll_min: float = 0.05,
        poll_max: float = 1.0,
        backoff_min: float = 0.2,
        backoff_max: float = 10.0,
        patient: bool = False,
        eager: bool = True,
        interruptible: bool = False,
        on_error: Callable[[TailraceError], Awaitable[None]] | None = None,
        on_stop: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.wake = wake or asyncio.Event()
        self.failures = 0
        self.last_error: TailraceError | None = None
        self.woken = True
        """Whether there is a reason for this pass, rather than only that time has passed."""
        self._run_once = run_once
        self._poll = (poll_min, poll_max)
        self._backoff = (backoff_min, backoff_max)
        self._patient = patient
        self._eager = eager
        self._interruptible = interruptible
        self._on_error = on_error
        self._on_stop = on_stop
        self._stop = asyncio.Event()
        self._in_pass: asyncio.Task[Any] | None = None
        self._interrupted = False

    @property
    def stopping(self) -> bool:
        """Whether the loop has been asked to end; a long pass looks at it between its parts."""
        return self._stop.is_set()

    def request_stop(self) -> None:
        """Finish the pass and end; a pause, or an interruptible pass, ends at once."""
        self._stop.set()
        self.wake.set()
        if self._interruptible and self._in_pass is not None and not self._interrupted:
            self._interrupted = True
            self._in_pass.cancel()

    async def run(self) -> None:
        """Repeat passes until asked to stop."""
        pause = self._poll[0]
        try:
            while not self.stopping:
                self.wake.clear()
                did_work = await self._pass()
                self.woken = True
                if did_work is None:  # a retryable error
                    # Not to be cut short by wakes: a busy queue must not make us hammer.
                    await self._sleep(self._backoff_pause(), self._stop)
                elif did_work and self._eager:
                    pause = self._poll[0]
                    await asyncio.sleep(0)  # work without end must not starve the others
                else:
                    pause = self._poll[0] if did_work else pause
                    self.woken = await self._sleep(pause, self.wake)
                    pause = self._poll[0] if self.woken or did_work else self._poll[1]
        finally:
            if self._on_stop is not None:
                await self._on_stop()

    async def _pass(self) -> bool | None:
        """Make one pass; None stands for a retryable error, which has then been dealt with."""
        self._in_pass = asyncio.current_task()
        try:
            did_work = await self._run_once()
        except asyncio.CancelledError:
            if not self._interrupted or self._in_pass is None or self._in_pass.uncancel() > 0:
                raise
            return False
        except TailraceError as error:
            if not (error.retryable or self._patient):
                raise
            await self._note(error)
            return None
        finally:
            self._in_pass = None
        if self.failures:
            _logger.info("%s: works again after %d failed attempts", self.name, self.failures)
        self.failures, self.last_error = 0, None
        return did_work

    async def _note(self, error: TailraceError) -> None:
        """Log an error when it is new, not each time it comes back."""
        self.failures += 1
        if self.last_error is None or str(error) != str(self.last_error):
            _logger.warning("%s: %s; trying again", self.name, error)
        self.last_error = error
        if self._on_error is not None:
            await self._on_error(error)

    def _backoff_pause(self) -> float:
        """Double the pause with each failure; spread it, so that many do not come back at once."""
        least, most = self._backoff
        return min(most, least * 2.0 ** min(self.failures - 1, 20)) * random.uniform(0.8, 1.2)

    async def _sleep(self, seconds: float, until: asyncio.Event) -> bool:
        """Sleep until woken, for at most so long; say whether we were woken."""
        if self.stopping:
            return True
        try:
            await asyncio.wait_for(until.wait(), seconds)
        except TimeoutError:
            return False
        return True


class Supervisor:
    """Runs services together and ends them together.

    When all have ended by themselves, so has ``run``. When one fails, the others are stopped and
    its error is raised. ``grace`` seconds after an orderly stop was asked for, what still runs is
    cancelled, and its open transaction rolls back.
    """

    def __init__(
        self, services: Iterable[Service] = (), *, grace: float = 30.0, signals: bool = True
    ) -> None:
        self._waiting = list(services)
        self._running: dict[asyncio.Task[None], Service] = {}
        self._grace = grace
        self._signals = signals
        self._changed = asyncio.Event()
        self._stop_asked: float | None = None
        self._cancelled = False
        self._error: BaseException | None = None
        self.started = asyncio.Event()

    @property
    def running(self) -> list[str]:
        """Names of the services that have not ended."""
        return sorted(service.name for service in self._running.values())

    def add(self, service: Service) -> None:
        """Run one more service, from now on; ignored once stopping has begun."""
        if self._stop_asked is None:
            self._waiting.append(service)
            self._changed.set()

    def stop(self) -> None:
        """Ask all services to finish what they are doing and end. Harmless when repeated."""
        if self._stop_asked is None:
            self._stop_asked = asyncio.get_running_loop().time()
            self._waiting.clear()
            for service in self._running.values():
                service.request_stop()
            self._changed.set()

    def cancel(self) -> None:
        """End all services now; open transactions roll back."""
        self.stop()
        if not self._cancelled:
            self._cancelled = True
            for task in self._running:
                task.cancel()

    async def run(self) -> None:
        """Run everything until all have ended; raise the first error that was not to be mended."""
        with self._handling_signals():
            try:
                await self._watch()
            except asyncio.CancelledError:
                self.cancel()
                await self._wait_for_the_rest()
                raise
        if self._error is not None:
            raise self._error

    async def _watch(self) -> None:
        while self._waiting or self._running:
            self._start_waiting()
            self.started.set()
            await self._next_change()
            for task in [task for task in self._running if task.done()]:
                self._note_end(task, self._running.pop(task))
            if self._overdue():
                _logger.warning("not ended after %g s, cancelling: %s", self._grace, self._names())
                self.cancel()

    def _start_waiting(self) -> None:
        while self._waiting:
            service = self._waiting.pop(0)
            task = asyncio.create_task(service.run(), name=service.name)
            task.add_done_callback(lambda _: self._changed.set())
            self._running[task] = service

    async def _next_change(self) -> None:
        left = None
        if self._stop_asked is not None and not self._cancelled:
            left = max(0.0, self._stop_asked + self._grace - asyncio.get_running_loop().time())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), left)
        self._changed.clear()

    def _overdue(self) -> bool:
        if self._stop_asked is None or self._cancelled or not self._running:
            return False
        return asyncio.get_running_loop().time() >= self._stop_asked + self._grace

    def _note_end(self, task: asyncio.Task[None], service: Service) -> None:
        if task.cancelled():
            _logger.debug("%s: cancelled", service.name)
            return
        error = task.exception()
        if error is None:
            _logger.debug("%s: ended", service.name)
            return
        if self._error is None:
            self._error = error
        _logger.error("%s: %s", service.name, error)
        self.stop()

    async def _wait_for_the_rest(self) -> None:
        if self._running:
            await asyncio.wait(self._running)

    @contextlib.contextmanager
    def _handling_signals(self) -> Any:
        loop = asyncio.get_running_loop()
        wanted = (signal.SIGTERM, signal.SIGINT) if self._signals else ()
        for number in wanted:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in wanted:
                loop.remove_signal_handler(number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._stop_asked is None:
            _logger.info(
                "%s: finishing what is under way (again: end now); waiting for: %s",
                number.name,
                self._names(),
            )
            self.stop()
        else:
            _logger.warning("%s again: ending now: %s", number.name, self._names())
            self.cancel()

    def _names(self) -> str:
        return ", ".join(self.running) or "nothing"


async def run_services(
    services: Iterable[Service], *, grace: float = 30.0, signals: bool = True
) -> None:
    """Run services until all have ended, one has failed or a signal has ended them."""
    await Supervisor(services, grace=grace, signals=signals).run()


@asynccontextmanager
async def background(work: Coroutine[Any, Any, T], *, name: str) -> AsyncIterator[asyncio.Task[T]]:
    """Do ``work`` beside the block, which may await the task; leaving the block cancels it."""
    task = asyncio.create_task(work, name=name)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        # An error nobody awaited is the fate of work that nobody needs any more; mark it as seen.
        if not task.cancelled():
            task.exception()


class Errands:
    """Pieces of work that go on while nobody waits for them; ``close`` cancels what is left."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Begin one; it has to deal with its own errors."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """End all of them."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))


async def together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """Do several things at once; the first failure cancels the others and is raised as it is."""
    tasks: list[asyncio.Task[T]] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks.extend(group.create_task(one) for one in work)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


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


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a program from its only entry into asyncio.

    SIGTERM is taken like Ctrl-C: what is under way is cancelled, and so may tidy up after itself.
    (A ``Supervisor`` has its own idea of signals while it runs.)
    """
    try:
        return asyncio.run(_cancelled_by_signal(main))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _cancelled_by_signal(main: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    assert task is not None
    if threading.current_thread() is threading.main_thread():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await main
