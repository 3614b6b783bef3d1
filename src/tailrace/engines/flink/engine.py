"""Flink behind the protocol of engines: what is asked, in which order, and what without an answer.

A submission is found again by our id, which is Flink's id of the run where Flink takes it and
stands in its name in any case; Flink refuses a second run of the same id, so that asking again
after a lost answer starts nothing twice. A savepoint is asked for under our id as well and has a
directory of its own, so that it is found also when Flink has forgotten the request, or has been
restarted.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from tailrace.engines.base import (
    Checkpoint,
    Intents,
    Lineage,
    Made,
    Run,
    Submission,
    Wish,
)
from tailrace.engines.flink import disk, words
from tailrace.engines.flink.http import Unanswered
from tailrace.engines.flink.jobmanager import JobManager
from tailrace.engines.flink.patience import Patience
from tailrace.engines.flink.sql import OpenSession, SqlSession
from tailrace.errors import EngineError, NotFound, TailraceError, Timeout
from tailrace.faults import reach

_MARK = re.compile(r"\s*\[tailrace ([0-9a-f]{32})\]$")
_FIXED_ID = "$internal.pipeline.job-id"
_TWICE = ("DuplicateJobSubmission", "has already been submitted", "already terminated")
_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
_OPENS_WITHIN = 10.0
# So long after the end of a run the cluster may still tell what came of its last savepoint.
_TOLD_WITHIN = timedelta(seconds=5)
_LOST = "the cluster knows nothing of it: it was never asked, or was restarted before it was done"
_ENDED = "it had ended by itself before it was saved"


def marked(name: str, run_id: str) -> str:
    """The name under which a run is submitted."""
    return f"{name} [tailrace {run_id}]"


def mark_of(name: str) -> tuple[str, str | None]:
    """A name without our mark, and the id in it."""
    match = _MARK.search(name)
    return (name[: match.start()], match[1]) if match else (name, None)


class FlinkEngine:
    """One cluster. ``open_session`` begins a conversation in SQL; None: it cannot be had."""

    name = "flink"

    def __init__(self, manager: JobManager, open_session: OpenSession) -> None:
        self.manager = manager
        self._open_session = open_session

    async def close(self) -> None:
        """Put connections away."""
        await self.manager.close()

    @asynccontextmanager
    async def session(
        self, setup: tuple[str, ...], settings: Mapping[str, str]
    ) -> AsyncIterator[SqlSession]:
        """A conversation in SQL that has carried out some definitions."""
        session = await self._open_session(settings)
        try:
            for definition in setup:
                await define(session, definition)
            yield session
        finally:
            await session.close()

    # ------------------------------------------------------------ runs

    async def runs(self) -> list[Run]:
        """All runs that the cluster knows."""
        return await self.manager.runs()

    async def status(self, engine_id: str) -> Run | None:
        """One run; None: the cluster does not know it."""
        return next((run for run in await self.runs() if run.engine_id == engine_id), None)

    async def lineage(self, submission: Submission) -> Lineage:
        """What a run would read and write; raises where it cannot run at all."""
        from tailrace.engines.flink.lineage import read_lineage

        async with self.session(submission.setup, submission.settings) as session:
            return await read_lineage(session, submission.statement)

    async def submit(self, submission: Submission, intents: Intents) -> str:
        """Start a run whose intent is written down already; return Flink's id of it."""
        name = submission.settings.get("pipeline.name") or submission.name
        settings = dict(submission.settings) | {
            "pipeline.name": marked(mark_of(name)[0], submission.run_id),
            _FIXED_ID: submission.run_id,
        }
        if submission.restore is not None:
            settings["execution.state-recovery.path"] = submission.restore.path
            mode = "CLAIM" if submission.restore.claim else "NO_CLAIM"
            settings["execution.state-recovery.claim-mode"] = mode
        await reach("flink.submit.wanted")
        engine_id = await self._submitted(submission, settings, intents)
        await reach("flink.submit.answered")
        await intents.run_submitted(submission.run_id, engine_id)
        return engine_id

    async def _submitted(
        self, submission: Submission, settings: dict[str, str], intents: Intents
    ) -> str:
        for last in (False, False, True):
            try:
                found = await self.find(submission.run_id)
                if found is not None:
                    return found
                async with self.session(submission.setup, settings) as session:
                    result = await session.run(submission.statement)
                return result.engine_id or submission.run_id
            except Unanswered as error:
                if last:
                    return await self._in_doubt(submission, error, intents)
            except TailraceError as error:
                stack = error.stack or ""
                if words.is_about(stack, _TWICE):
                    return await self.find(submission.run_id) or submission.run_id
                await intents.run_refused(submission.run_id, error.message)
                raise
        raise AssertionError("the last attempt returns or raises")

    async def _in_doubt(self, submission: Submission, error: Unanswered, intents: Intents) -> str:
        """What became of a run that nobody would answer for: the JobManager may know it.

        It may yet come, much later; then it is recognised by its id.
        """
        try:
            found = await self.find(submission.run_id)
        except Unanswered:
            raise error from None  # whoever looks next finds out
        if found is None:
            await intents.run_refused(submission.run_id, error.message)
            raise error
        return found

    async def opened(self, engine_id: str) -> None:
        """Wait, for a while, until a query that is about to begin has begun.

        Flink 2.3 has a flaw: a query that is cancelled before its last operator was opened takes
        the TaskManager with it that it runs in, with all slots.
        """
        until = asyncio.get_running_loop().time() + _OPENS_WITHIN
        try:
            while await self.manager.is_opening(engine_id):
                if asyncio.get_running_loop().time() > until:
                    return
                await asyncio.sleep(_PAUSE)
        except TailraceError:
            return  # whoever ends the query will hear of it

    async def find(self, run_id: str) -> str | None:
        """Flink's id of a run that we have submitted; None: it is not there (yet)."""
        runs = await self.runs()
        if any(run.engine_id == run_id for run in runs):
            return run_id
        return next((run.engine_id for run in runs if mark_of(run.name)[1] == run_id), None)

    async def stop(self, engine_id: str) -> None:
        """End a run where it is; returns when Flink has taken note."""
        await self.manager.cancel(engine_id)

    async def checkpoints(self, engine_id: str) -> list[Checkpoint]:
        """What Flink remembers of the checkpoints of a run, newest first."""
        return await self.manager.checkpoints(engine_id)

    async def newest_checkpoint(self, engine_id: str, known: str | None) -> str | None:
        """Where a run can go on without a savepoint: its newest checkpoint that is still there."""
        path = known
        try:
            made = await self.checkpoints(engine_id)
            path = next((one.path for one in made if one.is_usable), known)
        except NotFound:  # it has forgotten the run; its files may be there all the same
            root = (await self.manager.settings()).get("execution.checkpointing.dir")
            if path is None and root:
                path = disk.below(root, f"{engine_id}/chk-0")
        except Unanswered:
            pass
        return None if path is None else await disk.newest_checkpoint(path)

    async def has_run(self, engine_id: str) -> bool | None:
        """Whether a run has ever worked; None: Flink has forgotten it."""
        return await self.manager.has_run(engine_id)

    async def ended_with(self, engine_id: str) -> str | None:
        """The savepoint with which a run has ended, whoever asked for it, as far as it knows."""
        try:
            made = await self.checkpoints(engine_id)
        except (NotFound, Unanswered):
            return None
        newest = next((one for one in made if one.status == "COMPLETED"), None)
        if newest is None or not newest.ends or newest.path is None:
            return None
        return disk.canonical(newest.path)

    # ------------------------------------------------------------ savepoints

    async def savepoint(
        self,
        wish: Wish,
        intents: Intents,
        *,
        timeout: float | None = None,
        talk: Callable[[str], None] | None = None,
    ) -> Made:
        """Take a savepoint, writing the wish down first; with ``wish.stop`` the run ends after.

        Without ``timeout`` it is waited for as long as the cluster is at it.
        """
        await intents.savepoint_wanted(wish)
        await reach("flink.savepoint.wanted")
        made = await self._asked_for(wish, Patience(wish, timeout, talk))
        await reach("flink.savepoint.made")
        await intents.savepoint_settled(wish.savepoint_id, made)
        return made

    async def _asked_for(self, wish: Wish, patience: Patience) -> Made:
        """Ask until there is an answer, and ask after it until it is settled."""
        asked = False
        while True:
            try:
                if not asked:
                    await self.manager.trigger(wish)
                    asked = True
                    await reach("flink.savepoint.asked")
                made = await self.manager.triggered(wish)
                if made is None:
                    made = await self._without_trigger(wish)
                    asked = False  # the cluster was restarted: asking again makes no second one
                if not made.settled and patience.is_long:
                    made = await self._after_the_end(wish)
                if made.error is not None:
                    return await self._in_spite_of(wish, made.error)
                if made.settled:
                    return await _measured(made)
                patience.heard()
            except Unanswered as error:
                found = await disk.made_in(wish.directory)
                if found is not None:
                    return Made(path=found.path, size=found.size)
                patience.unheard(error)
            except TailraceError as error:
                if isinstance(error, Timeout):
                    raise
                said = error.stack or error.message
                return await self._in_spite_of(wish, said)
            await patience.pause()

    async def _without_trigger(self, wish: Wish) -> Made:
        """What became of a wish that the cluster knows nothing of."""
        found = await disk.made_in(wish.directory)
        if found is not None:
            return Made(path=found.path, size=found.size)
        if await self.manager.state(wish.engine_id) is None:
            return Made(error=_LOST)
        return Made()

    async def _after_the_end(self, wish: Wish) -> Made:
        """What came of a wish that the cluster says it is at, where its run has ended meanwhile.

        Flink 2.3 has a flaw: of a run that is just ending by itself when it is to be saved it may
        say for ever that the savepoint is being made.
        """
        run = await self.status(wish.engine_id)
        if run is not None and (run.end is None or datetime.now(UTC) - run.end < _TOLD_WITHIN):
            return Made()
        found = await disk.made_in(wish.directory)
        if found is not None:
            return Made(path=found.path, size=found.size)
        directory = disk.below(wish.directory, "")
        for one in [] if run is None else await self.checkpoints(wish.engine_id):
            path = disk.canonical(one.path) if one.path else ""
            if one.status == "COMPLETED" and path.startswith(directory):
                return Made(path=path)  # on a disk that we do not see
        return Made(error=_ENDED)

    async def _in_spite_of(self, wish: Wish, error: str) -> Made:
        """What there is although something has failed: a run may fail after it was saved."""
        found = await disk.made_in(wish.directory)
        return Made(found and found.path, error, found and found.size)

    async def settle(self, wish: Wish) -> Made:
        """Find out what became of a wish, whoever asked for it, without asking for it again."""
        try:
            made = await self.manager.triggered(wish)
            if made is not None and not made.settled:
                made = await self._after_the_end(wish)
        except NotFound:
            made = None
        if made is None or made.error:
            found = await disk.made_in(wish.directory)
            if found is not None:
                return Made(path=found.path, size=found.size)
        return await _measured(made or Made(error=_LOST))

    async def drop_savepoint(self, path: str) -> None:
        """Remove a savepoint for good; one that is gone already is no error."""
        if await disk.is_there(path) is False:
            return
        try:
            request = await self.manager.dispose(path)
            await reach("flink.drop.asked")
            pause = _PAUSE
            while not await self.manager.disposed(request, path):
                await asyncio.sleep(pause)
                pause = min(pause * 1.6, _LONGEST_PAUSE)
        except Unanswered:
            # A savepoint holds all of its files: without a cluster we can remove it ourselves.
            await disk.remove(path)
        except TailraceError:
            if await disk.is_there(path) is not False:
                raise
        await self.tidy(path)

    async def tidy(self, path: str) -> None:
        """Remove the directory that was made for a savepoint, when that is gone."""
        parent = path.rpartition("/")[0]
        if parent.rpartition("/")[2].startswith("tailrace-"):
            await disk.remove_empty(parent)


async def _measured(made: Made) -> Made:
    """The same with its size, where it lies on a disk that we see."""
    if made.path is None or made.size is not None:
        return made
    path = disk.canonical(made.path)
    return Made(path=path, size=await disk.size_of(path))


async def define(session: SqlSession, definition: str) -> None:
    """Carry out a definition; in a catalogue that keeps its tables it may be there already."""
    try:
        await session.run(definition)
    except EngineError as error:
        if "already exist" not in (error.stack or ""):
            raise
