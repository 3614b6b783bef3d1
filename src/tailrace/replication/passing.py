"""What a merged leaf writes into the combined queue, in the transaction of its batch.

First the batch is applied; then its events are copied, so that their new ids are drawn while the
rows are locked; last comes ``pgq.tick-id``, which says up to which tick of the merged queue the
combined one has everything. All or nothing of it is committed, with the leaf's position.
"""

from __future__ import annotations

from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import WrongState
from tailrace.faults import reach

queries = load("tailrace")


class CombinedQueueClosed(WrongState):
    """The combined queue takes no events at the moment; the batch has to wait."""

    def __init__(self, queue: str) -> None:
        super().__init__(
            f'the queue into which queue "{queue}" is merged takes no events here at the moment',
            hint="it is being moved to another root; see: tailrace status",
        )


async def begin_passing(target: Database, queue: str, relations: str | None) -> str:
    """Return the COPY statement that takes the events; what they need to be read is there."""
    await reach("merge.after_apply")
    statement = await target.fetch_value(queries.begin_passing, queue=queue, relations=relations)
    if statement is None:
        raise CombinedQueueClosed(queue)
    await reach("merge.after_descriptors")
    return str(statement)


async def send_position(target: Database, queue: str, tick: int) -> None:
    """Tell the readers of the combined queue how far this one is in it."""
    await reach("merge.before_position")
    if await target.fetch_value(queries.send_position, queue=queue, tick=tick) is None:
        raise CombinedQueueClosed(queue)
    await reach("merge.after_position")
