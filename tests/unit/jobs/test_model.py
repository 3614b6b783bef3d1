"""The life of a job: one table, and SQL says nothing that is not in it."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

from tailrace.jobs.model import MOVES, Status

ROOT = Path(__file__).parents[3]
SQL = ROOT / "src/tailrace/sql/tailrace/functions"


def test_every_status_has_its_moves_and_can_be_left() -> None:
    assert set(MOVES) == set(Status)
    assert all(MOVES.values())
    assert not any(one.may_become(one) for one in Status)


def test_terminal_is_left_by_starting_only() -> None:
    for one, other in product(Status, Status):
        if one.terminal and one.may_become(other):
            assert other in (Status.RESTARTING, Status.SUSPENDED, Status.CREATED)


def test_what_may_stop_leads_to_cancelling() -> None:
    for one in Status:
        stops = one.may_become(Status.CANCELLING) or one in (Status.CANCELLING, Status.FAILING)
        assert stops == one.may_stop


def test_sql_has_the_same_words_and_the_same_rules() -> None:
    words = re.findall(r"'([A-Z]{5,})'", (SQL / "tailrace.job_status.sql").read_text())
    assert set(words) <= set(Status)
    for name, allowed in (
        ("request_stop_job", [one for one in Status if one.terminal]),
        ("drop_job", [one for one in Status if one.terminal]),
        ("request_start_job", [one for one in Status if one.may_start]),
    ):
        listed = re.search(
            r"v_status (?:not )?in \((.*?)\)", (SQL / f"tailrace.{name}.sql").read_text()
        )
        assert listed is not None
        assert set(re.findall(r"'(\w+)'", listed[1])) == set(allowed), name


def test_the_picture_names_every_status() -> None:
    text = (ROOT / "docs/design/jobs.md").read_text(encoding="utf-8")
    assert all(one in text for one in Status)
