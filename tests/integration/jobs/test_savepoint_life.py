"""The life of savepoints: with and without a runner, owned, lost, found, dropped by rules."""

from __future__ import annotations

import asyncio
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from fixtures.cascade import OPTIONS, Cascade, TestNode, running
from fixtures.command import Tailrace
from fixtures.databases import Connect
from fixtures.process import StartProcess
from fixtures.savepoints import Sql, live, pins, same, status_is
from fixtures.sqljobs import make_job
from fixtures.waiting import eventually
from tailrace.faults import watching
from tailrace.gateway.dispatch import execute
from tailrace.gateway.sessions import Session
from tailrace.jobs.savepoints import metadata, service, storage, waiting, writer
from tailrace.statements.parser import parse

pytestmark = pytest.mark.timeout(120)

LEFT_OUT = "not in it, as they were in their initial copy: public.late"
FILL = "insert into public.t select i, 'x' from generate_series(%s::int, %s::int) i"


def described(path: str) -> metadata.Metadata:
    """What a savepoint's own files say of it."""
    return metadata.decode((Path(path) / "_metadata").read_bytes(), path)


@pytest.fixture(autouse=True)
def _tidy_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PERIOD", 0.1)


@pytest_asyncio.fixture
async def pair(cascade: Cascade) -> tuple[TestNode, TestNode]:
    """A root and a leaf with a table, not served now."""
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.add_table()
    async with running(root, leaf):
        await live(leaf)
        await root.db.execute(FILL, 1, 50)
        await same(root, leaf)
    return root, leaf


async def test_stopped_with_a_savepoint_by_a_runner_and_without_one(
    pair: tuple[TestNode, TestNode], tailrace: Tailrace, tmp_path: Path
) -> None:
    root, leaf = pair
    job = leaf.worker
    sql = Sql(tailrace, root, tmp_path)
    async with running(root, leaf):
        await status_is(leaf, job, "RUNNING")
        await root.db.execute(FILL, 51, 400)
        (row,) = await sql.rows(f"STOP JOB '{job}' WITH SAVEPOINT WITH DRAIN")
        drained = str(row["savepoint path"])
        await status_is(leaf, job, "FINISHED")
        assert len(await leaf.rows()) == 400
        assert str((await sql.listed())[drained]["position"]) == str(await leaf.position())
        await root.db.execute("delete from public.t where id > 10")
        await sql(f"START JOB '{job}' FROM SAVEPOINT '{drained}' NO_CLAIM")
        await same(root, leaf)
        await status_is(leaf, job, "RUNNING")
        (row,) = await sql.rows(f"STOP JOB '{job}' WITH SAVEPOINT")
        assert Path(str(row["savepoint path"])).parent == tmp_path
        await status_is(leaf, job, "FINISHED")
        await sql(f"START JOB '{job}'")

    # nobody runs it: who asks does it all
    await status_is(leaf, job, "SUSPENDED")
    suspended = await sql.savepoint(job)
    await status_is(leaf, job, "SUSPENDED")
    (row,) = await sql.rows(f"STOP JOB '{job}' WITH SAVEPOINT")
    await status_is(leaf, job, "FINISHED")
    resting = await sql.savepoint(job)
    listed = await sql.listed()
    assert len({str(listed[path]["position"]) for path in (suspended, resting)}) == 1
    before = await leaf.rows()
    await leaf.db.execute("set session_replication_role = replica; truncate public.t")
    setting = "SET 'tailrace.timeout' = '300ms'"
    said = (await sql(setting, f"START JOB '{job}' FROM SAVEPOINT '{resting}'", status=1)).err
    assert "it stays asked to run, and is taken by: tailrace run" in said
    assert await leaf.rows() == before
    async with running(root, leaf):
        await same(root, leaf)
    (row,) = await sql.rows(f"DESCRIBE JOB '{job}'")
    assert row["restored from"] == resting

    # a wish that nobody waits for: the job is not at rest before its savepoint is written
    asked = "select savepoint_path from tailrace.request_stop_job(%s, true, directory => %s)"
    path = await leaf.db.fetch_value(asked, job, str(tmp_path))
    assert await leaf.db.fetch_value(asked, job, str(tmp_path)) == path
    await status_is(leaf, job, "CANCELLING")
    assert path not in await sql.listed()
    async with running(root, leaf):
        await status_is(leaf, job, "FINISHED")
        assert (await sql.listed())[path]["ownership"] == "user"


