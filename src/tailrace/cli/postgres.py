"""``tailrace postgres``: a server of one's own, with nothing to install or configure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tailrace.embedded.cluster import Cluster

_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="TAILRACE_PG_DATA",
    show_envvar=True,
    help="Data directory. Default: one in your home, or /var/lib/tailrace/postgres for root.",
)


@click.group()
def postgres() -> None:
    """Start and stop a PostgreSQL server of your own."""


@postgres.command()
@_data
@click.option("--port", type=click.IntRange(1, 65535), help="Port; default: the last one, or any.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A PostgreSQL setting for this run, such as shared_buffers=1GB. Repeatable.",
)
@click.option("--foreground", is_flag=True, help="Stay, and end the server when this command ends.")
def start(data: Path | None, port: int | None, settings: tuple[str, ...], foreground: bool) -> None:
    """Start the server, making its data directory first where needed."""
    from tailrace.embedded.cluster import Cluster, default_data

    cluster = Cluster(data or default_data())
    was_running = cluster.status() is not None
    running = cluster.start(settings=_pairs(settings), port=port, tied=foreground)
    word = "was running already" if was_running else "runs"
    click.echo(f"PostgreSQL {word} in {cluster.data} (pid {running.pid})", err=True)
    if was_running and (settings or port not in (None, running.port)):
        click.echo(f"port {running.port} and settings stay as they are; stop it first", err=True)
    if was_running and foreground:
        click.echo("it does not end with this command, which has not started it", err=True)
    if foreground and not was_running:
        _stay(cluster)
    else:
        click.echo(cluster.url())


@postgres.command()
@_data
@click.option("--immediate", is_flag=True, help="End at once; the next start recovers.")
def stop(data: Path | None, immediate: bool) -> None:
    """Stop the server; all its connections end."""
    from tailrace.embedded.cluster import default_data, require

    cluster = require(data or default_data())
    stopped = cluster.stop(immediate=immediate)
    word = "stopped" if stopped else "was not running"
    click.echo(f"PostgreSQL in {cluster.data} {word}", err=True)


@postgres.command()
@_data
@click.pass_context
def status(ctx: click.Context, data: Path | None) -> None:
    """Say whether the server runs; exit status 0 if so, else 1."""
    from tailrace.embedded.cluster import Cluster, default_data

    cluster = Cluster(data or default_data())
    running = cluster.status()
    if running is None:
        word = "not running" if cluster.exists else "not made yet"
        click.echo(f"{cluster.data}: {word}")
        ctx.exit(1)
    click.echo(f"{cluster.data}: running, pid {running.pid}, port {running.port}")


@postgres.command()
@_data
@click.option("--dbname", default="postgres", show_default=True, help="Database to name in it.")
@click.option("--with-password", is_flag=True, help="For programs that cannot read a pgpass file.")
def url(data: Path | None, dbname: str, with_password: bool) -> None:
    """Print a connection string; it names the password file instead of holding the password."""
    from tailrace.embedded.cluster import default_data, require

    cluster = require(data or default_data())
    text = cluster.url(dbname)
    if with_password:
        text = text.partition("?")[0].replace("@", f":{cluster.password}@", 1)
    click.echo(text)


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise click.BadParameter(f'"{setting}" is not KEY=VALUE', param_hint="--set")
        pairs[key.strip()] = value.strip()
    return pairs


def _stay(cluster: Cluster) -> None:
    """Remain until a signal comes or the server ends, and take the server along.

    The address is printed when signals are handled already, so that whoever reads it may stop us.
    """
    from tailrace import service

    printed = False

    async def watch() -> bool:
        nonlocal printed
        cluster.check()
        if not printed:
            click.echo(cluster.url())
            printed = True
        return False

    async def put_away() -> None:
        cluster.stop()

    loop = service.Loop("postgres", watch, poll_min=0.5, poll_max=0.5, on_stop=put_away)
    service.run(service.run_services([loop]))
