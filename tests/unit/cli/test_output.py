"""Results: the same rows for people and for programs."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from tailrace.cli.output import short_duration, write_json, write_rows

ROWS = [
    {"name": "a", "rows": 10, "live": True, "note": None},
    {"name": "long\tname", "rows": 5, "live": False, "note": "two\nlines"},
]
COLUMNS = ("name", "rows", "live", "note")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "(n/a)"),
        (0, "0s"),
        (0.9, "0s"),
        (-5, "0s"),
        (59, "59s"),
        (60, "1m0s"),
        (3600, "1h0s"),
        (93784, "1d2h3m4s"),
    ],
)
def test_lag_is_written_without_zero_units(seconds: float | None, shown: str):
    assert short_duration(seconds) == shown


def test_piped_table_is_plain_and_aligned(capsys: pytest.CaptureFixture[str]):
    write_rows("table", ("name", "rows"), [{"name": "a", "rows": 10}, {"name": "bbb", "rows": 5}])
    assert capsys.readouterr().out == "name  rows\na     10\nbbb   5\n"


def test_tsv_keeps_a_row_on_its_line(capsys: pytest.CaptureFixture[str]):
    write_rows("tsv", COLUMNS, ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "name\trows\tlive\tnote",
        "a\t10\tyes\t",
        "long\\tname\t5\tno\ttwo\\nlines",
    ]


def test_csv_quotes_what_would_be_read_as_more(capsys: pytest.CaptureFixture[str]):
    write_rows("csv", COLUMNS, [*ROWS, {"name": "\r", "rows": 0, "live": True, "note": 'a,"b"'}])
    assert list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))) == [
        {"name": "a", "rows": "10", "live": "yes", "note": ""},
        {"name": "long\tname", "rows": "5", "live": "no", "note": "two\nlines"},
        {"name": "\r", "rows": "0", "live": "yes", "note": 'a,"b"'},
    ]


def test_json_keeps_types(capsys: pytest.CaptureFixture[str]):
    import json

    write_rows("json", COLUMNS, ROWS)
    assert json.loads(capsys.readouterr().out) == ROWS


def test_json_writes_times_as_iso(capsys: pytest.CaptureFixture[str]):
    write_json({"at": datetime(2026, 1, 2, tzinfo=UTC)})
    assert "2026-01-02T00:00:00+00:00" in capsys.readouterr().out


def test_rows_on_a_terminal_are_drawn(monkeypatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    write_rows("table", ("name",), [{"name": "[bold]not markup[/bold]"}], title="Tables")
    out = capsys.readouterr().out
    assert "[bold]not markup[/bold]" in out
    assert "Tables" in out
