"""A result page by page, as the protocol hands it out.

All of a result is in memory, so every page can be asked for again: a client whose answer was lost
just repeats its request.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from tailrace.gateway.results import OK, Answer, Result
from tailrace.server.columns import columns_of
from tailrace.server.refused import BadRequest

# A page ends with one of these.
_ROWS = 5000
_BYTES = 4 << 20

# What PostgreSQL says of statements that touch rows; of others there is nothing to read.
_COUNTING = ("INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "COPY", "FETCH", "MOVE")


class RowFormat(StrEnum):
    """How values are written."""

    JSON = "JSON"
    PLAIN_TEXT = "PLAIN_TEXT"

    @classmethod
    def named(cls, name: str) -> RowFormat:
        """What a client asked for; nothing is JSON."""
        try:
            return cls(name.upper() or "JSON")
        except ValueError:
            raise BadRequest(
                f'there is no row format "{name}"; there are: {", ".join(cls)}'
            ) from None


# A page, but for the address of the next one (None: there is none of that number), and the number
# of what follows it.
Fetched = tuple[dict[str, object] | None, int]


class Paged(Protocol):
    """What hands out pages."""

    async def fetch(self, token: int, form: RowFormat, hold: float) -> Fetched:
        """One page; waits at most so long for rows that are still to come."""

    async def close(self) -> None:
        """Nobody will ask any more."""


class Pages:
    """The pages of one answer."""

    def __init__(self, answer: Answer, *, query: bool) -> None:
        result = answer.result if answer.result is not None else _said(answer.tag)
        self._columns, self._held = columns_of(result)
        self._rows = len(result.rows)
        self._begin: dict[RowFormat, list[int]] = {form: [0] for form in RowFormat}
        self.query = query and answer.result is not None
        counted = answer.tag.startswith(_COUNTING)
        self.has_content = counted if answer.result is None else answer != OK

    async def fetch(self, token: int, form: RowFormat, hold: float) -> Fetched:
        """One page; all rows are there."""
        return self.page(token, form), token + 1

    async def close(self) -> None:
        """Nothing but memory is held."""

    def page(self, token: int, form: RowFormat) -> dict[str, object] | None:
        """The answer to one request, but for the address of the next page; None: no such page."""
        begins = self._begin[form]
        if not 0 <= token < len(begins):
            return None
        begin = begins[token]
        last = begin >= self._rows and token > 0
        data, end = self._encoded(begin, form)
        if not last and token + 1 == len(begins):
            begins.append(end)
        return {
            "resultType": "EOS" if last else "PAYLOAD",
            "isQueryResult": self.query,
            "resultKind": "SUCCESS_WITH_CONTENT" if self.has_content else "SUCCESS",
            "results": {
                "columns": [column.described() for column in self._columns],
                "rowFormat": form,
                "data": data,
            },
        }

    def _encoded(self, begin: int, form: RowFormat) -> tuple[list[msgspec.Raw], int]:
        """The rows of a page, and where the next one begins."""
        kinds = [column.kind for column in self._columns]
        write = [kind.json if form is RowFormat.JSON else kind.text for kind in kinds]
        data: list[msgspec.Raw] = []
        size, row = 0, begin
        while row < min(self._rows, begin + _ROWS) and size < _BYTES:
            fields = [
                None if held[row] is None else one(held[row])
                for one, held in zip(write, self._held, strict=True)
            ]
            encoded = msgspec.json.encode({"kind": "INSERT", "fields": fields})
            data.append(msgspec.Raw(encoded))
            size += len(encoded)
            row += 1
        return data, row


def _said(tag: str) -> Result:
    """What is shown of a statement without rows."""
    word = tag if tag.startswith(_COUNTING) else "OK"
    return Result(("result",), [(word,)])
