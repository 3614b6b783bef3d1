"""Beside the original extension ``pgq``: a cascade on its queues, with its functions."""

from __future__ import annotations

from fixtures.command import Tailrace
from fixtures.peers import PeerDatabase
from fixtures.process import StartProcess
from fixtures.waiting import eventually
from tailrace.db.connection import Database


async def rows(db: Database) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await db.fetch_all("select id, v from public.t order by id")]


async def test_cascade_rests_on_the_queues_of_the_extension(
    peer_database: PeerDatabase, tailrace: Tailrace, process: StartProcess
):
    names = ("root", "mid", "low")
    nodes = {name: await peer_database(["pgq"], name) for name in names}
    at = {name: ("--queue", "q", "--db", nodes[name].dsn) for name in names}
    for name in names:
        await tailrace("install", "--use-extension", "--db", nodes[name].dsn)
    await tailrace("create-root", "root", *at["root"])
    await tailrace("create-branch", "mid", "--provider", nodes["root"].dsn, *at["mid"])
    await tailrace("create-leaf", "low", "--provider", nodes["mid"].dsn, *at["low"])
    await nodes["root"].execute(
        "create table public.t (id integer primary key, v text);"
        "insert into public.t select i, 'old' from generate_series(1, 100) as i"
    )
    await tailrace("add-table", "t", *at["root"])
    await process("run", *(word for db in nodes.values() for word in ("--db", db.dsn)))
    for name in ("mid", "low"):
        await tailrace("add-table", "t", "--create", "--wait-sync", "--timeout", "40", *at[name])
    await nodes["root"].execute(
        "update public.t set v = 'new' where id <= 50; delete from public.t where id > 90;"
        "insert into public.t values (1000, 'here')"
    )
    await tailrace("takeover", "root", "--timeout", "40", *at["mid"])
    await nodes["mid"].execute("insert into public.t values (1001, 'there')")

    async def equal() -> bool:
        wanted = await rows(nodes["mid"])
        return all([await rows(nodes[name]) == wanted for name in ("root", "low")])

    await eventually(equal, within=20)
    assert len(await rows(nodes["low"])) == 92
    for name in names:
        extension = "select count(*) from pg_extension where extname = 'pgq'"
        assert await nodes[name].fetch_value(extension) == 1
        await tailrace("doctor", *at[name])


async def test_ticks_of_the_extension_notify(peer_database: PeerDatabase, tailrace: Tailrace):
    db = await peer_database(["pgq"])
    await tailrace("install", "--use-extension", "--db", db.dsn)
    await db.execute("select pgq.create_queue('q')")
    await db.listen()
    await db.execute("select pgq.ticker('q')")
    heard = await db.notifications(timeout=10)
    assert [one.payload for one in heard] == ["q"]
    await tailrace("uninstall", "--yes", "--db", db.dsn)
    await db.execute("select pgq.insert_event('q', 't', 'd'), pgq.ticker('q')")
