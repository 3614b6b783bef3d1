"""What all commands share: the common options, the settings that result, and connecting.

A command is an async function that takes an ``Invocation`` first. ``command`` makes it a click
command with the common options, which may also stand before the command's name; what stands
nearer to the name's right wins.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from tailrace.config import Settings
    from tailrace.db.connection import Database

F = TypeVar("F", bound=Callable[..., Any])


class Shared(NamedTuple):
    """The common options as they were typed."""

    config: tuple[str, ...] = ()
    db: tuple[str, ...] = ()
    queue: str | None = None
    verbose: int = 0
    quiet: bool = False
    engine: str | None = None

    def under(self, nearer: Shared) -> Shared:
        """Combine with the options that stand after the command's name, which win."""
        return Shared(
            config=nearer.config or self.config,
            db=nearer.db or self.db,
            queue=nearer.queue or self.queue,
            verbose=self.verbose + nearer.verbose,
            quiet=self.quiet or nearer.quiet,
            engine=nearer.engine,
        )


def shared_options(function: F) -> F:
    """Add the common options to a click function; they arrive as one argument ``shared``."""

    @functools.wraps(function)
    def gathered(*args: Any, **kwargs: Any) -> Any:
        kwargs["shared"] = Shared(
            config=kwargs.pop("config"),
            db=kwargs.pop("db"),
            queue=kwargs.pop("queue"),
            verbose=kwargs.pop("verbose"),
            quiet=kwargs.pop("quiet"),
            engine=kwargs.pop("engine", None),
        )
        return function(*args, **kwargs)

    for option in reversed(
        (
            click.option(
                "-c",
                "--config",
                multiple=True,
                metavar="FILE",
                help="Settings: tailrace.toml or a Skytools ini file.  [env: TAILRACE_CONFIG]",
            ),
            click.option(
                "--db",
                multiple=True,
                metavar="DSN",
                help="Database to act on.  [env: TAILRACE_DB]",
            ),
            click.option("--queue", metavar="NAME", help="Queue to act on.  [env: TAILRACE_QUEUE]"),
            click.option("-v", "--verbose", count=True, help="Say more; twice: with tracebacks."),
            click.option("-q", "--quiet", is_flag=True, help="Say only what is wrong."),
        )
    ):
        gathered = option(gathered)
    return gathered  # type: ignore[return-value]


class Invocation:
    """One run of one command: its settings, made when first needed, and its connections."""

    def __init__(self, command: str, shared: Shared) -> None:
        self.command = command
        self.shared = shared

    @functools.cached_property
    def settings(self) -> Settings:
        """The merged settings; with several configuration files use ``each_settings``."""
        if len(self.shared.config) > 1:
            raise click.UsageError(f"{self.command} takes one configuration file, not several")
        if len(self.shared.db) > 1:
            raise click.UsageError(f"{self.command} takes one --db, not several")
        return self.each_settings[0]

    @functools.cached_property
    def each_settings(self) -> list[Settings]:
        """The merged settings for each configuration file (``run`` takes several)."""
        from tailrace import config

        flags: dict[str, object] = {"queue": self.shared.queue, "engine": self.shared.engine}
        if len(self.shared.db) == 1:
            flags["db"] = self.shared.db[0]
        found = config.read_each(self.shared.config, flags=flags)
        for settings in found:
            for warning in settings.warnings:
                self.warn(warning)
        _reach_others(found)
        return found

    @asynccontextmanager
    async def database(self, otherwise: str | None = None) -> AsyncIterator[Database]:
        """Connect to the database that the command acts on; ``otherwise``: if none is set."""
        from tailrace.db.connection import Database
        from tailrace.db.dsn import parameters

        dsn = self.settings.db or otherwise
        if dsn is None:
            raise click.UsageError(
                f"{self.command} needs a database: --db DSN, environment TAILRACE_DB, "
                "or db in tailrace.toml"
            )
        origin = self.settings.origins.get("db", "CONNSTR")
        parameters(dsn, what=f"the connection string of {origin}")
        async with await Database.connect(dsn, name=self.command) as db:
            yield db

    def say(self, line: str) -> None:
        """Tell what was done; to stderr, since stdout belongs to results."""
        if not self.shared.quiet:
            self._write(line)

    def warn(self, line: str) -> None:
        """Tell what a person should look at."""
        self._write(f"warning: {line}")

    @staticmethod
    def _write(line: str) -> None:
        from tailrace.errors import without_secrets

        click.echo(without_secrets(line), err=True)


def _reach_others(found: list[Settings]) -> None:
    """See to it that other nodes are reached as the settings say, which must be one way for all."""
    ways = {settings.remote_parameters for settings in found}
    if len(ways) > 1:
        raise click.UsageError(
            "the configuration files differ in node.remote_parameters (remote_extra_connstr), and "
            "one process reaches other nodes in one way; run them apart, or make them agree"
        )
    if ways != {None}:
        from tailrace.db.remote import reach_others_with

        reach_others_with(ways.pop())


async def _awaited(work: Awaitable[int | None]) -> int | None:
    return await work


_SHARED = ("config", "db", "queue", "verbose", "quiet")


def _finished(made: click.Command) -> click.Command:
    """Give each flag of a command its environment twin, and put the common options last.

    ``--yes`` has none: agreeing beforehand to whatever will be destroyed is no setting.
    """
    made.params.sort(key=lambda param: param.name in _SHARED)
    shared = [param for param in made.params if param.name in _SHARED]
    own = {spelling for param in made.params if param not in shared for spelling in param.opts}
    for param in shared:  # a command's own -c is nearer than that of all commands
        param.opts = [spelling for spelling in param.opts if spelling not in own]
    for param in made.params:
        if isinstance(param, click.Option) and param.name not in (*_SHARED, "yes"):
            if param.envvar is None:
                words = f"tailrace-{made.name}{param.opts[-1].removeprefix('-')}"
                param.envvar = words.replace("-", "_").upper()
            param.help = f"{param.help}  [env: {param.envvar}]"
    return made


_engine_option = click.option(
    "--engine",
    type=click.Choice(("postgres", "flink")),
    envvar="TAILRACE_ENGINE",
    help="Whose jobs are meant.  [default: postgres]",
)


def command(
    name: str,
    *,
    serves: bool = False,
    of_engines: bool = False,
    prepare: Callable[..., bool] | None = None,
) -> Callable[[Callable[..., Awaitable[int | None]]], click.Command]:
    """Make an async function a command; its own options are written below this decorator.

    The function returns its exit status (None: 0). ``serves`` is for commands that stay, whose
    log lines carry time and level. ``of_engines`` is for those about the jobs of an engine: they
    have a flag for which one. ``prepare`` is called with the same arguments before there is
    an event loop, for what cannot be done within one; it may return False when nothing is left
    to do.
    """

    def decorate(function: Callable[..., Awaitable[int | None]]) -> click.Command:
        @functools.wraps(function)
        def invoked(shared: Shared, **options: Any) -> int:
            from tailrace import log, service

            ctx = click.get_current_context()
            outer = ctx.obj if isinstance(ctx.obj, Shared) else Shared()
            shared = outer.under(shared)
            log.setup(shared.verbose, quiet=shared.quiet, terse=not serves)
            call = Invocation(name, shared)
            if prepare is not None and not prepare(call, **options):
                return 0
            return service.run(_awaited(function(call, **options)), stays=serves) or 0

        with_options = shared_options(invoked)
        if of_engines:
            with_options = _engine_option(with_options)
        return _finished(click.command(name)(with_options))

    return decorate
