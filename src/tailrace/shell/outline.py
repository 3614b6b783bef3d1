"""A result whose rows have levels, drawn as a tree: lines lead to each name from the one above."""

from __future__ import annotations

from collections.abc import Sequence

from tailrace.gateway.results import Result

# What follows these has been drawn before, further up.
ABOVE = " (above)"


def drawn(result: Result) -> Result:
    """The same rows with their names led in, and without the level, which can be seen now.

    Columns: level, kind, name, and others.
    """
    levels = [int(str(row[0])) for row in result.rows]
    open_levels: set[int] = set()
    followed: set[tuple[object, ...]] = set()
    rows = []
    for index, row in enumerate(result.rows):
        level = levels[index]
        lead = "".join("│  " if higher in open_levels else "   " for higher in range(1, level))
        if level:
            last = _is_last(levels, index)
            lead += "└─ " if last else "├─ "
            (open_levels.discard if last else open_levels.add)(level)
        _, kind, name, *others = row
        key = (kind, name, *others[:1])
        has_children = index + 1 < len(levels) and levels[index + 1] > level
        above = ABOVE if key in followed and not has_children else ""
        if has_children:
            followed.add(key)
        rows.append((f"{lead}{name}{above}", kind, *others))
    return Result((result.columns[2], result.columns[1], *result.columns[3:]), rows)


def _is_last(levels: Sequence[int], index: int) -> bool:
    """Whether no other row of this level follows below the same one."""
    for level in levels[index + 1 :]:
        if level <= levels[index]:
            return level < levels[index]
    return True
