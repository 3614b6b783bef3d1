"""Types of Flink's columns, as SQL and as the gateway's protocol write them."""

from __future__ import annotations

import pytest

from tailrace.engines.flink.sql import SqlType
from tailrace.server.columns import of_flink


@pytest.mark.parametrize(
    ("summary", "name", "more"),
    [
        ("INT NOT NULL", "INTEGER", {}),
        ("BIGINT", "BIGINT", {}),
        ("DECIMAL(10, 2)", "DECIMAL", {"precision": 10, "scale": 2}),
        ("STRING", "VARCHAR", {"length": 2147483647}),
        ("CHAR(3) NOT NULL", "CHAR", {"length": 3}),
        ("BYTES", "VARBINARY", {"length": 2147483647}),
        ("TIMESTAMP(3) *ROWTIME*", "TIMESTAMP_WITHOUT_TIME_ZONE", {"precision": 3}),
        ("TIMESTAMP_LTZ(6)", "TIMESTAMP_WITH_LOCAL_TIME_ZONE", {"precision": 6}),
        ("TIME(0)", "TIME_WITHOUT_TIME_ZONE", {"precision": 0}),
    ],
)
def test_a_type_is_known_by_the_name_of_the_protocol(summary: str, name: str, more: dict[str, int]):
    stated = SqlType.written(summary)
    assert (stated.name, dict(stated.more)) == (name, more)
    described = of_flink("a", stated).described()["logicalType"]
    assert described == {"type": name, "nullable": True} | more
    assert SqlType.described(described) == stated


@pytest.mark.parametrize("summary", ["ARRAY<INT>", "ROW<`a` INT>", "MAP<STRING, INT> NOT NULL"])
def test_what_has_no_counterpart_is_text(summary: str):
    column = of_flink("a", SqlType.written(summary))
    assert column.described()["logicalType"] == {
        "type": "VARCHAR",
        "nullable": True,
        "length": 2147483647,
    }
    assert column.encoded("[1, 2]", as_text=False) == "[1, 2]"


@pytest.mark.parametrize(
    ("summary", "value", "json", "text"),
    [
        ("DECIMAL(5, 2)", 1.5, 1.5, "1.5"),
        ("TIMESTAMP(3)", "2026-01-02T03:04", "2026-01-02T03:04:00", "2026-01-02 03:04:00"),
        ("TIMESTAMP_LTZ(3)", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05"),
        ("BYTES", b"\x0a", "Cg==", "x'0a'"),
        ("DATE", "not a date", "not a date", "not a date"),
        ("INT", None, None, None),
    ],
)
def test_values_are_written_in_both_formats(
    summary: str, value: object, json: object, text: object
):
    column = of_flink("a", SqlType.written(summary))
    assert column.encoded(value, as_text=False) == json
    assert column.encoded(value, as_text=True) == text
