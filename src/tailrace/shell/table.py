"""Results for people: a table that fits the terminal, or one record below the other.

A table that is too wide has its widest columns narrowed and their values continued on the next
lines, so that nothing is cut off. When not even that helps, ``auto`` writes records instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal

from tailrace.gateway.results import Result, text_of
from tailrace.statements.columns import columns

Expanded = Literal["off", "on", "auto"]

_NARROWEST = 8  # columns; below this a text is no longer read but deciphered
_NARROW = 12  # below this rather ids are broken than texts squeezed
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Growing:
    """A table whose rows come little by little: columns only get wider, and there is one header."""

    def __init__(self) -> None:
        self._widths: list[int] = []

    def lines(self, result: Result) -> Iterator[str]:
        """More rows, as lines."""
        header = [_lines_of(name) for name in result.columns]
        cells = [[_lines_of(text_of(value)) for value in row] for row in result.rows]
        before = self._widths or [0] * len(header)
        wished = _wished(header, cells)
        self._widths = [max(pair) for pair in zip(before, wished, strict=True)]
        lines = _aligned(result, header, cells, self._widths)
        yield from islice(lines, 2 if any(before) else 0, None)


def table_lines(
    result: Result, *, width: int | None = None, expanded: Expanded = "off"
) -> Iterator[str]:
    """The result as lines that are at most ``width`` wide (None: as wide as they come)."""
    cells = [[_lines_of(text_of(value)) for value in row] for row in result.rows]
    header = [_lines_of(name) for name in result.columns]
    wished = _wished(header, cells)
    widths = _fitting(result, wished, width)
    if expanded == "on" or (expanded == "auto" and widths is None and cells):
        yield from _records(header, cells, width)
    else:
        yield from _aligned(result, header, cells, widths or wished)
    yield f"({len(cells)} row{'' if len(cells) == 1 else 's'})"


def _wished(header: Sequence[Sequence[str]], cells: Sequence[Sequence[Sequence[str]]]) -> list[int]:
    """How wide each column would be if there were room."""
    return [
        max(columns(line) for line in (*header[index], *(ln for row in cells for ln in row[index])))
        for index in range(len(header))
    ]


def _lines_of(text: str) -> list[str]:
    """The lines of a value; what would move the cursor or colour the terminal is written out."""
    lines = text.replace("\r\n", "\n").split("\n")
    return [_CONTROL.sub(_visible, line.expandtabs(4)) for line in lines]


def _visible(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"


# ------------------------------------------------------------------ as a table


def _fitting(result: Result, wished: Sequence[int], width: int | None) -> list[int] | None:
    """The widths of the columns; None when they cannot all be made to fit.

    The widest columns are narrowed to a common limit: at first only those whose values can be
    broken at a blank, since an id over two lines cannot be copied. Numbers are never broken.
    """
    room = None if width is None else width - 3 * len(wished) + 1
    if room is None or sum(wished) <= room:
        return list(wished)
    numbers = [result.is_numeric(index) for index in range(len(wished))]
    words = [number or _is_unbroken(result, index) for index, number in enumerate(numbers)]
    return _narrowed(wished, words, room, _NARROW) or _narrowed(wished, numbers, room, _NARROWEST)


def _is_unbroken(result: Result, index: int) -> bool:
    """Whether no value of the column has a blank or a line end in it."""
    return not any(set(text_of(row[index])) & {" ", "\n"} for row in result.rows)


def _narrowed(
    wished: Sequence[int], rigid: Sequence[bool], room: int, narrowest: int
) -> list[int] | None:
    """The widths with the greatest limit for what is not rigid that fits; None: there is none."""
    for limit in range(max(wished), narrowest - 1, -1):
        widths = [
            wish if keep else min(wish, limit) for wish, keep in zip(wished, rigid, strict=True)
        ]
        if sum(widths) <= room:
            return widths
    return None


def _aligned(
    result: Result,
    header: Sequence[Sequence[str]],
    cells: Sequence[Sequence[Sequence[str]]],
    widths: Sequence[int],
) -> Iterator[str]:
    right = [result.is_numeric(index) for index in range(len(widths))]
    yield from _row(header, widths, [False] * len(widths))
    yield "+".join("-" * (width + 2) for width in widths)
    for row in cells:
        yield from _row(row, widths, right)


def _row(
    cells: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[bool]
) -> Iterator[str]:
    """One row, over as many lines as its longest cell needs."""
    wrapped = [
        [part for line in cell for part in wrap(line, width)]
        for cell, width in zip(cells, widths, strict=True)
    ]
    for index in range(max((len(cell) for cell in wrapped), default=1)):
        parts = [cell[index] if index < len(cell) else "" for cell in wrapped]
        padded = map(_padded, parts, widths, right)
        yield (" " + " | ".join(padded)).rstrip()


def _padded(text: str, width: int, right: bool) -> str:
    blank = " " * (width - columns(text))
    return blank + text if right else text + blank


def wrap(line: str, width: int) -> list[str]:
    """Break a line so that no part is wider than ``width``, at blanks where there are any."""
    parts: list[str] = []
    while columns(line) > width:
        fitting = _fitting_signs(line, width)
        blank = line.rfind(" ", 1, fitting + 1)
        cut = blank if blank > fitting // 3 else fitting
        parts.append(line[:cut])
        line = line[cut:].removeprefix(" ")
    return [*parts, line]


def _fitting_signs(line: str, width: int) -> int:
    """How many characters of the line fit; at least one, or it would never end."""
    used = 0
    for index, sign in enumerate(line):
        used += columns(sign)
        if used > width:
            return max(1, index)
    return len(line)


# ------------------------------------------------------------------ as records


def _records(
    header: Sequence[Sequence[str]], cells: Sequence[Sequence[Sequence[str]]], width: int | None
) -> Iterator[str]:
    names = [" ".join(lines) for lines in header]
    name_width = max((columns(name) for name in names), default=0)
    room = None if width is None else max(_NARROWEST, width - name_width - 3)
    for number, row in enumerate(cells, 1):
        title = f"-[ {number} ]"
        yield title + "-" * max(3, name_width + 1 - columns(title))
        for name, lines in zip(names, row, strict=True):
            for index, part in enumerate(_record_parts(lines, room)):
                shown = name if index == 0 else ""
                yield f"{_padded(shown, name_width, False)} | {part}".rstrip()


def _record_parts(lines: Sequence[str], room: int | None) -> list[str]:
    return [part for line in lines for part in (wrap(line, room) if room else [line])]
