"""Every statement in its spellings, what passes through, and the round trip through render."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from fixtures.statements import scripts, statements, written_out
from tailrace.errors import StatementError
from tailrace.statements import model
from tailrace.statements.help import ENTRIES, about
from tailrace.statements.model import Age, PassThrough, Statement
from tailrace.statements.parser import parse
from tailrace.statements.render import render
from tailrace.statements.split import split

SPELLINGS: list[tuple[str, Statement]] = [
    ("SHOW JOBS;", model.ShowJobs()),
    ("show\n  jobs -- all of them\n  Extended /* ; */ ;", model.ShowJobs(extended=True)),
    ("SHOW QUERIES EXTENDED", model.ShowJobs(extended=True)),
    ("DESC JOB 'it''s'", model.DescribeJob("it's")),
    ("START JOB 'a'", model.StartJob("a")),
    ("START JOB 'a' FROM SAVEPOINT '/p' CLAIM", model.StartJob("a", "/p", claim=True)),
    ("START JOB 'a' FROM SAVEPOINT '/p' NO_CLAIM", model.StartJob("a", "/p")),
    ("STOP JOB 'a' WITH SAVEPOINT WITH DRAIN", model.StopJob("a", savepoint=True, drain=True)),
    ("STOP JOB 'a' WITH DRAIN", model.StopJob("a", drain=True)),
    ("CREATE SAVEPOINT FOR JOB 'a'", model.CreateSavepoint("a")),
    ("DROP SAVEPOINT ALL", model.DropAllSavepoints()),
    ("DROP SAVEPOINT ALL FOR JOB 'a'", model.DropAllSavepoints("a")),
    (
        "DROP SAVEPOINTS FOR JOB 'a' OLDER THAN INTERVAL '7' DAYS KEEP LAST 3",
        model.DropSavepoints("a", Age(7, "day"), 3),
    ),
    ("DROP SAVEPOINTS FOR JOB 'a' KEEP LAST 0", model.DropSavepoints("a", keep_last=0)),
    ("SHOW JOBTREE FULL 'a'", model.ShowJobTree("a", full=True)),
    ("SHOW ANCIENTS 'a'", model.ShowAncestors("a")),
    ("SHOW NODES FOR QUEUE 'q'", model.ShowNodes("q")),
    ("SET 'k' = ''", model.SetOption("k", "")),
    ("SET", model.ShowOptions()),
    ("RESET", model.ResetOption()),
    ("help  stop\tjob", model.Help("STOP JOB")),
]


@pytest.mark.parametrize(("text", "statement"), SPELLINGS)
def test_spelling_is_understood(text: str, statement: Statement) -> None:
    assert parse(text) == statement


def test_syntax_that_help_shows_is_what_the_parser_reads() -> None:
    seen = set()
    for entry in ENTRIES:
        for syntax in (entry.syntax, *entry.accepted):
            for text in written_out(syntax):
                statement = parse(text)
                assert not isinstance(statement, PassThrough), text
                assert parse(render(statement)) == statement
                seen.add(type(statement))
    assert seen == set(Statement.__subclasses__()) - {PassThrough}


def test_help_finds_statements_by_their_first_words_in_any_spelling() -> None:
    assert [entry.syntax.split()[:2] for entry in about("stop")] == [["STOP", "JOB"]]
    assert [entry.syntax for entry in about("SHOW ancients")] == ["SHOW ANCESTORS '<job>'"]
    assert about("") == ENTRIES
    assert about("SELECT") == ()


# ------------------------------------------------------------------ CREATE JOB


def job(text: str) -> model.CreateJob:
    statement = parse(text)
    assert isinstance(statement, model.CreateJob)
    return statement


def test_body_of_a_job_is_everything_after_as_verbatim() -> None:
    body = "INSERT INTO t  -- two blanks\nSELECT 'a;b', $q$;$q$ FROM changes.\"X\" /* ; */"
    created = job(f"create job Revenue with ('initial' = 'latest','note'='it''s') as\n {body} ;")
    assert created == model.CreateJob("revenue", body, (("initial", "latest"), ("note", "it's")))
    assert created.statements == (body,)


def test_job_of_several_statements_stands_between_dollar_quotes() -> None:
    created = job("CREATE JOB r AS $j$ INSERT INTO t SELECT $$;$$;\n DELETE FROM t; $j$;")
    assert created.body == "INSERT INTO t SELECT $$;$$;\n DELETE FROM t;"
    assert created.statements == ("INSERT INTO t SELECT $$;$$", "DELETE FROM t")
    assert job(render(created)) == created


@pytest.mark.parametrize(
    ("written", "name"),
    [("Daily", "daily"), ('"Da""ily"', 'Da"ily'), ("as", "as"), ("ÉtÉ", "ÉtÉ"), ("a$1", "a$1")],
)
def test_name_of_a_job_is_read_as_postgresql_reads_identifiers(written: str, name: str) -> None:
    assert job(f"CREATE JOB {written} AS SELECT 1").name == name


# ------------------------------------------------------------------ what is not ours

THEIRS = [
    "SELECT 1",
    "SET work_mem = '4MB'",
    "SET LOCAL a.b TO 'c'",
    "SET TIME ZONE 'UTC'",
    "RESET ALL",
    "RESET work_mem",
    "SHOW work_mem",
    "SHOW ALL",
    "SHOW TIME ZONE",
    "SHOW jobs.limit",
    'SHOW "jobs"',
    "SHOW TABLES LIKE 'a'",
    "SAVEPOINT a",
    "RELEASE SAVEPOINT a",
    "START TRANSACTION READ ONLY",
    "DROP TABLE jobs",
    "CREATE TABLE job (a int)",
    "DESCRIBE jobs",
    "DESCRIBE orders",
    "/*+ hint */ SELECT 'unended",
    "help_me",
    "ſhow jobs",
    "(SELECT 1)",
    "1",
]


@pytest.mark.parametrize("text", THEIRS)
def test_what_is_not_ours_passes_through_untouched(text: str) -> None:
    assert parse(text) == PassThrough(text)
    assert parse(f"{text}\n;") == PassThrough(text) or "unended" in text


# ------------------------------------------------------------------ properties


@given(statements)
@settings(max_examples=200, deadline=None)
def test_rendered_statement_reads_back_as_itself(statement: Statement) -> None:
    text = render(statement)
    assert parse(text) == statement
    assert parse(f"\n {text}\n;") == statement
    assert render(parse(text)) == text


@given(scripts)
@settings(max_examples=200, deadline=None)
def test_any_text_gives_a_statement_or_an_error_that_points_into_it(text: str) -> None:
    for piece in split(text):
        error: StatementError | None = None
        try:
            statement = parse(piece)
            assert parse(render(statement)) == statement
        except StatementError as exc:
            error = exc
        if error is not None:
            line, caret = error.excerpt.split("\n")
            assert piece.start <= error.offset <= piece.end
            assert line == text.split("\n")[error.line - 1]
            assert len(caret) == error.column
