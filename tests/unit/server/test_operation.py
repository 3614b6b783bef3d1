"""The life of an operation: code and page agree, and a wrong move names both ends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tailrace.errors import NotFound, Timeout, WrongState
from tailrace.server.operation import MOVES, Operation, State

PAGE = Path(__file__).parents[3] / "docs/design/server.md"


def test_the_page_shows_the_moves_that_there_are():
    rows = re.findall(r"^\| `([A-Z]+)` \|(.*)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    shown = {State(name): {State(one) for one in re.findall(r"`(\w+)`", to)} for name, to in rows}
    assert shown == {state: set(to) for state, to in MOVES.items()}


@pytest.mark.parametrize("begin", State)
@pytest.mark.parametrize("end", State)
def test_a_wrong_move_names_both_ends(begin: State, end: State):
    operation = Operation("SHOW JOBS")
    operation.state = begin
    if end in MOVES[begin]:
        operation.become(end)
        assert operation.state is end
    else:
        with pytest.raises(WrongState, match=f"is {begin} and cannot become {end}"):
            operation.become(end)
        assert operation.state is begin


def test_the_first_end_counts():
    operation = Operation("SHOW JOBS")
    operation.end(State.CANCELED)
    operation.fail(NotFound("too late"))
    assert (operation.state, operation.error) == (State.CANCELED, None)
    late = Operation("SHOW JOBS")
    late.fail(Timeout("not in time"))
    assert late.state is State.TIMEOUT
    with pytest.raises(Timeout, match="not in time"):
        late.pages()
