"""The list of commands: complete, honest about each command, and quick to print."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fixtures.command import typed
from tailrace.cli.main import COMMANDS, with_config_flag
from tailrace.cli.output import FORMATS

ENTRIES = [(name, *entry) for group in COMMANDS.values() for name, entry in group.items()]
OWN = [entry for entry in ENTRIES if entry[1] not in ("postgres", "demo")]


def load(module: str, attribute: str) -> click.Command:
    return getattr(importlib.import_module(f"tailrace.cli.{module}"), attribute)


def test_help_shows_every_command_under_its_heading():
    shown = typed("--help").out
    for heading, group in COMMANDS.items():
        section = shown.split(f"\n{heading}:\n")[1].split("\n\n")[0]
        for name in group:
            assert re.search(rf"^  {name}  ", section, re.MULTILINE), (heading, name)


@pytest.mark.parametrize(("name", "module", "attribute", "_"), OWN)
def test_command_is_called_what_the_list_calls_it(name: str, module: str, attribute: str, _: str):
    assert load(module, attribute).name == name
    assert load(module, attribute).help


@pytest.mark.parametrize(("name", "module", "attribute", "_"), OWN)
def test_each_flag_names_its_environment_twin(name: str, module: str, attribute: str, _: str):
    for param in load(module, attribute).params:
        if isinstance(param, click.Option) and param.name not in ("verbose", "quiet", "yes"):
            assert re.search(r"\[env: TAILRACE_[A-Z_]+\]", param.help or ""), (name, param.name)


def test_one_format_for_all_commands_is_taken_by_all():
    """Whoever sets ``TAILRACE_FORMAT`` once must not find a command that refuses it."""
    loaded = {name: load(module, attribute) for name, module, attribute, _ in ENTRIES}
    taken = {
        name: set(param.type.choices)
        for name, one in loaded.items()
        for param in one.params
        if param.envvar == "TAILRACE_FORMAT" and isinstance(param.type, click.Choice)
    }
    assert {"jobs", "queues", "node-info", "node-status", "lineage", "sql"} <= set(taken)
    wanting = {name for name, forms in taken.items() if not set(FORMATS) <= forms}
    assert wanting == set()


def test_twins_of_different_meaning_have_different_names():
    known: dict[str, str] = {}
    for name, module, attribute, _ in OWN:
        for param in load(module, attribute).params:
            for variable in [param.envvar] if isinstance(param.envvar, str) else []:
                assert known.setdefault(variable, param.name) == param.name, (name, variable)


def test_help_imports_neither_driver_nor_drawing():
    code = (
        "import sys\n"
        "from tailrace.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('psycopg', 'rich', 'asyncio', 'msgspec') if m in sys.modules],"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_version_is_the_packages():
    from tailrace import __version__

    assert typed("--version").out == f"tailrace {__version__}\n"


def test_no_command_prints_the_help_and_counts_as_wrong_usage():
    result = typed()
    assert "Usage: tailrace" in result.out
    assert result.status == 2


@pytest.mark.parametrize(
    ("given", "told"),
    [("--provder", '"--provder" (is it --provider?)'), ("--merge", '"--merge"')],
)
def test_option_that_does_not_exist_gets_a_suggestion_only_where_it_is_close(given: str, told: str):
    result = typed("create-branch", "x", given, "y")
    assert result.status == 2
    assert result.complaint == (
        f"tailrace create-branch: there is no option {told}; see: tailrace create-branch --help"
    )


def test_misspelt_command_gets_a_suggestion():
    result = typed("add-tabel")
    assert result.status == 2
    assert result.complaint == (
        'tailrace: there is no command "add-tabel"; did you mean add-table?; see: tailrace --help'
    )


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["conf/db1.ini", "status"], ["-c", "conf/db1.ini", "status"]),
        (["tailrace.toml", "status"], ["-c", "tailrace.toml", "status"]),
        (["-v", "a.ini", "create-root", "n"], ["-v", "-c", "a.ini", "create-root", "n"]),
        (["--queue", "q", "a.ini", "status"], ["--queue", "q", "-c", "a.ini", "status"]),
        (["-d", "a.ini", "worker"], ["-c", "a.ini", "worker", "-d"]),
        (["a.ini", "worker", "-d"], ["-c", "a.ini", "worker", "-d"]),
        (["a.ini", "-d", "worker"], ["-c", "a.ini", "worker", "-d"]),
        (["-v", "a.ini", "-d", "worker"], ["-v", "-c", "a.ini", "worker", "-d"]),
        (["-d", "-v", "a.ini", "worker"], ["-v", "-c", "a.ini", "worker", "-d"]),
        (["-vd", "a.ini", "worker"], ["-v", "-c", "a.ini", "worker", "-d"]),
        (["a.ini", "-dqv", "worker"], ["-c", "a.ini", "-q", "-v", "worker", "-d"]),
        (["--daemon", "a.ini", "worker"], ["-c", "a.ini", "worker", "--daemon"]),
        (["-s", "a.ini", "worker"], ["-c", "a.ini", "worker", "-s"]),
        (["a.ini", "-s", "worker"], ["-c", "a.ini", "worker", "-s"]),
        (["-k", "a.ini", "worker", "-v"], ["-c", "a.ini", "worker", "-k", "-v"]),
        (["-d", "-c", "a.ini", "worker"], ["-c", "a.ini", "worker", "-d"]),
        (["-d", "--db=x", "run"], ["--db=x", "run", "-d"]),
        (
            ["a.ini", "--provider", "status", "--plan", "change-provider"],
            ["-c", "a.ini", "change-provider", "--provider", "status", "--plan"],
        ),
        (
            ["--provider=x", "a.ini", "create-branch", "n", "l"],
            ["-c", "a.ini", "create-branch", "--provider=x", "n", "l"],
        ),
        (["--queue=q", "-vv", "status"], ["--queue=q", "-v", "-v", "status"]),
        (["--watch", "a.ini", "status"], ["-c", "a.ini", "status", "--watch"]),
        (["--nix", "a.ini", "status"], ["--nix", "-c", "a.ini", "status"]),
        (["-d", "a.ini"], ["-d", "-c", "a.ini"]),
        (["--", "a.ini"], ["--", "a.ini"]),
        (["-ca.ini", "status"], ["-ca.ini", "status"]),
        (["-c", "a.ini", "status"], ["-c", "a.ini", "status"]),
        (["status", "-c", "a.ini"], ["status", "-c", "a.ini"]),
        (["add-table", "odd.ini"], ["add-table", "odd.ini"]),
        ([], []),
    ],
)
def test_configuration_file_may_be_the_first_word_and_options_stand_anywhere(
    words: list[str], meant: list[str]
):
    assert with_config_flag(words) == meant


def test_internal_error_is_one_line_unless_asked_for_more(monkeypatch, tmp_path: Path):
    def broken(*_: object, **__: object) -> None:
        raise ValueError("something\nstrange")

    monkeypatch.setattr("tailrace.config.read_each", broken)
    result = typed("status")
    assert result.status == 1
    assert result.complaint == (
        "tailrace: internal error: ValueError: something strange; more with: -v -v"
    )
    with pytest.raises(ValueError, match="strange"):
        typed("status", "-vv")
