"""The tables of Flink that read the files of a job.

Files that are there when Flink looks are read in no order at all, whatever their names and the
parallelism are. Lines of format ``changes`` say themselves what is older: a view over them takes
the newest of each key, and so it is the table, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tailrace.bridge.export.definition import Export, url

# What a line of format changes tells besides the row.
_MARKS = (
    ("_op", "STRING"), ("_weight", "INT"), ("_event_id", "BIGINT"), ("_time", "TIMESTAMP_LTZ(6)"),
)  # fmt: skip


class Column(NamedTuple):
    """A column as Flink reads it."""

    name: str
    type: str
    is_key: bool


def statements(export: Export, table: str, columns: Sequence[Column]) -> list[str]:
    """What is to be said to Flink so that it knows a table."""
    name = _name(export, table)
    if export.format != "changes":
        return [_create_table(export, table, name, columns)]
    changes = f"{name}_changes"
    made = [_create_table(export, table, changes, columns)]
    keys = [_quoted(one.name) for one in columns if one.is_key]
    if keys:
        # ordered by one column: by two, Flink 2.3 plans as if no row ever took another's place
        chosen = ", ".join(_quoted(one.name) for one in columns)
        made.append(
            f"CREATE VIEW {_quoted(name)} AS\nSELECT {chosen} FROM (\n"
            f"  SELECT *, ROW_NUMBER() OVER (PARTITION BY {', '.join(keys)}"
            " ORDER BY `_event_id` DESC) AS `_place`\n"
            f"  FROM {_quoted(changes)}\n) WHERE `_place` = 1 AND `_weight` = 1;"
        )
    return made


def _create_table(export: Export, table: str, name: str, columns: Sequence[Column]) -> str:
    lines = [f"  {_quoted(one.name)} {one.type}" for one in columns]
    keys = [_quoted(one.name) for one in columns if one.is_key]
    if export.format == "changes":
        lines += [f"  {_quoted(mark)} {kind}" for mark, kind in _MARKS]
    elif keys:
        lines.append(f"  PRIMARY KEY ({', '.join(keys)}) NOT ENFORCED")
    options = {
        "connector": "filesystem",
        "path": url(export.directory(table)),
        "source.monitor-interval": "1 s",
        "format": "debezium-json" if export.format == "debezium-json" else "json",
    }
    settings = ",\n".join(f"  {_text(key)} = {_text(value)}" for key, value in options.items())
    return f"CREATE TABLE {_quoted(name)} (\n" + ",\n".join(lines) + f"\n) WITH (\n{settings}\n);"


def _name(export: Export, table: str) -> str:
    """The table without its schema, unless that is what tells two apart."""
    schema, _, name = table.partition(".")
    same = [one for one in export.sources if one.table.partition(".")[2] == name]
    return f"{schema}_{name}" if len(same) > 1 else name


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
