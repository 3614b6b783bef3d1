"""What the catalogue calls a cluster, which is the same by whatever address it is reached.

One of ``tailrace flink start`` has a name, which it tells whoever asks, and keeps it on every port.
Another one is called by the first place where somebody has reached it, and recognised at others by
the runs that it knows.
"""

from __future__ import annotations

from collections.abc import Awaitable

from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.engines.flink.engine import FlinkEngine
from tailrace.errors import TailraceError
from tailrace.jobs.cluster.resolving import Sight

queries = load("tailrace")


async def known_as(
    db: Database, engine: FlinkEngine, name: str | None, first: Awaitable[Sight]
) -> str:
    """The cluster's key in the catalogue; ``name`` is that of a cluster of this machine.

    ``first`` is a look at it that has begun already. Where it has to be asked and does not answer,
    the cluster is meant that was last reached there.
    """
    address = {"place": engine.manager.place, "url": engine.manager.url}
    known = await db.fetch_one(queries.flink_cluster, **address, name=name, runs=None)
    assert known is not None  # the function always returns a row
    if known.is_sure:
        return str(known.cluster)
    try:
        runs = [run.engine_id for run in (await first).runs]
        name = await engine.manager.name()
    except TailraceError:
        return str(known.cluster)  # whoever asks next will hear of it
    called = await db.fetch_one(queries.flink_cluster, **address, name=name, runs=runs)
    assert called is not None
    return str(called.cluster)
