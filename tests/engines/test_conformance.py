"""The same statements on every engine; the real Flink is in ``tests/engines/real``."""

from __future__ import annotations

from pathlib import Path

from fixtures.cascade import QUEUE, Cascade, running
from fixtures.cascade import cascade as cascade
from fixtures.conformance import whole_life
from fixtures.flink_session import Sql
from tailrace.gateway.sessions import Session

TABLES = (
    "create table public.orders (id int primary key, day date);"
    "create table public.busy (day date primary key, n bigint)"
)
POSTGRES = (
    "CREATE JOB life AS $$ insert into public.busy as b (day, n)"
    " select o.day, sum(o._weight) from changes.orders o group by o.day"
    " on conflict (day) do update set n = b.n + excluded.n $$"
)
FLINK = "CREATE JOB life AS INSERT INTO sink SELECT a, count(*) FROM src GROUP BY a"


async def test_postgres(cascade: Cascade, tmp_path: Path):
    root = await cascade.root()
    await root.db.execute(TABLES)
    await root.db.execute(f"select tailrace.add_table('{QUEUE}', 'orders')")
    async with running(root), Session(root.dsn) as session:
        sql = Sql(session)
        await sql(f"SET 'state.savepoints.dir' = '{tmp_path}'")
        await whole_life(sql, POSTGRES)


async def test_flink_as_recorded(fake_sql: Sql):
    await whole_life(fake_sql, FLINK)
