"""``savepoints``, ``create-savepoint``, ``drop-savepoint``, ``checkpoints``: statements too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.jobs import patience_option
from tailrace.cli.output import format_option
from tailrace.cli.schemas import confirm
from tailrace.cli.sql import carry_out

if TYPE_CHECKING:
    from tailrace.statements import model as st

_AGE = re.compile(r"(\d+)\s*(s|min|h|d|w)")


@command("savepoints", of_engines=True)
@click.argument("job", required=False)
@format_option()
async def savepoints(call: Invocation, job: str | None, form: str) -> int:
    """List savepoints, of one job or of all, and how many events each holds."""
    from tailrace.statements.model import ShowSavepoints

    await carry_out(call, ShowSavepoints(job), form)
    return 0


@command("checkpoints", of_engines=True)
@click.argument("job")
@format_option()
async def checkpoints(call: Invocation, job: str, form: str) -> int:
    """List the positions that a job has recorded by itself, newest first."""
    from tailrace.statements.model import ShowCheckpoints

    await carry_out(call, ShowCheckpoints(job), form)
    return 0


@command("create-savepoint", of_engines=True)
@click.argument("job")
@patience_option
async def create_savepoint(call: Invocation, job: str, timeout: float | None) -> int:
    """Make an image of a job, which goes on running, and print its path."""
    from tailrace.statements.model import CreateSavepoint

    answer = await carry_out(call, CreateSavepoint(job), None, timeout)
    if answer.result is not None:
        click.echo(answer.result.rows[0][0])
    return 0


@command("drop-savepoint", of_engines=True)
@click.argument("path", required=False)
@click.option("--job", metavar="JOB", help="Savepoints of this job.")
@click.option("--older-than", "age", metavar="AGE", help="Only older ones; examples: 12h, 7d.")
@click.option("--keep-last", "keep", type=click.IntRange(min=0), help="Leave the newest N.")
@click.option("--all", "everything", is_flag=True, help="All there are.")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def drop_savepoint(
    call: Invocation,
    path: str | None,
    job: str | None,
    age: str | None,
    keep: int | None,
    everything: bool,
    yes: bool,
) -> int:
    """Remove a savepoint with all that it holds back: the one at PATH, a job's, or all.

    The paths of those that are gone are printed.
    """
    statement, what = _chosen(path, job, age, keep, everything)
    confirm(yes, f"Remove {what}?")
    answer = await carry_out(call, statement, None)
    rows = answer.result.rows if answer.result else ()
    for row in [(path,)] if path else rows:
        click.echo(row[0])
    return 0


def _chosen(
    path: str | None, job: str | None, age: str | None, keep: int | None, everything: bool
) -> tuple[st.Statement, str]:
    """The statement that is meant, and how it is asked about."""
    from tailrace.statements import model as st

    if (path is not None) + (job is not None) + everything != 1:
        raise click.UsageError("drop-savepoint takes one of: PATH, --job JOB, --all")
    if job is None and (age is not None or keep is not None):
        raise click.UsageError("--older-than and --keep-last need --job JOB")
    if path is not None:
        return st.DropSavepoint(path), f'savepoint "{path}"'
    if job is None:
        return st.DropAllSavepoints(), "all savepoints"
    return st.DropSavepoints(job, _age(age), keep), f'savepoints of job "{job}"'


def _age(text: str | None) -> st.Age | None:
    from tailrace.statements import model as st

    if text is None:
        return None
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise click.UsageError(f'--older-than "{text}": is no age (examples: 30min, 12h, 7d, 2w)')
    units: dict[str, st.Unit] = {
        "s": "second", "min": "minute", "h": "hour", "d": "day", "w": "week",
    }  # fmt: skip
    return st.Age(int(match[1]), units[match[2]])
