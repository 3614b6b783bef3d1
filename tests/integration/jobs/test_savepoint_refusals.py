"""What savepoints cannot do, each said in a clear line; tables that have changed since."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.command import Tailrace
from fixtures.databases import Connect
from fixtures.savepoints import Sql, live, pins, same, status_is
from fixtures.sqljobs import make_job
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.errors import DatabaseError, UsageError, WrongState
from tailrace.faults import watching
from tailrace.gateway.dispatch import execute
from tailrace.gateway.sessions import Session
from tailrace.statements.parser import parse

pytestmark = pytest.mark.timeout(120)

FILL = "insert into public.t select i, md5(i::text) from generate_series(%s::int, %s::int) i"


class Pair:
    """A root and a leaf with rows in a table, and statements in the database of the leaf."""

    def __init__(self, root: TestNode, leaf: TestNode, sql: Sql) -> None:
        self.root, self.leaf, self.sql = root, leaf, sql
        self.job = leaf.worker

    async def refused(self, path: str) -> str:
        """Try to start from a savepoint; the job stays at rest where it is."""
        before = (await self.leaf.rows(), await self.leaf.position())
        said = await self.sql.fails(f"START JOB '{self.job}' FROM SAVEPOINT '{path}'")
        await status_is(self.leaf, self.job, "CANCELED")
        assert (await self.leaf.rows(), await self.leaf.position()) == before
        return said


@pytest_asyncio.fixture
async def pair(cascade: Cascade, tailrace: Tailrace, tmp_path: Path):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.add_table()
    async with running(root, leaf):
        await live(leaf)
        await root.db.execute(FILL, 1, 2000)
        await same(root, leaf)
        yield Pair(root, leaf, Sql(tailrace, leaf, tmp_path / "kept"))


def edit(path: str, change: dict[str, object]) -> None:
    file = Path(path) / "_metadata"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


async def test_savepoints_that_are_not_what_was_written(pair: Pair, tmp_path: Path) -> None:
    good = await pair.sql.savepoint(pair.job)
    await pair.root.db.execute("delete from public.t where id > 1500")
    await same(pair.root, pair.leaf)
    await pair.sql(f"STOP JOB '{pair.job}'")

    def copied(name: str) -> str:
        path = str(tmp_path / name)
        shutil.copytree(good, path)
        return path

    data = bytearray((Path(good) / "0000.copy.zst").read_bytes())
    data[len(data) // 2] ^= 1
    flipped = copied("flipped")
    (Path(flipped) / "0000.copy.zst").write_bytes(data)
    assert 'file 0000.copy.zst of table "public.t" has checksum' in await pair.refused(flipped)

    future = copied("future")
    edit(future, {"format": 2, "new": [1]})
    said = await pair.refused(future)
    assert "has format 2; this version of tailrace reads formats up to 1" in said

    touched = copied("touched")
    edit(touched, {"tick": 1})
    assert "file _metadata is not what was written" in await pair.refused(touched)

    torn = copied("torn")
    (Path(torn) / "_metadata").write_text('{"format": 1, "tick"')
    assert "is damaged: file _metadata: " in await pair.refused(torn)

    missing = copied("missing")
    os.unlink(Path(missing) / "0000.copy.zst")
    assert "it has no file 0000.copy.zst" in await pair.refused(missing)

    said = await pair.refused(str(tmp_path / "nothing"))
    assert f'there is no savepoint "{tmp_path}/nothing": it has no file _metadata' in said
    assert "is not the path of a savepoint" in await pair.refused("relative")
    await pair.sql(f"START JOB '{pair.job}' FROM SAVEPOINT '{good}'")
    await same(pair.root, pair.leaf)


async def test_savepoint_of_another_cascade_is_not_taken_for_ours(pair: Pair) -> None:
    """Its queue may have the same name, and a tick of the same number: made at another time."""
    path = await pair.sql.savepoint(pair.job)
    tick = json.loads((Path(path) / "_metadata").read_text())["tick"]
    await pair.sql(f"STOP JOB '{pair.job}'")
    shift = "update pgq.tick set tick_time = tick_time + %s::interval where tick_id = %s"
    await pair.root.db.execute(shift, "1 us", tick)
    said = await pair.refused(path)
    assert f'it is of another queue by the name "{QUEUE}": its tick {tick} is of ' in said
    await pair.root.db.execute(shift, "-1 us", tick)
    await pair.sql(f"START JOB '{pair.job}' FROM SAVEPOINT '{path}'")
    await same(pair.root, pair.leaf)


async def test_wrong_states_and_names(pair: Pair, tailrace: Tailrace, connect: Connect) -> None:
    sql, job, leaf = pair.sql, pair.job, pair.leaf
    ask = "select * from tailrace.request_start_job(%s, %s)"
    path = await sql.savepoint(job)
    said = await sql.fails(f"START JOB '{job}' FROM SAVEPOINT '{path}'")
    assert f'job "{job}" is RUNNING; START needs one that has ended' in said
    await sql(f"STOP JOB '{job}'")
    async with leaf.db.transaction():
        await leaf.db.execute(ask, job, path)
        with pytest.raises(WrongState, match=r"is just being started|START needs"):
            async with leaf.db.transaction():
                await leaf.db.execute(ask, job, path)
        with pytest.raises(WrongState, match="is just being started from savepoint"):
            async with leaf.db.transaction():
                await leaf.db.execute("select tailrace.request_drop_savepoint(%s)", path)
        with pytest.raises(WrongState, match="is just being started from a savepoint"):
            async with leaf.db.transaction():
                await leaf.db.execute("select tailrace.request_savepoint(%s, '/x')", job)
        # stopped again before anybody began
        await leaf.db.execute("select tailrace.request_stop_job(%s)", job)
    await status_is(leaf, job, "CANCELED")
    async with leaf.db.transaction():
        await leaf.db.execute(ask, job, path)
        # whoever lets it go on takes it back: a change of provider, say
        await leaf.db.execute("select pgq_node.set_consumer_paused(%s, %s, false)", QUEUE, job)
        assert await leaf.db.fetch_value("select count(*) from tailrace.restore") == 0
    await status_is(leaf, job, "RUNNING")
    await sql(f"STOP JOB '{job}'")
    await leaf.db.execute("update tailrace.savepoint set state = 'dropping'")
    with pytest.raises(WrongState, match="is being dropped"):
        await leaf.db.execute(ask, job, path)
    await sql(f"START JOB '{job}'")


WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query ~ 'request_start_job'
"""


