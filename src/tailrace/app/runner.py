"""All services of one process, from the first look at the databases to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from tailrace import log
from tailrace.app.hearing import Ears
from tailrace.app.idleness import Idleness
from tailrace.app.options import Options
from tailrace.app.served import ServedDatabase
from tailrace.db import schema
from tailrace.errors import ConnectError
from tailrace.service import Supervisor, together

_logger = log.get("run")

# How often a server that is starting is asked whether it is ready.
_COMING_PERIOD = 0.2


async def run(
    databases: Sequence[str],
    *,
    until_idle: bool = False,
    options: Options | None = None,
    signals: bool = True,
    started: Callable[[], None] | None = None,
) -> None:
    """Serve databases until a signal ends it, or until everything is done (``until_idle``).

    A database that cannot be served is an error. One that is lost later is waited for, and so is
    one whose server is starting, and one that does not answer at the start while others do;
    ``until_idle`` would have to wait, too, so that the last one is an error there.
    """
    runner = Runner(databases, options or Options(), signals=signals)
    await runner.check(strict=until_idle)
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

    async def check(self, *, strict: bool = True) -> None:
        """Look at each database once, so that a wrong address or a missing schema ends the run.

        Without ``strict`` a server that may only be down ends it if none of the others answers.
        """
        try:
            digests = schema.digests()
            absent = await together(*(self._check(one, digests, strict) for one in self.served))
            silent = [error for error in absent if error is not None]
            if silent and len(silent) == len(self.served):
                raise silent[0]
            for error in silent:
                _logger.warning("%s; it will be served when it answers", error)
        except BaseException:
            await together(*(one.close() for one in self.served))
            raise

    async def _check(
        self, served: ServedDatabase, digests: Mapping[str, str], strict: bool
    ) -> ConnectError | None:
        said = None
        while True:
            try:
                await served.check(digests)
            except ConnectError as error:
                if not error.coming:
                    if strict or not error.retryable:
                        raise
                    return error
                if error.message != said:
                    said = error.message
                    _logger.warning("%s; waiting for it", error)
                await asyncio.sleep(_COMING_PERIOD)
            else:
                return None

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
