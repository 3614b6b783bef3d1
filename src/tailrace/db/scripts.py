"""The SQL files that schemas are made from, in the order in which they are run.

``sql/<schema>/install.sql`` lists the files of a schema in psql's own notation (``\\ir``), so that
psql can run it as well. Tables change by the numbered files in ``sql/migrations``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

_INCLUDE = re.compile(r"^\\ir\s+(\S+)\s*$")
_MIGRATION = re.compile(r"^(\d{4})_(pre|post)_([a-z0-9_]+)\.sql$")
_FOR_SCHEMA = re.compile(r"^--\s*schema:\s*(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """One SQL file, by its path below ``sql/``."""

    path: str
    text: str

    @property
    def makes_tables(self) -> bool:
        """Whether it may run only once: tables change by migrations afterwards."""
        return self.path.endswith("/tables.sql")

    @property
    def grants_rights(self) -> bool:
        """Whether it must run when all functions are there."""
        return self.path.endswith("/grants.sql")

    @property
    def function(self) -> str | None:
        """Name of the function that it makes, without the schema; None: it makes none."""
        folder, _, file = self.path.rpartition("/")
        return file.split(".")[1] if folder.endswith("/functions") else None


@dataclass(frozen=True, slots=True)
class Migration:
    """A numbered change of tables; ``pre`` runs before the new functions, ``post`` after them."""

    number: int
    kind: str
    name: str
    schema: str
    script: Script


def read(path: str) -> Script:
    """Read one file below ``sql/``."""
    return Script(path, files("tailrace.sql").joinpath(path).read_text(encoding="utf-8"))


def scripts(schema: str) -> list[Script]:
    """Return the files of a schema in the order of its ``install.sql``."""
    return list(_included(read(f"{schema}/install.sql")))


def _included(script: Script) -> Iterator[Script]:
    """Follow the ``\\ir`` lines; anything else but comments has no business in such a file."""
    folder = script.path.rpartition("/")[0]
    for number, line in enumerate(script.text.splitlines(), start=1):
        include = _INCLUDE.match(line)
        if include:
            path = f"{folder}/{include[1]}" if folder else include[1]
            child = read(path)
            yield from _included(child) if path.endswith("/install.sql") else iter([child])
        elif line.strip() and not line.startswith("--"):
            raise ValueError(f"sql/{script.path}:{number}: neither \\ir nor a comment: {line}")


def migrations() -> list[Migration]:
    """Return all numbered migrations in order."""
    found = []
    for entry in files("tailrace.sql").joinpath("migrations").iterdir():
        parts = _MIGRATION.match(entry.name)
        if parts:
            script = read(f"migrations/{entry.name}")
            schema = _FOR_SCHEMA.search(script.text)
            if schema is None:
                raise ValueError(f'sql/{script.path}: lacks a line "-- schema: NAME"')
            found.append(Migration(int(parts[1]), parts[2], parts[3], schema[1], script))
    return sorted(found, key=lambda migration: (migration.number, migration.kind != "pre"))
