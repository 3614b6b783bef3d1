"""The shell at a terminal: editing, history, completion, and Ctrl-C that ends a statement only."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent

from tailrace import __version__, service
from tailrace.gateway.completing import Values
from tailrace.shell.highlight import STYLE, Highlighter
from tailrace.shell.script import LEAVING, Script
from tailrace.statements.split import is_complete


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


class Suggestions(Completer):
    """Offers keywords, and the jobs, savepoints, queues and settings that there are."""

    def __init__(self, script: Script) -> None:
        self._values = Values(script.session)

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> list[Completion]:
        """Nothing: asking takes an event loop."""
        return []

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """What may stand at the cursor."""
        cursor = document.cursor_position
        for offer in await self._values.at(document.text, cursor):
            back = offer.start - cursor
            yield Completion(offer.text, start_position=back, display=offer.shown)


def _keys() -> KeyBindings:
    """Enter ends what is complete, and else begins a new line."""
    keys = KeyBindings()

    @keys.add("enter", filter=Condition(lambda: True))
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.text
        command = text.lstrip().startswith("\\")
        alone = text.strip().lower() in ("", "help", *LEAVING)  # as in psql, without a semicolon
        if command or alone or is_complete(text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


def _mark(script: Script) -> str:
    """What psql's prompt shows as well: a transaction is open, or can only be rolled back."""
    if script.session.must_roll_back:
        return "!"
    return "*" if script.session.in_transaction else ""


async def _confirmed(question: str) -> bool:
    """Ask; whatever is not yes is no."""
    answer = await PromptSession[str]().prompt_async(f"{question} [y/N] ")
    return answer.strip().lower() in ("y", "yes")


async def interact(script: Script, *, name: str, history: Path | None = None) -> None:
    """Read and run until the user leaves."""
    prompt: PromptSession[str] = PromptSession(
        history=_history(history or history_file()),
        completer=Suggestions(script),
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
            text = await prompt.prompt_async(f"{name}={_mark(script)}> ")
        except KeyboardInterrupt:
            continue  # what was typed is given up
        except EOFError:
            break
        try:
            await service.interruptible(script.run(text), name="statement")
        except service.Interrupted:
            script.printer.say("cancelled")
