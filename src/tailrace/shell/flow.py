"""Rows of a query on Flink at the terminal: what has an end is a result, what has none flows by.

A row that flows by is marked as added (``+I``, ``+U``) or taken back (``-U``, ``-D``). As JSON a
result is one array, so there its end is waited for.

A query that fails is restarted by Flink, mostly for ever, and that may be right: what it reads may
be away for a while. So when no rows come for some seconds, its failures are asked for and told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
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
# So long the end of one array is waited for before that is said.
_TELL_AFTER = 5.0
# How long no row has come when failures are asked for; and how often.
_QUIET = 3.0

Trouble = Callable[[str], Awaitable[str | None]]
"""Asks why a run has failed last; None: it has not, or nobody knows."""


async def no_trouble(_: str) -> str | None:
    """Ask nobody."""
    return None


async def show_rows(printer: Printer, rows: Rows, trouble: Trouble = no_trouble) -> Answer | None:
    """Return the result, if it has an end soon; else show its rows, until there are no more."""
    watched = _Watched(printer, rows, trouble)
    found: list[Row] = []
    begun, told = monotonic(), False
    until = begun + _PATIENCE
    while printer.form == "json" or not found or monotonic() < until:
        some = await watched.more()
        if some is None:
            return answer_of(result_of(rows.shape, found))
        found += some
        if found and not told and printer.form == "json" and monotonic() >= begun + _TELL_AFTER:
            told = True
            printer.say(
                f"waiting for the end of the query, since JSON is one array; rows so far: "
                f"{len(found)}; the formats table, csv and tsv show rows as they come"
            )
    flow = _Flow(printer, rows.shape.columns)
    new: list[Row] | None = found
    while new is not None:
        flow.write(new)
        new = await watched.more()
    return None


class _Watched:
    """Rows, with a word when they fail to come."""

    def __init__(self, printer: Printer, rows: Rows, trouble: Trouble) -> None:
        self._printer = printer
        self._rows = rows
        self._trouble = trouble
        self._ask_at = monotonic() + _QUIET
        self._told: str | None = None

    async def more(self) -> list[Row] | None:
        """What has come meanwhile."""
        some = await self._rows.more(_INTERVAL)
        now = monotonic()
        if some:
            self._ask_at = now + _QUIET
        elif some is not None and now >= self._ask_at:
            self._ask_at = now + _QUIET
            await self._look()
        return some

    async def _look(self) -> None:
        run = self._rows.shape.engine_id
        reason = None if run is None else await self._trouble(run)
        if reason is not None and reason != self._told:
            self._told = reason
            self._printer.say(
                f"warning: the query has failed and Flink tries it again: {reason}; end it with "
                "Ctrl-C, or have it end by itself with: SET 'restart-strategy.type' = 'none'"
            )


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