async def raced(node: TestNode, blocking: Database, *statements: str) -> tuple[list[str], str]:
    """Carry out two START at once; returns who won, and what the loser was told.

    Each has been asked for before the other is done, and the restore does not end before one of
    them has lost.
    """
    lost: list[str] = []
    won: list[str] = []

    async def start(statement: str) -> None:
        async with Session(node.dsn) as session:
            try:
                await execute(session, parse(statement))
            except WrongState as error:
                lost.append(str(error))
            else:
                won.append(statement)

    with watching("restore.before_close") as restored:
        restored.hold()
        await blocking.execute("begin; lock table tailrace.restore in share row exclusive mode")
        async with asyncio.TaskGroup() as group:
            for number, statement in enumerate(statements, start=1):
                group.create_task(start(statement))
                await eventually(lambda n=number: waiting(node.db, n))
            await blocking.execute("commit")
            await eventually(lambda: lost)
            restored.release()
        assert restored.count == 1
    assert len(lost) == 1
    return won, lost[0]


async def waiting(db: Database, number: int) -> bool:
    return bool(await db.fetch_value(WAITING) == number)


@pytest.mark.parametrize("kind", ["worker", "sql"])
@pytest.mark.parametrize("second", ["the same", "START JOB '{job}'"])
async def test_of_two_starts_at_once_one_wins(
    pair: Pair, connect: Connect, kind: str, second: str
) -> None:
    leaf, job = pair.leaf, pair.job
    blocking = await connect(leaf.db)
    if kind == "sql":
        job = "sums"
        await leaf.db.execute("create table public.sums (one int primary key, n bigint)")
        await make_job(
            leaf.db, job,
            "insert into sums as s select 1, sum(_weight) from changes.t"
            " on conflict (one) do update set n = s.n + excluded.n",
        )  # fmt: skip
        await status_is(leaf, job, "RUNNING")
        await pair.root.db.execute(FILL, 2001, 2100)
        counted = "select n = 100 from public.sums"
        await eventually(lambda: leaf.db.fetch_value(counted), 20)
    path = await pair.sql.savepoint(job)
    await pair.sql(f"STOP JOB '{job}'")
    await pair.root.db.execute("delete from public.t where id > 1990 and id % 2 = 0")

    first = f"START JOB '{job}' FROM SAVEPOINT '{path}'"
    other = first if second == "the same" else second.format(job=job)
    won, lost = await raced(leaf, blocking, first, other)
    assert won == [first]
    assert re.fullmatch(rf'job "{job}" is (RESTARTING; START needs|just being started)[^\n]*', lost)
    await status_is(leaf, job, "RUNNING")
    await same(pair.root, leaf)
    if kind == "sql":
        await eventually(lambda: leaf.db.fetch_value("select n = 45 from public.sums"), 20)


