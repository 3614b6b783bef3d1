"""Having Flink carry out SQL: what the two ways to do so have in common.

``gateway`` asks a SQL Gateway, ``environment`` the planner inside a local cluster. Settings are
given when a conversation begins and never changed in it, since some of them cannot be taken back:
the path of a savepoint would go into whatever runs next as well. Each run of a job has a
conversation of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol


class SqlResult(NamedTuple):
    """What a statement came to; ``engine_id`` is the run that it has started, if it has.

    ``kinds`` says for each row whether it was added or removed, where that is not always "added".
    """

    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[object]] = ()
    engine_id: str | None = None
    kinds: Sequence[str] | None = None


class SqlSession(Protocol):
    """A conversation with its own tables and views."""

    async def run(self, statement: str) -> SqlResult:
        """Carry out one statement."""

    async def close(self) -> None:
        """End it; what runs goes on."""


OpenSession = Callable[[Mapping[str, str]], Awaitable[SqlSession]]
"""Begins such a conversation, with settings."""
