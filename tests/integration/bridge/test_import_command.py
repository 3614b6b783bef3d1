"""``tailrace import`` as it is typed, and what ``tailrace run`` makes of it."""

from __future__ import annotations

import signal
from pathlib import Path

from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace
from fixtures.imports import part, write
from fixtures.process import StartProcess
from fixtures.sqljobs import force_tick, rows, status
from fixtures.waiting import eventually
from tailrace.db.connection import Database


async def test_made_listed_run_and_drained_from_the_command_line(
    db: Database, place: Path, tailrace: Tailrace, process: StartProcess
):
    await db.execute("create table t (a integer primary key, b text)")
    target = ("--db", db.dsn)
    short = ("import", "load", *target, "--from", str(place))
    assert "a new job needs --table" in (await tailrace(*short, status=2)).complaint
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
    runner = await process("run", *target)
    await eventually(lambda: is_running(db))
    change = ("import", "load", *target)
    await tailrace(*change, "--sparse", "--retention", "never", "--columns", "a")
    assert "needs --from" in (await tailrace(*change, "--key", "b", status=2)).complaint
    assert "needs --from" in (await tailrace(*change, status=2)).complaint
    wrong = (await tailrace(*change, "--columns", "b", status=2)).complaint
    assert 'key column "a" is not among the columns' in wrong
    write(place / part(0, 0), [{"op": "c", "after": {"a": 1}}])
    await tailrace("stop-job", "load", "--drain", *target)
    assert await rows(db, "select * from t") == ["(1,)"]
    runner.send(signal.SIGTERM)
    await runner.wait()
    write(place / part(0, 1), [{"op": "c", "after": {"a": 2}}])
    await db.execute("select tailrace.request_start_job('load')")
    assert await (await process("run", "--until-idle", *target)).wait() == 0
    await tailrace("stop-job", "load", *target)
    assert await rows(db, "select * from t") == ["(1,)", "(2,)"]
    for _ in range(2):
        await force_tick(db, "tailrace.local")
    listed = await tailrace("sql", "-c", "SHOW JOBS EXTENDED", "--format", "json", *target)
    assert [(one["position"], one["lag"]) for one in listed.json] == [("2", None)], "no tick"
    tree = await tailrace("lineage", *target, "--format", "json")
    assert f'"{place}"' in tree.out
    await tailrace("drop-job", "load", "--yes", *target)


async def is_running(db: Database) -> bool:
    return await status(db, "load") == "RUNNING"