async def test_places_jobs_and_roles_that_will_not_do(
    pair: Pair, tailrace: Tailrace, connect: Connect
) -> None:
    job, leaf = pair.job, pair.leaf
    with pytest.raises(UsageError, match="no directory for savepoints is set"):
        await leaf.db.execute("select tailrace.request_savepoint(%s)", job)
    with pytest.raises(UsageError, match="neither an absolute path nor a URL"):
        await leaf.db.execute("select tailrace.request_savepoint(%s, 'here')", job)
    with pytest.raises(WrongState, match=r"inside a transaction; .* tailrace\.request_savepoint"):
        async with leaf.db.transaction():
            await leaf.db.execute(f"call tailrace.create_savepoint('{job}', '/x')")
    root_sql = Sql(tailrace, pair.root, "/x")
    said = await root_sql.fails(f"CREATE SAVEPOINT FOR JOB '{pair.root.worker}'")
    assert "is the worker of root" in said
    with pytest.raises(WrongState, match='merges queue "flow" into queue "all"'):
        async with leaf.db.transaction():
            await leaf.db.execute("update pgq_node.node_info set combined_queue = 'all'")
            await leaf.db.execute("select tailrace.request_savepoint(%s, '/x')", job)
    await leaf.db.execute(f"alter database \"{leaf.db.dbname}\" set state.savepoints.dir = '/x/'")
    fresh = await connect(leaf.db)
    assert await fresh.fetch_value("select tailrace.savepoint_directory(null)") == "/x"
    await pair.leaf.db.execute("set role pgq_reader")
    with pytest.raises(DatabaseError, match="permission denied"):
        await leaf.db.execute("select tailrace.request_savepoint(%s, '/x')", job)
    assert await leaf.db.fetch_all("select * from tailrace.savepoints") is not None
    await leaf.db.execute("reset role")


