"""The flag matrix of cascade.md 5.1, written down a second time, as there."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from tailrace.cascade.duties import MATRIX, NAMES, duties_of
from tailrace.errors import WrongState

COLUMNS = (
    ("root", None, False),
    ("branch", None, False),
    ("branch", None, True),
    ("leaf", None, False),
    ("leaf", "root", False),
    ("leaf", "branch", False),
)
SPECIFIED = """
process_batch      0 1 1 1 1 1
process_events     0 1 1 1 1 0
copy_events        0 1 1 0 1 0
filtered_copy      0 0 0 0 1 0
target_queue       - own own - combined combined
keep_event_ids     0 1 1 0 0 0
create_tick        0 1 1 0 0 0
send_tick_event    0 0 0 0 1 0
process_tick_event 0 1 1 0 0 0
wait_behind        0 0 0 0 0 1
global_wm_event    1 0 0 0 0 0
local_wm_publish   0 1 1 1 1 1
process_global_wm  0 1 0 0 0 0
sync_watermark     0 0 1 0 0 0
"""


def shown(value: object) -> str:
    """A duty as the table shows it."""
    return {None: "-", True: "1", False: "0"}.get(value, str(value))  # type: ignore[call-overload]


def test_matrix_is_that_of_the_specification() -> None:
    assert set(MATRIX) == set(COLUMNS)
    for line in SPECIFIED.split("\n")[1:-1]:
        name, *cells = line.split()
        assert [shown(asdict(MATRIX[one])[name]) for one in COLUMNS] == cells, name
    assert sorted(line.split()[0] for line in SPECIFIED.split("\n")[1:-1]) == sorted(NAMES)


@pytest.mark.parametrize("sync", [False, True])
def test_mirror_and_applying_consumer_share_the_duties_of_a_branch(sync: bool) -> None:
    whole = asdict(MATRIX["branch", None, sync])
    mirror = asdict(duties_of("branch", is_worker=True, in_sync_group=sync))
    apply = asdict(duties_of("branch", is_worker=False, in_sync_group=sync))
    for name in NAMES:
        assert whole[name] == (mirror[name] or apply[name]), name
        if name != "process_batch":
            assert not (mirror[name] and apply[name]), name


def test_helpers_of_other_nodes_have_no_duties() -> None:
    assert not any(asdict(duties_of("leaf", is_worker=False)).values())
    assert not any(asdict(duties_of("root", is_worker=False)).values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"combined_queue": "c", "combined_type": "leaf"}, "cannot be merged into a leaf"),
        ({"combined_queue": "c", "combined_type": None}, 'queue "c", .* has no node here'),
        ({"in_sync_group": True}, "cannot be a member of a sync group"),
    ],
)
def test_other_mixtures_are_errors(options: dict[str, object], message: str) -> None:
    with pytest.raises(WrongState, match=message):
        duties_of("leaf", is_worker=True, **options)  # type: ignore[arg-type]


def test_root_or_branch_that_is_merged_is_an_error() -> None:
    for kind in ("root", "branch"):
        with pytest.raises(WrongState):
            duties_of(kind, is_worker=True, combined_queue="c", combined_type="root")


def test_design_page_shows_the_same_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "design" / "workers.md").read_text()
    rows = {row[1]: row[2] for row in re.finditer(r"^\| (\w+) \|(.*)\|$", page, re.MULTILINE)}
    words = {"": "0", "yes": "1", "`.apply`": "1"}
    for name in NAMES:
        cells = [cell.strip() for cell in rows[name].split("|")]
        expected = [shown(asdict(MATRIX[one])[name]).replace("-", "0") for one in COLUMNS]
        assert [words.get(cell, cell) for cell in cells] == expected, name
