"""Connections of programs that use tailrace: psycopg's own, of either kind, with their settings.

What is sent through them is part of the caller's transaction. One function serves both kinds: what
it returns for an asynchronous connection has to be awaited.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, overload

import psycopg
from psycopg.rows import dict_row

from tailrace.db.dsn import display
from tailrace.db.queries import Query
from tailrace.errors import from_connecting, from_database

Connection: TypeAlias = psycopg.Connection[Any]
AsyncConnection: TypeAlias = psycopg.AsyncConnection[Any]
AnyConnection: TypeAlias = Connection | AsyncConnection

Record = dict[str, Any]


@overload
def ask(conn: Connection, query: Query, /, **params: object) -> list[Record]: ...
@overload
def ask(conn: AsyncConnection, query: Query, /, **params: object) -> Awaitable[list[Record]]: ...
def ask(
    conn: AnyConnection, query: Query, /, **params: object
) -> list[Record] | Awaitable[list[Record]]:
    """Run a query of ours in the caller's transaction, and return its rows."""
    if isinstance(conn, psycopg.AsyncConnection):
        return _ask(conn, query, params)
    with _translated(conn):
        return conn.cursor(row_factory=dict_row).execute(query.sql.encode(), params).fetchall()


async def _ask(conn: AsyncConnection, query: Query, params: dict[str, object]) -> list[Record]:
    with _translated(conn):
        cursor = conn.cursor(row_factory=dict_row)
        await cursor.execute(query.sql.encode(), params)
        return await cursor.fetchall()


def connect(dsn: str, *, name: str) -> Connection:
    """A connection for a script: its settings are the user's, every statement a transaction."""
    try:
        return psycopg.connect(dsn, autocommit=True, application_name=f"tailrace:{name}"[:63])
    except psycopg.Error as exc:
        raise from_connecting(exc, where=display(dsn)) from exc


@contextmanager
def _translated(conn: AnyConnection) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as exc:
        raise from_database(exc, where=f'database "{conn.info.dbname}"', own=True) from exc
