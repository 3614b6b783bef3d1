"""What the demo of five databases shows in the end."""

from __future__ import annotations

import shlex

import click

from tailrace.cli.output import write_rows
from tailrace.cli.tree import tree_lines
from tailrace.demo.figures import Figures
from tailrace.demo.play import Ending, Play
from tailrace.demo.stage import CAST, Stage


def show(play: Play, *, keep: bool) -> bool:
    """Tables to stdout; returns whether all is equal that should be."""
    ending = play.ending
    assert ending is not None
    click.echo()
    for line in tree_lines(ending.topology):
        click.echo(line)
    _show_jobs(ending)
    _show_tables(ending.figures)
    _show_speeds(ending.figures)
    if keep:
        _how_to_go_on(play.stage)
    return ending.figures.equal


def _show_jobs(ending: Ending) -> None:
    click.echo()
    columns = [name for name in ending.jobs.columns if name != "end time"]
    jobs = [dict(zip(ending.jobs.columns, row, strict=True)) for row in ending.jobs.rows]
    write_rows("table", columns, jobs, title="SHOW JOBS, while the writers wrote")


def _show_tables(figures: Figures) -> None:
    click.echo()
    tables = figures.tables
    rows = [
        {"table": one.table, **one.rows, "equal": one.equal, "note": one.note} for one in tables
    ]
    columns = [name for name in rows[0] if name != "note" or any(one.note for one in tables)]
    write_rows("table", columns, rows, title="Rows on each node; equal by checksum of every row")
    click.echo()
    kept = figures.kept
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


def _show_speeds(figures: Figures) -> None:
    click.echo()
    write_rows("table", ("what", "rows", "seconds", "rows/s"), _speeds(figures))
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
            for one in figures.delays
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


def _how_to_go_on(stage: Stage) -> None:
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
    click.echo(f"  tailrace postgres stop --data {shlex.quote(str(stage.cluster.data))}")
    click.echo(f"  rm -r {stage.cluster.data}")
