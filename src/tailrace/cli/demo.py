"""``demo``: the play on a terminal; what it says goes to stderr, its results to stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import write_rows

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from tailrace.demo.figures import Figures
    from tailrace.demo.play import Ending, Play
    from tailrace.demo.round_trip import RoundTrip

# What shells report of a command that Ctrl-C has ended.
_INTERRUPTED = 130


@command("demo", of_engines=True)
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    metavar="N",
    help="Take N flights, spread over the year.  [default: all 336,776]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=10.0,
    show_default=True,
    metavar="N",
    help="How long to write on when all tables are live.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for the databases; must not exist yet.  [default: a temporary one]",
)
@click.option("--keep", is_flag=True, help="Leave everything running and say how to go on.")
@click.option(
    "--pg-bin",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Programs of the PostgreSQL to use.  [default: see tailrace postgres]",
)
@click.option(
    "--flink-home",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --engine flink: use the cluster that tailrace flink start has started there.",
)
async def demo(
    call: Invocation,
    rows: int | None,
    seconds: float,
    data: Path | None,
    keep: bool,
    pg_bin: Path | None,
    flink_home: Path | None,
) -> int:
    """Replicate real flight data through five databases and compare.

    Starts a PostgreSQL of its own, makes a cascade of a root and four branches, copies all tables
    to all nodes while writers go on changing them, lets a SQL job keep delays by carrier and hour,
    kills the replication in the middle, stops the job with a savepoint and starts it from there,
    and compares everything in the end. Exit status 0 only if all nodes are equal, and the job's
    table to the same query on the root. Nothing is left behind, unless --keep is given.

    With --engine flink one database is enough: changes of flights go through files to two jobs on
    Apache Flink (GROUP BY and TUMBLE), and what these make of them comes back into tables. A job
    is stopped with a savepoint and started from it meanwhile. Exit status 0 only if both tables
    are what the same queries say in PostgreSQL. Needs the extra tailrace[flink].
    """
    from tailrace import log
    from tailrace.demo.play import Play, Wishes
    from tailrace.service import run_services

    engine = call.shared.engine or "postgres"
    if flink_home is not None and engine != "flink":
        raise click.UsageError("--flink-home goes with --engine flink")
    if not call.shared.verbose:
        log.setup(quiet=True)  # what services log is for those who run them
    start = monotonic()
    wishes = Wishes(rows=rows, seconds=seconds, data=data, pg_bin=pg_bin, keep=keep)
    play: Play | RoundTrip
    with _audience(quiet=call.shared.quiet) as audience:
        if engine == "flink":
            from tailrace.demo.round_trip import RoundTrip

            play = RoundTrip(wishes, audience, flink_home)
        else:
            play = Play(wishes, audience)
        await run_services([play])
    if play.problem is not None:
        raise play.problem
    if play.ending is None:
        call.say("interrupted; nothing is left behind")
        return _INTERRUPTED
    equal = _told(play, keep)
    all_of_it = "everything is equal" if engine == "flink" else "all nodes are equal"
    verdict = all_of_it if equal else "NOT everything is equal"
    call.say(f"{verdict}; {monotonic() - start:.0f} s in all")
    return 0 if equal else 1


def _told(play: Play | RoundTrip, keep: bool) -> bool:
    """Show the ending; say whether all is equal that should be."""
    from tailrace.demo.play import Play

    assert play.ending is not None
    if isinstance(play, Play):
        assert play.ending is not None
        _show(play.ending)
        if keep:
            _how_to_go_on(play)
        return play.ending.figures.equal
    from tailrace.cli import round_trip

    assert play.ending is not None
    round_trip.show(play.ending)
    if keep:
        round_trip.how_to_go_on(play)
    return play.ending.equal


# ------------------------------------------------------------------ while it runs


@contextmanager
def _audience(*, quiet: bool) -> Iterator[Bars | Lines]:
    if not sys.stderr.isatty() or quiet:
        yield Lines(quiet=quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:16}"),
        BarColumn(),
        TextColumn("{task.completed:>11,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bars(progress)


class Bars:
    """For a terminal: what has happened scrolls by, what goes on has a bar at the bottom."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def scene(self, text: str) -> None:
        """Write a line above the bars."""
        self._progress.console.print(f"• {text}", highlight=False, markup=False)

    def progress(self, name: str, done: int, total: int | None) -> None:
        """Move a bar."""
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._bars[name], completed=done, total=total)

    def finished(self, name: str) -> None:
        """Take a bar away."""
        bar = self._bars.pop(name, None)
        if bar is not None:
            self._progress.remove_task(bar)


