"""The tables of Flink that read the files of a job."""

from __future__ import annotations

from collections.abc import Sequence

from tailrace.bridge.export.definition import Export, url

# What a line of its own for each image tells besides the image.
_MARKS = (
    ("_op", "STRING"), ("_weight", "INT"), ("_event_id", "BIGINT"), ("_time", "TIMESTAMP_LTZ(6)"),
)  # fmt: skip


def create_table(export: Export, table: str, columns: Sequence[tuple[str, str, bool]]) -> str:
    """CREATE TABLE for one table; ``columns``: name, type, whether it belongs to the key."""
    lines = [f"  {_quoted(name)} {kind}{' NOT NULL' * key}" for name, kind, key in columns]
    keys = [_quoted(name) for name, _, key in columns if key]
    if export.format == "json" and export.updates == "weigh":
        lines += [f"  {_quoted(name)} {kind}" for name, kind in _MARKS]
    elif keys:
        lines.append(f"  PRIMARY KEY ({', '.join(keys)}) NOT ENFORCED")
    options = {
        "connector": "filesystem",
        "path": url(export.directory(table)),
        "source.monitor-interval": "1 s",
        "format": export.format,
    }
    settings = ",\n".join(f"  {_text(name)} = {_text(value)}" for name, value in options.items())
    head = f"CREATE TABLE {_quoted(_name(export, table))}"
    return f"{head} (\n" + ",\n".join(lines) + f"\n) WITH (\n{settings}\n);"


def _name(export: Export, table: str) -> str:
    """The table without its schema, unless that is what tells two apart."""
    schema, _, name = table.partition(".")
    same = [one for one in export.sources if one.table.partition(".")[2] == name]
    return f"{schema}_{name}" if len(same) > 1 else name


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
