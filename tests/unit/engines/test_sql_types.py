"""Types of Flink's columns, as SQL and as the gateway's protocol write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tailrace.engines.flink.composed import of_json
from tailrace.engines.flink.interval import of_iso
from tailrace.engines.flink.sqltype import SqlType
from tailrace.gateway.results import json_value, text_of
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
    assert described == {"type": name, "nullable": "NOT NULL" not in summary} | more
    assert SqlType.described(described) == stated


LONG = {"length": 2147483647}
INT = {"type": "INTEGER", "nullable": True}
STRING = {"type": "VARCHAR", "nullable": True} | LONG


@pytest.mark.parametrize(
    ("summary", "wanted"),
    [
        ("ARRAY<INT>", {"type": "ARRAY", "elementType": INT}),
        ("MULTISET<INT> NOT NULL", {"type": "MULTISET", "nullable": False, "elementType": INT}),
        ("MAP<STRING, INT>", {"type": "MAP", "keyType": STRING, "valueType": INT}),
        (
            "ROW<`a<,``b` INT 'first, > two', `c` MAP<STRING, ARRAY<DECIMAL(5, 2) NOT NULL>>>",
            {
                "type": "ROW",
                "fields": [
                    {"name": "a<,`b", "fieldType": INT},
                    {
                        "name": "c",
                        "fieldType": {
                            "type": "MAP",
                            "nullable": True,
                            "keyType": STRING,
                            "valueType": {
                                "type": "ARRAY",
                                "nullable": True,
                                "elementType": {
                                    "type": "DECIMAL",
                                    "nullable": False,
                                    "precision": 5,
                                    "scale": 2,
                                },
                            },
                        },
                    },
                ],
            },
        ),
        ("ARRAY<INTERVAL DAY(2) TO SECOND(3)>", {"type": "ARRAY", "elementType": STRING}),
        ("RAW('java.lang.Thread', ?)", STRING),
        ("*org.Person<`name` STRING>*", STRING),
        ("ARRAY<INT", STRING),
    ],
)  # fmt: skip
def test_a_type_made_of_others_is_described_to_any_depth(summary: str, wanted: dict[str, object]):
    described = of_flink("a", SqlType.written(summary)).described()["logicalType"]
    assert described == {"nullable": described["nullable"]} | wanted
    again = of_flink("a", SqlType.described(described)).described()["logicalType"]
    assert again == described


MADE = (
    "ROW<`i` INT, `d` DECIMAL(5, 2), `day` DATE, `at` TIMESTAMP(3), `seen` TIMESTAMP_LTZ(3), "
    "`bits` BYTES, `x` DOUBLE, `yes` BOOLEAN, `some` ARRAY<DECIMAL(38, 1)>, "
    "`by` MAP<STRING, ROW<`a` INT, `b` STRING>>, `often` MULTISET<STRING>>"
)
SENT = {
    "i": None, "d": 1.5, "day": "2026-01-31", "at": "2026-01-31T00:00:00", "bits": "Cv8=",
    "seen": "2026-01-31T12:00:00.5Z", "x": 1e-7, "yes": True, "some": [Decimal("1" * 37), None],
    "by": {"k": {"a": 1, "b": None}, "none": None}, "often": {"z": 2},
}  # fmt: skip


def test_a_value_made_of_others_is_written_in_both_formats():
    stated = SqlType.written(MADE)
    value = of_json(SENT, stated)
    column = of_flink("a", stated)
    assert column.encoded(value, as_text=True) == (
        "(NULL, 1.50, 2026-01-31, 2026-01-31 00:00:00.000, 2026-01-31 12:00:00.500, x'0aff', "
        f"1.0E-7, TRUE, [{'1' * 37}.0, NULL], {{k=(1, NULL), none=NULL}}, {{z=2}})"
    )
    wanted = SENT | {"some": ["1" * 37 + ".0", None]}  # as JSON's readers would round it
    assert column.encoded(value, as_text=False) == wanted
    assert column.encoded(None, as_text=True) is None
    assert text_of(value) == column.encoded(value, as_text=True)
    assert json_value(value) == wanted


@pytest.mark.parametrize(
    ("summary", "sent"),
    [
        ("MAP<BOOLEAN, INT>", {"FALSE": 1, "TRUE": 2, "null": 3}),
        ("MAP<BOOLEAN, INT>", {"false": 1, "true": 2, "null": 3}),
        ("MULTISET<BOOLEAN>", {"FALSE": 1, "TRUE": 2, "null": 3}),
    ],
)
def test_the_keys_of_a_map_are_texts_in_json_only(summary: str, sent: dict[str, int]):
    value = of_json(sent, SqlType.written(summary))
    assert value == "{FALSE=1, TRUE=2, NULL=3}"
    assert json_value(value) == {"FALSE": 1, "TRUE": 2, "null": 3}


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e7, "1.0E7"), (-1.25e-4, "-1.25E-4"), (9999999.5, "9999999.5"), (0.0, "0.0"),
     ("NaN", "NaN"), ("-Infinity", "-Infinity"), (123456789, "1.23456789E8")],
)  # fmt: skip
def test_floating_point_inside_is_written_as_java_does(value: object, text: str):
    assert of_json([value], SqlType.written("ARRAY<DOUBLE>")) == f"[{text}]"


@pytest.mark.parametrize(
    ("iso", "number", "text"),
    [
        ("PT34H0.123S", 122_400_123, "+1 10:00:00.123"),
        ("PT-1S", -1000, "-0 00:00:01.000"),
        ("PT-24H-0.001S", -86_400_001, "-1 00:00:00.001"),
        ("PT0S", 0, "+0 00:00:00.000"),
        ("PT2400H", 8_640_000_000, "+100 00:00:00.000"),
        ("P-14M", -14, "-1-02"),
        ("P100Y", 1200, "+100-00"),
        ("P0D", 0, "+0-00"),
    ],
)
def test_an_interval_is_a_text_as_flink_casts_it(iso: str, number: int, text: str):
    assert of_iso(iso) == text
    name = "INTERVAL_DAY_TIME" if "T" in iso else "INTERVAL_YEAR_MONTH"
    assert of_json(number, SqlType.described({"type": name})) == text
    column = of_flink("a", SqlType.written("INTERVAL DAY(2) TO SECOND(3)"))
    assert (column.encoded(text, as_text=False), column.encoded(text, as_text=True)) == (text, text)


NANO = "2026-01-02T03:04:05.123456789"


@pytest.mark.parametrize(
    ("summary", "value", "json", "text"),
    [
        ("DECIMAL(5, 2)", 1.5, 1.5, "1.5"),
        ("TIMESTAMP(3)", "2026-01-02T03:04", "2026-01-02T03:04:00", "2026-01-02 03:04:00.000"),
        ("TIMESTAMP(9)", NANO, NANO, "2026-01-02 03:04:05.123456789"),
        ("TIMESTAMP_LTZ(0)", f"{NANO}Z", f"{NANO}Z", "2026-01-02 03:04:05.123456789"),
        ("TIMESTAMP_LTZ(0)", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05"),
        ("TIME(3)", "03:04", "03:04:00", "03:04:00.000"),
        ("DOUBLE", 1e300, 1e300, "1.0E300"),
        ("FLOAT", float("-inf"), "-Infinity", "-Infinity"),
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
