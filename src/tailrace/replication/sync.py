"""From copied to live: how the applying consumer takes over a table that a copy has loaded.

The copy's rows are the table as of tick T. Together with its settings the applying consumer reads
what copies and holds want of its next batch (a ``SyncPlan``), and brings a table live when it has
reached T (``hand_over``): what happened since T is applied and the state changed in one
transaction, at a position which that transaction checks like any batch.

The plan is read again inside a batch's transaction, once the position is locked. A copy that
begins, or a hold, takes the same lock; so a batch is either finished before it, or sees it and is
given back (``SyncPlan.allows``).
"""

from __future__ import annotations

from dataclasses import dataclass

from tailrace import log
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.faults import reach
from tailrace.replication.apply import Applier
from tailrace.replication.span import Span
from tailrace.replication.transport import RangeReader

queries = load("tailrace")
_logger = log.get("sync")


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What the next batch must respect."""

    stop_tick: int | None
    """Go no further; at or below the position: stay, and ask again soon. None: free."""
    single_ticks: bool
    """Each batch is exactly one tick: a copy does not know its own tick yet."""
    hand_over: bool
    """A table can be brought live at this position."""

    def allows(self, to_tick: int, *, single: bool) -> bool:
        """Say whether a batch that was chosen earlier may still be applied."""
        if self.stop_tick is not None and to_tick > self.stop_tick:
            return False
        return single or not self.single_ticks


async def hand_over(
    target: Database, applier: Applier, *, queue: str, consumer: str, epoch: int, position: int
) -> list[str]:
    """Bring live every copied table whose tick has been reached; return their names.

    Called between batches, outside a transaction, with the connection and the applier of the
    applying consumer. Each table has a transaction of its own.
    """
    names = await target.fetch_all(queries.tables_to_hand_over, queue=queue, position=position)
    live = []
    for (name,) in names:
        async with target.transaction():
            await target.execute(
                queries.check_position,
                queue=queue, consumer=consumer, epoch=epoch, position=position,
            )  # fmt: skip
            done = await _bring_live(target, applier, queue, consumer, name, position)
        if done:
            await reach("hand_over.after_commit")
            _logger.info('table "%s" of queue "%s" is live at tick %d', name, queue, position)
            live.append(name)
    return live


async def _bring_live(
    target: Database, applier: Applier, queue: str, consumer: str, table: str, position: int
) -> bool:
    """Apply what a table lacks since its copy; False where it is not to be handed over any more."""
    [start] = await target.fetch_all(
        queries.begin_hand_over, queue=queue, consumer=consumer, table=table, position=position
    )
    if start.from_tick is None:
        return False
    await reach("hand_over.after_state")
    if start.source_sql is not None:
        scope = await applier.refresh()  # the table counts as live from here on
        # Events and target are in the same database, but read and written at the same time.
        async with await Database.connect(target.dsn, name="hand-over") as second:
            reader = RangeReader(second, queue=queue, consumer=consumer)
            span = Span(queue, start.from_tick, position, start.source_sql)
            await applier.apply(reader.start(span, scope))
    await reach("hand_over.after_apply")
    await target.execute(queries.end_hand_over, queue=queue, table=table)
    return True
