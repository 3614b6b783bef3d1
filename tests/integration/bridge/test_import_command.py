"""``tailrace import`` as it is typed, and what ``tailrace run`` makes of it."""

from __future__ import annotations

from pathlib import Path

from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace
from fixtures.imports import part, write
from fixtures.process import StartProcess
from fixtures.sqljobs import rows
from tailrace.db.connection import Database


async def test_made_listed_run_and_drained_from_the_command_line(
    db: Database, place: Path, tailrace: Tailrace, process: StartProcess
):
    await db.execute("create table t (a integer primary key, b text)")
    target = ("--db", db.dsn)
    short = ("import", "load", *target, "--from", str(place))
    assert "missing option '--table'" in (await tailrace(*short, status=2)).complaint
    wrong = (await tailrace(*short, "--table", "x", status=1)).complaint
    assert wrong.startswith('tailrace: table "x" does not exist in database')
    made = await tailrace(
        "import", "load", *target, "--from", f"file://{place}/", "--table", "public.t",
        "--format", "debezium-json", "--key", "a", "--poll", "100ms", "--retention", "7d",
    )  # fmt: skip
    job = await db.fetch_one("select job_id, settings from tailrace.job")
    assert made.out.strip() == job.job_id
    assert job.settings == {
        "from": str(place), "table": "public.t", "format": "debezium-json", "key": ["a"],
        "poll": "00:00:00.1", "retention": "168:00:00",
    }  # fmt: skip
    write(place / part(0, 0), [{"op": "c", "after": {"a": 1, "b": "x"}}])
    await process("run", *target)
    await tailrace("stop-job", "load", "--drain", *target)
    assert await rows(db, "select * from t") == ["(1,x)"]
    tree = await tailrace("lineage", *target, "--format", "json")
    assert f'"{place}"' in tree.out
    await tailrace("drop-job", "load", "--yes", *target)
