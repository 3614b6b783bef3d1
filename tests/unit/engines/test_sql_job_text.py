"""The text of a SQL job: what is found in it, and that only the names of changes are replaced."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tailrace.engines.postgres.deciding import calls
from tailrace.engines.postgres.definition import Definition, define
from tailrace.engines.postgres.rewriting import Rewritten

TEXT = """-- first
WITH big AS (SELECT * FROM changes."Odd ö" AS b WHERE b.x > 1)
INSERT INTO other.sums AS s (k, n) SELECT coalesce(k, '€'), sum(_weight)
FROM /* which */ changes . orders LEFT JOIN items i USING (id) WHERE changes.orders.y > 0 GROUP BY 1
ON CONFLICT (k) DO UPDATE SET n = s.n + excluded.n;
DELETE FROM other.sums WHERE n = 0 ; ; MERGE INTO kept USING changes.orders c ON c.id = kept.id
WHEN MATCHED AND c._op = 'D' THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (c.id, 'changes.x')"""


def _runnable(job: Definition) -> list[Rewritten]:
    return job.runnable({name: f"batch_{n}" for n, name in enumerate(job.sources)})


def test_names_of_changes_are_replaced_and_nothing_else() -> None:
    job = define(TEXT)
    assert job.sources == ("Odd ö", "orders")
    first, second, third = (one.text for one in _runnable(job))
    assert "FROM pg_temp.batch_0 AS b WHERE" in first
    assert 'FROM /* which */ pg_temp.batch_1 as "orders" LEFT JOIN items i' in first
    assert "WHERE orders.y > 0 GROUP" in first
    assert second.rstrip() == "DELETE FROM other.sums WHERE n = 0"
    assert "USING pg_temp.batch_1 c ON" in third
    assert "'changes.x')" in third


def test_each_place_leads_back_to_where_it_came_from() -> None:
    job = define(TEXT)
    for one in _runnable(job):
        places = [one.place(index) for index in range(len(one.text))]
        assert all(before <= after for before, after in pairwise(places))
        for index, place in enumerate(places):
            replaced = any(edit.start <= place <= edit.end for edit in one.edits)
            assert replaced or one.text[index] == TEXT[place]


def test_what_is_read_written_and_named_is_found() -> None:
    first, second, third = (piece.found for piece in define(TEXT).pieces)
    assert [(table.schema, table.name) for table in first.reads] == [(None, "items")]
    assert [(table.schema, table.name) for table in first.writes] == [("other", "sums")]
    assert list(first.written_columns.values()) == [("k", "n")]
    assert first.all_columns  # of the CTE
    assert (second.columns, second.changes, second.marks) == ({"n"}, [], False)
    assert third.marks
    assert {"id", "_op"} <= third.columns
    assert [*calls(first.deciding, first.outputs)] == []


@pytest.mark.parametrize("tail", ["", " WITH DATA", " with  /* all */ data"])
def test_table_that_a_job_creates_is_made_and_then_inserted_into(tail: str) -> None:
    job = define(f"create table if not exists a.made (x, y) as (select 1, 2 from changes.b){tail}")
    [run] = _runnable(job)
    assert run.text.rstrip() == ('insert into "a"."made" (select 1, 2 from pg_temp.batch_0 as "b")')
    [(_, made)] = job.creations([run])
    assert made.startswith("create table if not exists a.made (x, y)  as (select 1, 2 from pg_temp")
    assert made.endswith("with no data")


@pytest.mark.parametrize(
    ("text", "doubted"),
    [
        ("insert into t select k, count(*) from changes.a group by k", True),
        ("insert into t select k, sum(x) from changes.a group by k", True),
        ("insert into t select k from changes.a group by k", True),
        ("insert into t select sum(x) from (select x from changes.a) as s", True),
        ("insert into t select k, sum(x * _weight) from changes.a group by k", False),
        ("insert into t select k, count(*) from changes.a where _op = 'I' group by k", False),
        ("insert into t select k, x from changes.a", False),
        ("insert into t select a.k, (select count(*) from b) from changes.a as a", False),
    ],
)
def test_adding_up_without_weights_is_doubted(text: str, doubted: bool) -> None:
    assert bool(define(text).doubts()) is doubted
    assert define(f"delete from u using changes.b where b.k = u.k; {text}").doubts() == (
        (f"statement 2 {define(text).doubts()[0].removeprefix('statement 1 ')}",) if doubted else ()
    )


@pytest.mark.parametrize(
    ("text", "doubted"),
    [
        ("insert into t select d.k from d left join changes.a using (k)", True),
        ("insert into t select d.k from changes.a right join d using (k)", True),
        ("insert into t select d.k from changes.a full join d using (k)", True),
        ("insert into t select k from (select k from d left join changes.a using (k)) s", True),
        ("create table t as select d.k from d left join changes.a using (k)", True),
        ("insert into t select d.k from changes.a left join d using (k)", False),
        ("insert into t select d.k from d right join changes.a using (k)", False),
        ("insert into t select d.k from d join changes.a using (k)", False),
        ("insert into t select d.k from e left join d using (k) join changes.a using (k)", False),
        # adds nothing to those that have no changes
        (
            "insert into t select k, coalesce(w, 0) from d left join"
            " (select k, sum(_weight) as w from changes.a group by k) s using (k)"
            " on conflict (k) do update set n = t.n + excluded.n",
            False,
        ),
    ],
)
def test_rows_that_come_with_every_batch_are_doubted(text: str, doubted: bool) -> None:
    doubts = define(text).doubts()
    assert [one.partition(" (outer join)")[0] for one in doubts] == (
        ["statement 1 keeps rows of a table that have no changes"] if doubted else []
    )
