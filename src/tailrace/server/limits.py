"""How much of everything the server allows."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """Sizes, numbers and times."""

    sessions: int = 100
    operations: int = 100
    """Statements of one session whose results are kept."""
    request_bytes: int = 1 << 20
    idle: float = 600.0
    """How long a session may be unused."""
    hold: float = 10.0
    """How long a request for a result waits for it."""
