"""Finding the event that cannot be applied.

A set-based statement fails as a whole. So the events of the failed section are read again in
halves: what can be applied stays, what fails is halved, until one event is left. The work is about
twice that of the section. Everything happens in the caller's transaction, which is rolled back
afterwards; only the name of the event remains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailrace.errors import ApplyError, TailraceError
from tailrace.replication.span import Narrowing
from tailrace.replication.transport import Reading

if TYPE_CHECKING:
    from tailrace.replication.apply import Applier, Section


async def find_culprit(
    applier: Applier, reading: Reading, section: Section, error: TailraceError
) -> TailraceError:
    """Return the error that names the event because of which a section failed with ``error``."""
    if isinstance(error, ApplyError) and error.sqlstate is not None:
        return _named(applier, section, error, section.first_id)  # no row of it can be applied
    low, high = section.first_id - 1, section.last_id
    try:
        while high - low > 1:
            middle = (low + high) // 2
            failed = await _try(applier, reading, section, low, middle)
            if failed is None:
                low = middle
            else:
                high, error = middle, failed
        failed = await _try(applier, reading, section, low, high)
    except TailraceError:
        return _named(applier, section, error, None)  # the search itself failed
    if failed is None:
        return _named(applier, section, error, None)  # only together do they fail
    return _named(applier, section, failed, high)


async def _try(
    applier: Applier, reading: Reading, section: Section, after: int, until: int
) -> TailraceError | None:
    """Apply a few events for good if that works; else return the error."""
    only = Narrowing(section.table, section.relation_id, after, until)
    part = reading.reader.narrowed(reading, only)
    async with part.fetched():
        for few in applier.sections_of(await part.parts()):
            try:
                await applier.apply_section(part, few)
            except TailraceError as error:
                if error is part.failure or error.retryable:
                    raise
                return error
    return None


def _named(
    applier: Applier, section: Section, error: TailraceError, ev_id: int | None
) -> ApplyError:
    which = (
        f"event {ev_id}"
        if ev_id is not None
        else (f"some event from {section.first_id} to {section.last_id}")
    )
    return ApplyError(
        f'{which} of queue "{applier.queue}" cannot be applied to table "{section.table}": '
        f"{error.message}",
        ev_id=ev_id,
        table=section.table,
        hint=error.hint,
        sqlstate=error.sqlstate,
        retryable=False,
    )
