"""In which order files are loaded.

Flink's filesystem sink writes ``part-<id of the run>-<subtask>-<number>``: one subtask numbers its
files one after another and makes them visible in that order, while those of different subtasks
become visible in any order. A changelog that is keyed has all changes of one key in one subtask. So
the files of a *series*, one directory's and subtask's, are loaded by their number, and series are
merged by the time at which their files were finished: that puts the files of a run before those of
the next one, whose names have nothing in common. Files that are called otherwise are one series a
directory, in the order of their names.
"""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

# What comes before the number names run and subtask; an ending may follow.
_PART = re.compile(r"^(?P<series>.*-\d+-)(?P<number>\d+)(?P<ending>\.[^/]*)?$")
# What Flink and Hive write for a partition column that is NULL.
_NULL = "__DEFAULT_PARTITION__"


class Arrival(NamedTuple):
    """A file that is there, as its directory shows it."""

    path: str
    """Below the place that is looked at."""
    size: int
    modified: int
    """In nanoseconds."""
    version: str
    """Another one: its content may be another one."""

    @property
    def directory(self) -> str:
        """Where it is."""
        return self.path.rpartition("/")[0]

    @property
    def partition(self) -> dict[str, str | None]:
        """Columns that stand in the names of its directories (``day=2026-01-01``)."""
        pairs = (one.partition("=") for one in self.directory.split("/") if "=" in one)
        return {
            unquote(name): None if value == _NULL else unquote(value) for name, _, value in pairs
        }


class _Place(NamedTuple):
    """Where a file stands in its series."""

    number: int
    name: str


def in_order(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """The order in which files are loaded."""
    series: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
    for one in arrivals:
        series[_series(one)].append(one)
    return list(_merged([sorted(files, key=_place) for files in series.values()]))


def complete(first: Iterable[Arrival], second: Iterable[Arrival]) -> list[Arrival]:
    """Those of a second look that may be loaded, given what a first look has seen.

    While a directory is read files appear in it, and a look may see a file but miss one that was
    there before it. Whatever was there before a file of the first look, the second one sees; what
    has only just appeared may have such a gap before it, and waits for the next look.
    """
    seen = list(first)
    paths = {one.path for one in seen}
    newest = max((one.modified for one in seen), default=0)
    last: dict[tuple[str, str], _Place] = {}
    for one in seen:
        key = _series(one)
        last[key] = max(last.get(key, _place(one)), _place(one))
    return in_order(
        one
        for one in second
        if one.path in paths
        or one.modified <= newest
        or (_series(one) in last and _place(one) < last[_series(one)])
    )


def _merged(series: list[list[Arrival]]) -> Iterator[Arrival]:
    heads = [(files[0].modified, files[0].path, number, 0) for number, files in enumerate(series)]
    heapq.heapify(heads)
    while heads:
        _, _, number, at = heads[0]
        yield series[number][at]
        if at + 1 < len(series[number]):
            following = series[number][at + 1]
            heapq.heapreplace(heads, (following.modified, following.path, number, at + 1))
        else:
            heapq.heappop(heads)


def _series(one: Arrival) -> tuple[str, str]:
    match = _PART.match(one.path.rpartition("/")[2])
    return one.directory, match["series"] if match else ""


def _place(one: Arrival) -> _Place:
    name = one.path.rpartition("/")[2]
    match = _PART.match(name)
    return _Place(int(match["number"]) if match else 0, name)
