"""Where a statement ends, and what a shell still has to wait for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from fixtures.statements import scripts
from tailrace.statements.split import is_complete, split
from tailrace.statements.tokens import SPACE, Kind, scan

ONE_EACH = [
    "SELECT ';'",
    "SELECT 'it''s;'",
    "SELECT 'no escape\\'",
    "SELECT E'an \\'escape;'",
    "SELECT e'goes on' -- x'\n  'here\\';'",
    "SELECT typee'x;\\'",
    'SELECT ";"";"',
    "SELECT $$;'$$",
    "SELECT $a$ $b$ ; $b$ $$ ; $a$",
    "SELECT a$b$c, $1",
    "SELECT $é$;$é$",
    "SELECT /* ; /* ; */ ; */ 1",
    "SELECT 1 -- ; it's",
    "SELECT U&'\\0041;', n';', b'1'",
    "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql"
    " BEGIN ATOMIC SELECT CASE WHEN a THEN (1) END; SELECT 2; END",
    "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END",
    "BEGIN",
    "END",
    "CREATE TABLE begin (case int)",
    "SELECT `a;'b` FROM t",
    "SELECT 1 ` 2",
    "SELECT a-->b\n",
    "SELECT \x00;".rstrip(";"),
]


def test_semicolon_ends_a_statement_only_where_it_is_one() -> None:
    assert [piece.text for piece in split("\n;".join(ONE_EACH))] == [t.rstrip() for t in ONE_EACH]


@pytest.mark.parametrize("text", ONE_EACH)
def test_statement_is_complete_with_its_semicolon_and_not_before(text: str) -> None:
    assert not is_complete(text)
    assert is_complete(f"{text}\n;")


@pytest.mark.parametrize(
    ("text", "opening", "at"),
    [
        ("SELECT 'a;", "'", 7),
        ("SELECT 'a'';", "'", 7),
        ("SELECT E'a\\';", "'", 7),
        ('SELECT "a;', '"', 7),
        ("SELECT $a$ $b$;", "$a$", 7),
        ("SELECT (1, (2);", "(", 7),
        ("SELECT 1; /* /* */ ;", "/*", 10),
        ("CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1;", "BEGIN", 21),
        ("SELECT ('", "'", 8),
    ],
)
def test_open_quote_comment_or_block_is_named_and_found(text: str, opening: str, at: int) -> None:
    last = split(text)[-1]
    assert (last.open, last.open_at, last.terminated) == (opening, at, False)
    assert not is_complete(text)


@pytest.mark.parametrize("text", ["", " \n", ";;", "-- nothing", "/* nothing */ ; -- more\n;"])
def test_nothing_but_comments_is_no_statement(text: str) -> None:
    assert split(text) == []
    assert is_complete(text)


def test_backslash_ends_the_statement_and_begins_a_command_of_the_line() -> None:
    script = "\\timing on\nSELECT 1 \\watch 2; 3\r\n  \\x\nSELECT '\\d'"
    found = [(piece.text, piece.command, piece.terminated) for piece in split(script)]
    assert found == [
        ("\\timing on", True, True),
        ("SELECT 1", False, True),
        ("\\watch 2; 3", True, True),
        ("\\x", True, True),
        ("SELECT '\\d'", False, False),
    ]


def test_comments_before_a_statement_belong_to_it() -> None:
    first, second = split("SELECT 1; -- done\n/*+ hint */ SELECT 2 -- end\n;")
    assert (first.text, first.start) == ("SELECT 1", 0)
    assert second.text == "-- done\n/*+ hint */ SELECT 2 -- end"
    assert second.source[second.start :].startswith("-- done")


@given(scripts)
@settings(max_examples=200, deadline=None)
def test_pieces_cover_all_but_semicolons_comments_and_space(script: str) -> None:
    position = 0
    for piece in [*split(script), None]:
        between = script[position : piece.start if piece else len(script)]
        rest = "".join(
            between[token.start : token.end]
            for token in scan(between)
            if token.kind is not Kind.COMMENT
        )
        assert re.fullmatch(rf"[;{SPACE}]*", rest)
        if piece is not None:
            assert piece.start >= position
            assert piece.text[0] not in SPACE
            position = piece.end


@given(scripts)
@settings(max_examples=200, deadline=None)
def test_piece_cut_out_is_the_same_piece(script: str) -> None:
    for piece in split(script):
        (alone,) = split(piece.text)
        assert (alone.text, alone.command, alone.open) == (piece.text, piece.command, piece.open)


def test_hostile_input_takes_no_longer_than_its_length() -> None:
    for text in ("''" * 50_000, "/*" * 50_000, "E'a' " * 20_000, "$a$ $b$ " * 20_000, "(" * 50_000):
        split("SELECT '" + text)
        split("SELECT " + text)
