"""Making catalogue and disk agree: which savepoints are there, and where new ones go.

Anybody may do this at any time, several at once too, as in ``resolving``.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from tailrace.engines.base import Made, new_id
from tailrace.engines.flink import disk
from tailrace.engines.flink.engine import FlinkEngine
from tailrace.errors import EngineError, TailraceError, WrongState
from tailrace.jobs.cluster.catalogue import Catalogue
from tailrace.jobs.cluster.model import Savepoint

# A request that was given up may be carried out so much later.
_LATEST = timedelta(days=1)
# The settings of Flink that say where savepoints go, the one that wins last.
_DIRECTORIES = ("state.savepoints.dir", "execution.checkpointing.savepoint-dir")


class Files:
    """The savepoints of one cluster as they lie on disk; ``directory``: where the session says."""

    def __init__(
        self, engine: FlinkEngine, catalogue: Catalogue, directory: str | None = None
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._directory = directory

    async def compare(self) -> None:
        """Write down what is no longer there, what is there again, and what nobody knew of."""
        for one in await self._catalogue.savepoints():
            if one.path is None or one.state in ("requested", "dropping"):
                continue
            there = await disk.is_there(one.path)
            state = _next_state(one, there)
            if state == "dropped":
                await self._engine.tidy(one.path)
            if state is not None:
                with suppress(WrongState):  # somebody was quicker
                    await self._catalogue.move(one.savepoint_id, state)
        await self._late_ones()
        await self.survey()

    async def _late_ones(self) -> None:
        """Savepoints that were given up, and were made all the same."""
        since = datetime.now(UTC) - _LATEST
        for one in await self._catalogue.savepoints(all_of_them=True):
            if one.state == "failed" and one.directory and one.asked_at > since:
                made = await disk.made_in(one.directory)
                if made is not None:
                    await self.write_down(one, Made(made.path, size=made.size))

    async def write_down(self, one: Savepoint, made: Made) -> None:
        """Write down what became of a savepoint that was asked for."""
        # refused where somebody else has found out first, and more has happened since
        with suppress(WrongState):
            await self._catalogue.savepoint_settled(one.savepoint_id, made)

    async def survey(self) -> None:
        """List savepoints that lie where savepoints go and that nobody has written down."""
        try:
            root = await self.savepoint_directory()
        except TailraceError:
            return
        found = await disk.survey(root)
        if found:
            await self._catalogue.found([(new_id(), one) for one in found])

    async def savepoint_directory(self) -> str:
        """Where savepoints go: as the session says, else as the cluster does."""
        if self._directory:
            return self._directory
        settings = await self._engine.manager.settings()
        given = [settings[key] for key in _DIRECTORIES if settings.get(key)]
        if not given:
            raise EngineError(
                "neither the cluster nor this session has a directory for savepoints",
                hint="SET 'state.savepoints.dir' = 'file:///…'",
            )
        return given[-1]


def _next_state(one: Savepoint, there: bool | None) -> str | None:
    """What a savepoint becomes by what the disk says; None: it stays what it is."""
    if there is False and one.state in ("completed", "foreign"):
        return "lost"
    if there is False and one.state == "claimed":
        return "dropped"  # its job has a newer image and has removed it
    if there and one.state == "lost":
        return "completed" if one.directory else "foreign"
    return None
