"""SHOW JOBTREE, SHOW JOBTREES, SHOW ANCESTORS: what is upstream and downstream of a job."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tailrace.gateway.results import Answer, Result
from tailrace.jobs.graph import Line
from tailrace.jobs.lineage import Lineage
from tailrace.jobs.manager import Manager

TREE_COLUMNS = ("level", "kind", "name", "job id", "status")

Extent = Literal["downstream", "upstream", "full"]


class Traced(NamedTuple):
    """The lines that were asked for, of the whole lineage."""

    lineage: Lineage
    lines: list[Line]
    unreachable: tuple[str, ...]


async def trace(manager: Manager, name: str | None = None, extent: Extent = "full") -> Traced:
    """What is around a job; without one everything."""
    job = None if name is None else (await manager.find(name)).job
    lineage, listed = await manager.lineage()
    start = None if job is None else lineage.of_job(job)
    if start is None or extent == "full":
        lines = lineage.graph.trees(start)
    else:
        lines = lineage.graph.walk(start, extent)
    return Traced(lineage, lines, listed.unreachable)


def answer(found: Traced) -> Answer:
    """As the statements answer."""
    rows = found.lineage.rows(found.lines)
    away = tuple(f"not asked for its jobs: {one}" for one in found.unreachable)
    return Answer(Result(TREE_COLUMNS, rows), remarks=away, tree=True)
