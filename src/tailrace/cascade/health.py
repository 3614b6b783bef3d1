"""What a person would look at when replication stands still, looked at in one go.

Each check looks at one thing and says what it found: fine, worth knowing, or wrong together with
what helps. Later checks need what earlier ones found (no schemas, no queues), so a failure of the
ground ends the list.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from tailrace.cascade.node import Node, need_node, queries, read_members
from tailrace.db import schema
from tailrace.db.connection import Database, Row
from tailrace.db.dsn import parameters
from tailrace.db.rights import to_apply
from tailrace.errors import SchemaMissing, TailraceError

State = Literal["ok", "warning", "failed"]

OLDEST_SERVER = 140000
# A consumer that has finished nothing for so long is probably nobody's any more.
STUCK_SECONDS = 600.0
OLD_TRANSACTION_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``subject`` is the database, queue or consumer it looked at."""

    check: str
    subject: str
    state: State
    found: str


async def examine(db: Database) -> AsyncIterator[Finding]:
    """Check one database, from the server up to the consumers.

    What cannot even be looked at (no rights, say) is a finding, too.
    """
    try:
        async for finding in _checks(db):
            yield finding
    except TailraceError as exc:
        yield Finding("access", db.user, "failed", str(exc))


async def _checks(db: Database) -> AsyncIterator[Finding]:
    yield await _server(db)
    yield await _rights(db)
    installed = await _schemas(db)
    yield installed
    if installed.state == "failed":
        return
    for row in await db.fetch_all(queries.queue_health):
        for finding in (_ticker(row), _sequence(row), _rotation(row)):
            yield finding
        yield await _consumers(db, row)
    for row in await db.fetch_all(queries.nodes_here):
        async for finding in _node(db, await need_node(db, row.queue_name)):
            yield finding
    yield await _triggers(db)
    for row in await db.fetch_all(queries.shared_tables):
        yield Finding(
            "tables",
            row.table_name,
            "failed",
            f'rows that queue "{row.queue}" brings are not part of queue "{row.other}"; '
            "remove the table from one of them, or merge the queues",
        )
    yield await _transactions(db)


async def _server(db: Database) -> Finding:
    major, minor = divmod(db.server_version, 10000)
    version = f"PostgreSQL {major}.{minor}"
    if db.server_version < OLDEST_SERVER:
        return Finding("server", db.dbname, "failed", f"{version}; 14 or newer is needed")
    if await db.fetch_value(queries.read_only):
        return Finding("server", db.dbname, "failed", f"{version}; a standby, or read-only")
    return Finding("server", db.dbname, "ok", version)


async def _rights(db: Database) -> Finding:
    if await schema.may_apply(db):
        return Finding("rights", db.user, "ok", "may apply changes")
    return Finding(
        "rights",
        db.user,
        "warning",
        "may not set session_replication_role, so can provide but not apply; "
        + to_apply(db.user, db.server_version),
    )


async def _schemas(db: Database) -> Finding:
    try:
        await schema.require(db)
    except SchemaMissing as exc:
        return Finding("schemas", db.dbname, "failed", str(exc))
    return Finding("schemas", db.dbname, "ok", "installed and current")


def _ticker(row: Row) -> Finding:
    """Ticks come at least every idle period, so an older newest tick means nobody makes them."""
    age = row.tick_age or 0.0
    state: State = "ok"
    if row.paused:
        state, found = "warning", "the ticker is paused; nothing is cut into batches"
    elif row.tick_id is None:
        state, found = "failed", "has no tick at all; create the queue again"
    elif age <= 3 * row.idle_seconds + 5:
        found = f"tick {row.tick_id} is {age:.0f} s old"
    elif row.external:
        state, found = (
            "failed",
            f"tick {row.tick_id} is {age:.0f} s old; ticks come from the provider: see its ticker, "
            "and this node's worker (tailrace status)",
        )
    else:
        state, found = (
            "failed",
            f"tick {row.tick_id} is {age:.0f} s old; start a ticker with: tailrace run",
        )
    return Finding("ticker", row.queue_name, state, found)


def _sequence(row: Row) -> Finding:
    """Event ids must be drawn in the order of row locks, which a cache per session would break."""
    if row.sequence_cache == 1:
        return Finding("event ids", row.queue_name, "ok", "drawn one by one")
    return Finding(
        "event ids",
        row.queue_name,
        "failed",
        f"the sequence has CACHE {row.sequence_cache}, so changes of a row can be applied in the "
        "wrong order; alter sequence … cache 1, and compare the nodes",
    )


def _rotation(row: Row) -> Finding:
    megabytes = (row.bytes or 0) / 1e6
    found = f"event tables hold {megabytes:,.1f} MB"
    overdue = row.rotation_age > 3 * row.rotation_seconds + 60
    if overdue and megabytes > 100:
        found += f"; not rotated for {row.rotation_age / 3600:.1f} h"
        return Finding("rotation", row.queue_name, "warning", found)
    return Finding("rotation", row.queue_name, "ok", found)


async def _consumers(db: Database, queue: Row) -> Finding:
    slowest = await db.fetch_one(queries.slowest_consumer, queue=queue.queue_name)
    if slowest is None:
        return Finding("consumers", queue.queue_name, "ok", "nobody reads it")
    found = f'held by "{slowest.consumer_name}" at tick {slowest.last_tick}'
    lag = slowest.lag or 0.0
    if lag > STUCK_SECONDS:
        found += f", {lag:.0f} s behind; is it still wanted? its events are kept"
        return Finding("consumers", queue.queue_name, "warning", found)
    return Finding("consumers", queue.queue_name, "ok", found)


async def _node(db: Database, node: Node) -> AsyncIterator[Finding]:
    subject = f"{node.queue}/{node.name}"
    for row in await db.fetch_all(queries.consumers, queue=node.queue):
        name = f"{subject}/{row.consumer_name}"
        if row.cur_error:
            yield Finding("worker", name, "failed", row.cur_error.splitlines()[0])
        elif row.paused:
            yield Finding("worker", name, "warning", "paused; go on with: tailrace resume")
        elif not row.uptodate and not node.is_root:
            yield Finding(
                "worker", name, "warning", "has not been served yet; start it with: tailrace run"
            )
        else:
            yield Finding("worker", name, "ok", f"at tick {row.last_tick_id}")
    for member in await read_members(db, node.queue):
        given = parameters(member.location)
        if member.name == node.name and not any(
            given.get(key) for key in ("host", "hostaddr", "service")
        ):
            yield Finding(
                "location",
                subject,
                "warning",
                "names neither host nor service; other machines will not find this node",
            )


async def _triggers(db: Database) -> Finding:
    rows = await db.fetch_all(queries.silenced_triggers)
    if not rows:
        return Finding("capture", db.dbname, "ok", "all triggers fire")
    tables = ", ".join(sorted({row.table_name for row in rows}))
    return Finding(
        "capture",
        db.dbname,
        "failed",
        f"triggers of {tables} are disabled, so changes are lost; enable them, then compare",
    )


async def _transactions(db: Database) -> Finding:
    oldest = await db.fetch_one(queries.oldest_transaction)
    if oldest is None or oldest.age <= OLD_TRANSACTION_SECONDS:
        return Finding("transactions", db.dbname, "ok", "none is old")
    return Finding(
        "transactions",
        db.dbname,
        "warning",
        f'process {oldest.pid} ("{oldest.application_name}", database "{oldest.database}") has had '
        f"a transaction open for {oldest.age:.0f} s, which holds back rotation and vacuum",
    )
