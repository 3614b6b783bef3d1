"""Which tables a node replicates: adding, removing, listing, waiting until their rows are in.

Adding is one transaction for all tables that were named, so a name that is wrong leaves nothing
half-done. On the root capture begins at once; anywhere else the table must be known to the
provider, gets the provider's relation descriptors and then waits for its copy, which the node's
services make (``tailrace run``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from tailrace.cascade.answers import ask
from tailrace.cascade.node import Node, connected
from tailrace.cascade.waiting import wait_until
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import DatabaseError, NotFound, Timeout, Unsupported, UsageError
from tailrace.replication.merging import add_merged, find_sources

queries = load("tailrace")

LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True, slots=True)
class ReplicatedTable:
    """One table of a node and how far its copy is."""

    name: str
    local_name: str
    state: str
    copied_rows: int
    copied_bytes: int
    expected_rows: int | None
    copy_error: str | None
    missed_updates: int
    missed_deletes: int
    added_at: datetime
    live_at: datetime | None
    copy_role: str | None
    """Whose turn it is, where several queues are copied into one table."""

    @property
    def live(self) -> bool:
        """Whether every batch is applied to it."""
        return self.state == "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesToAdd:
    """What ``add-table`` asks for."""

    patterns: Sequence[str] = ()
    everything: bool = False
    create: bool = False
    local_name: str | None = None
    merge_all: bool = False
    no_merge: bool = False

    def validate(self) -> None:
        """Refuse combinations that mean nothing, wherever they are asked for."""
        if not self.patterns and not self.everything:
            raise UsageError("name at least one table, or use --all")
        if self.patterns and self.everything:
            raise UsageError("name tables or use --all, not both")
        if self.local_name and (len(self.patterns) != 1 or is_pattern(self.patterns[0])):
            raise UsageError("--dest-table is for a single table")


@dataclass(slots=True)
class Outcome:
    """What became of the tables that a command named."""

    done: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)


def qualified(name: str) -> str:
    """Complete a bare table name: it is in schema public."""
    return name if "." in name else f"public.{name}"


def is_pattern(name: str) -> bool:
    """Say whether a name is a glob."""
    return any(sign in name for sign in "*?")


def expand(patterns: Iterable[str], candidates: Sequence[str], where: str) -> list[str]:
    """Turn names and globs into names; a glob that matches nothing is a mistake."""
    names: dict[str, None] = {}
    for pattern in map(qualified, patterns):
        found = [name for name in candidates if fnmatchcase(name, pattern)]
        if is_pattern(pattern) and not found:
            raise NotFound(f'no table {where} matches "{pattern}"')
        names.update(dict.fromkeys(found if is_pattern(pattern) else [pattern]))
    return list(names)


async def list_tables(db: Database, queue: str) -> list[ReplicatedTable]:
    """Read the tables of this database's node."""
    return [
        ReplicatedTable(*row) for row in await db.fetch_all(queries.replicated_tables, queue=queue)
    ]


# ------------------------------------------------------------------ adding


async def add_tables(
    db: Database, node: Node, wanted: TablesToAdd, *, lock_timeout: float = 10.0
) -> Outcome:
    """Make tables part of the queue on this node: all that were named, or none."""
    wanted.validate()
    if wanted.create and node.is_root:
        raise UsageError(
            f'node "{node.name}" is the root, so there is no provider to create tables after'
        )
    here = [table.name for table in await list_tables(db, node.queue)]
    outcome = Outcome()
    if node.combined_queue is not None:
        return await _add_merged(db, node, wanted, lock_timeout)
    if node.is_root:
        candidates = [row.table_name for row in await db.fetch_all(queries.user_tables)]
        async with _locking(db, lock_timeout):
            for name in _names(wanted, candidates, here, f'of database "{db.dbname}"'):
                # Of tables that nobody named, those that cannot be replicated are left out.
                named = name in map(qualified, wanted.patterns)
                await _add(db, node, name, wanted.local_name, outcome, lenient=not named)
        return outcome
    async with connected(node.provider_location, "add-table") as provider:
        known = [table.name for table in await list_tables(provider, node.queue)]
        names = _names(wanted, known, here, f'of provider "{node.provider}"')
        _refuse_unknown(names, [*known, *here], node)
        async with _locking(db, lock_timeout):
            for name in names:
                if name not in here:  # else it has a table, perhaps of another name
                    await _need_table(db, provider, node.queue, name, wanted, outcome)
                for row in await provider.fetch_all(queries.known_relations, table=name):
                    await db.fetch_value(queries.store_relation, json=row.json)
                await _add(db, node, name, wanted.local_name, outcome, lenient=False)
    return outcome


