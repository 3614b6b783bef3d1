"""Statements about savepoints and checkpoints."""

from __future__ import annotations

from tailrace.gateway.results import OK, Answer, Result, path_of
from tailrace.gateway.sessions import Session
from tailrace.jobs.manager import Manager
from tailrace.statements import model as st

SAVEPOINT_COLUMNS = ("savepoint path", "job id", "position", "created", "size", "pinned events",
                     "ownership")  # fmt: skip
CHECKPOINT_COLUMNS = ("checkpoint", "position", "status", "completed", "size")


async def execute(session: Session, manager: Manager, statement: st.Statement) -> Answer:
    """Carry out one of them."""
    from tailrace.jobs.savepoints.catalog import Catalog

    catalog = Catalog(
        manager,
        directory=await session.savepoint_directory(),
        timeout=session.options.seconds("tailrace.timeout"),
        talk=session.talk,
    )
    match statement:
        case st.CreateSavepoint(job):
            made = await catalog.create(job)
            return path_of(made.path, made.absent)
        case st.ShowSavepoints(job):
            rows = [
                (*one[:3], one.created.replace(microsecond=0), *one[4:7])
                for one in await catalog.look(job)
            ]
            away = tuple(f"not asked for its savepoints: {one}" for one in manager.unreachable)
            return Answer(Result(SAVEPOINT_COLUMNS, rows), remarks=away)
        case st.DropSavepoint(path):
            left = await catalog.drop(path)
            return OK if left is None else OK._replace(remarks=(_later(path, left),))
        case st.DropSavepoints(job, age, keep):
            older = None if age is None else str(age)
            paths, left_over = await catalog.drop_some(job, older_than=older, keep_last=keep)
        case st.DropAllSavepoints(job):
            paths, left_over = await catalog.drop_some(job)
        case st.ShowCheckpoints(job):
            return Answer(Result(CHECKPOINT_COLUMNS, await manager.checkpoints(job)))
    return Answer(
        Result(("savepoint path",), [(path,) for path in paths]), remarks=tuple(left_over)
    )


def _later(path: str, problem: str) -> str:
    return f'savepoint "{path}" is not gone yet: {problem}; tailrace run goes on with it'
