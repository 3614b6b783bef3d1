"""In which order files are loaded, whatever a directory shows of them."""

from __future__ import annotations

from random import Random

from fixtures.imports import part
from tailrace.bridge.order import Arrival, complete, in_order


def arrival(path: str, modified: int = 0) -> Arrival:
    return Arrival(path, 10, modified, str(modified))


def paths(files: list[Arrival]) -> list[str]:
    return [one.path for one in files]


def test_a_subtask_keeps_its_numbers_whatever_the_times() -> None:
    files = [arrival(part(0, n), 100 - n) for n in range(12)]
    Random(1).shuffle(files)
    assert paths(in_order(files)) == [part(0, n) for n in range(12)]


def test_an_older_run_comes_before_a_newer_one() -> None:
    files = [
        arrival(part(0, n, run), t) for run, n, t in (("b", 7, 30), ("a", 6, 20), ("a", 5, 10))
    ]
    assert paths(in_order(files)) == [part(0, 5, "a"), part(0, 6, "a"), part(0, 7, "b")]


def test_other_names_are_loaded_by_name() -> None:
    files = [arrival("b.json", 1), arrival("a.json", 9), arrival("c.json", 5)]
    assert paths(in_order(files)) == ["a.json", "b.json", "c.json"]


def test_directories_are_merged_by_time() -> None:
    files = [arrival(f"d=1/{part(0, 0)}", 5), arrival(f"d=2/{part(0, 0)}", 3)]
    assert paths(in_order(files)) == [f"d=2/{part(0, 0)}", f"d=1/{part(0, 0)}"]


def test_a_file_that_a_look_has_missed_comes_with_the_one_behind_it() -> None:
    first = [arrival(part(0, 2), 20)]
    second = [*first, arrival(part(0, 1), 10), arrival(part(0, 3), 30), arrival(part(1, 9), 40)]
    assert paths(complete(first, second)) == [part(0, 1), part(0, 2)]


def test_names_of_directories_are_columns() -> None:
    name = f"day=2026-01-01/place=a%2Fb/shop=__DEFAULT_PARTITION__/{part(0, 0)}"
    assert arrival(name).partition == {"day": "2026-01-01", "place": "a/b", "shop": None}
    assert arrival(f"plain/{part(0, 0)}").partition == {}