class Lines:
    """For a file or a pipe: a line for what has happened, now and then one for what goes on."""

    _EVERY = 5.0

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._start = monotonic()
        self._told: dict[str, tuple[float, int]] = {}

    def scene(self, text: str) -> None:
        """Write a line, with the seconds since the start."""
        if not self._quiet:
            click.echo(f"{monotonic() - self._start:6.1f} s  {text}", err=True)

    def progress(self, name: str, done: int, total: int | None) -> None:
        """Write a line if the last one of this name is a while ago and said something else."""
        now = monotonic()
        when, what = self._told.setdefault(name, (now, done))
        if now - when >= self._EVERY and done != what:
            self._told[name] = (now, done)
            self.scene(f"{name}: {done:,}" + (f" of {total:,}" if total else ""))

    def finished(self, name: str) -> None:
        """Forget about it."""
        self._told.pop(name, None)


# ------------------------------------------------------------------ when it is over


def _show(ending: Ending) -> None:
    from tailrace.cli.tree import tree_lines

    click.echo()
    for line in tree_lines(ending.topology):
        click.echo(line)
    click.echo()
    columns = [name for name in ending.jobs.columns if name != "end time"]
    jobs = [dict(zip(ending.jobs.columns, row, strict=True)) for row in ending.jobs.rows]
    write_rows("table", columns, jobs, title="SHOW JOBS, while the writers wrote")
    click.echo()
    tables = ending.figures.tables
    rows = [
        {"table": one.table, **one.rows, "equal": one.equal, "note": one.note} for one in tables
    ]
    columns = [name for name in rows[0] if name != "note" or any(one.note for one in tables)]
    write_rows("table", columns, rows, title="Rows on each node; equal by checksum of every row")
    click.echo()
    kept = ending.figures.kept
    write_rows(
        "table",
        ("kept by the SQL job", "rows", "same query on node1", "equal", "stopped for, s"),
        [
            {
                "kept by the SQL job": f"nyc.carrier_delays on {kept.node}",
                "rows": kept.rows,
                "same query on node1": kept.wanted,
                "equal": kept.equal,
                "stopped for, s": round(kept.stopped_seconds, 1),
            }
        ],
    )
    click.echo()
    write_rows("table", ("what", "rows", "seconds", "rows/s"), _speeds(ending.figures))
    click.echo()
    write_rows(
        "table",
        ("commit to commit, ms", "transactions", "p50", "p95", "max"),
        [
            {
                "commit to commit, ms": f"node1 to {one.node}"
                + (", around the kill" if one.interrupted else ""),
                "transactions": one.transactions,
                "p50": round(one.p50, 1),
                "p95": round(one.p95, 1),
                "max": round(one.most, 1),
            }
            for one in ending.figures.delays
        ],
    )
    click.echo()


def _speeds(figures: Figures) -> list[dict[str, object]]:
    lines = (
        ("first copies, to four nodes", figures.copied_rows, figures.copy_seconds),
        ("written on node1 meanwhile and after", figures.written_rows, figures.write_seconds),
        ("applied on four nodes", figures.applied_rows, figures.apply_seconds),
    )
    return [
        {
            "what": what,
            "rows": rows,
            "seconds": round(seconds, 1),
            "rows/s": round(rows / seconds) if seconds else None,
        }
        for what, rows, seconds in lines
    ]


def _how_to_go_on(play: Play) -> None:
    from tailrace.demo.stage import CAST

    stage = play.stage
    pid = stage.runner.pid if stage.runner else None
    click.echo("Everything is still running. The databases:")
    for part in CAST:
        click.echo(f"  {part.name}  {stage.dsn(part.name)}")
    node1, node4 = stage.dsn("node1"), stage.dsn("node4")
    click.echo("Look at it:")
    click.echo(f"  tailrace status --db '{node1}'")
    click.echo(f"  tailrace compare --db '{node4}'")
    click.echo("Change something on node1 and see it on node4, with any client such as psql:")
    click.echo(f"  psql '{node1}' -c \"update nyc.airlines set name = upper(name)\"")
    click.echo(f"  psql '{node4}' -c 'table nyc.airlines'")
    click.echo("Stop it:")
    click.echo(f"  kill {pid}   # tailrace run; its log: {stage.run_log}")
    click.echo(f"  tailrace postgres stop --data {stage.cluster.data}")
    click.echo(f"  rm -r {stage.cluster.data}")
