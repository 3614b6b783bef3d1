"""Entry point: the list of commands under their headings, and how errors leave.

The list carries each command's module and one line of help, so that ``tailrace --help`` imports
nothing but click; a command's module, and the database driver with it, is imported when it runs.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from tailrace import __version__
from tailrace.cli.invocation import Shared, shared_options
from tailrace.cli.order import in_order
from tailrace.errors import TailraceError

# heading -> command -> (module below tailrace.cli, object in it, one line of help)
COMMANDS: dict[str, dict[str, tuple[str, str, str]]] = {
    "First steps": {
        "demo": ("demo", "demo", "Replicate real flight data through five databases and compare."),
        "postgres": ("postgres", "postgres", "Start and stop a PostgreSQL server of your own."),
        "flink": ("flink", "flink", "Start and stop a Flink cluster of your own."),
        "doctor": ("doctor", "doctor", "Check a database and say what is wrong or missing."),
    },
    "Databases": {
        "install": ("schemas", "install", "Install or upgrade the schemas in a database."),
        "uninstall": ("schemas", "uninstall", "Remove the schemas and all queues from a database."),
    },
    "Queues": {
        "create-queue": ("queues", "create_queue", "Make a queue for events of your own."),
        "drop-queue": ("queues", "drop_queue", "Remove such a queue."),
        "queues": ("queues", "show_queues", "List the queues of the database."),
        "consumers": ("queues", "show_consumers", "List who reads them, and how far each one is."),
        "drop-consumer": ("queues", "drop_consumer", "Forget a consumer."),
    },
    "Nodes": {
        "create-root": ("nodes", "create_root", "Make the database the root of a new queue."),
        "create-branch": ("nodes", "create_branch", "Add a node that others can read from."),
        "create-leaf": ("nodes", "create_leaf", "Add a node that only receives."),
        "drop-node": ("nodes", "drop_node", "Remove a node from the cascade."),
        "members": ("nodes", "members", "List the nodes that this node knows."),
        "node-info": ("nodes", "node_info", "Show this node."),
        "status": ("status", "status", "Show the whole cascade as a tree."),
        "node-status": ("status", "node_status", "Show this node and its neighbours."),
        "set-attr": ("marking", "set_attr", "Set an attribute of a node, such as its sync group."),
        "tag-dead": ("marking", "tag_dead", "Mark a node dead on all nodes."),
        "tag-alive": ("marking", "tag_alive", "Take that mark away."),
        "resurrect": ("resurrect", "resurrect", "Bring an old root back after a failover."),
        "pause": ("pausing", "pause", "Stop a node's worker at the end of its batch."),
        "resume": ("pausing", "resume", "Let a paused worker go on."),
        "change-provider": (
            "takeover",
            "change_provider",
            "Let a node read from another one.",
        ),
        "takeover": ("takeover", "takeover", "Take the place of another node, alive or lost."),
        "rewind": ("rewinding", "rewind", "Set a position on the provider to the node's own."),
        "reset": ("rewinding", "reset", "Set a node's own position to that on the provider."),
        "wait-root": ("pausing", "wait_root", "Wait until the node has what the root has."),
        "wait-provider": (
            "pausing",
            "wait_provider",
            "Wait until the node has what its provider has.",
        ),
    },
    "Tables": {
        "add-table": ("tables", "add_table", "Replicate tables on this node."),
        "remove-table": ("tables", "remove_table", "Stop replicating tables on this node."),
        "tables": ("tables", "tables", "List the node's tables and their states."),
        "wait-sync": ("tables", "wait_sync", "Wait until all tables of the node are live."),
        "compare": ("compare", "compare", "Compare tables with the root's."),
    },
    "Jobs": {
        "sql": ("sql", "sql", "Run statements, or open a shell for them."),
        "jobs": ("jobs", "jobs", "List the jobs of the whole cascade."),
        "stop-job": ("jobs", "stop_job", "Stop a job and wait until it is at rest."),
        "start-job": ("jobs", "start_job", "Let a stopped job go on."),
        "drop-job": ("jobs", "drop_job", "Forget a job that has ended."),
        "savepoints": ("savepoints", "savepoints", "List savepoints."),
        "create-savepoint": ("savepoints", "create_savepoint", "Make an image of a job."),
        "drop-savepoint": ("savepoints", "drop_savepoint", "Remove savepoints."),
        "checkpoints": ("savepoints", "checkpoints", "List what a job has recorded by itself."),
        "lineage": ("lineage", "lineage", "Show what flows where, through which jobs."),
        "export": ("export", "export", "Write the changes of tables into files, for Flink."),
        "import": ("importing", "import_files", "Load files into a table, such as Flink's."),
    },
    "Services": {
        "run": ("run", "run", "Run tickers, maintenance and workers of any number of databases."),
        "worker": ("run", "worker", "Run the services of the one database in the configuration."),
        "serve": ("serve", "serve", "Answer statements over HTTP, as Flink's SQL Gateway does."),
    },
}

_BY_NAME = {name: entry for group in COMMANDS.values() for name, entry in group.items()}


class Verbs(click.Group):
    """The commands: found in the list above, imported when used, shown under headings."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_BY_NAME)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _BY_NAME.get(cmd_name)
        if entry is None:
            return None
        module, attribute, _ = entry
        command = getattr(importlib.import_module(f"tailrace.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _BY_NAME and not args[0].startswith("-"):
            raise click.UsageError(f'there is no command "{args[0]}"{_suggestion(args[0])}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, group in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, entry[2]) for name, entry in group.items()], col_max=18)


def _suggestion(word: str) -> str:
    import difflib

    close = difflib.get_close_matches(word, _BY_NAME, n=1)
    return f"; did you mean {close[0]}?" if close else "; list them with: tailrace --help"


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="A configuration file may also be the first word, as in: tailrace conf/db1.ini status; "
    "options may stand before or after it.",
)
@click.version_option(__version__, message="tailrace %(version)s")
@shared_options
@click.pass_context
def cli(ctx: click.Context, shared: Shared) -> None:
    """Stream changes out of PostgreSQL, through a cascade of databases."""
    ctx.obj = shared


def with_config_flag(arguments: Sequence[str]) -> list[str]:
    """Turn ``-d conf/db1.ini worker``, as Londiste users type, into ``-c … worker -d``."""
    return in_order(arguments, cli, lambda name: cli.get_command(click.Context(cli), name))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit status: 0 done, 1 failed, 2 called wrongly."""
    words = with_config_flag(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_status(words))


def _status(words: list[str]) -> int:
    try:
        result = cli.main(args=words, prog_name="tailrace", standalone_mode=False)
    except TailraceError as exc:
        return _told(exc, words)
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.format_message())
        return 2
    except click.UsageError as exc:
        where = exc.ctx.command_path if exc.ctx else "tailrace"
        message = _no_option(exc) if isinstance(exc, click.NoSuchOption) else exc.format_message()
        message = message[:1].lower() + message[1:].rstrip(".")
        _say(
            f"{where}: {message}"
            + ("" if "tailrace --help" in message else f"; see: {where} --help")
        )
        return 2
    except click.ClickException as exc:
        _say(exc.format_message())
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("tailrace: interrupted")
        return 1
    except BrokenPipeError:
        # The reader of our output has left; keep the interpreter from complaining about it, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as exc:  # a mistake of ours; the user gets one line all the same
        return _internal(exc, words)
    return result if isinstance(result, int) else 0


def _no_option(exc: click.NoSuchOption) -> str:
    """Suggest an option only where it is the same but for a slip."""
    import difflib

    close = difflib.get_close_matches(exc.option_name, exc.possibilities or (), n=1, cutoff=0.8)
    return f'there is no option "{exc.option_name}"' + (f" (is it {close[0]}?)" if close else "")


def _internal(exc: Exception, words: list[str]) -> int:
    if _debugging(words):
        raise exc
    text = " ".join(str(exc).split())
    _say(f"tailrace: internal error: {type(exc).__name__}: {text}; more with: -v -v")
    return 1


def _told(exc: TailraceError, words: list[str]) -> int:
    problems = exc.values.get("problems")
    lines = (
        [str(line) for line in problems] if isinstance(problems, tuple) else [f"tailrace: {exc}"]
    )
    for line in lines:
        _say(line)
    if exc.stack and _verbosity(words):
        _say(exc.stack)
    if _debugging(words):
        import traceback

        traceback.print_exception(exc)
    return exc.exit_status


def _debugging(words: list[str]) -> bool:
    """Whether ``-v -v`` was given."""
    return _verbosity(words) >= 2


def _verbosity(words: list[str]) -> int:
    """How often ``-v`` was given; looked up here because parsing itself may have failed."""
    short = sum(word.count("v") for word in words if word.strip("v") == "-")
    return short + words.count("--verbose")


def _say(line: str) -> None:
    from tailrace.errors import without_secrets

    click.echo(without_secrets(line), err=True)
