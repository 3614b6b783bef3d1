"""``jobs``, ``stop-job``, ``start-job`` and ``drop-job``: the statements about jobs as verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option
from tailrace.cli.schemas import confirm
from tailrace.cli.sql import carry_out

F = TypeVar("F", bound=Callable[..., Any])


def patience_option(function: F) -> F:
    """The option ``--timeout`` of statements that wait."""
    return click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        envvar="TAILRACE_TIMEOUT",
        help="Give up after so long.  [default: 60]",
    )(function)


@command("jobs", of_engines=True)
@click.option("--extended", is_flag=True, help="All columns, and what only others know.")
@format_option()
async def jobs(call: Invocation, extended: bool, form: str) -> int:
    """List the jobs of this database and of all members of its cascades, as SHOW JOBS does."""
    from tailrace.statements.model import ShowJobs

    await carry_out(call, ShowJobs(extended), form)
    return 0


@command("stop-job", of_engines=True)
@click.argument("job")
@click.option("--with-savepoint", "savepoint", is_flag=True, help="Make a savepoint of it at rest.")
@click.option("--drain", is_flag=True, help="First everything that has been committed by now.")
@patience_option
async def stop_job(
    call: Invocation, job: str, savepoint: bool, drain: bool, timeout: float | None
) -> int:
    """Stop a job, named by its name, its id or the beginning of its id, and wait for it.

    It keeps its place, and its events, until it is started again. Stops also what nobody runs.
    The path of the savepoint, if one was wanted, is printed.
    """
    from tailrace.statements.model import StopJob

    statement = StopJob(job, savepoint=savepoint, drain=drain)
    answer = await carry_out(call, statement, None, timeout)
    call.say(f'job "{job}" has stopped')
    if savepoint and answer.result is not None:
        click.echo(answer.result.rows[0][0])
    return 0


@command("start-job", of_engines=True)
@click.argument("job")
@click.option("--from-savepoint", "path", metavar="PATH", help="Load this savepoint first.")
@click.option("--claim", is_flag=True, help="The job owns the savepoint from then on.")
@patience_option
async def start_job(
    call: Invocation, job: str, path: str | None, claim: bool, timeout: float | None
) -> int:
    """Let a stopped job go on, where it stopped or from a savepoint.

    Returns when a runner has taken it.
    """
    from tailrace.statements.model import StartJob

    if claim and path is None:
        raise click.UsageError("--claim needs --from-savepoint PATH")
    await carry_out(call, StartJob(job, path, claim), None, timeout)
    call.say(f'job "{job}" goes on')
    return 0


@command("drop-job", of_engines=True)
@click.argument("job")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def drop_job(call: Invocation, job: str, yes: bool) -> int:
    """Forget a job that has ended, and with it its place; its savepoints stay."""
    from tailrace.statements.model import DropJob

    confirm(yes, f'Forget job "{job}"?')
    await carry_out(call, DropJob(job), None)
    call.say(f'job "{job}" is forgotten')
    return 0
