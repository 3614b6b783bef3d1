"""Commands of the shell itself: a backslash, a word, and what follows on the line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, get_args

from tailrace.errors import NotFound, UsageError
from tailrace.gateway.results import Answer, Result
from tailrace.shell.script import Script
from tailrace.shell.table import Expanded

DEFAULT_WATCH = 2.0


async def _quit(script: Script, _: str) -> None:
    script.over = True


async def _list(script: Script, _: str) -> None:
    rows = [(f"\\{name} {one.arguments}".rstrip(), one.purpose) for name, one in COMMANDS.items()]
    script.printer.show(Answer(Result(("command", "purpose"), rows)))


async def _expand(script: Script, argument: str) -> None:
    wanted = argument or ("off" if script.printer.expanded == "on" else "on")
    for choice in get_args(Expanded):
        if wanted == choice:
            script.printer.expanded = choice
            script.printer.say(f"records instead of tables: {choice}")
            return
    raise UsageError(f'\\x "{argument}": is neither on, off nor auto')


async def _time(script: Script, argument: str) -> None:
    if argument not in ("", "on", "off"):
        raise UsageError(f'\\timing "{argument}": is neither on nor off')
    script.printer.timing = argument == "on" if argument else not script.printer.timing
    script.printer.say(f"timing: {'on' if script.printer.timing else 'off'}")


async def _watch(script: Script, argument: str) -> None:
    pause, times = _watched(argument)
    if script.last is None:
        raise UsageError("\\watch repeats the last statement, and there is none yet")
    # The statement before the backslash has just been run once.
    while times is None or (times := times - 1) > 0:
        await asyncio.sleep(pause)
        await script.statement(script.last)


def _watched(argument: str) -> tuple[float, int | None]:
    """Read ``2``, ``i=2``, ``c=5`` and both, as psql does."""
    pause, times = DEFAULT_WATCH, None
    given = set()
    for word in argument.split():
        name, _, value = word.rpartition("=")
        name = name or "i"
        if name in given:
            raise UsageError(
                f'\\watch {argument}: "{word}" is one too many',
                hint="a time and a count are: \\watch i=2 c=5",
            )
        given.add(name)
        try:
            if name == "c":
                times = int(value)
            elif name == "i":
                pause = float(value)
            else:
                raise ValueError
            if pause < 0 or (times is not None and times < 1):
                raise ValueError
        except ValueError:
            raise UsageError(
                f'\\watch "{word}": is no time and no count (examples: \\watch 2, \\watch i=2 c=5)'
            ) from None
    return pause, times


async def _send(script: Script, argument: str) -> None:
    try:
        script.printer.send_to(argument or None)
    except OSError as error:
        raise UsageError(f'\\o "{argument}": cannot be written: {error.strerror}') from None


class _Command(NamedTuple):
    run: Callable[[Script, str], Awaitable[None]]
    arguments: str
    purpose: str


COMMANDS: dict[str, _Command] = {
    "q": _Command(_quit, "", "leave"),
    "?": _Command(_list, "", "list these commands"),
    "x": _Command(_expand, "[on|off|auto]", "records instead of tables"),
    "timing": _Command(_time, "[on|off]", "say how long statements take"),
    "watch": _Command(_watch, "[SECONDS] [c=TIMES]", "repeat the last statement until Ctrl-C"),
    "o": _Command(_send, "[FILE]", "write results to a file; alone: to the terminal again"),
}


async def run_command(script: Script, text: str) -> None:
    """Run one command as it was typed, backslash and all."""
    word, _, argument = text.removeprefix("\\").partition(" ")
    command = COMMANDS.get(word.strip().rstrip(";"))
    if command is None:
        raise NotFound(f'there is no command "{text.split()[0]}"', hint="list them with: \\?")
    await command.run(script, argument.strip().rstrip(";").strip())
