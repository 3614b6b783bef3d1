"""node.remote_parameters: what is added to the locations of other nodes (cascade.md S-33)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.command import Tailrace
from fixtures.databases import NewDatabase
from fixtures.process import StartProcess
from fixtures.remote import hidden
from fixtures.waiting import eventually
from tailrace.db.connection import Database

TREE = {"node1": None, "node2": "node1", "node3": "node1", "node4": "node2"}


@dataclass
class Place:
    """A node whose location leads nowhere without what is added to it."""

    db: Database
    file: str
    location: str


@pytest.fixture
async def places(new_database: NewDatabase, tmp_path: Path) -> dict[str, Place]:
    """Databases with an ini file each; only what is added says where ``node….invalid`` is."""
    made = {}
    for name in TREE:
        db = await new_database(label=name)
        location, added = hidden(db.dsn, name, tmp_path)
        file = tmp_path / f"{name}.ini"
        file.write_text(
            f"[londiste3]\ndb = {db.dsn}\nqueue_name = shop\nnode_name = {name}\n"
            f"job_name = {name}_worker\npublic_node_location = {location}\n"
            "local_wm_publish_period = 0.2\nglobal_wm_publish_period = 0.2\n"
            f"remote_extra_connstr = {added}\n"
        )
        made[name] = Place(db, str(file), location)
    return made


async def test_every_way_to_another_node_has_them(
    places: dict[str, Place], tailrace: Tailrace, process: StartProcess, tmp_path: Path
) -> None:
    """Creating, copying, applying, peers' watermarks, statements, savepoints, comparing, moving."""
    file = {name: place.file for name, place in places.items()}
    for name, provider in TREE.items():
        if provider is None:
            await tailrace(file[name], "create-root")
            continue
        sync = ["--sync-watermark=node2,node3"] if provider == "node1" else []
        at = places[provider].location
        kind = "create-leaf" if name == "node4" else "create-branch"
        await tailrace(file[name], kind, f"--provider={at}", *sync)

    run = await process(
        "run", *(word for one in file.values() for word in ("-c", one)), cwd=tmp_path
    )
    root = places["node1"].db
    await root.execute("create table public.t (id integer primary key)")
    await root.execute("insert into public.t select generate_series(1, 100)")
    await tailrace(file["node1"], "add-table", "t")
    for name in ("node2", "node3", "node4"):
        await tailrace(file[name], "add-table", "t", "--create", "--wait-sync", "--timeout", "40")
    await root.execute("insert into public.t values (101)")

    async def all_there(name: str) -> bool:
        return await places[name].db.fetch_value("select count(*) = 101 from public.t") is True

    for name in TREE:
        await eventually(lambda name=name: all_there(name), 20)  # type: ignore[misc]
    before = await root.fetch_value("select max(tick_id) from pgq.tick")
    grown = "select global_watermark >= %s from pgq_node.get_node_info('shop')"
    await eventually(lambda: root.fetch_value(grown, before), 20)

    shown = await tailrace(file["node4"], "status", "--format", "json")
    nodes = [row["type"] for row in shown.json["nodes"]]
    assert sorted(nodes) == ["branch", "branch", "leaf", "root"]
    jobs = await tailrace(file["node4"], "sql", "-c", "SHOW JOBS", "--format", "json")
    assert {f"{name}_worker" for name in TREE} <= {one["job name"] for one in jobs.json}
    assert "warning" not in jobs.err
    save = f"SET 'state.savepoints.dir' = '{tmp_path}'; CREATE SAVEPOINT FOR JOB 'node4_worker'"
    await tailrace(file["node4"], "sql", "-c", save)
    drop = "DROP SAVEPOINTS FOR JOB 'node4_worker' KEEP LAST 0"
    await tailrace(file["node4"], "sql", "-c", drop)
    held = "select count(*) from pgq.get_consumer_info('shop') where consumer_name ~ 'savepoint'"
    assert await places["node2"].db.fetch_value(held) == 0
    await tailrace(file["node4"], "compare", "t")
    await tailrace(file["node4"], "change-provider", "--provider=node3")
    await tailrace(file["node2"], "takeover", "node1")
    await places["node2"].db.execute("insert into public.t values (102)")
    ask = "select count(*) = 102 from public.t"
    await eventually(lambda: places["node4"].db.fetch_value(ask), 20)
    # what is written down for all is still without them
    known = "select array_agg(distinct node_location) from pgq_node.node_location"
    for place in places.values():
        found = await place.db.fetch_value(known)
        assert set(found) == {one.location for one in places.values()}
    assert run.returncode is None, run.err
    assert "cannot connect" not in run.err, run.err


async def test_what_cannot_be_added_is_refused(
    places: dict[str, Place], tailrace: Tailrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = places["node1"].file
    monkeypatch.setenv("TAILRACE_REMOTE_PARAMETERS", "dbname=shop password=geheim")
    result = await tailrace(at, "status", status=2)
    assert 'node.remote_parameters has dbname "shop"' in result.complaint
    assert "geheim" not in result.err
    monkeypatch.setenv("TAILRACE_REMOTE_PARAMETERS", "password=geheim hsotaddr=1")
    result = await tailrace(at, "status", status=2)
    assert "node.remote_parameters cannot be read" in result.complaint
    assert "geheim" not in result.err


async def test_one_process_has_one_way(
    places: dict[str, Place], tailrace: Tailrace, tmp_path: Path
) -> None:
    other = tmp_path / "other.ini"
    other.write_text(
        f"[londiste3]\ndb = {places['node2'].db.dsn}\nremote_extra_connstr = user=me\n"
    )
    result = await tailrace("run", "-c", places["node1"].file, "-c", str(other), status=2)
    assert "differ in node.remote_parameters (remote_extra_connstr)" in result.err
