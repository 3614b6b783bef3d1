"""Statements are values: compared by what they say, never changed."""

from __future__ import annotations

import pytest

from tailrace.statements import model


def test_statements_of_different_kinds_are_never_equal() -> None:
    kinds = [model.ShowQueues(), model.ShowJobTrees(), model.ShowOptions(), model.DropJob("a")]
    assert len({*kinds, model.StartJob("a"), model.DescribeJob("a")}) == 6
    assert model.DropJob("a") == model.DropJob(job="a")
    assert model.DropJob("a") != model.DropJob("b")


def test_statement_cannot_be_changed_or_made_of_something_else() -> None:
    statement = model.StopJob("a", drain=True)
    assert repr(statement) == "StopJob(job='a', savepoint=False, drain=True)"
    with pytest.raises(AttributeError, match=r"StopJob\.job cannot be changed"):
        statement.job = "b"  # type: ignore[misc]
    for arguments in ([], ["a", True, True, True]):
        with pytest.raises(TypeError, match="StopJob is made of"):
            model.StopJob(*arguments)
    with pytest.raises(TypeError, match="StopJob is made of"):
        model.StopJob("a", force=True)  # type: ignore[call-arg]


def test_statement_can_be_taken_apart_by_match() -> None:
    match model.StartJob("a", "/p"):
        case model.StartJob(job, savepoint, claim=False):
            assert (job, savepoint) == ("a", "/p")
        case _:
            pytest.fail("does not match")
