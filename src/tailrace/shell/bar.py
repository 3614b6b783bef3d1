"""How far something is, drawn as a bar where its numbers are known.

Whoever is at work tells in words, which scripts and logs show as they are: ``the savepoint to be
written: 840 rows of about 2000 (42 %)``. A terminal gets a bar in front of the same words.
"""

from __future__ import annotations

import re

_PARTS = r"(\d+)(?: rows)? of (?:about )?(\d+)\b"
_PERCENT = r" \(\d+ %\)"
_WIDTH = 24
# In a narrower terminal the words are worth more.
_ROOM = 60


def done(text: str) -> float | None:
    """The part that is done, of a text that tells it; an estimate that was too low is not whole."""
    told = re.search(_PARTS, text)
    if told is None or int(told[2]) == 0:
        return None
    return min(int(told[1]) / int(told[2]), 0.99)


def with_bar(text: str, width: int, *, plain: bool = False) -> str:
    """The text with a bar in front, where it tells how far it is and there is room."""
    part = done(text)
    if part is None or width < _ROOM:
        return text
    full, empty = ("#", "-") if plain else ("━", "╌")
    length = int(part * _WIDTH)
    bar = full * length + empty * (_WIDTH - length)
    return f"{bar} {int(part * 100)} % {re.sub(_PERCENT, '', text, count=1)}"
