"""What is measured, for Prometheus, and whether we are well.

The server's own figures are counted as things happen; those of jobs are asked of the databases when
somebody looks.
"""

from __future__ import annotations

from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tailrace import __version__
from tailrace.errors import TailraceError
from tailrace.gateway.dispatch import EXTENDED_COLUMNS, execute
from tailrace.server.operation import Operation
from tailrace.server.sessions import Sessions
from tailrace.statements import model as st

_STATUS = EXTENDED_COLUMNS.index("status")
_NAME = EXTENDED_COLUMNS.index("job name")
_NODE = EXTENDED_COLUMNS.index("node")
_LAG = EXTENDED_COLUMNS.index("lag")


class Metrics:
    """Figures of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        here = self._registry
        self._statements = Counter(
            "tailrace_statements", "Statements by how they ended", ["state"], registry=here
        )
        self._seconds = Histogram(
            "tailrace_statement_seconds",
            "How long statements took",
            buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 60),
            registry=here,
        )
        self._sessions = Gauge("tailrace_sessions", "Sessions that are open", registry=here)
        self._up = Gauge("tailrace_database_up", "Whether the database answers", registry=here)
        self._jobs = Gauge("tailrace_jobs", "Jobs by status", ["status"], registry=here)
        self._lag = Gauge(
            "tailrace_job_lag_seconds",
            "How far a job is behind its provider",
            ["job", "node"],
            registry=here,
        )

    def told(self, operation: Operation, seconds: float) -> None:
        """A statement has ended."""
        self._statements.labels(state=str(operation.state)).inc()
        self._seconds.observe(seconds)

    async def look(self, sessions: Sessions) -> bytes:
        """All figures as they are now."""
        self._sessions.set(len(sessions))
        self._jobs.clear()
        self._lag.clear()
        try:
            async with sessions.plain() as session:
                (answer,) = await execute(session, st.ShowJobs(extended=True))
            rows = answer.result.rows if answer.result else ()
            self._up.set(1)
        except TailraceError:
            rows = ()
            self._up.set(0)
        for status, number in Tally(str(row[_STATUS]) for row in rows).items():
            self._jobs.labels(status=status).set(number)
        for row in rows:
            lag = row[_LAG]
            if lag is not None and hasattr(lag, "total_seconds"):
                labels = {"job": str(row[_NAME]), "node": str(row[_NODE] or "")}
                self._lag.labels(**labels).set(lag.total_seconds())
        return generate_latest(self._registry)


class Watching:
    """What is answered to whoever watches."""

    def __init__(self, sessions: Sessions, metrics: Metrics) -> None:
        self._sessions = sessions
        self._metrics = metrics

    def routes(self) -> list[Route]:
        """Health and figures."""
        return [Route("/health", self.health), Route("/metrics", self.metrics)]

    async def metrics(self, _: Request) -> Response:
        """The figures as Prometheus reads them."""
        return Response(
            await self._metrics.look(self._sessions), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def health(self, _: Request) -> Response:
        """Whether statements would be carried out; says nothing else, since everybody may ask."""
        try:
            async with self._sessions.plain() as session:
                await session.ours()
        except TailraceError:
            return JSONResponse({"status": "database does not answer"}, 503)
        return JSONResponse({"status": "ok", "version": __version__})
