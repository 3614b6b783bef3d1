"""What functions of schema pgq_node answer: a row that starts with ``ret_code`` and ``ret_note``.

1xx and 2xx are fine, 3xx is a warning, 400 and above an error that undoes the transaction
(cascade.md). ``ask`` turns the errors into ours, so that callers only see rows that are good.
"""

from __future__ import annotations

from tailrace import log
from tailrace.db.connection import Database, Row
from tailrace.db.queries import Query
from tailrace.errors import AlreadyExists, NotFound, TailraceError, WrongState

_logger = log.get("cascade")

_CLASSES: dict[int, type[TailraceError]] = {404: NotFound, 405: WrongState}


async def ask(db: Database, query: Query, **params: object) -> Row:
    """Call a function and return its row; an error code is raised."""
    row = await db.fetch_one(query, **params)
    if row is None:
        raise NotFound(f'{query.name} returned nothing in database "{db.dbname}"')
    if row.ret_code >= 400:
        raise refusal(row.ret_code, row.ret_note, db)
    if row.ret_code >= 300:
        _logger.warning('database "%s": %s', db.dbname, row.ret_note)
    else:
        _logger.debug('database "%s": %s (%d)', db.dbname, row.ret_note, row.ret_code)
    return row


def refusal(code: int, note: str, db: Database) -> TailraceError:
    """Make the error for a code of 400 or above."""
    kind = _CLASSES.get(code, WrongState)
    if code == 401 and "already" in note.lower():
        kind = AlreadyExists
    return kind(f'database "{db.dbname}": {note}', code=code)
