"""``run`` and ``worker``: the services, in the foreground or as a daemon."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tailrace.cli.invocation import Invocation, command

if TYPE_CHECKING:
    from tailrace.app import Options

F = TypeVar("F", bound=Callable[..., Any])


def _databases(call: Invocation) -> list[str]:
    """All databases that flags, environment and files name, each once."""
    from tailrace.db.dsn import parameters

    configured = (dsn for settings in call.each_settings for dsn in settings.served())
    databases = list(dict.fromkeys(call.shared.db or configured))
    if not databases:
        raise click.UsageError(
            f"{call.command} needs a database: --db DSN (repeatable), -c FILE, "
            "environment TAILRACE_DB, or run.databases in tailrace.toml"
        )
    for number, dsn in enumerate(databases, 1):
        parameters(dsn, what=f"connection string {number} of {len(databases)}")
    return databases


async def _serve(call: Invocation, *, until_idle: bool, timeout: float | None) -> int:
    import asyncio

    from tailrace import app
    from tailrace.errors import Timeout

    try:
        async with asyncio.timeout(timeout if until_idle else None):
            await app.run(_databases(call), until_idle=until_idle, options=_options(call))
    except TimeoutError:
        raise Timeout(
            f"not idle after {timeout:g} s", hint="see what is missing with: tailrace status"
        ) from None
    except asyncio.CancelledError:
        # A signal before the services have begun; later ones are theirs. Nothing was under way.
        if until_idle:
            raise
    return 0


def _options(call: Invocation) -> Options:
    """How services run; where several files say it, the first one counts."""
    from tailrace.app import Options

    settings = call.each_settings[0]
    queues = {one.queue for one in call.each_settings}
    return Options(
        queue=settings.queue if len(queues) == 1 else None,
        poll=settings.poll,
        tick_period=settings.tick_period,
        grace=settings.grace,
        runner_timeout=settings.runner_timeout,
        local_watermark_period=settings.local_watermark_period,
        global_watermark_period=settings.global_watermark_period,
        strict=settings.strict,
        savepoints_keep=settings.savepoints_keep,
        savepoints_max_age=settings.savepoints_max_age,
    )


def _daemon_options(function: F) -> F:
    for option in reversed(
        (
            click.option("-d", "--daemon", is_flag=True, help="Go on in the background."),
            click.option("-s", "--stop", is_flag=True, help="Stop the one in the background."),
            click.option("-k", "--kill", is_flag=True, help="Stop it without finishing the batch."),
        )
    ):
        function = option(function)
    return function


def _background(call: Invocation, *, daemon: bool, stop: bool, kill: bool, **_: object) -> bool:
    """Detach, or stop the process in the background; say whether there is work for this one."""
    from signal import SIGINT, SIGKILL

    from tailrace import log
    from tailrace.cli import daemon as background

    settings = call.each_settings[0]
    if daemon + stop + kill > 1:
        raise click.UsageError("-d, -s and -k exclude each other")
    if stop or kill:
        pid = background.stop(settings.pidfile, number=SIGKILL if kill else SIGINT)
        call.say(f"process {pid} has ended")
        return False
    if daemon:
        _databases(call)
        background.detach(logfile=settings.logfile, pidfile=settings.pidfile)
        log.setup(call.shared.verbose, quiet=call.shared.quiet)
    return True


@command("run", serves=True, prepare=_background)
@click.option("--until-idle", is_flag=True, help="End when everything is applied everywhere.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    envvar="TAILRACE_TIMEOUT",
    help="With --until-idle: fail after so long.  [default: wait for ever]",
)
@_daemon_options
async def run(call: Invocation, until_idle: bool, timeout: float | None, **_: object) -> int:
    """Run the services of any number of databases in one process.

    Tickers, maintenance, workers and copies for each database that --db (repeatable), -c
    (repeatable) or tailrace.toml name. The first SIGTERM or SIGINT lets each finish its batch,
    the second one ends at once, with status 128 + its number. A database that is lost is waited
    for, and so is a server that is starting; when none of the databases answers at the beginning,
    it is an error.
    """
    return await _serve(call, until_idle=until_idle, timeout=timeout)


@command("worker", serves=True, prepare=_background)
@_daemon_options
@click.option("--rewind", is_flag=True, help="Only do what tailrace rewind does.")
@click.option("--reset", is_flag=True, help="Only do what tailrace reset does.")
async def worker(call: Invocation, rewind: bool, reset: bool, **_: object) -> int:
    """Run the services of the database in the configuration, as Londiste's worker does.

    The same as run; it exists for those who type: tailrace -d conf/db1.ini worker
    """
    if rewind and reset:
        raise click.UsageError("--rewind and --reset exclude each other")
    if rewind or reset:
        from tailrace.cli.rewinding import move

        return await move(call, None, None, (), to_provider=rewind)
    return await _serve(call, until_idle=False, timeout=None)
