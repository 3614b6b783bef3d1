"""What the shell may offer at the cursor, worked out from the grammar."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from fixtures.statements import scripts, statements
from tailrace.statements.complete import Completions, completions
from tailrace.statements.model import Help, PassThrough, Statement
from tailrace.statements.render import render

FIRST = ("SHOW", "DESCRIBE JOB", "CREATE", "START JOB", "STOP JOB", "DROP", "SET", "RESET", "HELP")


@pytest.mark.parametrize(
    ("text", "keywords", "values"),
    [
        ("", FIRST, ()),
        ("SELECT 1; ", FIRST, ()),
        ("HELP ", FIRST, ()),
        ("s", ("SHOW", "START JOB", "STOP JOB", "SET"), ()),
        ("SHOW j", ("JOBS", "JOBTREE", "JOBTREES"), ()),
        ("SHOW QU", ("QUERIES", "QUEUES"), ()),
        ("SHOW JOBS ", ("EXTENDED",), ()),
        ("HELP DROP ", ("JOB", "SAVEPOINT", "SAVEPOINTS FOR JOB"), ()),
        ("STOP JOB ", (), ("JOB_ID",)),
        ("STOP JOB 're", (), ("JOB_ID",)),
        ("STOP JOB re", (), ("JOB_ID",)),
        ("STOP JOB 3f", (), ("JOB_ID",)),
        ("STOP JOB 'a' ", ("WITH",), ()),
        ("STOP JOB 'a' WITH SAVEPOINT ", ("WITH DRAIN",), ()),
        ("START JOB 'a' FROM SAVEPOINT '", (), ("SAVEPOINT_PATH",)),
        ("DROP SAVEPOINT ", ("ALL",), ("SAVEPOINT_PATH",)),
        ("DROP SAVEPOINTS FOR JOB 'a' ", ("OLDER THAN INTERVAL", "KEEP LAST"), ()),
        ("SHOW JOBTREE ", ("FULL",), ("JOB_ID",)),
        ("SHOW NODES FOR QUEUE '", (), ("QUEUE_NAME",)),
        ("SET '", (), ("SETTING_KEY",)),
        ("SET 'k' = ", (), ("SETTING_VALUE",)),
        ("CREATE JOB a AS ", (), ("JOB_BODY",)),
        ("CREATE JOB a WITH ('", (), ("OPTION_KEY",)),
        ("CREATE JOB a AS INSERT ", (), ()),
        ("SELECT ", (), ()),
        ("STOP JOB 'a'", (), ()),
        ("STOP KOB ", (), ()),
        ("-- SH", (), ()),
        ("/* SH", (), ()),
        ("SHOW JOBS /* x */ ", ("EXTENDED",), ()),
        ("\\ti", (), ()),
        ("\\x\nSHOW JOBT", ("JOBTREE", "JOBTREES"), ()),
    ],
)
def test_what_may_follow(text: str, keywords: tuple[str, ...], values: tuple[str, ...]) -> None:
    found = completions(text)
    assert (found.keywords, found.values) == (keywords, values)


def test_completion_replaces_what_was_begun_and_knows_what_stands_before() -> None:
    text = "SELECT 1; START JOB 'it''s' FROM SAVEPOINT '/tmp/sa -- later text"
    cursor = text.index(" -- later")
    assert completions(text, cursor) == Completions(
        start=text.index("'/tmp"),
        prefix="/tmp/sa",
        values=("SAVEPOINT_PATH",),
        before=(("JOB_ID", "it's"),),
    )


@given(statements)
@settings(max_examples=60, deadline=None)
def test_every_word_of_a_statement_is_offered_where_it_stands(statement: Statement) -> None:
    if isinstance(statement, PassThrough | Help):
        return
    text = render(statement)
    words = text.split("(")[0].split("'")[0].split('"')[0].split(" AS ")[0].split()
    for index, word in enumerate(words):
        found = completions(" ".join([*words[:index], ""]))
        offered = [phrase.split()[0] for phrase in found.keywords]
        assert word in offered or found.values


@given(scripts)
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_completed_without_error(text: str) -> None:
    for cursor in range(len(text) + 1):
        assert 0 <= completions(text, cursor).start <= cursor
