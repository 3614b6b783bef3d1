"""The examples of docs/howto/sql-jobs.md, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

from fixtures.sqljobs import make_job, rows, run_job
from tailrace.db.connection import Database
from tailrace.statements.model import CreateJob
from tailrace.statements.parser import parse
from tailrace.statements.split import split

HOWTO = Path(__file__).parents[3] / "docs/howto/sql-jobs.md"
TABLES = """
    create table public.orders (id int primary key, day date, amount numeric, state text);
    create table public.open_orders (id int primary key, state text, amount numeric)
"""


def _examples() -> str:
    """All indented lines."""
    lines = HOWTO.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if re.match(" {4}", line))


async def test_examples_keep_what_they_say(database: Database):
    db = database
    await db.execute(TABLES)
    names = []
    for piece in split(_examples()):
        statement = parse(piece)
        if isinstance(statement, CreateJob):
            names.append(statement.name)
            await make_job(db, statement.name, statement.body, dict(statement.options))
        else:
            await db.execute(f"set search_path = public; {piece.text}; set search_path = ''")
    assert names == ["revenue", "open_orders", "log"]
    for change in (
        "insert into public.orders select n, date '2026-01-01' + n % 3, n,"
        " case when n % 2 = 0 then 'open' else 'paid' end from generate_series(1, 30) n",
        "update public.orders set amount = null, day = day + 1 where id % 5 = 0",
        "update public.orders set state = case state when 'open' then 'paid' else 'open' end"
        " where id % 3 = 0",
        "update public.orders set id = id + 100, amount = 1 where id < 6",
        "delete from public.orders where day = '2026-01-02'",
    ):
        await db.execute(change)
        await run_job(db, *names)
        assert await rows(db, "select * from public.revenue") == await rows(
            db, "select day, count(*), coalesce(sum(amount), 0) from public.orders group by day"
        )
        assert await rows(db, "select * from public.open_orders") == await rows(
            db, "select id, state, amount from public.orders where state = 'open'"
        )
        assert await rows(
            db, "select id, amount from public.order_log group by 1, 2 having sum(_weight) <> 0"
        ) == await rows(db, "select id, amount from public.orders")
