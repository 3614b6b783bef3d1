"""What a session on Flink remembers for the jobs that it creates."""

from __future__ import annotations

import pytest

from tailrace.engines.flink.lineage import place_of
from tailrace.errors import UsageError
from tailrace.gateway.definitions import Definitions, fills, subject
from tailrace.gateway.flink import body_of, without_secrets
from tailrace.statements.model import CreateJob
from tailrace.statements.parser import parse


def _after(*statements: str) -> tuple[str, ...]:
    made = Definitions()
    for text in statements:
        made.note(text)
    return made.texts


def test_definitions_are_kept_in_order_and_nothing_else() -> None:
    kept = (
        "CREATE TEMPORARY VIEW v AS SELECT 1",
        "USE CATALOG c",
        "create table if not exists `a`.b (x int)",
        "LOAD MODULE hive",
    )
    assert _after(kept[0], "SELECT 1", kept[1], "SHOW TABLES", *kept[2:], "INSERT INTO b") == kept


def test_what_is_dropped_is_forgotten_and_its_drop_never_repeated() -> None:
    assert _after("CREATE TABLE t (a INT)", "DROP TABLE IF EXISTS `t`") == ()
    assert _after("DROP TABLE other") == ()
    left = "CREATE VIEW t AS SELECT 1"
    assert _after(left, "CREATE TABLE t (a INT)", "DROP TABLE t") == (left,)


def test_changes_are_repeated_only_of_what_the_session_made() -> None:
    made = ("CREATE TABLE t (a INT)", "ALTER TABLE t RENAME TO u")
    assert _after(*made) == made
    assert _after("ALTER TABLE theirs RENAME TO u") == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CREATE OR REPLACE TEMPORARY SYSTEM FUNCTION f AS 'x'", ("CREATE", "FUNCTION", "f")),
        ("drop view if exists `a b`.c;", ("DROP", "VIEW", "a b.c")),
        ("INSERT INTO t SELECT 1", ("INSERT", "", "")),
        ("-- nothing", ("", "", "")),
    ],
)
def test_subject(text: str, found: tuple[str, str, str]) -> None:
    assert subject(text) == found


def _body(text: str) -> tuple[tuple[str, ...], str]:
    statement = parse(f"CREATE JOB j AS {text}")
    assert isinstance(statement, CreateJob)
    return body_of(statement)


def test_several_inserts_become_one_job() -> None:
    setup, text = _body(
        "$$ CREATE TABLE t (a INT); INSERT INTO t SELECT 1; INSERT INTO t SELECT 2 $$"
    )
    assert setup == ("CREATE TABLE t (a INT)",)
    assert text == (
        "EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1; INSERT INTO t SELECT 2; END"
    )


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "$$ CREATE TABLE t (a INT) $$",
        "$$ INSERT INTO t SELECT 1; DROP TABLE t $$",
        "$$ CREATE TABLE t AS SELECT 1 AS a; INSERT INTO u SELECT a FROM t $$",
    ],
)
def test_a_body_that_is_no_job_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="INSERT"):
        _body(text)


def test_secrets_of_settings_are_not_shown() -> None:
    shown = without_secrets({"s3.secret-key": "x", "my.Password": "y", "parallelism.default": "2"})
    assert shown == {"s3.secret-key": "***", "my.Password": "***", "parallelism.default": "2"}


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ("'connector' = 'filesystem', 'path' = 'file:///data/in/'", "/data/in"),
        (
            "'connector'='kafka', 'topic'='t', 'properties.bootstrap.servers'='k:9092'",
            "kafka:k:9092:t",
        ),
        ("'connector'='filesystem', 'path' = 'file:///it''s/x''''y'", "/it's/x''y"),
        ("'connector' = 'datagen'", None),
    ],
)
def test_what_a_table_stands_for(options: str, place: str | None) -> None:
    assert place_of(f"CREATE TABLE `a`.`b`.`t` (x INT) WITH ({options})") == place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE t WITH ('a' = 'b') AS SELECT 1", True),
        ("create table t /** AS */ with ('a' = 'b') as (select a as b from s)", True),
        ("CREATE OR REPLACE TABLE t AS WITH x AS (SELECT 1) SELECT * FROM x", True),
        ("CREATE TABLE t (a INT, b AS a + 1, WATERMARK FOR c AS c) WITH ('as' = 'AS')", False),
        ("CREATE VIEW v AS SELECT 1", False),
        ("INSERT INTO t SELECT 1 AS a", False),
    ],
)
def test_a_table_that_is_made_from_a_query_is_known(text: str, expected: bool):
    assert fills(text) is expected
    made = Definitions()
    made.note(text)
    assert made.texts == (() if expected or text.startswith("INSERT") else (text,))
