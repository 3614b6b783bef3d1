"""The shell at a terminal: editing, history, completion, and Ctrl-C that ends a statement only."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from time import monotonic

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent

from tailrace import __version__, service
from tailrace.errors import TailraceError
from tailrace.gateway.dispatch import execute
from tailrace.gateway.options import OPTIONS
from tailrace.shell.highlight import STYLE, Highlighter
from tailrace.shell.script import Script
from tailrace.statements.complete import completions
from tailrace.statements.model import Statement
from tailrace.statements.split import is_complete

# What there is to complete is asked of the databases once in so many seconds.
_FRESH = 3.0


def history_file(environ: dict[str, str] | None = None) -> Path:
    """Where the history is kept, below the user's state directory."""
    environ = dict(os.environ) if environ is None else environ
    state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "tailrace" / "history"


def _history(path: Path) -> History:
    """The history in a file, or of this session only where there can be no file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


class Values(Completer):
    """Offers keywords, and the jobs, savepoints, queues and settings that there are."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._known: dict[str, list[str]] = {}
        self._jobs: list[tuple[str, str]] = []
        self._savepoints: list[tuple[str, str]] = []
        self._asked = -_FRESH

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> list[Completion]:
        """Nothing: asking takes an event loop."""
        return []

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """What may stand at the cursor."""
        found = completions(document.text, document.cursor_position)
        back = found.start - document.cursor_position
        for keyword in found.keywords:
            # in the case in which it was begun, so that what they have in common can be inserted
            shown = keyword.lower() if found.prefix.islower() else keyword
            yield Completion(shown, start_position=back)
        for meaning in found.values:
            for value in await self._values(meaning, dict(found.before).get("JOB_ID")):
                if value.lower().startswith(found.prefix.lower()):
                    quoted = "'" + value.replace("'", "''") + "'"
                    yield Completion(quoted, start_position=back, display=value)

    async def _values(self, meaning: str, job: str | None) -> list[str]:
        if meaning == "SETTING_KEY":
            return list(OPTIONS)
        if meaning not in ("JOB_ID", "QUEUE_NAME", "SAVEPOINT_PATH"):
            return []
        if monotonic() - self._asked >= _FRESH:
            self._asked = monotonic()
            await self._ask()
        if meaning == "SAVEPOINT_PATH":
            ids = self._ids_of(job)
            return [path for path, job_id in self._savepoints if not ids or job_id in ids]
        return self._known.get(meaning, [])

    def _ids_of(self, job: str | None) -> set[str]:
        """The ids that a job may be meant by: its own, or those that begin so."""
        if job is None:
            return set()
        named = {job_id for name, job_id in self._jobs if name == job}
        return named or {job_id for _, job_id in self._jobs if job_id.startswith(job.lower())}

    async def _ask(self) -> None:
        """Ask as the user would."""
        from tailrace.statements import model as st

        self._jobs = [(name, job) for job, name in await self._rows(st.ShowJobs(), 2)]
        self._savepoints = [(path, job) for path, job in await self._rows(st.ShowSavepoints(), 2)]
        self._known["JOB_ID"] = [name for name, _ in self._jobs] + [job for _, job in self._jobs]
        self._known["QUEUE_NAME"] = [queue for (queue,) in await self._rows(st.ShowQueues(), 1)]

    async def _rows(self, statement: Statement, count: int) -> list[tuple[str, ...]]:
        """The first columns of what a statement returns."""
        try:
            (answer,) = await execute(self._script.session, statement)
        except TailraceError:
            return []  # no time to complain: somebody is typing
        rows = answer.result.rows if answer.result else ()
        return [tuple(map(str, row[:count])) for row in rows]


def _keys() -> KeyBindings:
    """Enter ends what is complete, and else begins a new line."""
    keys = KeyBindings()

    @keys.add("enter", filter=Condition(lambda: True))
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.text
        command = text.lstrip().startswith("\\")
        if command or not text.strip() or is_complete(text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


async def _confirmed(question: str) -> bool:
    """Ask; whatever is not yes is no."""
    answer = await PromptSession[str]().prompt_async(f"{question} [y/N] ")
    return answer.strip().lower() in ("y", "yes")


async def interact(script: Script, *, name: str, history: Path | None = None) -> None:
    """Read and run until the user leaves."""
    prompt: PromptSession[str] = PromptSession(
        history=_history(history or history_file()),
        completer=Values(script),
        lexer=Highlighter(),
        style=STYLE,
        complete_while_typing=False,
        multiline=True,
        key_bindings=_keys(),
        prompt_continuation=lambda width, number, wrapped: f"{'-> ':>{width}}",
    )
    script.confirm = _confirmed
    script.printer.say(
        f"tailrace {__version__}, database {name}. HELP lists statements, \\? commands, \\q leaves."
    )
    while not script.over:
        try:
            mark = "*" if script.session.in_transaction else ""
            text = await prompt.prompt_async(f"{name}={mark}> ")
        except KeyboardInterrupt:
            continue  # what was typed is given up
        except EOFError:
            break
        try:
            await service.interruptible(script.run(text), name="statement")
        except service.Interrupted:
            script.printer.say("cancelled")
