"""Putting events into a queue, in the transaction of whoever calls.

An event is there if and only if the transaction commits. The connection is psycopg's and the
caller's; with an asynchronous one the result has to be awaited.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import overload

from tailrace.client.events import NewEvent
from tailrace.db.callers import AnyConnection, AsyncConnection, Connection, Record, ask
from tailrace.db.queries import load

queries = load("tailrace")


@overload
def insert_event(
    conn: Connection, queue: str, type: str | None, data: str | None, *extra: str | None
) -> int: ...
@overload
def insert_event(
    conn: AsyncConnection, queue: str, type: str | None, data: str | None, *extra: str | None
) -> Awaitable[int]: ...
def insert_event(
    conn: AnyConnection, queue: str, type: str | None, data: str | None, *extra: str | None
) -> int | Awaitable[int]:
    """Insert one event and return its id; ``extra``: up to four more texts."""
    event = NewEvent(type, data, *extra)
    found = ask(conn, queries.insert_event, queue=queue, **event._asdict())
    return _id_of(found) if isinstance(found, list) else _awaited_id(found)


@overload
def insert_events(conn: Connection, queue: str, events: Iterable[NewEvent]) -> list[int]: ...
@overload
def insert_events(
    conn: AsyncConnection, queue: str, events: Iterable[NewEvent]
) -> Awaitable[list[int]]: ...
def insert_events(
    conn: AnyConnection, queue: str, events: Iterable[NewEvent]
) -> list[int] | Awaitable[list[int]]:
    """Insert many events with one statement, in their order, and return their ids."""
    columns = list(zip(*events, strict=True)) or [()] * len(NewEvent._fields)
    names = ("types", "data", "extra1", "extra2", "extra3", "extra4")
    lists = {name: list(column) for name, column in zip(names, columns, strict=True)}
    found = ask(conn, queries.insert_events, queue=queue, **lists)
    return _ids_of(found) if isinstance(found, list) else _awaited_ids(found)


def _id_of(rows: list[Record]) -> int:
    return int(rows[0]["event_id"])


def _ids_of(rows: list[Record]) -> list[int]:
    return [int(row["event_id"]) for row in rows]


async def _awaited_id(rows: Awaitable[list[Record]]) -> int:
    return _id_of(await rows)


async def _awaited_ids(rows: Awaitable[list[Record]]) -> list[int]:
    return _ids_of(await rows)
