"""What the catalogue calls a cluster, which is the same by whatever address it is reached.

One of ``tailrace flink start`` has a name, and keeps it on every port. Another one is called by the
first address that somebody has used for it, and recognised at others by the runs that it knows.
"""

from __future__ import annotations

from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.engines.flink.engine import FlinkEngine
from tailrace.errors import TailraceError

queries = load("tailrace")


async def known_as(db: Database, engine: FlinkEngine, name: str | None) -> str:
    """The cluster's key in the catalogue; ``name`` is that of a local cluster."""
    place = engine.manager.place
    called = await db.fetch_value(queries.flink_cluster, url=place, name=name, runs=None)
    if called is None:
        try:
            runs = [run.engine_id for run in await engine.runs()]
        except TailraceError:
            return place  # whoever asks next will hear of it
        called = await db.fetch_value(queries.flink_cluster, url=place, name=None, runs=runs)
    return str(called)