async def test_table_in_its_initial_copy_is_left_out_and_the_statement_says_so(
    pair: tuple[TestNode, TestNode], tailrace: Tailrace, connect: Connect, tmp_path: Path
) -> None:
    root, leaf = pair
    job = leaf.worker
    sql = Sql(tailrace, leaf, tmp_path)
    for node in (root, leaf):
        await node.db.execute("create table public.late (id int primary key)")
        await node.db.execute("select tailrace.add_table('flow', 'public.late')")
    await root.db.execute("insert into public.late values (1), (2)")
    blocking = await connect(root.db)  # so that it cannot be copied yet
    await blocking.execute("begin; lock table public.late in access exclusive mode")
    said: list[str] = []
    leaf.db.on_notice = said.append
    async with running(root, leaf):
        await status_is(leaf, job, "RUNNING")
        made = await sql(f"CREATE SAVEPOINT FOR JOB '{job}'")
        assert f"warning: {LEFT_OUT}" in made.err
        await leaf.db.execute(f"call tailrace.create_savepoint('{job}', '{tmp_path}')")
        assert said == [f"warning: {LEFT_OUT}"]
        await blocking.execute("commit")
        saved = await leaf.db.fetch_all(
            "select absent_tables, row_count, savepoint_path from tailrace.savepoints"
        )
        assert [tuple(one[:2]) for one in saved] == [(["public.late"], 50)] * 2
        for one in saved:
            read = described(one.savepoint_path)
            assert [table.table for table in read.tables] == ["public.t"]
            assert read.absent == ("public.late",)
        await live(leaf)
        assert "not in it" not in (await sql(f"STOP JOB '{job}' WITH SAVEPOINT")).err
        whole = "select absent_tables, row_count from tailrace.savepoints order by created desc"
        assert tuple(await leaf.db.fetch_one(whole)) == ([], 52)


