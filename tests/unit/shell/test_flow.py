"""Rows of a query without end, shown as they come."""

from __future__ import annotations

import pytest

from tailrace.engines.flink.sql import Row, Shape
from tailrace.shell import flow
from tailrace.shell.printer import Printer


class Scripted:
    """Rows that come in portions; an empty one is a time without any."""

    def __init__(self, *portions: list[Row]) -> None:
        self.shape = Shape(("id", "who"), engine_id="0123")
        self.ended = False
        self._portions = list(portions)

    async def more(self, within: float | None = None) -> list[Row] | None:
        return self._portions.pop(0) if self._portions else None

    async def close(self) -> None:
        self.ended = True


PORTIONS = ([], [Row("+I", [1, "a"])], [], [Row("-U", [1, "a"]), Row("+U", [1, "longer name"])])


async def test_what_ends_soon_is_a_result():
    answer = await flow.show_rows(Printer(), Scripted([Row("+I", [1, "a"])], [Row("+I", [2, "b"])]))
    assert answer is not None
    assert answer.result is not None
    assert (tuple(answer.result.columns), len(answer.result.rows)) == (("id", "who"), 2)


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("table", [
            " op | id | who", "----+----+-----", " +I |  1 | a", " -U |  1 | a",
            " +U |  1 | longer name",
        ]),
        ("csv", ["op,id,who", "+I,1,a", "-U,1,a", "+U,1,longer name"]),
        ("tsv", ["op\tid\twho", "+I\t1\ta", "-U\t1\ta", "+U\t1\tlonger name"]),
    ],
)  # fmt: skip
async def test_what_does_not_flows_by_under_one_header(
    form: str, shown: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(flow, "_PATIENCE", 0.0)
    assert await flow.show_rows(Printer(form), Scripted(*PORTIONS)) is None
    assert capsys.readouterr().out.splitlines() == shown


async def test_an_array_of_json_is_written_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flow, "_PATIENCE", 0.0)
    answer = await flow.show_rows(Printer("json"), Scripted(*PORTIONS))
    assert answer is not None
    assert answer.result is not None
    assert [row[0] for row in answer.result.rows] == ["+I", "-U", "+U"]


@pytest.mark.parametrize(("form", "told"), [("json", 1), ("csv", 0)])
async def test_that_an_array_waits_for_its_end_is_said_once(
    form: str, told: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(flow, "_TELL_AFTER", 0.0)
    await flow.show_rows(Printer(form), Scripted(*PORTIONS))
    said = [line for line in capsys.readouterr().err.splitlines() if "JSON is one array" in line]
    assert len(said) == told


@pytest.mark.parametrize("form", ["table", "json"])
async def test_a_query_that_fails_is_said_to_once_for_each_reason(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(flow, "_QUIET", 0.0)
    reasons = [None, "no such file", "no such file", "no rights"]

    async def trouble(run: str) -> str | None:
        assert run == "0123"
        return reasons.pop(0)

    portions = ([], [], [], [Row("+I", [1, "a"])], [])
    await flow.show_rows(Printer(form), Scripted(*portions), trouble)
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(";")[0] for line in said] == [
        f"warning: the query has failed and Flink tries it again: {reason}"
        for reason in ("no such file", "no rights")
    ]
    assert reasons == []
