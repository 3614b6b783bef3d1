"""SHOW JOBTREE, SHOW JOBTREES, SHOW ANCESTORS: what is upstream and downstream of a job."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tailrace.gateway.results import Answer, Result
from tailrace.gateway.sessions import Session
from tailrace.jobs.graph import Line, Vertex
from tailrace.jobs.lineage import Lineage
from tailrace.statements import model as st

TREE_COLUMNS = ("level", "kind", "name", "job id", "status")

Extent = Literal["downstream", "upstream", "full"]


class Found(NamedTuple):
    """The whole lineage, where in it the job is that was named, and what there is to remark."""

    lineage: Lineage
    start: Vertex | None
    remarks: tuple[str, ...]


class Traced(NamedTuple):
    """The lines that were asked for, of the whole lineage."""

    lineage: Lineage
    lines: list[Line]
    remarks: tuple[str, ...]


async def execute(session: Session, statement: st.Statement) -> Answer:
    """Carry out one of the statements."""
    match statement:
        case st.ShowJobTree(name, full):
            found = await trace(session, name, "full" if full else "downstream")
        case st.ShowAncestors(name):
            found = await trace(session, name, "upstream")
        case _:
            found = await trace(session)
    return answer(found)


def answer(found: Traced) -> Answer:
    """As the statements answer."""
    rows = found.lineage.rows(found.lines)
    return Answer(Result(TREE_COLUMNS, rows), remarks=found.remarks, tree=True)


async def trace(
    session: Session, name: str | None = None, extent: Extent = "full", *, columns: bool = False
) -> Traced:
    """What is around a job of the session's engine; without one everything.

    ``columns``: down to them, which takes reading the statements of jobs.
    """
    if session.options.is_flink:
        from tailrace.gateway import flink

        found = await flink.lineage(session, name)
    else:
        found = await _found(session, name, columns=columns)
    graph = found.lineage.graph
    if found.start is None or extent == "full":
        lines = graph.trees(found.start)
    else:
        lines = graph.walk(found.start, extent)
    return Traced(found.lineage, lines, found.remarks)


async def _found(session: Session, name: str | None, *, columns: bool) -> Found:
    async with session.manager() as manager:
        job = None if name is None else (await manager.find(name)).job
        lineage, listed = await manager.lineage(columns=columns)
    away = tuple(f"not asked for its jobs: {one}" for one in listed.unreachable)
    return Found(lineage, None if job is None else lineage.of_job(job.job_id), away)
