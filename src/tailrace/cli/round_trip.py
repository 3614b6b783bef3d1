"""What ``demo --engine flink`` shows in the end."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from tailrace.cli.output import write_rows

if TYPE_CHECKING:
    from tailrace.demo.round_trip import RoundEnding, RoundTrip


def show(trip: RoundTrip, *, keep: bool) -> bool:
    """Tables to stdout; returns whether all is equal that should be."""
    ending = trip.ending
    assert ending is not None
    _show_tables(ending)
    if keep:
        _how_to_go_on(trip)
    return ending.equal


def _show_tables(ending: RoundEnding) -> None:
    click.echo()
    columns = ("job name", "engine", "kind", "status", "position")
    jobs = [{name: job[name] for name in columns} for job in ending.jobs]
    write_rows("table", columns, jobs, title="SHOW JOBS on both engines, while the writers wrote")
    click.echo()
    write_rows(
        "table",
        ("computed by Flink", "rows", "same query in PostgreSQL", "equal"),
        [
            {
                "computed by Flink": one.table,
                "rows": one.rows,
                "same query in PostgreSQL": one.wanted,
                "equal": one.equal,
            }
            for one in ending.tables
        ],
    )
    click.echo()
    write_rows("table", ("what", "value"), _figures(ending))
    click.echo()


def _figures(ending: RoundEnding) -> list[dict[str, object]]:
    files = ending.files
    figures = (
        ("rows written", ending.written.rows),
        ("files for Flink", files.written_files),
        ("lines in them", files.written_lines),
        ("files from Flink", files.loaded_files),
        ("lines in them", files.loaded_lines),
        ("stopped with savepoint and started from it, s", round(ending.stopped_seconds, 1)),
        ("last commit until it was back, s", round(ending.caught_up_seconds, 1)),
    )
    return [{"what": what, "value": value} for what, value in figures]


def _how_to_go_on(trip: RoundTrip) -> None:
    from tailrace.demo.round_trip import GROUPED, NODE

    stage, home = trip.stage, trip.flink.cluster.home
    dsn = stage.dsn(NODE)
    pid = stage.runner.pid if stage.runner else None
    click.echo("Everything is still running, but for the job with windows, which has ended.")
    click.echo("Look at the jobs of both engines:")
    click.echo(f"  tailrace jobs --db '{dsn}'")
    click.echo(f"  export TAILRACE_FLINK_HOME={home}")
    click.echo(f"  tailrace sql --db '{dsn}' -c \"SET 'tailrace.engine' = 'flink'; SHOW JOBS\"")
    click.echo("Change something and see it come back, with any client such as psql:")
    click.echo(f"  psql '{dsn}' -c \"update nyc.flights set dep_delay = 0 where carrier = 'UA'\"")
    click.echo(f"  psql '{dsn}' -c \"select * from nyc.{GROUPED} where carrier = 'UA'\"")
    click.echo("Stop it:")
    click.echo(f"  kill {pid}   # tailrace run; its log: {stage.run_log}")
    if trip.flink.is_own:
        click.echo(f"  tailrace flink stop --home {shlex.quote(str(home))}")
    click.echo(f"  tailrace postgres stop --data {shlex.quote(str(stage.cluster.data))}")
    click.echo(f"  rm -r {stage.cluster.data}")
