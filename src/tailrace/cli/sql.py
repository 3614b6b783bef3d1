"""``sql``, and how the verbs that are statements are carried out."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailrace.cli.invocation import Invocation, command
from tailrace.cli.output import format_option

if TYPE_CHECKING:
    from tailrace.config import Settings
    from tailrace.gateway.results import Answer
    from tailrace.shell.script import Script
    from tailrace.statements.model import Statement


def session_defaults(settings: Settings) -> dict[str, str]:
    """What the settings of a session are before anybody has set them."""
    return {
        "tailrace.engine": settings.engine or "",
        "tailrace.flink.url": settings.flink_url or "",
        "tailrace.flink.gateway": settings.flink_gateway or "",
        "state.savepoints.dir": settings.savepoints_dir or "",
    }


@asynccontextmanager
async def script_of(call: Invocation, form: str) -> AsyncIterator[Script]:
    """A session with the database that the command acts on, and a way to show results."""
    from tailrace.gateway.sessions import Session
    from tailrace.shell.printer import Printer
    from tailrace.shell.script import Script

    if call.settings.db is None:
        raise click.UsageError(
            f"{call.command} needs a database: --db DSN, environment TAILRACE_DB, "
            "or db in tailrace.toml"
        )
    printer = Printer(form, verbose=call.shared.verbose > 0)
    talk = None if call.shared.quiet else printer.talk
    defaults = session_defaults(call.settings)
    async with Session(call.settings.db, talk=talk, defaults=defaults) as session:
        try:
            yield Script(session, printer)
        finally:
            printer.close()


@command("sql", of_engines=True)
@click.option(
    "-c", "--command", "texts", multiple=True, metavar="SQL", help="Run this; repeatable."
)
@click.option(
    "-f", "--file", "files", multiple=True, metavar="FILE",
    help="Run a file, after what -c says; - is stdin; repeatable.",
)  # fmt: skip
@format_option()
@click.option("--continue-on-error", "go_on", is_flag=True, help="Go on after an error.")
@click.option("--timing", is_flag=True, help="Say how long statements take.")
@click.option(
    "--history", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="File that keeps what was typed.  [default: in the user's state directory]",
)  # fmt: skip
async def sql(
    call: Invocation,
    texts: tuple[str, ...],
    files: tuple[str, ...],
    form: str,
    go_on: bool,
    timing: bool,
    history: Path | None,
) -> int:
    """Run statements, of tailrace and of PostgreSQL, or open a shell for them.

    SHOW JOBS, STOP JOB 'x' and the others of docs/reference/statements.md are carried out by
    tailrace, all others by the database. An error ends with exit status 1.
    """
    if not (texts or files) and not sys.stdin.isatty():
        files = ("-",)
    scripts = [(text, False) for text in texts] + [(_read(one), True) for one in files]
    async with script_of(call, form) as script:
        script.printer.timing = timing
        if not scripts:
            return await _interact(script, history)
        for text, numbered in scripts:
            well = await script.run(text, go_on=go_on, numbered=numbered)
            if script.over:
                break
            if not (well or go_on):
                return 1
    return 0


def _read(name: str) -> str:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        return text.removeprefix("\ufeff")  # editors of Windows write one
    except OSError as error:
        raise click.UsageError(f'file "{name}" cannot be read: {error.strerror}') from None
    except UnicodeDecodeError:
        raise click.UsageError(f'file "{name}" cannot be read: it is not UTF-8 text') from None


async def _interact(script: Script, history: Path | None) -> int:
    from tailrace.db.dsn import label
    from tailrace.shell.interactive import interact

    await script.session.theirs()
    await interact(script, name=label(script.session.dsn), history=history)
    return 0


async def carry_out(
    call: Invocation, statement: Statement, form: str | None, timeout: float | None = None
) -> Answer:
    """Carry out one statement for a verb that is one; without ``form`` its result is not shown."""
    from tailrace.gateway.dispatch import execute
    from tailrace.shell.progress import shown_progress

    async with script_of(call, form or "table") as script:
        if timeout is not None:
            script.session.options.set("tailrace.timeout", f"{timeout}s")
        async with shown_progress(script.session, script.printer):
            (answer,) = await execute(script.session, statement)
        for remark in () if form else answer.remarks:
            call.warn(remark)
        if form is not None:
            script.printer.show(answer)
    return answer