async def _add_merged(
    db: Database, node: Node, wanted: TablesToAdd, lock_timeout: float
) -> Outcome:
    """Add tables on a leaf that is merged, to one queue or to all of its group."""
    outcome = Outcome()
    here = [table.name for table in await list_tables(db, node.queue)]
    async with AsyncExitStack() as stack:
        sources = await find_sources(db, node, merge_all=wanted.merge_all, stack=stack)
        own = next(source for source in sources if source.queue == node.queue)
        known = [table.name for table in await list_tables(own.db, node.queue)]
        names = _names(wanted, known, here, f'of provider "{node.provider}"')
        _refuse_unknown(names, [*known, *here], node)
        async with _locking(db, lock_timeout):
            for name in names:
                await _need_table(db, own.db, node.queue, name, wanted, outcome)
                try:
                    added = await add_merged(
                        db, node, name, wanted.local_name, sources,
                        merge_all=wanted.merge_all, no_merge=wanted.no_merge,
                    )  # fmt: skip
                except DatabaseError as exc:
                    if exc.sqlstate == LOCK_NOT_AVAILABLE:
                        raise _locked(name) from exc
                    raise
                (outcome.done if added else outcome.unchanged).append(name)
    return outcome


def _names(
    wanted: TablesToAdd, candidates: Sequence[str], here: Sequence[str], where: str
) -> list[str]:
    missing = [name for name in candidates if name not in here]
    return missing if wanted.everything else expand(wanted.patterns, candidates, where)


def _refuse_unknown(names: Sequence[str], known: Sequence[str], node: Node) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(f'"{name}"' for name in unknown)
        raise NotFound(
            f'provider "{node.provider}" of queue "{node.queue}" does not replicate table {listed}',
            hint=f"add it there first: tailrace add-table {unknown[0]}",
        )


async def _add(
    db: Database, node: Node, name: str, local_name: str | None, outcome: Outcome, *, lenient: bool
) -> None:
    try:
        async with db.transaction():
            row = await ask(db, queries.replicate, queue=node.queue, table=name, dest=local_name)
    except Unsupported as exc:
        if not lenient:
            raise
        outcome.skipped.append(str(exc))
        return
    except DatabaseError as exc:
        if exc.sqlstate == LOCK_NOT_AVAILABLE:
            raise _locked(name) from exc
        raise
    (outcome.unchanged if row.ret_code == 201 else outcome.done).append(name)


async def _need_table(
    db: Database,
    provider: Database,
    queue: str,
    name: str,
    wanted: TablesToAdd,
    outcome: Outcome,
) -> None:
    """Make a missing table after the provider's, if that is wanted."""
    local_name = qualified(wanted.local_name or name)
    if await db.fetch_value(queries.table_exists, table=local_name):
        return
    if not wanted.create:
        raise NotFound(
            f'table "{local_name}" does not exist in database "{db.dbname}"',
            hint="create it, or let add-table make it after the provider's with --create",
        )
    source = await provider.fetch_value(queries.local_table_name, queue=queue, table=name)
    rows = await provider.fetch_all(queries.create_table_sql, table=source or name, dest=local_name)
    for row in rows:
        await db.execute(row.statement)
    outcome.created.append(local_name)


@asynccontextmanager
async def _locking(db: Database, lock_timeout: float) -> AsyncIterator[None]:
    """A transaction that does not wait for ever behind somebody else's."""
    async with db.transaction():
        milliseconds = str(round(lock_timeout * 1000))
        await db.fetch_value(queries.limit_lock_waits, milliseconds=milliseconds)
        yield


def _locked(name: str) -> Timeout:
    return Timeout(
        f'table "{name}" is locked by another transaction',
        hint="end that transaction, or wait longer with run.lock_timeout in tailrace.toml",
    )


# ------------------------------------------------------------------ removing


async def remove_tables(
    db: Database, node: Node, patterns: Sequence[str], *, lock_timeout: float = 10.0
) -> Outcome:
    """End the replication of tables on this node (root: everywhere); their rows stay."""
    here = [table.name for table in await list_tables(db, node.queue)]
    outcome = Outcome()
    async with _locking(db, lock_timeout):
        for name in expand(patterns, here, f'of node "{node.name}"'):
            try:
                await ask(db, queries.stop_replicating, queue=node.queue, table=name)
            except DatabaseError as exc:
                if exc.sqlstate == LOCK_NOT_AVAILABLE:
                    raise _locked(name) from exc
                raise
            outcome.done.append(name)
    return outcome


# ------------------------------------------------------------------ waiting


async def wait_sync(
    db: Database,
    node: Node,
    *,
    timeout: float | None = None,
    watch: Callable[[list[ReplicatedTable]], None] | None = None,
) -> list[ReplicatedTable]:
    """Wait until all tables of the node are live; ``watch`` sees them at every look."""
    tables: list[ReplicatedTable] = []

    async def all_live() -> bool:
        tables[:] = await list_tables(db, node.queue)
        if watch is not None:
            watch(tables)
        return all(table.live for table in tables)

    await wait_until(
        all_live,
        what=f'the tables of node "{node.name}" to become live',
        hint="copies are made by: tailrace run; see: tailrace tables",
        timeout=timeout,
    )
    return tables
