"""All services of one process, from the first look at the databases to the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tailrace.app.hearing import Ears
from tailrace.app.idleness import Idleness
from tailrace.app.options import Options
from tailrace.app.served import ServedDatabase
from tailrace.db import schema
from tailrace.service import Supervisor, together


async def run(
    databases: Sequence[str],
    *,
    until_idle: bool = False,
    options: Options | None = None,
    signals: bool = True,
    started: Callable[[], None] | None = None,
) -> None:
    """Serve databases until a signal ends it, or until everything is done (``until_idle``).

    A database that cannot be served now is an error; one that is lost later is waited for.
    """
    runner = Runner(databases, options or Options(), signals=signals)
    await runner.check()
    if started is not None:
        started()
    await runner.run(until_idle=until_idle)


class Runner:
    """All services of one process."""

    def __init__(self, databases: Sequence[str], options: Options, *, signals: bool = True) -> None:
        self._options = options
        self._supervisor = Supervisor(grace=options.grace, signals=signals)
        self._ears = Ears(self._supervisor)
        self.served = [
            ServedDatabase(dsn, options, self._supervisor, self._ears)
            for dsn in dict.fromkeys(databases)
        ]

    async def check(self) -> None:
        """Look at each database once, so that a wrong address or a missing schema ends the run."""
        try:
            digests = schema.digests()
            await together(*(one.check(digests) for one in self.served))
        except BaseException:
            await together(*(one.close() for one in self.served))
            raise

    async def run(self, *, until_idle: bool) -> None:
        """Run until told to stop, or until idle."""
        for one in self.served:
            one.start()
        idleness = Idleness(self.served, self._supervisor)
        if until_idle:
            self._supervisor.add(idleness)
        await self._supervisor.run()
        if idleness.problem is not None:
            raise idleness.problem

    def stop(self) -> None:
        """End all services in order."""
        self._supervisor.stop()
