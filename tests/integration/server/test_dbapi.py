"""Somebody else's client runs every statement: the DB-API driver of py-flink-sql-gateway."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from pathlib import Path

from fixtures.cascade import QUEUE, Cascade, running
from fixtures.conformance import whole_life
from fixtures.dbapi import DbApi, dbapi
from fixtures.flink_fake import FakeFlink
from fixtures.flink_fake import fake_flink as fake_flink  # the fixture
from fixtures.serving import served
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.statements.help import ENTRIES

TABLES = """
    create table public.orders (id integer primary key, day date, amount integer);
    create table public.revenue (day date primary key, total bigint)
"""
REVENUE = """CREATE JOB revenue AS INSERT INTO revenue AS r
    SELECT day, sum(amount * _weight) FROM changes.orders GROUP BY day
    ON CONFLICT (day) DO UPDATE SET total = r.total + excluded.total"""
SETTLED = """
    select not exists (
        select 1 from tailrace.jobs where status in ('CREATED', 'RESTARTING', 'SUSPENDED'))
"""


def is_there(path: str) -> bool:
    return Path(path, "_metadata").exists()


async def names_of(client: DbApi, statement: str = "SHOW JOBS") -> set[str]:
    return {row["job name"] for row in await client(statement)}


async def test_every_statement_on_postgres(cascade: Cascade, tmp_path: Path):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.db.execute(TABLES)
        await node.db.fetch_one("select * from tailrace.add_table(%s, 'public.orders')", QUEUE)
    await leaf.set_live()

    async def settled() -> None:
        await eventually(partial(root.db.fetch_value, SETTLED), 20)

    properties = {"state.savepoints.dir": str(tmp_path / "savepoints")}
    async with (
        running(root, leaf),
        served(root.dsn) as server,
        dbapi(server.url, properties) as client,
    ):
        (created,) = await client(REVENUE)
        await settled()
        assert await names_of(client) == {"node1_worker", "node2_worker", "revenue"}
        (revenue,) = await client("DESCRIBE JOB 'revenue'")
        assert (revenue["job id"], revenue["status"]) == (created["job id"], "RUNNING")
        assert isinstance(revenue["start time"], datetime)
        assert await names_of(client, "SHOW JOBS EXTENDED") >= {"revenue"}

        (added,) = await client("INSERT INTO orders VALUES (1, '2026-01-01', 10)")
        assert added == {"result": "INSERT 0 1"}
        (stopped,) = await client("STOP JOB 'revenue' WITH SAVEPOINT WITH DRAIN")
        assert await client("SELECT total FROM revenue") == [{"total": 10}]
        path = stopped["savepoint path"]
        assert is_there(path)
        await client(f"START JOB 'revenue' FROM SAVEPOINT '{path}'")
        await settled()
        (made,) = await client("CREATE SAVEPOINT FOR JOB 'revenue'")
        listed = [row["savepoint path"] for row in await client("SHOW SAVEPOINTS")]
        assert listed == [made["savepoint path"], path]
        assert len(await client("SHOW CHECKPOINTS FOR JOB 'revenue'")) >= 1
        await client(f"DROP SAVEPOINT '{path}'")
        await client("CREATE SAVEPOINT FOR JOB 'revenue'")
        dropped = await client("DROP SAVEPOINTS FOR JOB 'revenue' KEEP LAST 1")
        assert dropped == [made]
        assert len(await client("DROP SAVEPOINT ALL FOR JOB 'revenue'")) == 1

        await look_around(client)
        await client("STOP JOB 'revenue'")
        await client("DROP JOB 'revenue'")
        assert await names_of(client) == {"node1_worker", "node2_worker"}
        assert 'there is no job "revenue"' in await client.fails("STOP JOB 'revenue'")
    assert unused(client.statements) == []


async def look_around(client: DbApi) -> None:
    """The statements that change nothing, or only the session."""
    assert "revenue" in {row["name"] for row in await client("SHOW JOBTREE 'revenue'")}
    assert len(await client("SHOW JOBTREES")) >= 5
    assert await client("SHOW ANCESTORS 'revenue'")
    assert {row["node"] for row in await client("SHOW NODES")} == {"node1", "node2"}
    assert {row["queue"] for row in await client("SHOW QUEUES")} == {QUEUE}
    assert await client(f"SHOW CONSUMERS FOR QUEUE '{QUEUE}'")
    await client("SET 'tailrace.timeout' = '30s'")
    assert set((await client("SET"))[0]) == {"key", "value", "purpose"}
    await client("RESET")
    assert (await client("HELP STOP"))[0]["statement"].startswith("STOP JOB")


async def test_every_statement_on_flink(database: Database, fake_flink: FakeFlink, tmp_path: Path):
    properties = {
        "tailrace.engine": "flink",
        "tailrace.flink.url": fake_flink.url,
        "tailrace.flink.gateway": fake_flink.url,
        "state.savepoints.dir": f"file://{tmp_path}/savepoints",
    }
    async with served(database.dsn) as server, dbapi(server.url, properties) as client:
        await client("CREATE TABLE s (a INT) WITH ('connector' = 'datagen')")
        await client("CREATE TABLE t (a INT) WITH ('connector' = 'blackhole')")
        await client("CREATE JOB copy AS INSERT INTO t SELECT a FROM s")
        assert await names_of(client) == {"copy"}
        assert await names_of(client, "SHOW JOBS EXTENDED") == {"copy"}
        assert (await client("DESCRIBE JOB 'copy'"))[0]["engine"] == "flink"
        (made,) = await client("CREATE SAVEPOINT FOR JOB 'copy'")
        (stopped,) = await client("STOP JOB 'copy' WITH SAVEPOINT")
        await client(f"START JOB 'copy' FROM SAVEPOINT '{made['savepoint path']}'")
        listed = {row["savepoint path"] for row in await client("SHOW SAVEPOINTS FOR JOB 'copy'")}
        assert listed == {made["savepoint path"], stopped["savepoint path"]}
        await client("SHOW CHECKPOINTS FOR JOB 'copy'")
        await client(f"DROP SAVEPOINT '{stopped['savepoint path']}'")
        assert await client("DROP SAVEPOINTS FOR JOB 'copy' KEEP LAST 1") == []
        assert await client("SHOW JOBTREE 'copy'")
        assert await client("SHOW JOBTREES")
        assert await client("SHOW ANCESTORS 'copy'")
        await client("SHOW NODES")
        await client("SHOW QUEUES")
        await client("SHOW CONSUMERS")
        await client("SET 'table.exec.resource.default-parallelism' = '1'")
        await client("RESET 'table.exec.resource.default-parallelism'")
        await client("HELP")
        assert await client("SELECT 1") == [{"EXPR$0": 1}]
        await client("STOP JOB 'copy'")
        await client("DROP SAVEPOINT ALL")
        await client("DROP JOB 'copy'")
        assert await client("SHOW JOBS") == []
    assert unused(client.statements) == []


async def test_what_holds_for_sessions_of_ours_holds_for_it(
    database: Database, fake_flink: FakeFlink
):
    properties = {
        "tailrace.engine": "flink",
        "tailrace.flink.url": fake_flink.url,
        "tailrace.flink.gateway": fake_flink.url,
    }
    async with served(database.dsn) as server:
        async with dbapi(server.url, properties) as client:
            await whole_life(
                client, "CREATE JOB life AS INSERT INTO sink SELECT a, count(*) FROM src GROUP BY a"
            )
        assert len(server.sessions) == 0


def unused(statements: list[str]) -> list[str]:
    """Lines of HELP of which no statement was run."""
    text = "\n".join(statements)
    missing = []
    for entry in ENTRIES:
        words = re.split(r" \[| '| <", entry.syntax)[0].strip("[]")
        if not re.search(rf"^{words}\b", text, re.MULTILINE):
            missing.append(entry.syntax)
    return missing
