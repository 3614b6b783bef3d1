"""A result that may have no end, page by page, as Flink makes its rows.

Rows are handed out once they have come; a request waits a while for them, and a page without any
leads to the same page again. The page that was handed out last is kept, for a client whose answer
was lost; what was read before it is forgotten, or a stream would fill the memory.
"""

from __future__ import annotations

import asyncio

import msgspec

from tailrace.engines.flink.sql import Row, Rows
from tailrace.server.columns import Column, of_flink
from tailrace.server.pages import Fetched, RowFormat

_KINDS = {"+I": "INSERT", "-U": "UPDATE_BEFORE", "+U": "UPDATE_AFTER", "-D": "DELETE"}


class Streamed:
    """The pages of a statement of Flink."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._next = 0
        self._last: list[Row] = []
        self._turn = asyncio.Lock()

    async def fetch(self, token: int, form: RowFormat, hold: float) -> Fetched:
        """The page of this number, and the number of what follows it."""
        async with self._turn:
            if token == self._next - 1:
                return self._page(self._last, form), token + 1
            if token != self._next:
                return None, token
            rows = await self._rows.more(hold)
            if rows is None and token > 0:
                return self._page([], form) | {"resultType": "EOS"}, token
            if rows or rows is None:  # the first page is there also where there are no rows
                self._last, self._next = rows or [], token + 1
            return self._page(rows or [], form), self._next

    async def close(self) -> None:
        """End a query that has not ended."""
        await self._rows.close()

    def _page(self, rows: list[Row], form: RowFormat) -> dict[str, object]:
        shape = self._rows.shape
        columns = [of_flink(*one) for one in zip(shape.columns, shape.types, strict=True)]
        found: dict[str, object] = {
            "resultType": "PAYLOAD",
            "isQueryResult": shape.is_query,
            "resultKind": "SUCCESS_WITH_CONTENT" if shape.has_content else "SUCCESS",
            "results": {
                "columns": [column.described() for column in columns],
                "rowFormat": form,
                "data": [_encoded(row, columns, form) for row in rows],
            },
        }
        return found if shape.engine_id is None else found | {"jobID": shape.engine_id}


def _encoded(row: Row, columns: list[Column], form: RowFormat) -> msgspec.Raw:
    as_text = form is RowFormat.PLAIN_TEXT
    pairs = zip(columns, row.fields, strict=True)
    fields = [column.encoded(value, as_text=as_text) for column, value in pairs]
    return msgspec.Raw(msgspec.json.encode({"kind": _KINDS[row.kind], "fields": fields}))
