"""create-root, create-branch, create-leaf: acceptance D-01 to D-03 and D-24, and interruptions."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from fixtures.command import Tailrace
from fixtures.databases import NewDatabase
from fixtures.process import StartProcess
from fixtures.waiting import eventually
from integration.commands.conftest import contents
from tailrace.db.connection import Database

D0 = {"node1": None, "node2": "node1", "node3": "node1", "node4": "node2", "node5": "node3"}
SYNC = dict.fromkeys(("node4", "node5"), ("node4", "node5"))
ATTRIBUTES = "select node_attrs from pgq_node.node_info"


async def locations(db: Database) -> list[str]:
    rows = await db.fetch_all("select node_name from pgq_node.node_location order by 1")
    return [row.node_name for row in rows]


async def test_seed_scenario_as_it_is_typed(new_cascade):
    seed = await new_cascade(D0, sync=SYNC, typed=True)
    for name in ("node1", "node2", "node3"):
        assert await seed[name].fetch_value(ATTRIBUTES) is None
    for name in ("node4", "node5"):
        stored = parse_qs(await seed[name].fetch_value(ATTRIBUTES))
        assert stored == {"sync_watermark": ["node4,node5"]}
    members = (await seed.at("node1", "members", "--format", "json")).json
    assert [(row["node"], row["dead"]) for row in members] == [(name, False) for name in D0]


async def test_creation_installs_missing_schemas(new_cascade):
    cascade = await new_cascade({"a": None, "b": "a"}, installed=False, typed=True)
    assert await cascade["b"].fetch_value("select pgq.version()") == "3.5"


async def test_the_location_is_the_database_where_none_is_set(
    tailrace: Tailrace, new_database: NewDatabase
):
    db = await new_database()
    await tailrace("create-root", "a", db.dsn, "--queue", "q")
    assert await locations(db) == ["a"]
    other = await new_database()
    await tailrace("create-leaf", "b", other.dsn, "--queue", "q", "--provider", db.dsn)
    assert await locations(other) == ["a", "b"]


async def test_queue_ticks_within_milliseconds_on_root_and_branch(new_cascade):
    cascade = await new_cascade({"a": None, "b": "a"})
    for db in cascade.nodes.values():
        row = await db.fetch_one(
            "select queue_ticker_max_lag::text, queue_ticker_max_count,"
            " queue_ticker_idle_period::text from pgq.queue"
        )
        assert tuple(row) == ("00:00:00.02", 20000, "00:00:05")


async def test_repeating_a_creation_changes_nothing(seed):
    before = await seed.contents()
    stored = await seed["node4"].fetch_value(ATTRIBUTES)
    options = ["--sync-watermark=node5,node4", "--worker=node4_worker"]
    options += ["--provider", seed["node2"].dsn]
    for words in ([seed["node4"].dsn, *options], options):
        result = await seed.at("node4", "create-branch", "node4", "--queue", "shop", *words)
        assert 'node "node4" is already a branch' in result.err
    result = await seed.at("node1", "create-root", "node1", "--queue", "shop")
    assert 'node "node1" is already a root' in result.err
    assert await seed.contents() == before
    assert await seed["node4"].fetch_value(ATTRIBUTES) == stored


@pytest.mark.parametrize(
    ("words", "keeps", "remedy"),
    [
        (("--worker=x",), 'worker "node4_worker", not "x"', "drop-node node4, and"),
        (("host=elsewhere",), 'location "host=127.0.0.1', "pgq_node.register_location('shop', 'n"),
        (("--provider=node3",), 'provider "node2", not "node3"', "--provider node3"),
        (("--provider=host=127.0.0.1 port=1",), 'provider "node2", not "host=127.0.0.1 port=1"',
         "which cannot be asked for its name: cannot connect"),
        (("--sync-watermark=x",), 'sync_watermark "node4,node5", not "x"', "sync_watermark=x"),
        (("--sync-watermark=",), 'sync_watermark "node4,node5", not unset', "sync_watermark="),
        (("--from-savepoint=/nix",), "its rows, and takes none from", "drop-node node4, and"),
    ],
)  # fmt: skip
async def test_repeating_a_creation_with_other_options_warns_and_changes_nothing(
    words: tuple[str, ...], keeps: str, remedy: str, seed
):
    """D-02: a script does so long after the node has been moved."""
    before = await seed.contents()
    words = tuple(one.replace("=node3", f"={seed['node3'].dsn}") for one in words)
    if not words[0].startswith("--provider"):
        words = (*words, "--provider", seed["node2"].dsn)
    told = await seed.at("node4", "create-branch", "node4", "--queue", "shop", *words)
    assert 'node "node4" is already a branch' in told.err
    (warning,) = (line for line in told.err.splitlines() if line.startswith("warning: "))
    assert f'warning: node "node4" keeps {keeps}' in warning
    assert remedy in warning
    assert await seed.contents() == before


async def test_new_location_can_be_registered_as_the_warning_says(
    new_database: NewDatabase, tailrace: Tailrace
):
    db = await new_database(installed=True)
    command = ["create-root", "node '1'", "--queue", "it's", "--db", db.dsn]
    await tailrace(*command)
    told = await tailrace(*command, "--nocheck", "host=new dbname=shop")
    _, there, statement = told.err.partition("of each node that reads from it: ")
    assert there
    await db.execute(statement.replace("LOCATION", "host=new dbname=shop"))
    (row,) = await db.fetch_all("select node_location from pgq_node.node_location")
    assert row.node_location == "host=new dbname=shop"


async def test_repeating_a_creation_knows_the_provider_by_any_of_its_connection_strings(
    pair, proxy
):
    """Inside a network others may be used than those that all nodes are told."""
    way = await proxy(pair["up"].dsn)
    told = await pair.at("down", "create-leaf", "down", "--queue", "shop", "--provider", way.dsn)
    assert "keeps" not in told.err
    words = ("create-leaf", "down", "--queue", "shop", "--merge=nix", "--provider", way.dsn)
    assert 'node "down" keeps merge unset, not "nix"' in (await pair.at("down", *words)).err


async def test_location_that_other_machines_will_not_find_is_warned_about(
    new_database: NewDatabase, tailrace: Tailrace
):
    db = await new_database()
    words = ("--queue", "shop", "--db", db.dsn, "--nocheck")
    told = await tailrace("create-root", "a", "dbname=shop", *words)
    assert (
        'warning: the location of node "a" names neither host nor service; '
        "other machines will not find it\n"
    ) in told.err


async def test_providers_that_lead_in_a_circle_have_no_root(
    new_cascade, new_database: NewDatabase, tailrace: Tailrace
):
    """Nothing is registered anywhere then."""
    cascade = await new_cascade({"a": None, "b": "a", "c": "b"})
    await cascade["b"].execute(
        "update pgq_node.local_state set provider_node = 'c' where consumer_name = 'b_worker'"
    )
    before = await cascade.contents()
    db = await new_database()
    words = ("create-leaf", "d", "--queue", "shop", "--provider", cascade["c"].dsn)
    told = await tailrace(*words, "--db", db.dsn, status=1)
    assert "the providers lead in a circle, c -> b -> c" in told.complaint
    assert await cascade.contents() == before


async def test_repeating_a_creation_names_no_command_for_a_provider_that_does_not_answer(pair):
    """change-provider takes the name of a node, which nobody can tell."""
    away = ("--provider", "host=127.0.0.1 port=1 dbname=nix")
    told = await pair.at("down", "create-leaf", "down", "--queue", "shop", *away)
    assert 'warning: node "down" keeps provider "up", not "host=127.0.0.1' in told.err
    assert "which cannot be asked for its name: cannot connect" in told.err
    assert "change-provider" not in told.err


async def test_repeating_a_creation_minds_nothing_that_only_a_file_says(
    pair, tailrace: Tailrace, tmp_path: Path
):
    """What a file says of the provider is that of long ago, once the node has another one."""
    file = tmp_path / "tailrace.toml"
    nowhere = "host=127.0.0.1 port=1"
    file.write_text(f'[node]\nprovider = "{nowhere}"\nworker = "x"\nlocation = "{nowhere}"\n')
    told = await pair.at("down", "-c", str(file), "create-leaf", "down", "--queue", "shop")
    assert 'node "down" is already a leaf' in told.err


@pytest.mark.parametrize("kind", ["create-root", "create-leaf"])
async def test_sync_watermark_on_another_type_registers_nothing(
    kind: str, new_cascade, new_database: NewDatabase, tailrace: Tailrace
):
    cascade = await new_cascade({"a": None})
    before = await cascade.contents()
    db = await new_database(installed=False)
    words = [kind, "x", "--queue", "shop", "--db", db.dsn, "--sync-watermark=x"]
    if kind == "create-leaf":
        words += ["--provider", cascade["a"].dsn]
    result = await tailrace(*words, status=1)
    assert "only a branch can" in result.complaint
    assert await cascade.contents() == before
    assert await db.fetch_value("select to_regnamespace('pgq_node')") is None


async def test_location_of_another_database_is_refused_unless_nocheck(
    new_cascade, new_database: NewDatabase, tailrace: Tailrace
):
    cascade = await new_cascade({"a": None})
    before = await cascade.contents()
    db, other = await new_database(), await new_database()
    words = ["create-branch", "b", other.dsn, "--queue", "shop", "--db", db.dsn]
    words += ["--provider", cascade["a"].dsn]
    result = await tailrace(*words, status=1)
    assert "leads to another database" in result.complaint
    assert await cascade.contents() == before
    await tailrace(*words, "--nocheck")
    assert await locations(cascade["a"]) == ["a", "b"]


async def test_node_that_joins_copies_descriptors_of_its_provider(
    new_cascade, new_database: NewDatabase, tailrace: Tailrace
):
    cascade = await new_cascade({"a": None})
    await cascade["a"].execute("create table public.t (id integer primary key)")
    await cascade.at("a", "add-table", "t")
    known = await cascade["a"].fetch_all("select relation_id from tailrace.relation")
    db = await new_database()
    await tailrace(
        "create-branch", "b", "--queue", "shop", "--db", db.dsn, "--provider", cascade["a"].dsn
    )
    assert known
    assert await db.fetch_all("select relation_id from tailrace.relation") == known


async def test_worker_name_can_be_chosen(new_database: NewDatabase, tailrace: Tailrace):
    db = await new_database()
    await tailrace("create-root", "a", "--queue", "q", "--db", db.dsn, "--worker", "carrier")
    assert await db.fetch_value("select worker_name from pgq_node.node_info") == "carrier"


@pytest.mark.faults
@pytest.mark.parametrize("point", ["create.after_root_commit", "create.after_provider_commit"])
async def test_creation_killed_between_commits_is_completed_by_a_rerun(
    point: str, new_cascade, new_database: NewDatabase, tailrace: Tailrace, process: StartProcess
):
    cascade = await new_cascade({"a": None, "b": "a"})
    db = await new_database()
    words = ["create-branch", "c", "--queue", "shop", "--db", db.dsn]
    words += ["--provider", cascade["b"].dsn]
    killed = await process(*words, env={"TAILRACE_FAULT": f"{point}:kill"})
    assert await killed.wait() == -9
    assert "c" in await locations(cascade["a"])
    assert await db.fetch_all("select from pgq_node.node_info") == []

    await tailrace(*words)
    subscribers = "select subscriber_node, worker_name from pgq_node.subscriber_info"
    assert [tuple(row) for row in await cascade["b"].fetch_all(subscribers)] == [("c", "c_worker")]
    status = await cascade.at("a", "status", "--format", "json")
    assert {row["node"]: row["provider"] for row in status.json["nodes"]} == {
        "a": None, "b": "a", "c": "b",
    }  # fmt: skip


@pytest.mark.faults
async def test_creation_that_is_frozen_is_completed_by_a_rerun(
    new_cascade, new_database: NewDatabase, tailrace: Tailrace, process: StartProcess
):
    """The server ends what it holds, on the provider and in its own database."""
    cascade = await new_cascade({"a": None, "b": "a"})
    db = await new_database()
    words = ["create-branch", "c", "--queue", "shop", "--db", db.dsn]
    words += ["--provider", cascade["b"].dsn]
    frozen = await process(*words, env={"TAILRACE_FAULT": "create.after_root_commit:stop"})
    await eventually(lambda: frozen.frozen, 30, what="the command to freeze")
    await tailrace(*words)
    made = await cascade.contents()
    frozen.send(signal.SIGCONT)
    assert await frozen.wait() == 1
    assert "Traceback" not in frozen.err
    assert await cascade.contents() == made
    subscribers = "select subscriber_node, worker_name from pgq_node.subscriber_info"
    assert [tuple(row) for row in await cascade["b"].fetch_all(subscribers)] == [("c", "c_worker")]


@pytest.mark.faults
async def test_interrupted_creation_may_go_on_with_another_provider(
    new_cascade, new_database: NewDatabase, tailrace: Tailrace, process: StartProcess
):
    cascade = await new_cascade({"a": None, "b": "a"})
    db = await new_database()
    words = ["create-leaf", "c", "--queue", "shop", "--db", db.dsn, "--provider"]
    fault = {"TAILRACE_FAULT": "create.after_provider_commit:kill"}
    assert await (await process(*words, cascade["b"].dsn, env=fault)).wait() == -9
    await tailrace(*words, cascade["a"].dsn)
    subscribers = "select subscriber_node from pgq_node.subscriber_info order by 1"
    assert [row[0] for row in await cascade["a"].fetch_all(subscribers)] == ["b", "c"]
    assert await cascade["b"].fetch_all(subscribers) == []


async def test_all_members_know_a_new_node_at_once(seed, new_database, proxy):
    """Nobody is served here; a deaf member only costs a moment, and none with --dead."""
    for name in seed.nodes:
        known = (await seed.at(name, "members", "--format", "json")).json
        assert [row["node"] for row in known] == sorted(seed.nodes), name
    wall = await proxy(seed["node5"].dsn)
    await seed["node1"].execute(
        "update pgq_node.node_location set node_location = %s where node_name = 'node5'", wall.dsn
    )
    wall.deafen()
    for number, given_up in ((6, []), (7, ["--dead=node5"])):
        name, db = f"node{number}", await new_database()
        words = [f"create-{'leaf' if given_up else 'branch'}", name, "--queue", "shop"]
        words += ["--provider", seed["node2"].dsn, "--db", db.dsn, *given_up]
        began = time.monotonic()
        await seed.tailrace(*words)
        assert given_up == [] or time.monotonic() - began < 3
        known = (await seed.at("node3", "members", "--format", "json")).json
        assert name in [row["node"] for row in known]
    words = ["create-leaf", "node8", "--queue", "shop", "--provider", seed["node2"].dsn]
    result = await seed.tailrace(*words, "--db", (await new_database()).dsn, "--dead=nix", status=1)
    assert 'no node "nix"' in result.complaint


async def test_two_readers_of_a_queue_cannot_have_one_name(pair, new_database, tailrace: Tailrace):
    """They would share one position, and the slower one would lose events."""
    await pair["up"].execute("select pgq.register_consumer('shop', 'billing')")
    db = await new_database(label="other")
    before = [*await pair.contents(), *await contents(db)]
    words = ["--queue", "shop", "--provider", pair["up"].dsn, "--db", db.dsn, "--worker"]
    for name in ("down_worker", "billing"):
        told = await tailrace("create-leaf", "other", *words, name, status=1)
        assert f'a consumer "{name}" reads queue "shop" here already' in told.complaint
    for name in ("other.apply", ".other.watermark"):
        told = await tailrace("create-leaf", "other", *words, name, status=2)
        assert f'worker name "{name}" cannot be used' in told.complaint
    assert [*await pair.contents(), *await contents(db)] == before
