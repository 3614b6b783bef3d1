"""Making catalogue and cluster agree: what became of wishes, and what lies on disk.

Anybody may do this at any time, several at once too: each step finds out what is so and writes that
down, in moves that the catalogue allows from either side. What a living process is at (it holds the
lock of the wish) is left to it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tailrace.engines.base import Made, new_id
from tailrace.engines.flink import disk
from tailrace.engines.flink.http import Unanswered
from tailrace.errors import EngineError, NotFound, TailraceError, WrongState
from tailrace.faults import reach
from tailrace.jobs.cluster.manager import Manager
from tailrace.jobs.cluster.model import Savepoint

# A request that was given up may be carried out so much later.
_LATEST = timedelta(days=1)
_NEVER = "it never reached the cluster: whoever asked for it died before"


class Resolver:
    """One look at everything that is unsettled."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._engine = manager.engine
        self._catalogue = manager.catalogue

    async def resolve(self) -> tuple[str, ...]:
        """Settle what can be settled; returns what makes the outcome doubtful."""
        remarks: tuple[str, ...] = ()
        try:
            await self._manager.look()
            await self._runs()
            await self._savepoints()
        except Unanswered as error:
            remarks = (f"as last seen: {error.message}",)
        await self._disk()
        return remarks

    # ------------------------------------------------------------ runs

    async def _runs(self) -> None:
        """Runs that nobody has an answer for, and that nobody is waiting for any more."""
        for run in await self._catalogue.unsubmitted():
            async with self._catalogue.at_work(run.run_id) as mine:
                if not mine:
                    continue
                engine_id = await self._engine.find(run.run_id)
                await reach("flink.resolve.run")
                if engine_id is None:
                    await self._catalogue.run_refused(run.run_id, _NEVER)
                else:
                    await self._catalogue.run_submitted(run.run_id, engine_id)
        for one in await self._catalogue.jobs():
            if one.engine_id and one.status == "RUNNING" and not one.is_foreign:
                path = await self._engine.newest_checkpoint(one.engine_id, one.checkpoint)
                if path is not None and path != one.checkpoint:
                    await self._catalogue.note_checkpoint(one.engine_id, path)

    # ------------------------------------------------------------ savepoints

    async def _savepoints(self) -> None:
        await self._catalogue.settle_claims()
        for one in await self._catalogue.savepoints():
            if one.state not in ("requested", "dropping"):
                continue
            async with self._catalogue.at_work(one.savepoint_id) as mine:
                if mine and one.state == "requested":
                    await self._settle(one)
                elif mine:
                    await self._try_drop(one)

    async def _settle(self, one: Savepoint) -> None:
        made = await self._engine.settle(one.wish)
        await reach("flink.resolve.savepoint")
        if made.settled:
            await self._write_down(one, made)

    async def _write_down(self, one: Savepoint, made: Made) -> None:
        try:
            await self._catalogue.savepoint_settled(one.savepoint_id, made)
        except WrongState:
            pass  # somebody else has found out first, and more has happened since

    async def _try_drop(self, one: Savepoint) -> None:
        try:
            await self.finish_drop(one)
        except TailraceError:
            pass  # its record says so now

    async def finish_drop(self, one: Savepoint) -> None:
        """Remove the files of a savepoint that is being dropped, and then its record."""
        assert one.path is not None
        try:
            await self._engine.drop_savepoint(one.path)
        except (EngineError, NotFound) as error:
            await self._catalogue.move(one.savepoint_id, "completed", error=error.message)
            raise
        await reach("flink.drop.done")
        await self._catalogue.move(one.savepoint_id, "dropped")

    # ------------------------------------------------------------ disk

    async def _disk(self) -> None:
        """Compare the records with what is there."""
        for one in await self._catalogue.savepoints():
            if one.path is None or one.state in ("requested", "dropping"):
                continue
            there = await disk.is_there(one.path)
            state = _next_state(one, there)
            if state == "dropped":
                await self._engine.tidy(one.path)
            if state is not None:
                try:
                    await self._catalogue.move(one.savepoint_id, state)
                except WrongState:
                    pass  # somebody was quicker
        await self._late_ones()
        await self.survey()

    async def _late_ones(self) -> None:
        """Savepoints that were given up, and were made all the same."""
        since = datetime.now(UTC) - _LATEST
        for one in await self._catalogue.savepoints(all_of_them=True):
            if one.state == "failed" and one.directory and one.asked_at > since:
                made = await disk.made_in(one.directory)
                if made is not None:
                    await self._write_down(one, Made(made.path, size=made.size))

    async def survey(self) -> None:
        """List savepoints that lie where savepoints go and that nobody has written down."""
        try:
            root = await self._manager.savepoint_directory()
        except TailraceError:
            return
        found = await disk.survey(root)
        if found:
            await self._catalogue.found([(new_id(), one) for one in found])


def _next_state(one: Savepoint, there: bool | None) -> str | None:
    """What a savepoint becomes by what the disk says; None: it stays what it is."""
    if there is False and one.state in ("completed", "foreign"):
        return "lost"
    if there is False and one.state == "claimed":
        return "dropped"  # its job has a newer image and has removed it
    if there and one.state == "lost":
        return "completed" if one.directory else "foreign"
    return None
