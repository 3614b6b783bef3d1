"""``tailrace flink``: a Flink cluster on this machine, for a laptop and for tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tailrace.engines.flink.local import LocalCluster, Running

_home = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="TAILRACE_FLINK_HOME",
    show_envvar=True,
    help="Its directory. Default: one in your home, or /var/lib/tailrace/flink for root.",
)


@click.group()
def flink() -> None:
    """Start and stop a Flink cluster on this machine, in one Java process.

    It is for trying things out: its jobs end with it, what they saved stays. Needs the extra
    tailrace[flink].
    """


@flink.command()
@_home
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Of its REST interface; default: 8081, or any."
)
@click.option(
    "--slots", type=click.IntRange(1, 1024), default=4, show_default=True, help="Task slots."
)
@click.option("--heap", default="640m", show_default=True, help="Most memory of Java's heap.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of Flink for this run. Repeatable.",
)
def start(
    home: Path | None, port: int | None, slots: int, heap: str, settings: tuple[str, ...]
) -> None:
    """Start the cluster; prints its address."""
    cluster = _cluster(home)
    was_running = cluster.status() is not None
    running = cluster.start(port=port, slots=slots, heap=heap, settings=_pairs(settings))
    word = "was running already" if was_running else "runs"
    click.echo(f"Flink {word} in {cluster.home} (pid {running.pid})", err=True)
    if was_running and (settings or port):
        click.echo("its settings were not changed; stop it first", err=True)
    click.echo(running.url)


@flink.command()
@_home
def stop(home: Path | None) -> None:
    """Stop the cluster, and all jobs in it; savepoints and checkpoints stay."""
    cluster = _cluster(home)
    word = "stopped" if cluster.stop() else "was not running"
    click.echo(f"Flink in {cluster.home} {word}", err=True)


@flink.command()
@_home
@click.pass_context
def status(ctx: click.Context, home: Path | None) -> None:
    """Say whether the cluster runs and what it does; exit status 0 if it runs, else 1."""
    from tailrace import service

    cluster = _cluster(home)
    running = cluster.status()
    if running is None:
        click.echo(f"{cluster.home}: not running")
        ctx.exit(1)
    click.echo(f"{cluster.home}: running, pid {running.pid}, {running.url}")
    click.echo(service.run(_facts(running)))


async def _facts(running: Running) -> str:
    from tailrace.engines.flink.jobmanager import JobManager

    manager = JobManager(running.url)
    try:
        free, slots = await manager.slots()
        live = [run for run in await manager.runs() if run.end is None]
        return (
            f"Flink {await manager.version()}, {free} of {slots} slots free, "
            f"{len(live)} jobs: {', '.join(sorted(run.name for run in live)) or 'none'}"
        )
    finally:
        await manager.close()


def _cluster(home: Path | None) -> LocalCluster:
    from tailrace.engines.flink.local import LocalCluster, default_home

    return LocalCluster(home or default_home())


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise click.BadParameter(f'"{setting}" is not KEY=VALUE', param_hint="--set")
        pairs[key.strip()] = value.strip()
    return pairs
