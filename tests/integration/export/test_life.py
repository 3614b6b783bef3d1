"""Jobs that write files are jobs like others: listed, stopped, drained, started, dropped, moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.cascade import QUEUE, Cascade, running
from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace  # the fixture
from fixtures.exports import files, make_export, newest, run_export
from fixtures.sqljobs import job_row
from fixtures.waiting import eventually
from tailrace.bridge.export.directory import StoreDirectory
from tailrace.db.connection import Database

TABLE = "create table public.t (id int primary key, v text)"


async def test_whole_life_by_commands_and_statements(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
):
    root = await cascade.root()
    await root.db.execute(TABLE)
    await root.db.execute(f"select tailrace.add_table('{QUEUE}', 't')")
    await root.db.execute("insert into public.t values (1, 'a')")
    db = ("--db", root.dsn)
    words = ("export", "out", "--table", "t", "--to", "out", "--retention", "7d", "--queue", QUEUE)
    made = await tailrace(*words, *db)
    to = tmp_path / "out"
    again = await tailrace(*words, *db, status=1)
    assert 'job "out" exists already' in again.complaint
    async with running(root):
        await eventually(lambda: _is(root.db, "RUNNING"))
        await root.db.execute("insert into public.t values (2, 'b')")
        [row] = (await tailrace("sql", "-c", "DESCRIBE JOB 'out'", "--format", "json", *db)).json
        assert (row["job id"], row["kind"], row["engine"]) == (
            made.out.strip(),
            "export",
            "postgres",
        )
        assert row["statement"] == f"export public.t to {to} as changes"
        assert '"retention": "7d"' in str(row).replace("'", '"')
        await tailrace("checkpoints", "out", *db)
        refused = await tailrace("create-savepoint", "out", *db, status=1)
        assert "writes files, which whoever reads them has seen" in refused.err
        await tailrace("stop-job", "out", "--drain", *db)
        assert await _is(root.db, "FINISHED")
        assert newest(to, "public.t") == [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]
        await root.db.execute("insert into public.t values (3, 'c')")
        await tailrace("start-job", "out", *db)
        await tailrace("stop-job", "out", "--drain", *db)
        assert [line["id"] for line in newest(to, "public.t")] == [1, 2, 3]
        tree = await tailrace("sql", "-c", "SHOW JOBTREE 'out'", "--format", "json", *db)
        assert [(line["kind"], line["name"].strip()) for line in tree.json] == [
            ("job", "out"), ("files", f"{to}/public.t"),
        ]  # fmt: skip
        events = (await tailrace("lineage", "out", "--format", "openlineage", *db)).out
        assert f'"name": "{to}/public.t"' in events
        shown = await tailrace("export", "out", "--ddl", *db)
        assert shown.out.startswith("CREATE TABLE `t_changes` (\n  `id` INT,\n")
        assert f"'path' = 'file://{to}/public.t'" in shown.out
        await tailrace("export", "out", "--every", "5s", "--retention", "never", *db)
        settings = (await job_row(root.db, "out")).settings
        assert (settings["every"], settings["retention"]) == ("5s", "never")
        await tailrace("drop-job", "out", "--yes", *db)
    assert len(files(to, "public.t")) >= 2
    for table in ("export_file", "job_relation"):
        assert await root.db.fetch_value(f"select count(*) from tailrace.{table}") == 0
    assert await root.subscription("out." + made.out[:8]) is None


async def _is(db: Database, wanted: str) -> bool:
    return wanted == await db.fetch_value("select status from tailrace.jobs where kind = 'export'")


@pytest.mark.parametrize(("words", "told"), [
    (("--to", "x"), "a new job needs --table TABLE"),
    (("--table", "t"), "a new job needs --to DIR|URL and --table TABLE"),
    ((), "a new job needs --to"),
    (("--format", "json"), "format cannot be changed"),
])  # fmt: skip
async def test_calls_that_mean_nothing(
    database: Database, tailrace: Tailrace, words: tuple[str, ...], told: str
):
    await database.execute(TABLE)
    result = await tailrace("export", "out", *words, "--db", database.dsn, status=2)
    assert told in result.err


async def test_what_cannot_be_exported_is_named(
    database: Database, tailrace: Tailrace, tmp_path: Path
):
    db = database
    await db.execute(f"{TABLE}; create view public.seen as select * from public.t;"
                     " create table public.loose (a int)")  # fmt: skip
    for table, told in (
        ("nosuch", 'there is no table "nosuch"'),
        ("seen", '"public.seen" is no table whose changes'),
        ("loose", "has no primary key"),
        ("pg_catalog.pg_class", "is no table whose changes"),
    ):
        call = ("export", "out", "--table", "t", "--table", table, "--to", str(tmp_path))
        assert told in (await tailrace(*call, "--db", db.dsn, status=1)).complaint
    wrong = await tailrace("export", "nosuch", "--ddl", "--db", db.dsn, status=1)
    assert 'there is no job "nosuch"' in wrong.complaint
    elsewhere = ("export", "out", "--table", "t", "--to", str(tmp_path), "--queue", "flow")
    assert (
        'queue "flow" does not' in (await tailrace(*elsewhere, "--db", db.dsn, status=1)).complaint
    )
    assert await db.fetch_value("select count(*) from tailrace.job") == 0
    assert await db.fetch_value("select count(*) from pg_trigger where not tgisinternal and"
                                " tgrelid = 'public.t'::regclass") == 0  # fmt: skip


async def test_job_moves_with_its_node_and_stays_when_the_root_changes(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
):
    root = await cascade.root("node1")
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("leaf", root)
    nodes = (root, branch, leaf)
    for node in nodes:
        await node.db.execute(TABLE)
        await node.db.execute(f"select tailrace.add_table('{QUEUE}', 't')")

    async def there() -> bool:
        wanted = await root.db.fetch_all("select id, v from public.t order by id")
        for node in (branch, leaf):
            assert newest(tmp_path / node.name, "public.t") == [one._asdict() for one in wanted]
        return True

    async with running(*nodes):
        await root.db.execute("insert into public.t select n, 'a' from generate_series(1, 50) n")
        for node in (branch, leaf):
            await make_export(node.db, "out", tmp_path / node.name, "t")
        await eventually(there, 20)
        await tailrace("--db", leaf.dsn, "change-provider", "--provider", "node2")
        consumer = (await job_row(leaf.db, "out")).consumer_name
        assert await root.subscription(consumer) is None
        await root.db.execute(
            "update public.t set v = 'b' where id > 20; delete from public.t where id < 5"
        )
        await eventually(there, 20)
        await tailrace("--db", branch.dsn, "takeover", "node1")
        await branch.db.execute("update public.t set v = 'c', id = id + 100 where id < 10")
        await branch.db.execute("truncate public.t; insert into public.t values (7, 'd')")
        root = branch
        await eventually(there, 20)


async def test_place_that_only_fsspec_reaches(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    db = database
    await db.execute(TABLE)
    await db.execute("insert into public.t values (1, 'a')")
    whole = "memory://bucket/out"
    await make_export(db, "whole", whole, "t", retention="1h")
    await run_export(db, "whole")
    monkeypatch.setattr("tailrace.bridge.export.directory._WHOLE_UPLOADS", frozenset())
    parts = "memory://host/out"  # as one where half a file can be seen
    await make_export(db, "parts", parts, "t")
    await run_export(db, "parts")
    await db.execute("insert into public.t values (2, 'b')")
    for name, url in (("whole", whole), ("parts", parts)):
        await run_export(db, name)
        place = StoreDirectory(f"{url}/public.t", "0" * 32)
        found = list(place._files.ls(place._root, detail=False))
        data = [one for one in sorted(found) if not one.endswith("_tailrace")]
        assert len(data) == 2 == len(found) - 1
        assert [
            b'"id":1,' in place._files.cat_file(data[0]),
            b'"id":2,' in place._files.cat_file(data[1]),
        ] == [True, True]
    await db.execute("update tailrace.export_file set published_at = now() - interval '2 h'")
    await run_export(db, "whole")
    place = StoreDirectory(f"{whole}/public.t", "0" * 32)
    assert [one.rpartition("/")[2] for one in place._files.ls(place._root, detail=False)] == [
        "_tailrace"
    ]
