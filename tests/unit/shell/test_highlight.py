"""Colours: every character stays, and an open quote is seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tailrace.shell.highlight import coloured

TEXTS = st.text(st.sampled_from("ab1 '\"$-/*\n;\\`."), max_size=40)


@given(TEXTS)
def test_nothing_is_added_or_lost(text: str) -> None:
    assert "\n".join("".join(piece for _, piece, *_ in line) for line in coloured(text)) == text


def test_kinds_are_told_apart() -> None:
    (line,) = coloured("stop JOB 'a' -- now")
    assert [style for style, piece, *_ in line if piece.strip()] == [
        "class:keyword", "class:keyword", "class:string", "class:comment",
    ]  # fmt: skip


def test_quote_without_end_shows() -> None:
    assert coloured("STOP JOB 'a")[0][-1][0] == "class:open"
