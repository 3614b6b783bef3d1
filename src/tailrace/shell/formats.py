"""Results for programs: JSON, CSV, TSV; and the choice between all forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from tailrace.gateway.results import Result, json_value, text_of
from tailrace.shell.table import Expanded, table_lines

FORMATS = ("table", "json", "csv", "tsv")

_TSV = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def result_lines(
    result: Result, form: str, *, width: int | None = None, expanded: Expanded = "off"
) -> Iterator[str]:
    """The result in one of ``FORMATS``, line by line; ``width`` is that of the terminal, if any."""
    if form == "table":
        return table_lines(result, width=width, expanded=expanded)
    return _WRITERS[form](result)


def _json_lines(result: Result) -> Iterator[str]:
    """An array with an object a row, each on a line of its own, so that any length can stream."""
    names = distinct(result.columns)
    if not result.rows:
        yield "[]"
        return
    last = len(result.rows) - 1
    for index, row in enumerate(result.rows):
        record = {name: json_value(value) for name, value in zip(names, row, strict=True)}
        text = json.dumps(record, ensure_ascii=False)
        yield f"{' ' if index else '['}{text}{',' if index < last else ']'}"


def _csv_lines(result: Result) -> Iterator[str]:
    """As COPY … (FORMAT csv, HEADER) writes it: NULL is nothing, an empty text is ``""``."""
    yield ",".join(_csv(name) for name in result.columns)
    for row in result.rows:
        yield ",".join("" if value is None else _csv(text_of(value)) for value in row)


def _csv(text: str) -> str:
    plain = text and not any(sign in text for sign in ',"\r\n') and text.strip() == text
    return text if plain and text != "\\." else '"' + text.replace('"', '""') + '"'


def _tsv_lines(result: Result) -> Iterator[str]:
    """A row is a line whatever is in it: backslash, tab and line ends are escaped."""
    yield "\t".join(_tsv(name) for name in result.columns)
    for row in result.rows:
        yield "\t".join(_tsv(text_of(value)) for value in row)


def _tsv(text: str) -> str:
    return text.translate(_TSV)


def distinct(names: Sequence[str]) -> list[str]:
    """Names of columns as keys: a second ``a`` becomes ``a_2``, for no value may get lost."""
    keys: list[str] = []
    for name in names:
        key, number = name, 1
        while key in keys:
            number += 1
            key = f"{name}_{number}"
        keys.append(key)
    return keys


_WRITERS: dict[str, Callable[[Result], Iterator[str]]] = {
    "json": _json_lines,
    "csv": _csv_lines,
    "tsv": _tsv_lines,
}
