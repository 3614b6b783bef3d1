"""Are the tables of two nodes equal? Rows and a checksum of each, without blocking a writer.

Both sides are read in snapshots that are the *same tick*. The applying consumer of a node that is
not the root is held: it stays where it is, a tick is made on the root (from the snapshot that the
root's tables are read in, if the root is one of the two), the consumer goes up to that tick and
stays there until the node's own snapshot is open. Then everybody goes on, and the counting takes as
long as it takes. A hold that its owner forgets (because it died) ends by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.db.remote import remote
from tailrace.errors import NotFound, Timeout, UsageError, WrongState
from tailrace.faults import reach
from tailrace.replication.copy import common_columns
from tailrace.replication.snapshot import Snapshot, open_snapshot
from tailrace.service import together

queries = load("tailrace")

_HOLD_SECONDS = 15.0  # a forgotten hold stops its node for this long
_POLL_SECONDS = 0.02

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class TableResult:
    """What was found about one table; ``equal`` is None where it could not be compared."""

    table: str
    left_rows: int | None
    right_rows: int | None
    equal: bool | None
    note: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found about two nodes at a tick."""

    left: str
    right: str
    tick: int
    tables: list[TableResult]

    @property
    def differing(self) -> int:
        """How many tables differ: the exit status of the command."""
        return sum(1 for result in self.tables if result.equal is False)


@dataclass(slots=True)
class Side:
    """One of the two nodes: its connection, and later the tables that its snapshot shows."""

    db: Database
    queue: str
    node: str
    is_root: bool
    tables: dict[str, Any]

    async def look(self) -> None:
        """Read which tables the node replicates, in the open transaction if there is one."""
        rows = await self.db.fetch_all(queries.comparable_tables, queue=self.queue)
        self.tables = {row.table_name: row for row in rows}

    @property
    def locals(self) -> list[str]:
        """Local names of the tables that can be read."""
        return [row.dest_table for row in self.tables.values() if row.state == "live"]


async def compare(
    dsn: str,
    *,
    queue: str,
    tables: Sequence[str] = (),
    against: str | None = None,
    within: float = 60.0,
    progress: Progress | None = None,
) -> Comparison:
    """Compare the node in database ``dsn`` with node ``against`` (None: the root).

    ``tables`` are global names, which both must replicate; none given: all of the node.
    ``within`` is how many seconds the nodes may take to reach the tick. ``progress`` hears each
    table's name, number and of how many.
    """
    async with AsyncExitStack() as stack:
        left = await _open_side(stack, dsn, queue, None)
        root = left if left.is_root else await _open_root(stack, left)
        right = root if against in (None, root.node) else await _open_member(stack, left, against)
        if right.node == left.node:
            raise UsageError(
                f'node "{left.node}" cannot be compared with itself',
                hint="name another node of the set; see: tailrace members",
            )
        for side in (left, right):
            await side.look()
        names = _wanted(left, right, tables)
        for side in (left, right):
            await _refuse_merged(side, names)
        tick = await _open_snapshots(stack, left, right, root, within)
        for side in (left, right):
            await side.look()
        results = []
        for number, name in enumerate(names, 1):
            if progress is not None:
                progress(name, number, len(names))
            results.append(await _compare_table(name, left, right))
        return Comparison(left.node, right.node, tick, results)


# ---------------------------------------------------------------- who is compared


async def _open_side(stack: AsyncExitStack, dsn: str, queue: str, node: str | None) -> Side:
    """Connect to a node; ``node`` is the name it should have."""
    db = await stack.enter_async_context(await Database.connect(dsn, name="compare"))
    found = await db.fetch_one(queries.node_and_provider, queue=queue)
    if found is None or node not in (None, found.node_name):
        what = f'node "{node}"' if node else "a node"
        raise NotFound(
            f'database "{db.dbname}" does not hold {what} of queue "{queue}"',
            hint="see: tailrace members",
        )
    return Side(db, queue, found.node_name, found.node_type == "root", {})


