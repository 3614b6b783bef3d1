"""What is ours and wrong: line, column, the line with a caret, and what was expected."""

from __future__ import annotations

import pytest

from tailrace.errors import StatementError
from tailrace.statements.automaton import END
from tailrace.statements.parser import parse
from tailrace.statements.pointer import excerpt
from tailrace.statements.split import split
from tailrace.statements.tables import KEYWORDS, SYMBOLS, VALUES
from tailrace.statements.vocabulary import MEANINGS, SYNONYMS


def error_of(text: str) -> StatementError:
    with pytest.raises(StatementError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("STOP", "column 5: found the end, expected JOB"),
        ("STOP JOBB 'a'", "column 6: found JOBB, expected JOB; did you mean JOB?"),
        (
            "STOP JOB abc-1;",
            "column 10: found abc-1, expected the name or id of a job in single quotes;"
            " write 'abc-1'",
        ),
        ('DROP JOB "a b"', "write 'a b'"),
        ("STOP JOB 3f2ab1", "write '3f2ab1'"),
        ("STOP JOB E'a'", "column 10: found E'a', expected the name or id of a job"),
        ("STOP JOB 'a", "column 10: the quote that begins here has no end"),
        ("STOP JOB 'a' /* b", "column 14: the comment that begins here has no end"),
        ("STOP JOB ''", "column 10: found nothing in the quotes, expected the name or id of a job"),
        (
            "SHOW SAVEPOINTS FRO JOB 'a'",
            "column 17: found FRO, expected FOR JOB or the end of the statement",
        ),
        ("SHOW JOBS LIKE 'a'", "found LIKE, expected EXTENDED or the end of the statement"),
        ("SHOW JOB 'a'", "did you mean JOBS?"),
        ("SHOW JOBTREE", "column 13: found the end, expected the name or id of a job in single"),
        ("SHOW", "expected JOBS, SAVEPOINTS, CHECKPOINTS FOR JOB, JOBTREE, JOBTREES, ANCESTORS,"),
        ("START", "column 6: found the end, expected JOB"),
        ("START JOB 'a' FROM '/p'", "column 20: found '/p', expected SAVEPOINT"),
        ("STOP JOB 'a' WITH", "found the end, expected SAVEPOINT or DRAIN"),
        ("STOP JOB 'a' WITH DRAIN WITH SAVEPOINT", "found WITH, expected the end of the statement"),
        ("DROP JOBS", "found JOBS, expected JOB, SAVEPOINT or SAVEPOINTS FOR JOB"),
        ("DROP SAVEPOINT a", "column 16: found a, expected the path of a savepoint in single"),
        ("CREATE SAVEPOINT", "found the end, expected FOR JOB"),
        ("SET 'k'", 'column 8: found the end, expected "="'),
        ("SET 'k' = v", "found v, expected the value of the setting in single quotes; write 'v'"),
        ("SET '' = 'v'", "column 5: found nothing in the quotes, expected the name of a setting"),
        ("DROP SAVEPOINTS FOR JOB 'a' KEEP LAST 3.5", "found 3.5, expected a whole number"),
        ("DROP SAVEPOINTS FOR JOB 'a' KEEP LAST 2147483648", "a whole number, at most 2147483647"),
        (
            "DROP SAVEPOINTS FOR JOB 'a' OLDER THAN INTERVAL '1x' DAY",
            "column 49: found '1x', expected a whole number in single quotes",
        ),
        (
            "DROP SAVEPOINTS FOR JOB 'a' OLDER THAN INTERVAL '7' FORTNIGHT",
            "expected SECOND, MINUTE, HOUR, DAY, WEEK, MONTH or YEAR",
        ),
        ("CREATE JOB .a", "column 12: found ., expected a name for the job"),
        ("CREATE JOB a AS$$ SELECT 1 $$", "column 14: found AS$$, expected WITH or AS"),
        ("CREATE JOB", "found the end, expected a name for the job"),
        ("CREATE JOB 'a' AS SELECT 1", "column 12: found 'a', expected a name for the job"),
        ('CREATE JOB "" AS SELECT 1', "found nothing in the quotes, expected a name for the job"),
        ("CREATE JOB a SELECT 1", "column 14: found SELECT, expected WITH or AS"),
        ("CREATE JOB a AS -- b", "found the end, expected the statement that the job runs"),
        ("CREATE JOB a WITH () AS SELECT 1", "found ), expected the name of an option"),
        ("CREATE JOB a WITH ('k'='v' 'l'='w') AS SELECT 1", 'found \'l\', expected "," or ")"'),
        (
            "CREATE JOB a WITH ('k'='v', 'k'='w') AS SELECT 1",
            "column 29: the option 'k' is given twice",
        ),
        ("CREATE JOB a AS SELECT 'b", "column 24: the ' that stands here has no end"),
        ("CREATE JOB a AS (SELECT (1)", "column 17: the ( that stands here has no end"),
        ("CREATE JOB a AS $$ SELECT 1", "column 17: the dollar quote that begins here has no end"),
        ("CREATE JOB a AS $$ SELECT ' $$", "column 27: the ' that stands here has no end"),
        ("CREATE JOB a AS $$ -- no $$", "found no statement in the quotes"),
        ("CREATE JOB a AS $$ x; $$ AND", "column 26: found AND, expected the end of the statement"),
        ("CREATE JOB a AS $$ x; \\d $$", "column 23: a command of the shell cannot stand in a job"),
        ("", "line 1, column 1: found nothing, expected a statement"),
        ("SHOW JOBS; SELECT 1", "column 12: found SELECT 1, expected the end: one statement at a"),
        ("\\x", "column 1: \\x is a command of the shell, expected a statement"),
    ],
)
def test_error_says_where_what_was_found_and_what_would_be_right(text: str, message: str) -> None:
    error = error_of(text)
    assert message in str(error)
    assert "\n" not in str(error)
    assert error.exit_status == 1


def test_error_points_into_the_line_of_the_script() -> None:
    script = "SELECT 1;\n-- next\nSHOW JOBS\n\tEXTENDED LIKE\n'x';"
    with pytest.raises(StatementError) as caught:
        parse(split(script)[1])
    error = caught.value
    assert (error.line, error.column, error.offset) == (4, 11, script.index("LIKE"))
    assert error.excerpt == "\tEXTENDED LIKE\n\t         ^"
    assert str(error).startswith("line 4, column 11: found LIKE, expected the end")


def test_caret_stands_below_wide_and_combining_characters() -> None:
    assert excerpt("日本 x", 3) == "日本 x\n     ^"
    assert excerpt("e\u0301 x", 3) == "e\u0301 x\n  ^"


def test_long_line_is_cut_around_the_caret() -> None:
    shown, caret = excerpt("a" * 300 + "!" + "b" * 300, 300).split("\n")
    assert shown[len(caret) - 1] == "!"
    assert (shown[0], shown[-1]) == ("…", "…")
    assert len(shown) == 102


def test_every_word_of_the_grammar_can_be_spoken_of() -> None:
    assert set(MEANINGS) == {*VALUES, END}
    assert set(KEYWORDS) >= SYNONYMS
    assert set(SYMBOLS) == {"(", ")", ",", "="}
