"""Named queries: all SQL that Python sends stands in ``sql/<schema>/queries.sql``.

Each query follows an empty line and ``-- name: what it is for``; further comment lines may follow.
In Python it is an attribute: ``queries = load("pgq")``, then ``queries.next_range``. Parameters are
written ``%(name)s``. Asking for a name that is not there fails with the list of those that are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parents[1] / "sql"
_HEADER = re.compile(r"\n[ \t]*\n--[ \t]*([a-z_][a-z0-9_]*):[ \t]*(.*)")


class Query(NamedTuple):
    """One statement with the name and the purpose under which it stands in its file."""

    name: str
    sql: str
    purpose: str = ""

    def __str__(self) -> str:
        return self.sql


class Queries:
    """The queries of one file, as attributes; each is read when it is first asked for."""

    def __init__(self, source: str, written: dict[str, tuple[str, str]]) -> None:
        self._source = source
        self._written = written

    def __getattr__(self, name: str) -> Query:
        try:
            purpose, text = self._written[name]
        except KeyError:
            known = ", ".join(sorted(self._written)) or "none"
            raise AttributeError(f'{self._source} has no query "{name}"; it has: {known}') from None
        query = Query(name, _statement(text, name, self._source), purpose)
        setattr(self, name, query)  # found there from now on
        return query

    def __iter__(self) -> Iterator[Query]:
        return (getattr(self, name) for name in self._written)


def parse(text: str, source: str = "queries.sql") -> Queries:
    """Split the text of a file into its queries."""
    # Only after an empty line: "-- note: …" below a header is an ordinary comment.
    _, *parts = _HEADER.split(f"\n\n{text}")
    written: dict[str, tuple[str, str]] = {}
    for name, purpose, statement in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if name in written:
            raise ValueError(f'{source}: query "{name}" stands there twice')
        written[name] = (purpose, statement)
    return Queries(source, written)


def _statement(text: str, name: str, source: str) -> str:
    """Drop comment lines (the server need not read them) and the closing semicolon."""
    lines = text.splitlines()
    kept = [line for line in lines if line.strip() and not line.lstrip().startswith("--")]
    sql = "\n".join(kept).strip().removesuffix(";").rstrip()
    if not sql:
        raise ValueError(f'{source}: query "{name}" is empty')
    return sql


@cache
def load(schema: str | None = None) -> Queries:
    """Read the queries of a schema's folder; without a name those that belong to no schema."""
    place = "queries.sql" if schema is None else f"{schema}/queries.sql"
    text = (_FOLDER / place).read_text(encoding="utf-8")
    return parse(text, f"sql/{place}")
