"""What may be asked of a job that writes files, once it is there: its tables in Flink, changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from tailrace.bridge.export.definition import Export, columns_of, wrong_words
from tailrace.bridge.export.flink import Column, statements
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import UsageError, WrongState

queries = load("tailrace")

CHANGEABLE = ("every", "retention", "updates", "unreadable")


@dataclass(frozen=True, slots=True)
class Found:
    """A job that is there."""

    job_id: str
    job_name: str
    export: Export


async def find(db: Database, job: str) -> Found:
    """The job of that name, id, or beginning of an id, in this database."""
    row = await db.fetch_one(queries.export_named, job=job)
    assert row is not None
    if row.kind != "export":
        raise WrongState(f'job "{row.job_name}" is of kind {row.kind}: it writes no files')
    return Found(row.job_id, row.job_name, msgspec.json.decode(row.program, type=Export))


async def flink_tables(db: Database, job: str) -> list[str]:
    """The statements by which Flink knows the tables of a job."""
    export = (await find(db, job)).export
    made = []
    for source in export.sources:
        columns = await columns_of(db, source, lenient=export.lenient)
        made += statements(export, source.table, [Column(*row) for row in columns])
    return made


async def change(
    db: Database, job: str, settings: Mapping[str, str], *, accept_columns: bool = False
) -> Found:
    """Change what may be changed while files are there; ``retention`` of ``never``: for ever.

    ``accept_columns``: readers can do with the columns as they are now.
    """
    fixed = [name for name in settings if name not in CHANGEABLE]
    wrong = wrong_words({k: v for k, v in settings.items() if (k, v) != ("retention", "never")})
    wrong += [f"{name} cannot be changed: files of the old kind are there" for name in fixed]
    if wrong:
        raise UsageError("; ".join(wrong))
    found = await find(db, job)
    if found.export.format != "json" and settings.get("updates", "refuse") != "refuse":
        kind = found.export.format
        raise UsageError(f"format {kind} tells of updates; --updates is for format json")
    program: dict[str, object] = {}
    if "updates" in settings:
        program["updates"] = settings["updates"]
    if "unreadable" in settings:
        program["lenient"] = settings["unreadable"] == "null"
    if accept_columns:
        program["columns"] = {
            source.table: [
                (row.name, row.flink_type)
                for row in await columns_of(db, source, lenient=found.export.lenient)
            ]
            for source in found.export.sources
        }
    await db.execute(
        queries.change_export,
        job_id=found.job_id, settings=json.dumps(settings), program=json.dumps(program),
    )  # fmt: skip
    return found
