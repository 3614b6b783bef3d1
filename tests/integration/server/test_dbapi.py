"""Somebody else's client runs every statement: the DB-API driver of py-flink-sql-gateway."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import flink_gateway
import pytest

from fixtures.cascade import QUEUE, Cascade, running
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


class Client:
    """A program that knows nothing of us; it works in a thread, since the driver blocks."""

    def __init__(self, url: str, properties: dict[str, str]) -> None:
        self._connection = flink_gateway.connect(url, properties=properties)
        self.statements: list[str] = []

    async def __call__(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement and return its rows."""
        self.statements.append(statement)
        return await asyncio.to_thread(self._run, statement)

    def _run(self, statement: str) -> list[dict[str, Any]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            names = [one[0] for one in cursor.description or ()]
            # What says nothing but OK has, to this driver, no rows.
            if cursor._rows_iterator is None:
                return []
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    async def close(self) -> None:
        """End the session."""
        await asyncio.to_thread(self._connection.close)


def is_there(path: str) -> bool:
    return Path(path, "_metadata").exists()


async def names_of(client: Client, statement: str = "SHOW JOBS") -> set[str]:
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

    async with running(root, leaf), served(root.dsn) as server:
        properties = {"state.savepoints.dir": str(tmp_path / "savepoints")}
        client = await asyncio.to_thread(Client, server.url, properties)
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
        with pytest.raises(flink_gateway.FlinkSqlGatewayError, match='there is no job "revenue"'):
            await client("STOP JOB 'revenue'")
        await client.close()
        assert len(server.sessions) == 0
    assert unused(client.statements) == []


async def look_around(client: Client) -> None:
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
    async with served(database.dsn) as server:
        client = await asyncio.to_thread(Client, server.url, properties)
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
        await client.close()
    assert unused(client.statements) == []


def unused(statements: list[str]) -> list[str]:
    """Lines of HELP of which no statement was run."""
    text = "\n".join(statements)
    missing = []
    for entry in ENTRIES:
        words = re.split(r" \[| '| <", entry.syntax)[0].strip("[]")
        if not re.search(rf"^{words}\b", text, re.MULTILINE):
            missing.append(entry.syntax)
    return missing
