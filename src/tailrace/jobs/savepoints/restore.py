"""Starting a job from a savepoint: its rows and its position become those of the savepoint.

The intent is in ``tailrace.restore`` and the job stands still. Whoever sits in the job's seat
(``cascade.position.Seat``) carries it out, so nobody else has an effect meanwhile:

1. read ``_metadata`` and all checksums: a savepoint that is not what was written changes nothing;
2. where another database holds the queue, let the job's consumer there go back to the tick, while
   the pin still holds it;
3. one transaction: rows, position, and that this has been done;
4. the same as 2 again, since nothing tells whether it still stood; then the job goes on.

Killed anywhere, the next one in the seat goes on from what is written down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from tailrace import log
from tailrace.cascade.position import Seat
from tailrace.db.connection import Database, Row
from tailrace.db.queries import load
from tailrace.db.remote import remote
from tailrace.errors import Fenced, StorageError, TailraceError, WrongState
from tailrace.faults import reach
from tailrace.jobs.savepoints import metadata, storage
from tailrace.jobs.savepoints.metadata import Metadata, TableFile
from tailrace.jobs.savepoints.storage import Storage

queries = load("tailrace")
_logger = log.get("savepoints")

REPLICAS = ("worker", "apply")


async def restore(seat: Seat) -> None:
    """Carry out the intent of the job in whose seat we are; one that cannot be is given up."""
    intent = await seat.db.fetch_one(
        queries.restore_intent, queue=seat.queue, consumer=seat.consumer
    )
    if intent is None or intent.job_id is None:
        return
    try:
        await _Restore(seat, intent).run()
    except TailraceError as error:
        if isinstance(error, Fenced) or error.retryable or seat.db.closed:
            raise
        _logger.warning(
            'job "%s" cannot be started from savepoint "%s": %s',
            intent.job_name, intent.path, error,
        )  # fmt: skip
        await seat.db.execute(queries.fail_restore, job_id=intent.job_id, error=str(error))


async def read_savepoint(place: Storage) -> Metadata:
    """Read what is in a savepoint, and make sure that all of it is what was written."""
    found = metadata.decode(await asyncio.to_thread(place.metadata), place.path)
    for file in found.tables:
        seen = await asyncio.to_thread(place.checksum, file.file)
        if (seen.size, seen.sha256) != (file.bytes, file.sha256):
            raise StorageError(
                f'savepoint "{place.path}" is damaged: file {file.file} of table "{file.table}" '
                f"has checksum {seen.sha256[:12]}… and {seen.size} bytes, written were "
                f"{file.sha256[:12]}… and {file.bytes}",
                hint="use another one; list them with: SHOW SAVEPOINTS",
            )
    return found


async def need_same_tick(
    holder: Database, queue: str, found: Metadata, *, what: str = "it"
) -> None:
    """Refuse a savepoint of another cascade, or another database, whose queue has the same name.

    ``holder`` holds the queue. Whether it still has the tick at all, others ask. The error begins
    with ``what``.
    """
    here = await holder.fetch_one(queries.tick_at, queue=queue, tick=found.tick)
    if here is None or found.tick_time in (None, here.tick_time):
        return
    raise WrongState(
        f'{what} is of another queue by the name "{queue}": its tick {found.tick} is of '
        f"{found.tick_time:%Y-%m-%d %H:%M:%S.%f}, tick {found.tick} of database "
        f'"{holder.dbname}" of {here.tick_time:%Y-%m-%d %H:%M:%S.%f}'
    )


async def load_tables(
    target: Database, place: Storage, files: Sequence[TableFile], local: Mapping[str, str]
) -> None:
    """Put the rows of a savepoint in the place of those of tables, inside the open transaction.

    ``local`` tells what a table is called here.
    """
    by_name = {local[file.table]: file for file in files}
    order = [row.name for row in await target.fetch_all(queries.in_key_order, tables=list(by_name))]
    plans = {name: await _plan(target, by_name[name], name) for name in order}
    for name in reversed(order):
        await target.execute(queries.empty_table, table=name)
    for name in order:
        await _load_table(target, place, by_name[name], plans[name])
        await target.execute(await target.fetch_value(queries.analyze_sql, table=name))


async def _plan(target: Database, file: TableFile, local_table: str) -> Row:
    """How the rows come in; says why where they do not fit."""
    return await target.fetch_one(
        queries.load_plan,
        table=local_table, columns=list(file.columns), types=list(file.types),
        key=None if file.key is None else list(file.key),
    )  # fmt: skip


async def _load_table(target: Database, place: Storage, file: TableFile, plan: Row) -> None:
    if plan.create_sql is not None:
        await target.execute(plan.create_sql)
    pieces = place.pieces(file.file)
    async with target.copy_in(plan.copy_sql) as copy:
        while piece := await asyncio.to_thread(next, pieces, b""):
            await copy.write(piece)
        await reach("restore.in_data")
    if copy.rowcount != file.rows:
        raise StorageError(
            f'savepoint "{place.path}" is damaged: table "{file.table}" has {copy.rowcount} rows, '
            f"written were {file.rows}"
        )
    if plan.take_sql is not None:
        await target.execute(plan.take_sql)


class _Restore:
    """One intent."""

    def __init__(self, seat: Seat, intent: Any) -> None:
        self._seat = seat
        self._db = seat.db
        self._intent = intent

    async def run(self) -> None:
        tick = self._intent.tick_id
        if self._intent.state == "requested":
            place = await asyncio.to_thread(storage.at, self._intent.path)
            found = await read_savepoint(place)
            self._check(found)
            tick = found.tick
            await reach("restore.after_checks")
            await self._go_back(tick, found)
            await reach("restore.after_rewind")
            await self._load(place, found)
            await reach("restore.after_commit")
        await self._go_back(tick)
        await reach("restore.before_close")
        await self._db.execute(queries.close_restore, job_id=self._intent.job_id)
        await reach("restore.after_close")
        _logger.info(
            'job "%s" goes on from savepoint "%s", at tick %d',
            self._intent.job_name, self._intent.path, tick,
        )  # fmt: skip

    def _check(self, found: Metadata) -> None:
        intent = self._intent
        if found.queue != self._seat.queue:
            raise WrongState(
                f'it is of queue "{found.queue}", the job reads queue "{self._seat.queue}"'
            )
        kinds = [kind in REPLICAS for kind in (found.kind, intent.kind)]
        if kinds[0] != kinds[1]:
            raise WrongState(f"it is of a job of kind {found.kind}, the job is of {intent.kind}")

    async def _go_back(self, tick: int, found: Metadata | None = None) -> None:
        """Let whoever holds the queue keep the events after the tick for the job itself.

        With ``found`` it is seen first that both mean the same tick.
        """
        intent = self._intent
        if intent.provider_location is None:
            if found is not None:
                await need_same_tick(self._db, self._seat.queue, found)
            return  # the queue is here, and its position moves with the rows
        async with await Database.connect(
            remote(intent.provider_location), name="restore"
        ) as provider:
            if found is not None:
                await need_same_tick(provider, self._seat.queue, found)
            await provider.execute(
                queries.go_back,
                queue=self._seat.queue, consumer=self._seat.consumer, tick=tick,
                what="the savepoint",
            )  # fmt: skip

    async def _load(self, place: Storage, found: Metadata) -> None:
        intent, seat = self._intent, self._seat
        names = [file.table for file in found.tables]
        async with self._db.transaction():
            if intent.kind not in REPLICAS:
                # who reads what the job writes is to hear of it
                await self._db.execute(queries.be_origin)
            rows = await self._db.fetch_all(
                queries.begin_restore,
                queue=seat.queue, consumer=seat.consumer, epoch=seat.epoch,
                job_id=intent.job_id, tables=names,
            )  # fmt: skip
            local = {row.table_name: row.local_table for row in rows}
            if intent.kind not in REPLICAS:
                for file in found.tables:
                    await self._need_columns(file, local[file.table])
            await load_tables(self._db, place, found.tables, local)
            if intent.claim:
                await self._db.execute(
                    queries.adopt_savepoint,
                    path=intent.path, job_id=intent.job_id, tick=found.tick, rows=found.rows,
                    bytes=found.size, host=place.host,
                )  # fmt: skip
            await reach("restore.before_position")
            await self._db.execute(
                queries.end_restore,
                queue=seat.queue, consumer=seat.consumer, job_id=intent.job_id, tick=found.tick,
                tables=names,
            )  # fmt: skip
            await reach("restore.before_commit")

    async def _need_columns(self, file: TableFile, local_table: str) -> None:
        """A replica may lack a column; what a job keeps is known to nobody else."""
        here = await self._db.fetch_one(queries.table_columns, table=local_table)
        kept = () if here is None else here.names or ()
        gone = [name for name in file.columns if name not in kept]
        if gone:
            named = ", ".join(f'"{name}"' for name in gone)
            raise WrongState(
                f'table "{local_table}" lacks columns that the savepoint has values of: {named}',
                hint="add them, or give them their names back",
            )
