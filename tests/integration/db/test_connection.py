"""Database: statements, transactions, COPY, errors."""

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from fixtures.waiting import eventually
from tailrace.db import schema
from tailrace.db.connection import Database
from tailrace.db.dsn import display
from tailrace.db.queries import Query
from tailrace.errors import (
    ConfigError,
    ConnectError,
    ConnectionLost,
    DatabaseError,
    NotFound,
    TailraceError,
)
from tailrace.service import background


async def test_each_statement_is_its_own_transaction(empty_database, connect):
    await empty_database.execute("create table public.t (n integer)")
    await empty_database.execute("insert into public.t values (1)")
    other = await connect(empty_database)
    assert await other.fetch_value("select n from public.t") == 1


async def test_block_is_one_transaction_and_an_error_rolls_it_back(empty_database):
    await empty_database.execute("create table public.t (n integer)")
    with pytest.raises(DatabaseError, match="division by zero"):
        async with empty_database.transaction():
            await empty_database.execute("insert into public.t values (1)")
            await empty_database.execute("select 1/0")
    assert await empty_database.fetch_value("select count(*) from public.t") == 0
    assert not empty_database.in_transaction


async def test_block_that_begins_with_questions_is_one_transaction(empty_database, connect):
    db = empty_database
    await db.execute("create table public.t (n integer primary key)")
    one, two = Query("one", "select %(n)s::integer as n"), Query("two", "select 1 / %(n)s as n")
    write = Query("write", "insert into public.t values (%(n)s) returning n")
    async with db.transaction_asking((one, {"n": 7}), (write, {"n": 1})) as ([a], [b]):
        assert (a.n, b.n) == (7, 1)
        assert db.in_transaction
        other = await connect(db)
        assert await other.fetch_value("select count(*) from public.t") == 0
        with pytest.raises(DatabaseError):
            async with db.transaction():
                await db.execute("insert into public.t values (1)")
    assert await other.fetch_value("select count(*) from public.t") == 1
    for number, divisor in ((2, 0), (3, 1)):  # fails where it begins; fails in the block
        questions = (write, {"n": number}), (two, {"n": divisor})
        with pytest.raises(DatabaseError, match="division by zero"):
            async with db.transaction_asking(*questions):
                await db.execute("select 1/0")
        assert not db.in_transaction
    assert await db.fetch_value("select count(*) from public.t") == 1


async def test_inner_block_is_a_subtransaction(empty_database):
    await empty_database.execute("create table public.t (n integer)")
    async with empty_database.transaction():
        await empty_database.execute("insert into public.t values (1)")
        with pytest.raises(DatabaseError):
            async with empty_database.transaction():
                await empty_database.execute("insert into public.t values (2)")
                await empty_database.execute("select 1/0")
    rows = await empty_database.fetch_all("select n from public.t")
    assert [row.n for row in rows] == [1]


async def test_isolation_is_that_of_the_one_transaction(empty_database):
    show = "show transaction_isolation"
    async with empty_database.transaction("repeatable read", read_only=True):
        assert await empty_database.fetch_value(show) == "repeatable read"
        assert await empty_database.fetch_value("show transaction_read_only") == "on"
    async with empty_database.transaction():
        assert await empty_database.fetch_value(show) == "read committed"
        assert await empty_database.fetch_value("show transaction_read_only") == "off"


async def test_session_is_pinned_whatever_the_database_says(empty_database, connect):
    for setting in ("DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Tokyo'", "lock_timeout = '1s'"):
        await empty_database.execute(f'alter database "{empty_database.dbname}" set {setting}')
    db = await connect(empty_database)
    shown = [
        await db.fetch_value(f"show {name}")
        for name in ("datestyle", "timezone", "lock_timeout", "search_path", "client_encoding")
    ]
    assert shown == ["ISO, MDY", "UTC", "0", "", "UTF8"]


async def test_replica_session_fires_no_triggers(empty_database, connect):
    db = await connect(empty_database, replica=True)
    assert await db.fetch_value("show session_replication_role") == "replica"


async def test_role_without_rights_is_told_what_to_grant(empty_database, server):
    server.admin("create role plain login")
    try:
        what = "docs/howto/rights.md" if server.version < 150000 else "grant set on parameter"
        with pytest.raises(ConnectError, match=what) as caught:
            await Database.connect(_as_user(empty_database, "plain"), name="test", replica=True)
        assert not caught.value.retryable
    finally:
        server.admin("drop role plain")


async def test_role_that_is_given_the_right_as_documented_may_apply(database, server):
    """On PostgreSQL 14 a superuser lends it by a function, since the right does not exist there."""
    page = (Path(__file__).parents[3] / "docs/howto/rights.md").read_text()
    lending = "".join(line for line in page.splitlines(True) if line.startswith("    "))
    granting = "grant set on parameter session_replication_role to ROLE"
    assert granting in page
    old = server.version < 150000
    server.admin("create role plain login")
    try:
        await database.execute("grant pgq_admin to plain")
        await database.execute((lending if old else granting).replace("ROLE", "plain"))
        plain = _as_user(database, "plain")
        async with await Database.connect(plain, name="test", replica=True) as db:
            assert await db.fetch_value("show session_replication_role") == "replica"
            assert await schema.may_apply(db)
    finally:
        await database.execute("drop owned by plain; drop role plain")


def _as_user(db: Database, user: str) -> str:
    """The tests' server asks for a password; a role without one logs in as nobody would: by SET."""
    return f"{db.dsn}&options=-c%20role%3D{user}"


def test_shown_connection_string_can_be_typed():
    dsn = "host=h dbname='two \\'words\\' \\\\' user=me password=geheim"
    shown = display(dsn)
    assert shown == "host=h dbname='two \\'words\\' \\\\' user=me"
    assert display(shown) == shown


