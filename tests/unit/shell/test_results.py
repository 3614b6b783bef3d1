"""Results: the same rows for people and for programs, with nothing lost and nothing too wide."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.db.composed import ArrayText, JsonText
from tailrace.gateway.results import Result, json_value, text_of
from tailrace.shell.formats import distinct, result_lines
from tailrace.shell.table import Expanded, table_lines, wrap
from tailrace.statements.columns import columns

JOBS = Result(
    ("job name", "rows", "statement"),
    [
        ("revenue", 10, "INSERT INTO revenue_by_day SELECT day, sum(x * _weight) FROM changes"),
        ("日本", None, "DELETE FROM t\nWHERE n = 0"),
    ],
)


def drawn(result: Result, width: int | None = None, expanded: Expanded = "off") -> str:
    return "\n".join(result_lines(result, "table", width=width, expanded=expanded))


def test_table_is_as_wide_as_its_values_where_there_is_room() -> None:
    assert drawn(JOBS) == (
        " job name | rows | statement\n"
        "----------+------+----------------------------------------------------------------------\n"
        " revenue  |   10 | INSERT INTO revenue_by_day SELECT day, sum(x * _weight) FROM changes\n"
        " 日本     |      | DELETE FROM t\n"
        "          |      | WHERE n = 0\n"
        "(2 rows)"
    )


def test_table_that_is_too_wide_continues_its_widest_values_on_the_next_line() -> None:
    assert drawn(JOBS, width=44) == (
        " job name | rows | statement\n"
        "----------+------+--------------------------\n"
        " revenue  |   10 | INSERT INTO\n"
        "          |      | revenue_by_day SELECT\n"
        "          |      | day, sum(x * _weight)\n"
        "          |      | FROM changes\n"
        " 日本     |      | DELETE FROM t\n"
        "          |      | WHERE n = 0\n"
        "(2 rows)"
    )


def test_records_stand_below_each_other_when_asked_for_or_when_no_table_fits() -> None:
    assert drawn(JOBS, expanded="on").startswith(
        "-[ 1 ]----\njob name  | revenue\nrows      | 10\n"
    )
    assert drawn(JOBS, width=20, expanded="auto") == drawn(JOBS, width=20, expanded="on")
    assert drawn(JOBS, width=44, expanded="auto") == drawn(JOBS, width=44)
    long = drawn(JOBS, width=30, expanded="on").split("\n")
    assert "statement | INSERT INTO" in long
    assert "          | revenue_by_day" in long


def test_empty_result_shows_its_columns() -> None:
    empty = Result(("a", "b"), [])
    assert drawn(empty) == " a | b\n---+---\n(0 rows)"
    assert drawn(empty, width=1, expanded="auto") == drawn(empty)
    assert list(result_lines(empty, "json")) == ["[]"]
    assert list(result_lines(empty, "csv")) == ["a,b"]
    assert list(result_lines(empty, "tsv")) == ["a\tb"]


def test_value_cannot_steer_the_terminal() -> None:
    shown = drawn(Result(("a",), [("\x1b[31mred\x07\r\nnext\x9b",)]))
    assert "\\x1b[31mred\\x07\n next\\x9b\n" in shown
    assert not set(shown) & {"\x1b", "\x07", "\r", "\x9b"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "true"),
        (Decimal("1.50"), "1.50"),
        (b"\x00\xff", "\\x00ff"),
        ({"a": [1, "é"]}, '{"a": [1, "é"]}'),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC), "2024-02-29 01:02:03+00:00"),
        (timedelta(days=3, hours=4, seconds=5, milliseconds=60), "3 days 04:00:05.06"),
        (timedelta(days=-1), "-1 day"),
        (timedelta(seconds=-1.5), "-00:00:01.5"),
        (timedelta(0), "00:00:00"),
    ],
)
def test_value_is_written_as_postgresql_writes_it(value: object, shown: str) -> None:
    assert text_of(value) == shown


def test_json_keeps_types_precision_and_columns_of_equal_names() -> None:
    moment = datetime(2024, 2, 29, tzinfo=UTC)
    values = (1, Decimal("1.5"), Decimal("0.1000000000000000000001"), None, True, moment, "é")
    result = Result(("a", "a", "b", "c", "d", "e", "a_2"), [values, values])
    record = {
        "a": 1,
        "a_2": 1.5,
        "b": "0.1000000000000000000001",
        "c": None,
        "d": True,
        "e": "2024-02-29T00:00:00+00:00",
        "a_2_2": "é",
    }
    lines = list(result_lines(result, "json"))
    assert json.loads("\n".join(lines)) == [record, record]
    assert len(lines) == 2
    assert json.loads(next(result_lines(Result(("x",), [(float("nan"),)]), "json"))) == [
        {"x": "NaN"}
    ]


@pytest.mark.parametrize(
    ("text", "read", "parts"),
    [
        ("{}", str, []),
        ("{1,NULL,3}", int, [1, None, 3]),
        ("{{1,2},{3,4}}", int, [[1, 2], [3, 4]]),
        ("[0:1]={7,8}", int, [7, 8]),
        (r'{"a,b","say \"no\"","back\\slash",NULL,"NULL",plain}', str,
         ["a,b", 'say "no"', "back\\slash", None, "NULL", "plain"]),
    ],
)  # fmt: skip
def test_arrays_are_lists_for_programs(text: str, read: type, parts: object) -> None:
    value = ArrayText(text, read)
    assert json_value(value) == parts
    assert text_of(value) == text


def test_json_is_json_for_programs() -> None:
    value = JsonText('{"a": [1, 2.50, null], "b": {"c": "d"}}')
    assert json_value(value) == {"a": [1, 2.5, None], "b": {"c": "d"}}
    assert text_of(value) == '{"a": [1, 2.50, null], "b": {"c": "d"}}'


def test_csv_tells_null_from_an_empty_text() -> None:
    result = Result(("a", "b"), [(None, ""), ('x"y', "1,2"), ("two\nlines", " ")])
    text = "\n".join(result_lines(result, "csv"))
    assert text == 'a,b\n,""\n"x""y","1,2"\n"two\nlines"," "'
    assert list(csv.reader(text.splitlines(keepends=True)))[2] == ['x"y', "1,2"]


def test_tsv_keeps_a_row_on_its_line() -> None:
    result = Result(("a", "b"), [("x\ty\n\\", None), (1, True)])
    assert list(result_lines(result, "tsv")) == ["a\tb", "x\\ty\\n\\\\\t", "1\ttrue"]


def test_equal_names_become_distinct_keys() -> None:
    assert distinct(["a", "a", "a_2", "a"]) == ["a", "a_2", "a_2_2", "a_3"]


_signs = st.text(st.sampled_from("ab 日\u0301\n\t"), max_size=40)
_results = st.integers(1, 4).flatmap(
    lambda count: st.builds(
        Result,
        st.lists(_signs, min_size=count, max_size=count),
        st.lists(
            st.lists(_signs | st.none() | st.integers(), min_size=count, max_size=count),
            max_size=4,
        ),
    )
)


@given(_results, st.integers(1, 120))
@settings(max_examples=150, deadline=None)
def test_table_that_fits_is_never_wider_than_the_terminal(result: Result, width: int) -> None:
    lines = list(table_lines(result, width=width, expanded="auto"))
    room = max(width, 3 + 8 + max(columns(name.expandtabs(4)) for name in result.columns), 12)
    if result.rows:
        assert max(columns(line) for line in lines) <= room
    assert lines[-1].startswith(f"({len(result.rows)} row")


@given(_signs.map(lambda text: text.replace("\n", " ").replace("\t", " ")), st.integers(2, 20))
@settings(max_examples=150, deadline=None)
def test_wrapping_loses_nothing_but_blanks(line: str, width: int) -> None:
    parts = wrap(line, width)
    assert "".join(parts).replace(" ", "") == line.replace(" ", "")
    assert all(columns(part) <= width for part in parts)


def test_ids_stay_whole_where_texts_can_be_broken_instead():
    rows = [("0123456789abcdef0123456789abcdef", "a name of some words that goes on", "RUNNING")]
    lines = drawn(Result(("job id", "job name", "status"), rows), width=66).split("\n")
    assert lines[2].startswith(" 0123456789abcdef0123456789abcdef | a name of some")
    assert max(map(len, lines)) <= 66
    assert "words that goes on" in lines[3]
