"""The protocol of an engine, and of the store in which it writes its intents down.

An engine outside of this database cannot take part in its transactions. So whatever is asked of it
has an id that we choose, is written down under that id *before* it is asked, and can be asked again
with the same id: an answer that is late, lost or comes twice changes nothing, and whoever comes
after a crash can find out what became of the wish (``Engine.settle``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol


def new_id() -> str:
    """Draw an id for a job, a run or a savepoint: 32 hex digits, as Flink's."""
    return os.urandom(16).hex()


class Restore(NamedTuple):
    """Where a run begins: at a savepoint, which it may be given for good (``claim``)."""

    path: str
    claim: bool = False


class Submission(NamedTuple):
    """A run that is wanted: its id, what it runs, and where it begins.

    ``setup`` are the definitions that the statement needs, carried out in order beforehand;
    ``settings`` hold for this run only.
    """

    run_id: str
    name: str
    statement: str
    setup: tuple[str, ...] = ()
    settings: Mapping[str, str] = {}
    restore: Restore | None = None


class Run(NamedTuple):
    """A run as the engine sees it now; ``state`` is the engine's own word.

    ``waiting`` counts the tasks of ``tasks`` that neither run nor have ended.
    """

    engine_id: str
    name: str
    state: str
    batch: bool
    start: datetime
    end: datetime | None
    tasks: int
    waiting: int


class Wish(NamedTuple):
    """A savepoint that is wanted, in a directory that holds no other; ``stop`` ends the run."""

    savepoint_id: str
    engine_id: str
    directory: str
    stop: bool = False
    drain: bool = False


class Made(NamedTuple):
    """What came of a wish: where the savepoint is, or why there is none; neither: not yet.

    Both: it is there, but the run that was to end with it has not.
    """

    path: str | None = None
    error: str | None = None
    size: int | None = None

    @property
    def settled(self) -> bool:
        """Whether there is anything more to wait for."""
        return self.path is not None or self.error is not None


class Checkpoint(NamedTuple):
    """An image that the engine made by itself, or was asked for; ``ends``: to end the run with."""

    number: int
    kind: str
    status: str
    completed: datetime | None
    size: int | None
    path: str | None
    ends: bool = False

    @property
    def is_usable(self) -> bool:
        """Whether a run can be restored from it, and nobody owns it but the engine."""
        return self.path is not None and self.status == "COMPLETED" and self.kind != "savepoint"


class Relation(NamedTuple):
    """Something that a job reads or writes; ``place`` is what its name stands for, where known."""

    name: str
    place: str | None = None


class Lineage(NamedTuple):
    """What a statement reads and writes."""

    reads: tuple[Relation, ...] = ()
    writes: tuple[Relation, ...] = ()


class Intents(Protocol):
    """The store: each of these is on disk when it returns."""

    async def run_submitted(self, run_id: str, engine_id: str) -> None:
        """The run is there."""

    async def run_refused(self, run_id: str, error: str) -> None:
        """The engine will not run it, now or later."""

    async def savepoint_wanted(self, wish: Wish) -> None:
        """This savepoint is about to be asked for."""

    async def savepoint_settled(self, savepoint_id: str, made: Made) -> None:
        """The savepoint is there, or never will be."""


class Engine(Protocol):
    """What runs jobs. ``talk`` is told what is waited for."""

    name: str

    async def submit(self, submission: Submission, intents: Intents) -> str:
        """Start a run whose intent is written down already; return the engine's id of it."""

    async def runs(self) -> list[Run]:
        """All runs that the engine knows."""

    async def status(self, engine_id: str) -> Run | None:
        """One run; None: the engine does not know it."""

    async def stop(self, engine_id: str) -> None:
        """End a run where it is; returns when that is asked for, which may be asked again."""

    async def savepoint(
        self,
        wish: Wish,
        intents: Intents,
        *,
        timeout: float | None = None,
        talk: Callable[[str], None] | None = None,
    ) -> Made:
        """Take a savepoint, writing the wish down first; with ``wish.stop`` the run ends after."""

    async def settle(self, wish: Wish) -> Made:
        """Find out what became of a wish, whoever asked for it, without asking for it again."""

    async def drop_savepoint(self, path: str) -> None:
        """Remove a savepoint for good; one that is gone already is no error."""

    async def checkpoints(self, engine_id: str) -> list[Checkpoint]:
        """What the engine remembers of the checkpoints of a run, newest first."""

    async def lineage(self, submission: Submission) -> Lineage:
        """What a run would read and write; raises where it cannot run at all."""

    async def close(self) -> None:
        """Put connections away."""