async def _open_root(stack: AsyncExitStack, start: Side) -> Side:
    """Walk from provider to provider up to the root."""
    side, seen = start, {start.node}
    while not side.is_root:
        [up] = await side.db.fetch_all(queries.node_and_provider, queue=side.queue)
        if up.provider_node in seen:
            raise WrongState(
                f'queue "{side.queue}": following the providers of node "{start.node}" leads back '
                f'to node "{up.provider_node}", not to a root',
                hint="see: tailrace status; a takeover may be half done",
            )
        side = await _open_side(stack, remote(up.provider_location), side.queue, up.provider_node)
        seen.add(side.node)
    return side


async def _open_member(stack: AsyncExitStack, asking: Side, node: str | None) -> Side:
    """Connect to a node by its name."""
    location = await asking.db.fetch_value(queries.node_location, queue=asking.queue, node=node)
    if location is None:
        raise NotFound(
            f'node "{node}" is not a member of the set of queue "{asking.queue}"',
            hint="see: tailrace members",
        )
    return await _open_side(stack, remote(location), asking.queue, node)


def _wanted(left: Side, right: Side, tables: Sequence[str]) -> list[str]:
    """Names to compare; one that was given and is not on both nodes is an error.

    Nothing would be compared then, which must not look like a table that is equal.
    """
    if not tables:
        return sorted(left.tables)
    names = [name if "." in name else f"public.{name}" for name in tables]
    for name in names:
        without = [side for side in (left, right) if name not in side.tables]
        if len(without) == 2:
            raise NotFound(
                f'table "{name}" is not in queue "{left.queue}", neither on node "{left.node}" '
                f'nor on node "{right.node}"',
                hint="see: tailrace tables",
            )
        if without:
            raise NotFound(
                f'table "{name}" of queue "{left.queue}" is not replicated by node '
                f'"{without[0].node}", so it cannot be compared',
                hint=f"there, add it with: tailrace add-table {name}",
            )
    return names


async def _refuse_merged(side: Side, names: Sequence[str]) -> None:
    """A table in which several queues come together equals that of none of their roots."""
    for row in await side.db.fetch_all(queries.merged_tables, queue=side.queue):
        if row.table_name in names:
            raise WrongState(
                f'table "{row.table_name}" of node "{side.node}" is merged into queue '
                f'"{row.combined_queue}", so it is not that of queue "{side.queue}" alone',
                hint=f"compare the nodes of the combined queue: --queue {row.combined_queue}",
            )


# ---------------------------------------------------------------- two snapshots at one tick


async def _open_snapshots(
    stack: AsyncExitStack, left: Side, right: Side, root: Side, within: float
) -> int:
    """Open a transaction on both sides, both at the same tick, until the stack is closed."""
    held = [side for side in (left, right) if not side.is_root]
    reason = f"compare {left.node} with {right.node}"
    async with AsyncExitStack() as holds:
        ids = {side.node: await holds.enter_async_context(_hold(side, reason)) for side in held}
        await reach("compare.after_hold")
        if root in (left, right):
            snapshot = await _open(stack, root)
        else:
            async with open_snapshot(root.db, queue=root.queue) as snapshot:
                pass  # only the tick is wanted
        await reach("compare.after_tick")
        await _wait_for_tick(held, ids, snapshot.tick, within)
        for side in held:
            seen = await _open(stack, side)
            if seen.tick != snapshot.tick:
                raise WrongState(
                    f'node "{side.node}" of queue "{side.queue}" went on to tick {seen.tick} while '
                    f"it was held at {snapshot.tick}",
                    hint="try again",
                    retryable=True,
                )
        await reach("compare.after_snapshots")
    await reach("compare.after_release")
    return snapshot.tick


async def _open(stack: AsyncExitStack, side: Side) -> Snapshot:
    return await stack.enter_async_context(
        open_snapshot(side.db, queue=side.queue, tables=side.locals)
    )