async def test_how_far_a_savepoint_is_can_be_seen_while_it_is_written(
    pair: tuple[TestNode, TestNode], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root, leaf = pair
    monkeypatch.setattr(storage, "PIECE", 64)
    monkeypatch.setattr(writer, "_PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "_TELL_SECONDS", 0.0)
    await leaf.db.execute("analyze public.t")
    told: list[str] = []

    def told_part() -> bool:
        return any(re.search(r"written: \d+ rows of about 50 \(\d+ %\)$", one) for one in told)

    async with running(root, leaf), Session(leaf.db.dsn, talk=told.append) as session:
        await status_is(leaf, leaf.worker, "RUNNING")
        session.options.set("state.savepoints.dir", str(tmp_path))
        with watching("savepoint.in_data") as watch:
            watch.hold()
            making = asyncio.create_task(
                execute(session, parse(f"CREATE SAVEPOINT FOR JOB '{leaf.worker}'"))
            )
            await watch.wait()
            await eventually(told_part)
            watch.release()
        (answer,) = await making
    assert answer.result is not None


async def test_run_until_idle_carries_wishes_out(
    pair: tuple[TestNode, TestNode], process: StartProcess, tmp_path: Path
) -> None:
    root, leaf = pair
    run = ("run", "--until-idle", "--db", root.dsn, "--db", leaf.dsn)
    ask = "select savepoint_path from tailrace.request_savepoint(%s, %s)"
    path = await leaf.db.fetch_value(ask, leaf.worker, str(tmp_path))
    child = await process(*run)
    assert await child.wait(30) == 0, child.err
    assert files(tmp_path) == [path]
    await leaf.db.execute(f"call tailrace.stop_job('{leaf.worker}')")
    await root.db.execute("delete from public.t where id > 20")
    await leaf.db.execute("select tailrace.request_start_job(%s, %s)", leaf.worker, path)
    child = await process(*run)
    assert await child.wait(30) == 0, child.err
    assert len(await leaf.rows()) == 20
    assert await leaf.db.fetch_value("select restored_from from tailrace.job") == path


async def test_claimed_lost_and_foreign_savepoints(
    pair: tuple[TestNode, TestNode], tailrace: Tailrace, tmp_path: Path
) -> None:
    root, leaf = pair
    job = leaf.worker
    sql = Sql(tailrace, root, tmp_path)

    async def ownership(path: str) -> object:
        return (await sql.listed()).get(path, {}).get("ownership")

    async def only(path: str) -> bool:
        return list(await sql.listed()) == [path]

    async with running(root, leaf):
        owned = await sql.savepoint(job)
        await sql(f"STOP JOB '{job}'", f"START JOB '{job}' FROM SAVEPOINT '{owned}' CLAIM")
        assert await ownership(owned) == "job"
        said = await sql.fails(f"DROP SAVEPOINT '{owned}'")
        assert f'is owned by job "{job}", which started from it with CLAIM' in said
        assert await sql.rows(f"DROP SAVEPOINT ALL FOR JOB '{job}'") == []
        newer = await sql.savepoint(job)
        await eventually(lambda: only(newer), 20)  # the job has a newer one
        assert await gone(owned)

        # files without entry, found in the directory of the session
        await leaf.db.execute("delete from tailrace.savepoint")
        assert await ownership(newer) == "foreign"
        await sql(f"STOP JOB '{job}'", f"START JOB '{job}' FROM SAVEPOINT '{newer}' CLAIM")
        assert await ownership(newer) == "job"
        another = await sql.savepoint(job)
        await eventually(lambda: gone(newer), 20)
        await leaf.db.execute("delete from tailrace.savepoint")
        await sql(f"DROP SAVEPOINT '{another}'")
        await eventually(lambda: none_held(root, leaf), 20)  # the older one's files go first

        # an entry without files
        lost = await sql.savepoint(job)
        shutil.rmtree(lost)
        assert await ownership(lost) == "lost"
        await eventually(
            lambda: leaf.db.fetch_value("select ownership = 'lost' from tailrace.savepoints"), 20
        )
        await sql(f"STOP JOB '{job}'")
        assert "there is no savepoint" in await sql.fails(
            f"START JOB '{job}' FROM SAVEPOINT '{lost}'"
        )
        await status_is(leaf, job, "CANCELED")
        await sql(f"START JOB '{job}'", f"DROP SAVEPOINT '{lost}'")
        assert await sql.listed() == {}
        assert await pins(root, leaf) == {root.name: [], leaf.name: []}

        # its tick is lost, as when an old root comes back
        path = await sql.savepoint(job)
        await leaf.db.execute(
            "update pgq_node.local_state set last_tick_id = last_tick_id - 1"
            " where consumer_name like '.savepoint.%'"
        )
        assert await ownership(path) == "unpinned"
        await eventually(lambda: none_held(root, leaf), 20)


async def none_held(*nodes: TestNode) -> bool:
    return not any((await pins(*nodes)).values())


def files(directory: Path) -> list[str]:
    return sorted(str(path) for path in directory.iterdir())


async def left(directory: Path, paths: list[str]) -> bool:
    """Whether nothing but these is there, not even a savepoint that is being removed."""
    return files(directory) == sorted(paths)


async def gone(path: str) -> bool:
    return not Path(path).exists()  # noqa: ASYNC240 - a look at the disk, no work


async def test_savepoints_go_by_number_and_age(
    pair: tuple[TestNode, TestNode], tailrace: Tailrace, tmp_path: Path
) -> None:
    root, leaf = pair
    job = leaf.worker
    sql = Sql(tailrace, leaf, tmp_path)
    async with running(root, leaf):
        made = [await sql.savepoint(job) for _ in range(4)]
        await leaf.db.execute(
            "update tailrace.savepoint set completed_at = completed_at - interval '3 days'"
            " where path = any (%s)", made[:2],
        )  # fmt: skip
        dropped = await sql.rows(
            f"DROP SAVEPOINTS FOR JOB '{job}' OLDER THAN INTERVAL '2' DAY KEEP LAST 3"
        )
        assert [row["savepoint path"] for row in dropped] == made[:1]
        assert await sql.rows(f"DROP SAVEPOINTS FOR JOB '{job}' KEEP LAST 5") == []
        assert list(await sql.listed()) == [made[3], made[2], made[1]]
        assert files(tmp_path) == sorted(made[1:])
    async with running(root, leaf, options=replace(OPTIONS, savepoints_max_age=86_400)):
        await eventually(lambda: gone(made[1]), 20)
    async with running(root, leaf, options=replace(OPTIONS, savepoints_keep=1)):
        await eventually(lambda: gone(made[2]), 20)
        await eventually(
            lambda: leaf.db.fetch_value("select count(*) = 1 from tailrace.savepoint"), 20
        )
    # nobody runs
    dropped = await sql.rows("DROP SAVEPOINT ALL")
    assert [row["savepoint path"] for row in dropped] == made[3:]
    assert (await sql.listed(), files(tmp_path)) == ({}, [])
    assert await pins(root, leaf) == {root.name: [], leaf.name: []}


async def test_savepoints_whose_files_are_gone_do_not_count(
    pair: tuple[TestNode, TestNode], tailrace: Tailrace, tmp_path: Path
) -> None:
    root, leaf = pair
    job = leaf.worker
    sql = Sql(tailrace, leaf, tmp_path)
    async with running(root, leaf, options=replace(OPTIONS, savepoints_keep=2)):
        made = [await sql.savepoint(job) for _ in range(2)]
        made.append(await sql.savepoint(job))
        await eventually(lambda: gone(made[0]), 20)
        shutil.rmtree(made[2])
        made.append(await sql.savepoint(job))
        lost = "select count(*) from tailrace.savepoint where lost"
        await eventually(lambda: leaf.db.fetch_value(lost), 20)
        made.append(await sql.savepoint(job))
        await eventually(lambda: left(tmp_path, made[3:]), 20)
    shutil.rmtree(made[4])
    assert await sql.rows(f"DROP SAVEPOINTS FOR JOB '{job}' KEEP LAST 1") == []
    assert files(tmp_path) == made[3:4]


async def test_start_from_a_savepoint_without_a_runner_says_what_is_missing(
    pair: tuple[TestNode, TestNode], tailrace: Tailrace, tmp_path: Path
) -> None:
    """The rows come in without one; what is waited for then is somebody who goes on."""
    root, leaf = pair
    sql = Sql(tailrace, leaf, tmp_path)
    async with running(root, leaf):
        path = await sql.savepoint(leaf.worker)
        await sql(f"STOP JOB '{leaf.worker}'")
    await leaf.db.execute("set session_replication_role = replica; delete from public.t")
    start = f"START JOB '{leaf.worker}' FROM SAVEPOINT '{path}'"
    said = await sql("SET 'tailrace.timeout' = '1s'", start, status=1)
    assert f'waiting for a runner to take job "{leaf.worker}"' in said.err
    await same(root, leaf)


async def test_sql_job_starts_again_from_its_savepoint(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
) -> None:
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.add_table()
    total = "select count(*) as n, coalesce(sum(id), 0) as total from public.t"
    found = "select n, total from public.sums"

    async def right(node: TestNode) -> bool:
        wanted = await root.db.fetch_one(total)
        assert await node.db.fetch_one(found) == wanted, await node.errors()
        return True

    async with running(root, leaf):
        await live(leaf)
        for node in (root, leaf):
            await node.db.execute(
                "create table public.sums (one int primary key default 1, n bigint, total bigint)"
            )
            await make_job(
                node.db, f"sums_{node.name}",
                "insert into sums as s (one, n, total)"
                " select 1, sum(_weight), sum(id * _weight) from changes.t"
                " on conflict (one) do update"
                " set n = s.n + excluded.n, total = s.total + excluded.total",
            )  # fmt: skip
            await status_is(node, f"sums_{node.name}", "RUNNING")
        await root.db.execute(FILL, 1, 100)
        for node in (root, leaf):
            await eventually(lambda node=node: right(node), 20)
        sql = Sql(tailrace, root, tmp_path)
        for node in (root, leaf):
            job = f"sums_{node.name}"
            path = await sql.savepoint(job)
            await root.db.execute("delete from public.t where id % 3 = 0")
            await eventually(lambda node=node: right(node), 20)
            await sql(f"STOP JOB '{job}' WITH DRAIN")
            # what it has kept is known to nobody else, so nothing of it may be left out
            await node.db.execute("alter table public.sums rename n to m")
            said = await sql.fails(f"START JOB '{job}' FROM SAVEPOINT '{path}'")
            assert """lacks columns that the savepoint has values of: "n"; add them""" in said
            await node.db.execute("alter table public.sums rename m to n")
            await root.db.execute("update public.t set id = id + 1000 where id % 2 = 0")
            await sql(f"START JOB '{job}' FROM SAVEPOINT '{path}'")
            await eventually(lambda node=node: right(node), 20)
            (row,) = await sql.rows(f"SHOW CHECKPOINTS FOR JOB '{job}'")
            assert row["status"] == "COMPLETED"
        assert await root.subscription(f".savepoint.{path[-12:]}") is not None


async def test_sql_job_with_keys_between_its_tables_in_an_object_store(
    cascade: Cascade, tailrace: Tailrace
) -> None:
    root = await cascade.root()
    await root.add_table()
    await root.db.execute(
        "create table public.a_child (id int primary key);"
        " create table public.parent (id int primary key);"
        " alter table public.a_child add foreign key (id) references public.parent"
    )
    both = "select array(select id from public.parent order by 1) as p,"
    both += " array(select id from public.a_child order by 1) as c"
    directory = "memory://bucket/savepoints"
    sql = Sql(tailrace, root, directory)
    async with running(root):
        await make_job(
            root.db, "pairs",
            "insert into parent select id from changes.t where _weight > 0 on conflict do nothing;"
            "insert into a_child select id from changes.t where _weight > 0"
            " on conflict do nothing",
        )  # fmt: skip
        await status_is(root, "pairs", "RUNNING")

        async def has(wanted: list[int]) -> bool:
            assert await root.db.fetch_one(both) == (wanted, wanted), await root.errors()
            return True

        await root.db.execute(FILL, 1, 3)
        await eventually(lambda: has([1, 2, 3]), 20)
        path = await sql.savepoint("pairs")
        assert path.startswith(f"{directory}/savepoint-")
        await root.db.execute(FILL, 4, 6)
        await eventually(lambda: has([1, 2, 3, 4, 5, 6]), 20)
        await sql("STOP JOB 'pairs' WITH DRAIN")
        await root.db.execute("delete from public.a_child; delete from public.parent where id = 2")
        await sql(f"START JOB 'pairs' FROM SAVEPOINT '{path}'")
        await eventually(lambda: has([1, 2, 3, 4, 5, 6]), 20)
        assert (await sql.listed())[path]["ownership"] == "user"
        await sql(f"DROP SAVEPOINT '{path}'")
        assert await sql.listed() == {}
