"""The SQL job of the demo: delays by carrier and hour, kept on a node from the flights' changes.

It is made while the writers write, goes through the kill with everybody else, is stopped with a
savepoint and started from it, and in the end its table must be what the root's flights say.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from time import monotonic

from tailrace.cascade.waiting import wait_until
from tailrace.db.queries import load
from tailrace.demo.audience import Audience
from tailrace.demo.figures import Kept
from tailrace.demo.stage import Stage
from tailrace.gateway.dispatch import execute
from tailrace.gateway.results import Answer, Result
from tailrace.gateway.sessions import Session
from tailrace.statements import model as st
from tailrace.statements.parser import parse
from tailrace.statements.render import render

queries = load("nyc")

NODE = "node3"
JOB = "carrier_delays"

_TOO_LONG = 120.0


class KeptTable:
    """The job and its table; ``close`` ends the conversation."""

    def __init__(self, stage: Stage, audience: Audience) -> None:
        self.listed = Result((), ())
        """What SHOW JOBS said before the job was stopped."""
        self._stage = stage
        self._audience = audience
        self._stack = AsyncExitStack()
        self._session: Session
        self._stopped_seconds = 0.0

    async def create(self) -> None:
        """Make table and job, and wait until it has had the rows that are there."""
        db = self._stage.nodes[NODE]
        self._session = await self._stack.enter_async_context(Session(self._stage.dsn(NODE)))
        for key, value in (
            ("state.savepoints.dir", str(self._stage.savepoints)),
            ("tailrace.timeout", f"{_TOO_LONG:.0f}s"),
        ):
            self._session.options.set(key, value)
        await db.execute(queries.make_carrier_delays)
        await self._run(parse(queries.job.sql))

        async def begun() -> bool:
            return bool(await db.fetch_value(queries.has_begun, job=JOB))

        await wait_until(begun, what=f'job "{JOB}" to begin', timeout=_TOO_LONG)
        self._audience.scene(
            f"CREATE JOB {JOB} on {NODE}: keeps delays by carrier and hour from the changes"
        )

    async def go_through_savepoint(self) -> None:
        """Stop it, with a savepoint and after all that was written, and start it from there."""
        listed = await self._run(st.ShowJobs())
        assert listed.result is not None
        self.listed = listed.result
        self._audience.scene(f"SHOW JOBS: {len(self.listed.rows)} of them, on five nodes")
        begun = monotonic()
        stopped = await self._run(st.StopJob(JOB, savepoint=True, drain=True), say=True)
        assert stopped.result is not None
        path = str(stopped.result.rows[0][0])
        await self._run(st.StartJob(JOB, path), say=True)
        self._stopped_seconds = monotonic() - begun

    async def compare(self) -> Kept:
        """Whether the table is what the same query says on the root."""
        kept = await self._stage.nodes[NODE].fetch_all(queries.carrier_delays)
        wanted = await self._stage.root.fetch_all(queries.wanted_delays)
        self._audience.finished(JOB)
        return Kept(NODE, len(kept), len(wanted), kept == wanted, self._stopped_seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self._stack.aclose()

    async def _run(self, statement: st.Statement, *, say: bool = False) -> Answer:
        (answer,) = await execute(self._session, statement)
        if say:
            rows = answer.result.rows if answer.result else ()
            self._audience.scene(f"{render(statement)}: {rows[0][0] if rows else 'OK'}")
        return answer
