"""What destroys much is asked for at a terminal, and only there."""

from __future__ import annotations

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from tailrace.gateway.results import OK, Answer
from tailrace.gateway.sessions import Session
from tailrace.shell import interactive, script
from tailrace.shell.printer import Printer
from tailrace.shell.script import Script
from tailrace.statements.model import DropAllSavepoints, Statement


@pytest.fixture
def carried_out(monkeypatch: pytest.MonkeyPatch) -> list[Statement]:
    """The statements that were carried out."""
    done: list[Statement] = []

    async def execute(session: Session, statement: Statement) -> list[Answer]:
        done.append(statement)
        return [OK]

    monkeypatch.setattr(script, "execute", execute)
    return done


def shell() -> Script:
    return Script(Session("dbname=none"), Printer())


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("DROP SAVEPOINT ALL;", "Remove all savepoints?"),
        ("drop savepoint all for job 'x'", 'Remove all savepoints of job "x"?'),
    ],
)
@pytest.mark.parametrize("yes", [True, False])
async def test_all_savepoints_go_only_after_yes(
    carried_out: list[Statement],
    capsys: pytest.CaptureFixture[str],
    text: str,
    question: str,
    yes: bool,
):
    asked: list[str] = []

    async def confirm(question: str) -> bool:
        asked.append(question)
        return yes

    typed = shell()
    typed.confirm = confirm
    assert await typed.run(text)
    assert asked == [question]
    assert [type(one) for one in carried_out] == ([DropAllSavepoints] if yes else [])
    assert ("OK" in capsys.readouterr().out) is yes


async def test_other_statements_are_not_asked_about(carried_out: list[Statement]):
    async def confirm(question: str) -> bool:
        raise AssertionError(question)

    typed = shell()
    typed.confirm = confirm
    assert await typed.run(
        "DROP SAVEPOINT '/s'; DROP SAVEPOINTS FOR JOB 'x'; DROP JOB 'x'; SELECT 1;"
    )
    assert len(carried_out) == 4


async def test_nobody_is_asked_by_a_script(carried_out: list[Statement]):
    assert shell().confirm is None
    assert await shell().run("DROP SAVEPOINT ALL;")
    assert carried_out == [DropAllSavepoints()]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("y", True), (" YES ", True), ("n", False), ("", False), ("no", False), ("yesterday", False)],
)
async def test_what_is_not_yes_is_no(typed: str, meant: bool):
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text(f"{typed}\r")
        assert await interactive._confirmed("Remove all savepoints?") is meant
