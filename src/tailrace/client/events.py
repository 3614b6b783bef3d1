"""Events as programs see them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class NewEvent(NamedTuple):
    """An event to be inserted."""

    type: str | None
    data: str | None
    extra1: str | None = None
    extra2: str | None = None
    extra3: str | None = None
    extra4: str | None = None


class Event(NamedTuple):
    """An event of a batch; ids grow within it, and the same event has the same id everywhere."""

    id: int
    time: datetime
    type: str | None
    data: str | None
    extra1: str | None
    extra2: str | None
    extra3: str | None
    extra4: str | None
