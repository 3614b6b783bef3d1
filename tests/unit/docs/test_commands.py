"""Commands that the pages show exist, and have the options that they are shown with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tailrace.cli.main import _BY_NAME, cli

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# In a line of its own, behind a prompt or the setting of variables; or between backquotes.
_LINE = re.compile(r"^(?:\s*|.*[;&|] )(?:[A-Z_]+=\S+ )*tailrace ([^#\n]*)", re.MULTILINE)
_QUOTED = re.compile(r"`tailrace ([^`\n]+)`")
_WITH_VALUE = ("-c", "--config", "--db", "--queue")


def shown(text: str) -> Iterator[str]:
    """What stands behind ``tailrace`` wherever a command is shown."""
    code = "\n".join(
        line for block in re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL) for line in [block]
    )
    code += "\n" + "\n".join(re.findall(r"^ {4,}\S.*$", text, re.MULTILINE))
    joined = re.sub(r"\\\n\s*", "", code)
    yield from (found.strip() for found in _LINE.findall(joined))
    yield from _QUOTED.findall(text)


def complaint(line: str) -> str | None:
    """What is wrong with a command line; None: nothing."""
    words = re.sub(r"'[^']*'", "x", line).replace("[", " ").replace("]", " ").split()
    while words and (words[0].startswith("-") or words[0].endswith((".ini", ".toml"))):
        words = words[2:] if words[0] in _WITH_VALUE else words[1:]
    if not words:
        return None
    names = words[0].strip("'\",.:").split("|")
    if any(name not in _BY_NAME for name in names):
        return f"there is no command {words[0]}"
    context = click.Context(cli)
    command = cli.get_command(context, names[0])
    if isinstance(command, click.Group):
        sub = [name for word in words[1:2] for name in word.split("|")]
        if any(name not in command.commands for name in sub):
            return f"{names[0]} has no {words[1]}"
        command = command.commands[sub[0]] if sub else command
    assert command is not None
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    known |= {"--help", "-h"}
    for word in words[1:]:
        option = re.match(r"--[a-z-]+", word)
        if option and option[0] not in known:
            return f"{names[0]} has no option {option[0]}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_as_they_are_shown(page: Path) -> None:
    lines = list(shown(page.read_text(encoding="utf-8")))
    wrong = {line: said for line in lines if (said := complaint(line))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("drop-nod node5", "there is no command drop-nod"),
        ("-c a.ini jobs --extend", "jobs has no option --extend"),
        ("flink begin", "flink has no begin"),
        ("conf/db1.ini status --dead=node5", None),
    ],
)
def test_a_wrong_one_would_be_found(line: str, said: str | None) -> None:
    assert complaint(line) == said
