"""Row events as changes: composite text in all its forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tailrace.client.changes import Change, Shape, changes_of
from tailrace.client.events import Event

SHAPES = {"d1": Shape(("id", "name"), ("id",)), "d2": Shape(("only",), ("only",))}


def event(kind: str, data: str | None, packed: str | None = None, shape: str = "d1") -> Event:
    return Event(7, datetime.now(UTC), kind, data, "public.t", packed, shape, None)


@pytest.mark.parametrize(
    ("data", "row"),
    [
        ("(1,a)", {"id": "1", "name": "a"}),
        ("(1,)", {"id": "1", "name": None}),
        ('(1,"")', {"id": "1", "name": ""}),
        ("(,)", {"id": None, "name": None}),
        ('(1,"say ""no"", twice")', {"id": "1", "name": 'say "no", twice'}),
        (r'(1,"a\\b")', {"id": "1", "name": "a\\b"}),
        ('(1,"two\nlines")', {"id": "1", "name": "two\nlines"}),
        ('(1,")""\n(")', {"id": "1", "name": ')"\n('}),
    ],
)
def test_fields_are_taken_apart(data: str, row: dict[str, str | None]):
    assert [one.row for one in changes_of(event("row:I", data), SHAPES)] == [row]


def test_rows_that_came_together_are_told_one_by_one():
    packed = event("row:U", '(1,a)"\n(2,"b,c")"\n(3,)', "3")
    assert list(changes_of(packed, SHAPES)) == [
        Change("public.t", "update", {"id": "1", "name": "a"}, 7),
        Change("public.t", "update", {"id": "2", "name": "b,c"}, 7),
        Change("public.t", "update", {"id": "3", "name": None}, 7),
    ]


def test_deletes_have_the_key_and_truncates_nothing():
    (gone,) = changes_of(event("row:D", "(5)"), SHAPES)
    assert (gone.operation, gone.row) == ("delete", {"id": "5"})
    (empty,) = changes_of(event("row:T", None), SHAPES)
    assert (empty.operation, empty.row) == ("truncate", {})
    (single,) = changes_of(event("row:I", "()", shape="d2"), SHAPES)
    assert single.row == {"only": None}


def test_other_events_are_no_changes():
    assert list(changes_of(event("order.paid", "{}"), SHAPES)) == []
