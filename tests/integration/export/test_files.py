"""What stands in the files of a job: every change once, as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.cascade import OPTIONS, QUEUE, Cascade, running
from fixtures.exports import (
    RandomChanges,
    files,
    lines,
    make_export,
    newest,
    rows_after,
    run_export,
    told,
)
from fixtures.sqljobs import force_tick, make_job
from fixtures.waiting import eventually
from tailrace.app import run
from tailrace.bridge.export.changing import change
from tailrace.db.connection import Database
from tailrace.errors import Unsupported


async def test_rows_that_are_there_and_then_every_change(cascade: Cascade, tmp_path: Path):
    root = await cascade.root()
    db = root.db
    await db.execute("create table public.t (id int primary key, v text)")
    await db.execute(f"select tailrace.add_table('{QUEUE}', 't')")
    await db.execute("insert into public.t values (1, 'a'), (2, 'b')")
    await make_export(db, "flow_t", tmp_path, "public.t", format="debezium-json")
    await run_export(db, "flow_t")
    assert sorted(told(tmp_path, "public.t"), key=str) == [
        ("r", None, {"id": 1, "v": "a"}),
        ("r", None, {"id": 2, "v": "b"}),
    ]
    await db.execute("insert into public.t values (3, 'c')")
    await db.execute("update public.t set v = 'x' where id < 3")
    await db.execute("update public.t set id = 10 where id = 1")
    await db.execute("delete from public.t where id = 2")
    await run_export(db, "flow_t")
    first, second = files(tmp_path, "public.t")
    assert first < second
    assert told(tmp_path, "public.t", second) == [
        ("c", None, {"id": 3, "v": "c"}),
        ("u", {"id": 1, "v": "a"}, {"id": 1, "v": "x"}),
        ("u", {"id": 2, "v": "b"}, {"id": 2, "v": "x"}),
        ("d", {"id": 1, "v": "x"}, None),
        ("c", None, {"id": 10, "v": "x"}),
        ("d", {"id": 2, "v": "x"}, None),
    ]
    await run_export(db, "flow_t")
    assert len(files(tmp_path, "public.t")) == 2, "no empty files"
    await db.execute("truncate public.t")
    await run_export(db, "flow_t")
    assert rows_after(tmp_path, "public.t") == []


async def test_lines_with_weights_come_to_the_table_in_any_order(cascade: Cascade, tmp_path: Path):
    db = (await cascade.root()).db
    await db.execute(RandomChanges.TABLE)
    await db.execute(f"select tailrace.add_table('{QUEUE}', 't')")
    changes = RandomChanges(db)
    await changes.make()
    await make_export(db, "out", tmp_path, "public.t")
    for _ in range(15):
        await changes.make()
        await run_export(db, "out")
    wanted = await db.fetch_all("select id, v from public.t order by id")
    assert newest(tmp_path, "public.t") == [row._asdict() for row in wanted]
    await db.execute("truncate public.t; insert into public.t values (1, 'a')")
    await db.execute("update public.t set v = 'b'")
    await run_export(db, "out")
    last = lines(tmp_path, "public.t", files(tmp_path, "public.t")[-1])[-3:]
    assert [(one["_op"], one["_weight"], one["v"]) for one in last] == [
        ("I", 1, "a"), ("U", -1, "a"), ("U", 1, "b"),
    ]  # fmt: skip
    assert last[0]["_event_id"] < last[1]["_event_id"] < last[2]["_event_id"]


async def test_row_that_a_trigger_changes_again_is_told_once(database: Database, tmp_path: Path):
    db = database
    await db.execute("""
        create table public.t (id int primary key, v text);
        create function public.again() returns trigger language plpgsql as $$ begin
            update public.t set v = v || '!' where id = new.id and new.v not like '%!';
            return null; end $$;
        create trigger again after insert or update on public.t
            for each row execute function public.again()
    """)
    for form in ("debezium-json", "changes"):
        await make_export(db, form, tmp_path / form, "t", initial="latest", format=form)
    await db.execute("insert into public.t values (1, 'a'), (2, 'b')")
    for form in ("debezium-json", "changes"):
        await run_export(db, form)
    await db.execute("update public.t set v = 'c' where id = 1")
    for form in ("debezium-json", "changes"):
        await run_export(db, form)
    wanted = [{"id": 1, "v": "c!"}, {"id": 2, "v": "b!"}]
    assert rows_after(tmp_path / "debezium-json", "public.t") == wanted
    assert newest(tmp_path / "changes", "public.t") == wanted


async def test_new_rows_only(database: Database, tmp_path: Path):
    db = database
    await db.execute("create table public.log (id int primary key, at timestamptz)")
    await db.execute("insert into public.log values (1, '2026-01-01 12:00+02')")
    await make_export(db, "strict", tmp_path / "a", "log", format="json")
    await make_export(db, "loose", tmp_path / "b", "log", format="json", updates="skip")
    await run_export(db, "strict")
    await run_export(db, "loose")
    await db.execute("insert into public.log values (2, null)")
    await run_export(db, "strict")
    await db.execute("update public.log set at = null where id = 1")
    await db.execute("insert into public.log values (3, null)")
    await run_export(db, "loose")
    first = {"id": 1, "at": "2026-01-01 10:00:00Z"}
    assert lines(tmp_path / "b", "public.log") == [
        first,
        {"id": 2, "at": None},
        {"id": 3, "at": None},
    ]
    with pytest.raises(Unsupported, match=r'event \d+: a row of table "public.log" was updated'):
        await run_export(db, "strict")
    assert lines(tmp_path / "a", "public.log") == [first, {"id": 2, "at": None}]
    await change(db, "strict", {"updates": "skip"})
    await run_export(db, "strict")
    assert lines(tmp_path / "a", "public.log")[-1] == {"id": 3, "at": None}


async def test_tables_begin_at_ticks_of_their_own_and_batches_are_bounded(
    cascade: Cascade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    tables = ("public.t", 'public.odd "name"/ü')
    for node in (root, leaf):
        for table in tables:
            name = table.partition(".")[2].replace('"', '""')
            await node.db.execute(f'create table public."{name}" (id int primary key, v text)')
            await node.db.execute("select tailrace.add_table(%s, %s)", QUEUE, table)
    await root.db.execute("insert into public.t select n, 'x' from generate_series(1, 3000) n")
    await root.db.execute("""insert into public."odd ""name""/ü" values (1, 'a')""")
    async with running(root, leaf):
        await make_export(leaf.db, "out", tmp_path, *tables)
        await root.db.execute("update public.t set v = 'y' where id <= 10")
        await root.db.execute("""update public."odd ""name""/ü" set v = 'b'""")
        odd = "public.odd%20%22name%22%2F%C3%BC"

        async def there() -> bool:
            assert newest(tmp_path, odd) == [{"id": 1, "v": "b"}]
            assert sum(row["v"] == "y" for row in newest(tmp_path, "public.t")) == 10
            return True

        await eventually(there, 20)
    assert files(tmp_path, "public.t")[0].startswith("0" * 15 + "-")
    # what waits is merged, up to about so many events and bytes
    monkeypatch.setattr("tailrace.engines.postgres.changes.FEWEST_EVENTS", 10)
    monkeypatch.setattr("tailrace.bridge.export.consumer.MOST_BYTES", 1)
    before = len(files(tmp_path, "public.t"))
    for number in range(6):
        await root.db.execute(f"update public.t set v = '{number}' where id <= 500")
        await force_tick(root.db, QUEUE)
    await run_export(leaf.db, "out")
    assert len(files(tmp_path, "public.t")) >= before + 2


async def test_database_without_a_cascade(database: Database, tmp_path: Path):
    await database.execute("create table public.t (id int primary key, v text)")
    await make_export(database, "flow_t", tmp_path, "t", initial="latest", format="debezium-json")
    await database.execute("insert into public.t values (1, 'a')")
    await run_export(database, "flow_t")
    assert told(tmp_path, "public.t") == [("c", None, {"id": 1, "v": "a"})]


async def test_what_a_job_writes_is_exported_before_a_run_is_idle(cascade: Cascade, tmp_path: Path):
    root = await cascade.root()
    await root.db.execute(
        "create table public.t (id int primary key, g int);"
        "create table public.sums (g int primary key, n bigint)"
    )
    await root.db.execute(f"select tailrace.add_table('{QUEUE}', 't')")
    await make_job(
        root.db, "sums", "insert into sums as s select g, sum(_weight) from changes.t group by g"
        " on conflict (g) do update set n = s.n + excluded.n",
    )  # fmt: skip
    await make_export(root.db, "out", tmp_path, "sums", every="1s")
    await root.db.execute("insert into public.t select n, n % 3 from generate_series(1, 9) n")
    await run([root.dsn], until_idle=True, options=OPTIONS, signals=False)
    wanted = [{"g": g, "n": 3} for g in range(3)]
    assert newest(tmp_path, "public.sums", "g") == wanted