async def test_place_that_cannot_be_written_changes_nothing(
    pair: Pair, tailrace: Tailrace, tmp_path: Path, full: Path
) -> None:
    (tmp_path / "file").write_text("")
    for directory, complaint in (
        (tmp_path / "file", "Not a directory"),
        (Path("/proc/savepoints"), "No such file or directory"),
        (Path("/sys/savepoints"), "it is read and written by whoever runs the job"),
        (full, "No space left on device; make room, or choose another directory"),
    ):
        sql = Sql(tailrace, pair.leaf, directory)
        said = await sql.fails(f"CREATE SAVEPOINT FOR JOB '{pair.job}'")
        assert f'the savepoint of job "{pair.job}" could not be written: ' in said
        assert complaint in said
        said = await sql.fails(f"STOP JOB '{pair.job}' WITH SAVEPOINT")
        assert complaint in said
        assert said.endswith("the job goes on")
        await status_is(pair.leaf, pair.job, "RUNNING")
    assert await pair.sql.listed() == {}
    assert await pins(pair.root, pair.leaf) == {"node1": [], "node2": []}
    assert os.listdir(full) == ["ballast"]
    await pair.root.db.execute(FILL, 3000, 3100)
    await same(pair.root, pair.leaf)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk that is nearly full."""
    place = tmp_path / "full"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be made here: {mounted.stderr.decode().strip()}")
    (place / "ballast").write_bytes(b"x" * 32_768)
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_drain_whose_root_cannot_be_reached_makes_no_savepoint(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path, proxy
) -> None:
    root = await cascade.root()
    wall = await proxy(root.dsn)
    leaf = await cascade.leaf("node2", root)
    await leaf.db.execute(
        "update pgq_node.node_location set node_location = %s where node_name = 'node1'", wall.dsn
    )
    sql = Sql(tailrace, leaf, tmp_path)
    async with running(leaf):
        await status_is(leaf, leaf.worker, "RUNNING")
        wall.refuse()
        said = await sql.fails(f"STOP JOB '{leaf.worker}' WITH SAVEPOINT WITH DRAIN")
        assert "cannot connect to" in said
        await leaf.db.execute("select tailrace.request_savepoint(%s, '/x')", leaf.worker)
        await leaf.db.execute("delete from tailrace.savepoint")
        assert await leaf.db.fetch_value("select wanted from tailrace.job") == "running"


async def test_tables_change_between_savepoint_and_start(pair: Pair) -> None:
    sql, job = pair.sql, pair.job
    path = await sql.savepoint(job)
    await pair.root.db.execute("update public.t set v = 'before' where id % 2 = 0")
    for node in (pair.leaf, pair.root):
        await node.db.execute(
            "alter table public.t add extra integer default 7, alter id type bigint"
        )
        await node.db.execute("alter table public.t rename v to w; alter table public.t add v text")
        await node.db.execute("alter table public.t drop w")
    await pair.root.db.execute(
        "insert into public.t select i, 3, 'new' from generate_series(5001, 5050) i;"
        " delete from public.t where id < 100"
    )
    rest = "select id, extra, v from public.t where id > 5000 order by id"

    async def replayed() -> bool:
        wanted = await pair.root.db.fetch_all(rest)
        assert await pair.leaf.db.fetch_all(rest) == wanted
        count = "select count(*), min(id) as id, min(extra) as extra from public.t"
        assert await pair.leaf.db.fetch_one(count) == await pair.root.db.fetch_one(count)
        return True

    await eventually(replayed, 20)
    await sql(f"STOP JOB '{job}'", f"START JOB '{job}' FROM SAVEPOINT '{path}'")
    await eventually(replayed, 20)
    await status_is(pair.leaf, job, "RUNNING")

    await sql(f"STOP JOB '{job}'")
    for change, back, complaint in (
        ("alter table public.t add c integer not null",
         "alter table public.t drop c",
         'no longer fits the savepoint: column "c" is NOT NULL without default'),
        ("alter table public.t drop constraint t_pkey, add primary key (id, extra)",
         "alter table public.t drop constraint t_pkey, add primary key (id)",
         "its key was (id) and is (id, extra)"),
        ("alter table public.t rename to u",
         "alter table public.u rename to t",
         'table "public.t" in database'),
    ):  # fmt: skip
        async with pair.leaf.db.transaction():
            await pair.leaf.db.execute("set local session_replication_role = replica")
            if "not null" in change:
                await pair.leaf.db.execute("truncate public.t")
            await pair.leaf.db.execute(change)
        said = await sql.fails(f"START JOB '{job}' FROM SAVEPOINT '{path}'")
        assert complaint in said, said
        await status_is(pair.leaf, job, "CANCELED")
        await pair.leaf.db.execute(back)
    await pair.leaf.db.execute("select tailrace.remove_table(%s, 'public.t')", QUEUE)
    said = await sql.fails(f"START JOB '{job}' FROM SAVEPOINT '{path}'")
    assert 'the job does not write table "public.t", which is in the savepoint' in said
