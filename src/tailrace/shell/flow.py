"""Rows of a query on Flink at the terminal: what has an end is a result, what has none flows by.

A row that flows by is marked as added (``+I``, ``+U``) or taken back (``-U``, ``-D``). As JSON a
result is one array, so there its end is waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from time import monotonic

from tailrace.engines.flink.sql import Row, Rows, result_of
from tailrace.gateway.flink import answer_of
from tailrace.gateway.results import Answer, Result
from tailrace.shell.formats import result_lines
from tailrace.shell.printer import Printer
from tailrace.shell.table import Growing

# So long the end of a result is waited for before its rows are shown.
_PATIENCE = 2.0
_INTERVAL = 1.0


async def show_rows(printer: Printer, rows: Rows) -> Answer | None:
    """Return the result, if it has an end soon; else show its rows, until there are no more."""
    found: list[Row] = []
    until = monotonic() + _PATIENCE
    while printer.form == "json" or not found or monotonic() < until:
        some = await rows.more(_INTERVAL)
        if some is None:
            return answer_of(result_of(rows.shape, found))
        found += some
    flow = _Flow(printer, rows.shape.columns)
    new: list[Row] | None = found
    while new is not None:
        flow.write(new)
        new = await rows.more(_INTERVAL)
    return None


class _Flow:
    """What has been written of a result so far."""

    def __init__(self, printer: Printer, columns: Sequence[str]) -> None:
        self._printer = printer
        self._columns = ("op", *columns)
        self._table = Growing()
        self._begun = False

    def write(self, rows: Sequence[Row]) -> None:
        """Write more rows."""
        if not rows:
            return
        result = Result(self._columns, [(row.kind, *row.fields) for row in rows])
        if self._printer.form == "table":
            self._printer.write_lines(self._table.lines(result))
        else:  # the header is there once
            lines = result_lines(result, self._printer.form)
            self._printer.write_lines(islice(lines, 1 if self._begun else 0, None))
        self._begun = True
