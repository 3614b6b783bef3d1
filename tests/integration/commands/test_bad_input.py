"""What cannot work is told in one line that names the thing, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.command import Tailrace
from fixtures.databases import NewDatabase
from fixtures.server import Server
from tailrace.db.dsn import parameters

SECRET = "verysecret"


async def test_unreachable_database(tailrace: Tailrace):
    dsn = f"host=127.0.0.1 port=1 dbname=shop user=me password={SECRET}"
    result = await tailrace("status", "--db", dsn, status=1)
    assert "cannot connect to host=127.0.0.1 port=1 dbname=shop user=me" in result.complaint
    assert SECRET not in result.err + result.out


async def test_wrong_password(tailrace: Tailrace, new_database: NewDatabase):
    db = await new_database()
    await db.execute(f"create role {db.dbname}_guest login password 'right'")
    where = f"host=127.0.0.1 port={parameters(db.dsn)['port']} dbname={db.dbname}"
    dsn = f"{where} user={db.dbname}_guest password={SECRET}"
    try:
        result = await tailrace("members", "--db", dsn, status=1)
    finally:
        await db.execute(f"drop role {db.dbname}_guest")
    assert "password authentication failed" in result.complaint
    assert SECRET not in result.err + result.out


async def test_missing_database(tailrace: Tailrace, server: Server):
    result = await tailrace("status", "--db", server.dsn("nowhere"), status=1)
    assert 'database "nowhere" does not exist' in result.complaint


@pytest.mark.parametrize(
    "words",
    [["status"], ["members"], ["tables"], ["add-table", "t"], ["queues"], ["stop-job", "j"]],
)
async def test_database_without_the_schemas(
    words: list[str], tailrace: Tailrace, new_database: NewDatabase
):
    db = await new_database(installed=False)
    result = await tailrace(*words, "--db", db.dsn, status=1)
    assert "tailrace install --db DSN" in result.complaint
    assert f'database "{db.dbname}" does not hold the schemas of tailrace' in result.complaint


async def test_run_on_a_database_without_the_schemas(
    tailrace: Tailrace, new_database: NewDatabase, process
):
    db = await new_database(installed=False)
    run = await process("run", "--until-idle", "--db", db.dsn)
    assert await run.wait() == 1
    assert "tailrace install --db DSN" in run.err
    assert "Traceback" not in run.err


async def test_database_that_is_no_node(tailrace: Tailrace, new_database: NewDatabase):
    db = await new_database()
    result = await tailrace("status", "--db", db.dsn, status=1)
    assert "tailrace create-root" in result.complaint


async def test_unknown_queue_names_the_known_ones(pair):
    result = await pair.at("up", "status", "--queue", "nix", status=1)
    assert '"nix"' in result.complaint
    assert "it is one of: shop" in result.complaint


async def test_several_queues_have_to_be_told_apart(pair):
    await pair.at("up", "create-root", "second", "--queue", "other")
    result = await pair.at("up", "members", status=2)
    assert "other, shop" in result.complaint
    assert "--queue" in result.complaint


async def test_unknown_node(pair):
    for words in (["drop-node", "nix"], ["pause", "--node", "nix"]):
        result = await pair.at("up", *words, status=1)
        assert 'there is no node "nix" in queue "shop"; its nodes: down, up' in result.complaint


async def test_duplicate_node_name(pair, new_database: NewDatabase, tailrace: Tailrace):
    db = await new_database(installed=False)
    before = await pair.contents()
    result = await tailrace(
        "create-leaf", "down", "--queue", "shop", "--db", db.dsn, "--provider", pair["up"].dsn,
        status=1,
    )  # fmt: skip
    assert 'node "down" already exists in queue "shop"' in result.complaint
    assert await pair.contents() == before
    assert await db.fetch_value("select to_regnamespace('pgq')") is None


async def test_provider_that_is_a_leaf(pair, new_database: NewDatabase, tailrace: Tailrace):
    db = await new_database(installed=False)
    before = await pair.contents()
    result = await tailrace(
        "create-branch", "x", "--queue", "shop", "--db", db.dsn, "--provider", pair["down"].dsn,
        status=1,
    )  # fmt: skip
    assert 'node "down" is a leaf and cannot be a provider' in result.complaint
    assert await pair.contents() == before
    assert await db.fetch_value("select to_regnamespace('pgq')") is None


async def test_provider_that_knows_another_queue_only(
    pair, new_database: NewDatabase, tailrace: Tailrace
):
    db = await new_database()
    result = await tailrace(
        "create-leaf", "x", "--queue", "nix", "--db", db.dsn, "--provider", pair["up"].dsn,
        status=1,
    )  # fmt: skip
    assert f'database "{pair["up"].dbname}" is no node of queue "nix"' in result.complaint


async def test_unreachable_provider_leaves_no_schemas_behind(
    new_database: NewDatabase, tailrace: Tailrace
):
    db = await new_database(installed=False)
    result = await tailrace(
        "create-leaf", "x", "--queue", "q", "--db", db.dsn,
        "--provider", f"host=127.0.0.1 port=1 dbname=x password={SECRET}",
        status=1,
    )  # fmt: skip
    assert "cannot connect to host=127.0.0.1 port=1 dbname=x" in result.complaint
    assert SECRET not in result.err
    assert await db.fetch_value("select to_regnamespace('pgq')") is None


async def test_merging_into_what_is_no_queue_leaves_no_schemas_behind(
    pair, new_database: NewDatabase, tailrace: Tailrace
):
    db = await new_database(installed=False)
    result = await tailrace(
        "create-leaf", "x", "--queue", "shop", "--db", db.dsn,
        "--provider", pair["up"].dsn, "--merge", "nix",
        status=1,
    )  # fmt: skip
    assert 'cannot be merged into queue "nix"' in result.complaint
    assert await db.fetch_value("select to_regnamespace('pgq')") is None


async def test_database_that_is_another_node_already(pair, tailrace: Tailrace):
    before = await pair.contents()
    result = await pair.at("up", "create-root", "elsewhere", "--queue", "shop", status=1)
    assert 'is already node "up" (root) of queue "shop"' in result.complaint
    assert await pair.contents() == before


@pytest.mark.parametrize("name", ["a,b", " a", ""])
async def test_impossible_node_name(name: str, tailrace: Tailrace, new_database: NewDatabase):
    db = await new_database(installed=False)
    result = await tailrace("create-root", name, "--queue", "q", "--db", db.dsn, status=2)
    assert len(result.err.splitlines()) == 1
    assert await db.fetch_value("select to_regnamespace('pgq')") is None


async def test_missing_table(pair):
    before = await pair.contents()
    result = await pair.at("up", "add-table", "nix", status=1)
    assert 'table "public.nix" does not exist' in result.complaint
    result = await pair.at("down", "add-table", "nix", status=1)
    assert 'provider "up" of queue "shop" does not replicate table "public.nix"' in result.complaint
    assert await pair.contents() == before


async def test_table_without_a_key_keeps_the_others_out_too(pair):
    await pair["up"].execute("create table public.good (id integer primary key)")
    await pair["up"].execute("create table public.bare (id integer)")
    before = await pair.contents()
    result = await pair.at("up", "add-table", "good", "bare", status=1)
    assert 'table "public.bare" has no primary key' in result.complaint
    assert await pair.contents() == before
    triggers = "select tgname from pg_trigger where tgrelid = 'public.good'::regclass"
    assert await pair["up"].fetch_all(triggers) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["status", "--format", "yaml"], "yaml"),
        (["status", "--deadline", "soon"], "soon"),
        (["status", "--nix"], "--nix"),
        (["compare", "--timeout", "-1"], "-1"),
        (["pause", "--timeout", "x"], "x"),
        (["create-root"], "name of the node"),
        (["add-table"], "name at least one table"),
        (["add-table", "t", "--all"], "not both"),
        (["add-table", "a", "b", "--dest-table", "c"], "single table"),
        (["remove-table"], "TABLE"),
        (["sttus"], "did you mean status?"),
        (["run", "-d", "-s"], "exclude each other"),
    ],
)
async def test_bad_option_values(words: list[str], told: str, tailrace: Tailrace):
    """Told before anything is connected to: nobody listens on that port."""
    result = await tailrace(*words, "--db", "host=127.0.0.1 port=1 dbname=x", status=2)
    assert told in result.complaint


@pytest.mark.parametrize("dsn", ["nonsense", "host=", "postgresql://[", "port=abc dbname=x"])
async def test_connection_string_that_is_none(dsn: str, tailrace: Tailrace):
    result = await tailrace("status", "--db", dsn, status=None)
    assert result.status in (1, 2)
    assert len(result.err.splitlines()) == 1


async def test_connection_string_that_cannot_be_read_is_told_with_its_place(
    tailrace: Tailrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    broken = f"foo {SECRET}="
    file = tmp_path / "x.toml"
    file.write_text(f'db = "{broken}"\n')
    create = ("create-leaf", "a", "--queue", "q", "--provider")
    for words, place in (
        (("status", "--db", broken), "the connection string of flag --db cannot be read"),
        (("status", "-c", str(file)), f"the connection string of {file} cannot be read"),
        (("run", "--db", "dbname=x", "--db", broken), "connection string 2 of 2 cannot be read"),
        ((*create, "dbname=x", broken), 'the location of node "a" cannot be read'),
        ((*create, broken, "dbname=x"), "the connection string of the provider cannot be read"),
    ):
        result = await tailrace(*words, status=2)
        assert f'tailrace: {place}; write "host=… port=…' in result.complaint
        assert SECRET not in result.err
    monkeypatch.setenv("TAILRACE_DB", broken)
    result = await tailrace("status", status=2)
    assert "of environment TAILRACE_DB cannot be read" in result.complaint
    result = await tailrace("status", "--db", "host=127.0.0.1 port=abc", status=1)
    assert 'host=127.0.0.1 port=abc: invalid integer value "abc"' in result.complaint


async def test_command_without_a_database(tailrace: Tailrace):
    for words in (["status"], ["run"], ["create-root", "a", "--queue", "q"]):
        result = await tailrace(*words, status=2)
        assert "needs a database: --db DSN" in result.complaint