async def test_copy_in_and_out_carry_bytes(empty_database):
    await empty_database.execute("create table public.t (n integer, s text)")
    async with empty_database.copy_in("copy public.t from stdin (format csv)") as copy:
        await copy.write(b"1,a\n2,")
        await copy.write(b'"b,c"\n')
    assert copy.rowcount == 2
    out = "copy (select * from public.t order by n) to stdout (format csv)"
    assert b"".join([bytes(m) async for m in empty_database.copy_out(out)]) == b'1,a\n2,"b,c"\n'


async def test_copy_in_left_with_an_error_writes_nothing(empty_database):
    await empty_database.execute("create table public.t (n integer)")
    with pytest.raises(KeyError):
        async with empty_database.copy_in("copy public.t from stdin") as copy:
            await copy.write(b"1\n")
            raise KeyError
    assert await empty_database.fetch_value("select count(*) from public.t") == 0


async def test_own_sqlstate_becomes_its_class_with_the_hint(empty_database):
    with pytest.raises(NotFound) as caught:
        await empty_database.execute(
            "do $$ begin raise 'queue \"x\" does not exist' "
            "using errcode = 'TR004', hint = 'create it'; end $$"
        )
    assert str(caught.value) == 'queue "x" does not exist; create it'
    assert caught.value.sqlstate == "TR004"


async def test_terminated_backend_is_a_lost_connection_worth_retrying(empty_database, connect):
    victim = await connect(empty_database)
    await empty_database.fetch_value("select pg_terminate_backend(%s, 5000)", victim.backend_pid)
    with pytest.raises(ConnectionLost) as caught:
        await victim.fetch_value("select 1")
    assert caught.value.retryable
    assert victim.closed


async def test_cut_during_commit_is_a_lost_connection(empty_database, proxy, connect):
    await empty_database.execute("create table public.t (n integer)")
    middle = await proxy(empty_database.dsn)
    db = await connect(middle.dsn)
    middle.cut_after_sent(b"COMMIT")
    with pytest.raises(ConnectionLost):
        async with db.transaction():
            await db.execute("insert into public.t values (1)")
    assert await empty_database.fetch_value("select count(*) from public.t") == 1


async def test_unreachable_server_is_one_line_without_the_password():
    with pytest.raises(ConnectError) as caught:
        await Database.connect("postgresql://u:geheim@127.0.0.1:1/db", name="test")
    text = str(caught.value)
    assert "cannot connect to host=127.0.0.1 port=1 dbname=db user=u: Connection refused" in text
    assert "geheim" not in text
    assert "\n" not in text


async def test_wrong_password_is_not_worth_retrying(server):
    with pytest.raises(ConnectError, match="password authentication failed") as caught:
        await Database.connect(f"{server.dsn('postgres')}&password=geheim", name="test")
    assert not caught.value.retryable
    assert "geheim" not in str(caught.value)


async def test_missing_database_is_not_worth_retrying(server):
    with pytest.raises(ConnectError, match='database "nowhere" does not exist') as caught:
        await Database.connect(server.dsn("nowhere"), name="test")
    assert not caught.value.retryable


async def test_deaf_server_is_given_up_in_time(empty_database, proxy):
    middle = await proxy(empty_database.dsn)
    middle.deafen()
    with pytest.raises(TailraceError, match="timeout"):
        await Database.connect(middle.dsn, name="test", connect_timeout=2)


async def test_unreadable_connection_string_is_not_repeated():
    with pytest.raises(ConfigError) as caught:
        display("host=a passwort geheim")
    assert "geheim" not in str(caught.value)


async def test_notifications_are_heard_and_silence_ends_in_time(empty_database, connect):
    ears = await connect(empty_database)
    await ears.listen()
    await empty_database.execute("select pg_notify('tailrace_tick', 'orders')")
    heard = await ears.notifications(timeout=10)
    assert [(one.channel, one.payload) for one in heard] == [("tailrace_tick", "orders")]
    assert await ears.notifications(timeout=0.01) == []


async def test_cancel_ends_the_running_statement(empty_database):
    async with background(empty_database.execute("select pg_sleep(60)"), name="slow") as task:
        with pytest.raises(DatabaseError, match="cancel") as caught:
            while not task.done():
                await empty_database.cancel()
                await asyncio.wait([task], timeout=0.05)
            await task
    assert caught.value.retryable


async def test_statement_whose_request_to_be_cancelled_overtook_it_is_given_up(
    empty_database, connect
):
    """The server forgets such a request: it had nothing to end when it came."""
    holder = await connect(empty_database)
    await holder.execute("select pg_advisory_lock(7)")
    server = empty_database.backend_pid
    os.kill(server, signal.SIGSTOP)
    try:
        waiting = empty_database.run("select pg_advisory_xact_lock(7)")
        async with background(waiting, name="waiting") as task:
            await asyncio.sleep(0)  # it begins
            task.cancel()
            await eventually(lambda: _has_pending(server, signal.SIGINT))
            os.kill(server, signal.SIGCONT)
            with pytest.raises(asyncio.CancelledError):
                await task
    finally:
        os.kill(server, signal.SIGCONT)
    locks = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    assert await holder.fetch_value(locks) == 0
    assert await empty_database.fetch_value("select 1") == 1


def _has_pending(pid: int, number: signal.Signals) -> bool:
    """Whether a signal waits for a frozen process."""
    status = Path(f"/proc/{pid}/status").read_text()
    pending = re.search(r"^ShdPnd:\s*(\w+)", status, re.MULTILINE)
    return pending is not None and bool(int(pending[1], 16) >> (number - 1) & 1)
