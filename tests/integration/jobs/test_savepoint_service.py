"""What the service that writes and removes savepoints says while it is at it."""

from __future__ import annotations

from pathlib import Path

from fixtures.cascade import Cascade, TestNode
from fixtures.command import Tailrace
from fixtures.databases import Connect
from fixtures.savepoints import Sql
from tailrace.db import locks
from tailrace.jobs.savepoints.service import Savepoints


async def one_pass(node: TestNode) -> bool:
    """What one pass of the service has done; its connection is closed."""
    service = Savepoints(node.dsn)
    try:
        return await service.run_once()
    finally:
        service.request_stop()
        await service.run()


async def test_what_somebody_else_is_removing_is_no_trouble(
    cascade: Cascade, tailrace: Tailrace, connect: Connect, tmp_path: Path, caplog
):
    """The statement that asked for it removes it as well, if it comes first."""
    root = await cascade.root()
    sql = Sql(tailrace, root, tmp_path)
    await sql(
        "create table t (id integer primary key); create table u (id integer)",
        "CREATE JOB copying AS INSERT INTO u SELECT id FROM changes.t",
        "STOP JOB 'copying'",
    )
    path = await sql.savepoint("copying")
    (dropped,) = await root.db.fetch_all(f"select * from tailrace.request_drop_savepoint('{path}')")
    other = await connect(root.db)
    async with locks.held(other, f"savepoint {dropped.savepoint_id}") as got:
        assert got
        await locks.mark(other)
        assert not await one_pass(root)
    assert "cannot be removed" not in caplog.text
    kept = "select count(*) from tailrace.savepoints"
    assert await root.db.fetch_value(kept) == 1
    assert await one_pass(root)
    assert await root.db.fetch_value(kept) == 0
