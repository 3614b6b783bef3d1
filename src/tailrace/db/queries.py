"""Named queries: all SQL that Python sends stands in ``sql/<schema>/queries.sql``.

Each query follows an empty line and ``-- name: what it is for``; further comment lines may follow.
In Python it is an attribute: ``queries = load("pgq")``, then ``queries.next_range``. Parameters are
written ``%(name)s``. Asking for a name that is not there fails with the list of those that are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_HEADER = re.compile(r"^--\s*([a-z_][a-z0-9_]*):\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Query:
    """One statement with the name and the purpose under which it stands in its file."""

    name: str
    sql: str
    purpose: str = ""

    def __str__(self) -> str:
        return self.sql


class Queries:
    """The queries of one file, as attributes."""

    def __init__(self, source: str, queries: dict[str, Query]) -> None:
        self._source = source
        self._queries = queries

    def __getattr__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            known = ", ".join(sorted(self._queries)) or "none"
            raise AttributeError(f'{self._source} has no query "{name}"; it has: {known}') from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._queries.values())


def parse(text: str, source: str = "queries.sql") -> Queries:
    """Split the text of a file into its queries."""
    queries: dict[str, Query] = {}
    name, purpose, lines = "", "", list[str]()
    above = ""
    for line in [*text.splitlines(), "", "-- end_of_file:"]:
        # Only after an empty line: "-- note: …" below a header is an ordinary comment.
        header = None if above.strip() else _HEADER.match(line)
        above = line
        if header is None:
            lines.append(line)
            continue
        if name:
            queries[name] = Query(name, _statement(lines, name, source), purpose)
        name, purpose, lines = header[1], header[2], []
        if name in queries:
            raise ValueError(f'{source}: query "{name}" stands there twice')
    return Queries(source, queries)


def _statement(lines: list[str], name: str, source: str) -> str:
    """Drop comment lines (the server need not read them) and the closing semicolon."""
    kept = [line for line in lines if line.strip() and not line.lstrip().startswith("--")]
    sql = "\n".join(kept).strip().removesuffix(";").rstrip()
    if not sql:
        raise ValueError(f'{source}: query "{name}" is empty')
    return sql


@cache
def load(schema: str | None = None) -> Queries:
    """Read the queries of a schema's folder; without a name those that belong to no schema."""
    place = "queries.sql" if schema is None else f"{schema}/queries.sql"
    text = files("tailrace.sql").joinpath(place).read_text(encoding="utf-8")
    return parse(text, f"sql/{place}")
