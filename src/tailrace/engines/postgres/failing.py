"""Counting the failures of a job: after so many, or where trying again cannot help, it gives up."""

from __future__ import annotations

from tailrace import log
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import TailraceError

queries = load("tailrace")
_logger = log.get("jobs")


async def count_failure(
    dsn: str, name: str, job_id: str, epoch: int, error: TailraceError, *, final: bool
) -> None:
    """Write down that an attempt has failed; ``name`` is that of the consumer.

    The error of the last one is ``final``.

    Over a connection of its own: whatever has failed may have taken the consumer's with it.
    """
    try:
        async with await Database.connect(dsn, name=name) as db:
            failed = await db.fetch_value(
                queries.note_job_failure,
                job_id=job_id, epoch=epoch, error=str(error), final=final,
            )  # fmt: skip
    except TailraceError as other:
        _logger.debug("%s: the failure could not be counted: %s", name, other)
        return
    if failed:
        error.final = True
        _logger.error("%s: failed: %s", name, error)
