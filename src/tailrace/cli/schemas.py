"""``install`` and ``uninstall``: our schemas in one database."""

from __future__ import annotations

import sys

import click

from tailrace.cli.invocation import Invocation, command


@command("install")
@click.option(
    "--use-extension",
    is_flag=True,
    envvar="TAILRACE_USE_EXTENSION",
    help="Keep extension pgq where it is installed and put only schema tailrace beside it.",
)
async def install(call: Invocation, use_extension: bool) -> int:
    """Install the schemas in a database, or upgrade them.

    One transaction; doing it again changes nothing.
    """
    from tailrace.db import schema

    async with call.database() as db:
        report = await schema.install(db, use_extension=use_extension)
        _tell(call, db.dbname, report)
    return 0


@command("uninstall")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def uninstall(call: Invocation, yes: bool) -> int:
    """Remove the schemas from a database, with all queues, events and positions in them.

    No other database is asked or told. If this one is a node that others know, that is warned
    about, since they would go on to read from it or to keep events for it: see drop-node.
    """
    from tailrace.cascade.leaving import ties
    from tailrace.db import schema

    async with call.database() as db:
        tied = await ties(db)
        for remark in (remark for tie in tied for remark in tie.remarks()):
            call.warn(remark)
        known = " and ".join(f'node "{one.node.name}" of "{one.node.queue}"' for one in tied)
        although = f", although other nodes still know {known}" if known else ""
        confirm(
            yes, f'Remove all queues, events and positions from database "{db.dbname}"{although}?'
        )
        report = await schema.uninstall(db)
        _tell(call, db.dbname, report)
    return 0


def confirm(yes: bool, question: str) -> None:
    """Ask before something is destroyed; where nobody can answer, ``--yes`` is needed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this destroys data and nobody can be asked; confirm with --yes")
    click.confirm(question, abort=True, err=True)


def _tell(call: Invocation, dbname: str, report: object) -> None:
    from tailrace.db.schema import Report

    assert isinstance(report, Report)
    for outcome in report.outcomes:
        version = f" ({outcome.version})" if outcome.version else ""
        call.say(f'database "{dbname}": schema "{outcome.schema}": {outcome.action}{version}')
    if not report.outcomes:
        call.say(f'database "{dbname}": nothing of tailrace was there')
    for migration in report.migrations:
        call.say(f'database "{dbname}": ran {migration}')
    for warning in report.warnings:
        call.warn(warning)
