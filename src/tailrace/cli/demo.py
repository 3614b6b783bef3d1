"""``demo``: the play on a terminal; what it says goes to stderr, its results to stdout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from tailrace.cli.audience import audience
from tailrace.cli.invocation import Invocation, command

if TYPE_CHECKING:
    from tailrace.demo.audience import Audience
    from tailrace.demo.play import Play, Wishes
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
    from tailrace.demo.play import Wishes

    engine = call.shared.engine or "postgres"
    if flink_home is not None and engine != "flink":
        raise click.UsageError("--flink-home goes with --engine flink")
    start = monotonic()
    wishes = Wishes(rows=rows, seconds=seconds, data=data, pg_bin=pg_bin, keep=keep)
    equal = await _play(call, engine, wishes, flink_home)
    if equal is None:
        call.say("interrupted; nothing is left behind")
        return _INTERRUPTED
    all_of_it = "everything is equal" if engine == "flink" else "all nodes are equal"
    verdict = all_of_it if equal else "NOT everything is equal"
    call.say(f"{verdict}; {monotonic() - start:.0f} s in all")
    if equal and not keep:
        call.say(
            "next: tailrace demo --keep leaves it running, to look at and to break; "
            'README.md, "Five minutes with your own databases"'
        )
    return 0 if equal else 1


async def _play(
    call: Invocation, engine: str, wishes: Wishes, flink_home: Path | None
) -> bool | None:
    """Play it and show how it ends; None: it was interrupted."""
    from tailrace import log
    from tailrace.service import run_services

    if not call.shared.verbose:
        log.setup(quiet=True)  # what services log is for those who run them
    with audience(quiet=call.shared.quiet) as watching:
        play, show = _cast(engine, wishes, watching, flink_home)
        await run_services([play])
    if play.problem is not None:
        raise play.problem
    return None if play.ending is None else show()


def _cast(
    engine: str, wishes: Wishes, watching: Audience, flink_home: Path | None
) -> tuple[Play | RoundTrip, Callable[[], bool]]:
    """The play, and what shows its ending and says whether all is equal that should be."""
    if engine == "flink":
        from tailrace.cli import round_trip
        from tailrace.demo.round_trip import RoundTrip

        trip = RoundTrip(wishes, watching, flink_home)
        return trip, lambda: round_trip.show(trip, keep=wishes.keep)
    from tailrace.cli import five_nodes
    from tailrace.demo.play import Play

    play = Play(wishes, watching)
    return play, lambda: five_nodes.show(play, keep=wishes.keep)
