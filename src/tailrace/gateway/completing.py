"""What may follow at a place of a statement: keywords, and the jobs, savepoints, … that there are.

The grammar says what may stand there; which values exist is asked of the databases, as the user
would ask.
"""

from __future__ import annotations

from time import monotonic
from typing import NamedTuple

from tailrace.errors import TailraceError
from tailrace.gateway.dispatch import execute
from tailrace.gateway.options import OPTIONS
from tailrace.gateway.sessions import Session
from tailrace.statements import model as st
from tailrace.statements.complete import completions

# What there is to complete is asked of the databases once in so many seconds.
_FRESH = 3.0


class Offer(NamedTuple):
    """What could replace the text from ``start`` to the cursor; ``shown`` is it without quotes."""

    text: str
    start: int
    shown: str


class Values:
    """Knows for a while what there is."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, list[str]] = {}
        self._jobs: list[tuple[str, str]] = []
        self._savepoints: list[tuple[str, str]] = []
        self._asked = -_FRESH

    async def at(self, text: str, cursor: int) -> list[Offer]:
        """What may stand at the cursor."""
        found = completions(text, cursor)
        offers = []
        for keyword in found.keywords:
            # in the case in which it was begun, so that what they have in common can be inserted
            shown = keyword.lower() if found.prefix.islower() else keyword
            offers.append(Offer(shown, found.start, shown))
        for meaning in found.values:
            for value in await self._values(meaning, dict(found.before).get("JOB_ID")):
                if value.lower().startswith(found.prefix.lower()):
                    quoted = "'" + value.replace("'", "''") + "'"
                    offers.append(Offer(quoted, found.start, value))
        return offers

    async def _values(self, meaning: str, job: str | None) -> list[str]:
        if meaning == "SETTING_KEY":
            return list(OPTIONS)
        if meaning not in ("JOB_ID", "QUEUE_NAME", "SAVEPOINT_PATH"):
            return []
        if monotonic() - self._asked >= _FRESH:
            self._asked = monotonic()
            await self._ask()
        if meaning == "SAVEPOINT_PATH":
            ids = self._ids_of(job)
            return [path for path, job_id in self._savepoints if not ids or job_id in ids]
        return self._known.get(meaning, [])

    def _ids_of(self, job: str | None) -> set[str]:
        """The ids that a job may be meant by: its own, or those that begin so."""
        if job is None:
            return set()
        named = {job_id for name, job_id in self._jobs if name == job}
        return named or {job_id for _, job_id in self._jobs if job_id.startswith(job.lower())}

    async def _ask(self) -> None:
        """Ask as the user would."""
        self._jobs = [(name, job) for job, name in await self._rows(st.ShowJobs(), 2)]
        self._savepoints = [(path, job) for path, job in await self._rows(st.ShowSavepoints(), 2)]
        self._known["JOB_ID"] = [name for name, _ in self._jobs] + [job for _, job in self._jobs]
        self._known["QUEUE_NAME"] = [queue for (queue,) in await self._rows(st.ShowQueues(), 1)]

    async def _rows(self, statement: st.Statement, count: int) -> list[tuple[str, ...]]:
        """The first columns of what a statement returns."""
        try:
            (answer,) = await execute(self._session, statement)
        except TailraceError:
            return []  # no time to complain: somebody is typing
        rows = answer.result.rows if answer.result else ()
        return [tuple(map(str, row[:count])) for row in rows]
