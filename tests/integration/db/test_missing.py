"""Schemas that are not there are told from statements that name what never was."""

from __future__ import annotations

import pytest

from tailrace.db.callers import ask, connect
from tailrace.db.connection import Database
from tailrace.db.queries import Query, load
from tailrace.errors import DatabaseError, SchemaMissing
from tailrace.gateway.sessions import Session

ours = load("tailrace")

MISTYPED = [
    ("select * from tailrace.jobz", 'relation "tailrace.jobz" does not exist'),
    ("select pgq.create_queue(1)", "function pgq.create_queue(integer) does not exist"),
    ("select * from pgq", 'relation "pgq" does not exist'),
    ("call tailrace.stop_jobs('x')", "procedure tailrace.stop_jobs(unknown) does not exist"),
]


@pytest.mark.parametrize(("text", "said"), MISTYPED)
async def test_mistyped_statement_of_the_user_is_told_in_the_words_of_postgresql(
    database: Database, text: str, said: str
):
    async with Session(database.dsn) as session:
        with pytest.raises(DatabaseError) as caught:
            await session.pass_through(text)
    assert type(caught.value) is DatabaseError
    assert caught.value.message == f'database "{database.dbname}": {said}'
    assert "install" not in (caught.value.hint or "")


async def test_statement_of_the_user_in_a_database_without_schemas_keeps_its_error(
    empty_database: Database,
):
    async with Session(empty_database.dsn) as session:
        with pytest.raises(DatabaseError, match=r'schema "pgq" does not exist; .*tailrace install'):
            await session.pass_through("select pgq.version()")
        with pytest.raises(DatabaseError, match=r'relation "tailrace.jobs" does not exist$'):
            await session.pass_through("table tailrace.jobs")


async def test_statement_of_ours_that_misses_our_schemas_says_how_to_install(
    empty_database: Database,
):
    with pytest.raises(SchemaMissing, match=r"tailrace\.\w+ is missing; .*: tailrace install"):
        await empty_database.fetch_all(ours.jobs)
    with connect(empty_database.dsn, name="test") as conn:
        with pytest.raises(SchemaMissing, match="tailrace install"):
            ask(conn, ours.jobs)


async def test_trigger_of_the_user_that_misses_something_is_told_in_the_words_of_postgresql(
    database: Database,
):
    await database.execute("""
        create table public.t (id int);
        create function public.note() returns trigger language plpgsql as $$
        begin
            perform pgq.insert_evnt('orders', 'x', 'y');
            return new;
        end $$;
        create trigger note before insert on public.t for each row execute function public.note();
    """)
    with pytest.raises(DatabaseError, match=r"function pgq.insert_evnt.* does not exist") as caught:
        await database.execute(Query("write", "insert into public.t values (1)"))
    assert type(caught.value) is DatabaseError
