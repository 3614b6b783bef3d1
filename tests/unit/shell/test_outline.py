"""Trees as the shell draws them."""

from __future__ import annotations

from tailrace.gateway.results import Answer, Result
from tailrace.shell.outline import drawn
from tailrace.shell.printer import Printer

COLUMNS = ("level", "kind", "name", "job id", "status")
ROWS = [
    (0, "table", "n1/a", None, None),
    (1, "queue", "n1/q", None, None),
    (2, "job", "mirror", "1f", "RUNNING"),
    (3, "queue", "n2/q", None, None),
    (2, "job", "sums", "2f", "CANCELED"),
    (0, "table", "n1/b", None, None),
    (1, "queue", "n1/q", None, None),
]


def test_lines_lead_to_each_name():
    result = drawn(Result(COLUMNS, ROWS))
    assert result.columns == ("name", "kind", "job id", "status")
    assert [row[0] for row in result.rows] == [
        "n1/a",
        "└─ n1/q",
        "   ├─ mirror",
        "   │  └─ n2/q",
        "   └─ sums",
        "n1/b",
        "└─ n1/q (above)",
    ]
    assert result.rows[2] == ("   ├─ mirror", "job", "1f", "RUNNING")


def test_programs_get_the_levels(capsys):
    answer = Answer(Result(COLUMNS, ROWS), tree=True)
    Printer("tsv").show(answer)
    assert capsys.readouterr().out.splitlines()[3] == "2\tjob\tmirror\t1f\tRUNNING"
    Printer("table").show(answer)
    assert "   ├─ mirror" in capsys.readouterr().out


def test_nothing_is_a_tree_too():
    assert drawn(Result(COLUMNS, [])).rows == []
