"""What a statement reads and writes: from the plan that Flink makes of it, without running it.

The first part of ``EXPLAIN`` names every source and sink in full. A name means nothing outside of
its session, since its tables are gone with it; what it stands for (a directory, a topic, a table of
a database) is read from ``SHOW CREATE TABLE``, so that two jobs that share it are seen to do so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tailrace.engines.base import Lineage, Relation
from tailrace.engines.flink.sql import SqlSession
from tailrace.errors import TailraceError

_SINK = re.compile(r"LogicalSink\(table=\[(.+?)\](?:, |\))")
_LEGACY_SINK = re.compile(r"LogicalLegacySink\(name=\[`?([^`\]]+)")
_SOURCE = re.compile(r"LogicalTableScan\(table=\[\[(.+?)\]\](?!\])")
_OPTION = re.compile(r"'((?:[^']|'')+)'\s*=\s*'((?:[^']|'')*)'")
# Which options say where the rows of a table are, for whatever connector it has.
_PLACES = ("path", "topic", "table-name", "index", "queue", "stream", "database-name")
_SERVERS = ("url", "hostname", "properties.bootstrap.servers", "hosts")


async def read_lineage(session: SqlSession, statement: str) -> Lineage:
    """Ask the planner; raises where it would not run the statement."""
    several = re.match(r"EXECUTE\s+(?=STATEMENT\b)", statement, re.IGNORECASE)
    asked = statement[several.end() :] if several else statement
    explained = await session.run(f"EXPLAIN {asked}")
    plan = "\n".join(str(value) for row in explained.rows for value in row)
    ast = plan.partition("== Optimized Physical Plan ==")[0]
    reads = _names(".".join(one.split(", ", 2)) for one in _SOURCE.findall(ast))
    writes = _names(_SINK.findall(ast) + _LEGACY_SINK.findall(ast))
    return Lineage(
        tuple([Relation(name, await _place(session, name)) for name in reads]),
        tuple([Relation(name, await _place(session, name)) for name in writes]),
    )


def _names(found: Iterable[str]) -> list[str]:
    """Full names, each once, in the order in which they were found."""
    return list(dict.fromkeys(found))


async def _place(session: SqlSession, name: str) -> str | None:
    # Catalogue and database; the rest is the table's, whatever signs are in it.
    quoted = ".".join(f"`{part.replace('`', '``')}`" for part in name.split(".", 2))
    try:
        shown = await session.run(f"SHOW CREATE TABLE {quoted}")
    except TailraceError:
        return None  # made by the planner itself, such as the target of a SELECT
    return place_of("\n".join(str(value) for row in shown.rows for value in row))


def place_of(ddl: str) -> str | None:
    """What a table stands for: its connector, where its rows are, and on which server."""
    options = {key.lower(): value.replace("''", "'") for key, value in _OPTION.findall(ddl)}
    place = next((options[key] for key in _PLACES if options.get(key)), None)
    connector = options.get("connector")
    if connector is None or place is None:
        return None
    if connector == "filesystem":
        return re.sub(r"^file:/+", "/", place).rstrip("/") or "/"
    server = next((options[key] for key in _SERVERS if options.get(key)), None)
    return ":".join(part for part in (connector, server, place) if part)