@asynccontextmanager
async def _hold(side: Side, reason: str) -> AsyncIterator[int]:
    """Keep the node's applying consumer between batches while the block runs.

    On a connection of its own, since the side's is inside its snapshot when the hold ends.
    """
    async with await Database.connect(side.db.dsn, name="compare hold") as db:
        hold = int(
            await db.fetch_value(
                queries.hold, queue=side.queue, held_for=reason, seconds=_HOLD_SECONDS
            )
        )
        try:
            await _await_standstill(db, side)
            yield hold
        finally:
            if not db.closed:
                await db.execute(queries.release_hold, hold=hold)


async def _await_standstill(db: Database, side: Side) -> None:
    """Wait for the batch that is under way, if any; whoever starts another one sees the hold."""
    if await db.fetch_value(queries.held_position, queue=side.queue) is None:
        raise WrongState(
            f'node "{side.node}" of queue "{side.queue}" does not apply tables yet',
            hint="add tables with: tailrace add-table; its worker runs with: tailrace run",
        )


async def _wait_for_tick(held: list[Side], ids: dict[str, int], tick: int, within: float) -> None:
    """Let the held nodes go up to the tick and wait for them; each look renews the hold."""
    deadline = monotonic() + within
    waiting = list(held)
    while waiting:
        for side in tuple(waiting):
            [at] = await side.db.fetch_all(
                queries.hold_until, hold=ids[side.node], tick=tick, seconds=_HOLD_SECONDS
            )
            if at.position_tick is None:
                raise WrongState(
                    f'the hold on node "{side.node}" of queue "{side.queue}" ended before the node '
                    f"reached tick {tick}",
                    hint="something took longer than a hold lasts; try again",
                    retryable=True,
                )
            if at.position_tick >= tick:
                waiting.remove(side)
            elif monotonic() > deadline:
                raise _too_slow(side, at, tick, within)
        await asyncio.sleep(_POLL_SECONDS)


def _too_slow(side: Side, at: Any, tick: int, within: float) -> Timeout:
    """Say what keeps a node from reaching the tick, as far as it can be seen."""
    text = (
        f'node "{side.node}" of queue "{side.queue}" did not reach tick {tick} within '
        f"{within:g} s; it is at tick {at.position_tick}"
    )
    if at.paused:
        return Timeout(f"{text} and paused", hint=f"run: tailrace resume, on {side.node}")
    if at.cur_error:
        return Timeout(f"{text}, with the error: {at.cur_error}")
    return Timeout(text, hint="is its worker running? Start it with: tailrace run")


# ---------------------------------------------------------------- counting


async def _compare_table(name: str, left: Side, right: Side) -> TableResult:
    """Compare one table, both sides at once."""
    for side in (left, right):
        note = _obstacle(name, side)
        if note:
            return TableResult(name, None, None, None, note)
    a, b = left.tables[name], right.tables[name]
    for side, row in ((left, a), (right, b)):
        if row.columns is None:
            note = f'table "{row.dest_table}" does not exist on node "{side.node}"'
            return TableResult(name, None, None, False, note)
    columns = common_columns(a.columns, b.columns)
    if not columns.names:
        return TableResult(name, None, None, False, "the two tables have no column in common")
    here, there = await together(
        _checksum(left, a.dest_table, columns.names), _checksum(right, b.dest_table, columns.names)
    )
    note = f"not on both nodes: {', '.join(columns.left_out)}" if columns.left_out else ""
    return TableResult(name, here.row_count, there.row_count, here == there, note)


def _obstacle(name: str, side: Side) -> str:
    """Say why a table cannot be compared on a node; empty if it can."""
    row = side.tables.get(name)
    if row is None:
        return f'not replicated by node "{side.node}"'
    if row.state != "live":
        return f'{row.state} on node "{side.node}"'
    return ""


async def _checksum(side: Side, table: str, columns: list[str]) -> Any:
    sql = await side.db.fetch_value(queries.checksum_sql, table=table, columns=columns)
    return await side.db.fetch_one(sql)
