"""Which cluster is which, by whatever address it is reached, on the fake."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from pathlib import Path

import pytest

from fixtures.flink_fake import FakeFlink
from fixtures.flink_session import CREATE, OpenSql, Sql, agree, beginning, engine_id, looked_at
from tailrace.engines.flink.local import Running


async def test_what_answers_is_something_else(fake_flink: FakeFlink, open_sql: OpenSql):
    elsewhere = f"{fake_flink.url}/nothing"
    sql = await open_sql(elsewhere, fake_flink.url)
    assert "is no Flink JobManager" in await sql.fails("SHOW JOBS")
    sql = await open_sql(fake_flink.url, elsewhere)
    assert "is no Flink SQL Gateway" in await sql.fails(CREATE)
    assert await sql("SHOW JOBS") == []
    sql = await open_sql("ftp://x", fake_flink.url)
    assert "is not the address of the Flink JobManager" in await sql.fails("SHOW JOBS")


@pytest.mark.parametrize("address", ["localhost", "LOCALHOST", "another port"])
async def test_a_cluster_is_the_same_at_every_address(
    address: str, fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql
):
    await fake_sql(CREATE)
    path = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    async with await asyncio.start_server(fake_flink._serve, "127.0.0.1", 0) as proxy:
        url = f"http://{address}:{fake_flink.port}/"
        if address == "another port":
            url = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        other = await open_sql(url, url)
        assert await other.status("j") == "RUNNING"
        (row,) = await other("SHOW SAVEPOINTS FOR JOB 'j'")
        assert row["savepoint path"] == path
        await other("STOP JOB 'j' WITH SAVEPOINT")
        await other("START JOB 'j'")
        db = await fake_sql.session.ours()
        assert await db.fetch_value("select count(distinct cluster) from tailrace.flink_job") == 1
        await agree(fake_flink, fake_sql)


async def test_a_silent_cluster_at_another_address(
    fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql
):
    """Once it was recognised there, its jobs are listed; else nobody says that there is no job."""
    await fake_sql(CREATE)
    async with await asyncio.start_server(fake_flink._serve, "127.0.0.1", 0) as proxy:
        url = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        other = await open_sql(url, url)
        assert await other.status("j") == "RUNNING"
    await fake_flink.down()
    again = await open_sql(url, url)
    assert await again.status("j") == "RUNNING"
    assert again.remarks[0].startswith("as last seen: the Flink JobManager at")
    asked = 0

    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.close()

    async with await asyncio.start_server(deaf, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for text in (
            "START JOB 'j'", "DESCRIBE JOB 'j'", "SHOW SAVEPOINTS FOR JOB 'j'",
            "DROP SAVEPOINTS FOR JOB 'j' KEEP LAST 1",
        ):  # fmt: skip
            asked = 0
            stranger = await open_sql(url, url)
            assert "does not answer: it closed the connection" in await stranger.fails(text)
            assert asked == 1 or "SAVEPOINTS" in text  # which also asks for its directory
    assert "does not answer" in await fake_sql.fails("DROP JOB 'it may be new'")
    await fake_flink.up()
    assert "there is no job" in await fake_sql.fails("DROP JOB 'nothing'")


async def test_two_clusters_of_one_database_are_two(
    fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql, tmp_path: Path
):
    await fake_sql(CREATE)
    second = FakeFlink(tmp_path / "second")
    await second.up()
    other = await open_sql(second.url, second.url)
    assert await other("SHOW JOBS") == []
    await other(CREATE)
    assert await other.status("j") == "RUNNING"
    await other("STOP JOB 'j'")
    assert await fake_sql.status("j") == "RUNNING"
    await second.down()


async def test_two_clusters_of_one_machine_and_port_are_two(
    fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql, tmp_path: Path
):
    """As two names of a proxy's hosts, each address has a listener of its own."""
    await fake_sql(CREATE)
    second = FakeFlink(tmp_path / "second")
    async with await asyncio.start_server(second._serve, "127.0.0.2", fake_flink.port):
        url = f"http://127.0.0.2:{fake_flink.port}"
        other = await open_sql(url, url)
        assert await other("SHOW JOBS") == []
        assert await fake_sql.status("j") == "RUNNING"


async def test_a_runner_connects_to_what_was_given(fake_flink: FakeFlink, open_sql: OpenSql):
    """A certificate, or a proxy's host, is for that name only."""
    url = f"http://localhost:{fake_flink.port}"
    sql = await open_sql(url, url)
    await sql(CREATE)
    fake_flink.take_checkpoints(await engine_id(sql), 1)
    fake_flink.hosts.clear()
    await looked_at(sql)
    assert fake_flink.hosts == {f"localhost:{fake_flink.port}"}
    db = await sql.session.ours()
    assert await db.fetch_value("select checkpoint from tailrace.flink_run")


async def test_jobs_of_an_older_version_are_there_when_the_cluster_has_forgotten_them(
    fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql
):
    """It called a cluster by its address as it was given; two of them may have been one place."""
    await fake_sql(CREATE)
    path = await fake_sql.value("STOP JOB 'j' WITH SAVEPOINT")
    await fake_sql(CREATE.replace("JOB j", "JOB k"))
    db = await fake_sql.session.ours()
    fresh = await db.fetch_all(SHAPE)
    await db.execute(OLDER.replace(":url", f"'http://localhost:{fake_flink.port}'"))
    await db.execute("update tailrace.flink_job set job_name = 'j'")
    text = files("tailrace.sql").joinpath("migrations/0012_pre_flink_place.sql").read_text()
    async with db.transaction():
        await db.execute(text)
    assert await db.fetch_all(SHAPE) == fresh
    await fake_flink.restart()
    for address in (f"http://localhost:{fake_flink.port}", fake_flink.url):
        sql = await open_sql(address, address)
        rows = {row["job id"]: row for row in await sql("SHOW JOBS")}
        stopped, lost = sorted(rows.values(), key=lambda row: row["status"])
        assert (stopped["job name"], stopped["status"]) == ("j", "FINISHED")
        assert (lost["job name"], lost["status"]) == (f"j-{lost['job id'][:6]}", "SUSPENDED")
        (row,) = await sql("SHOW SAVEPOINTS FOR JOB 'j'")
        assert row["savepoint path"] == path
    await sql("START JOB 'j'")
    assert await beginning(sql) == path


SHAPE = """
    select a.attnum, a.attname::text || format_type(a.atttypid, a.atttypmod) || a.attnotnull
        || coalesce(col_description(a.attrelid, a.attnum), '')
    from pg_attribute as a where a.attrelid = 'tailrace.flink_address'::regclass and a.attnum > 0
    union all
    select 0, conname || pg_get_constraintdef(oid)
    from pg_constraint where conrelid = 'tailrace.flink_address'::regclass
    order by 1
"""

# What the tables were, and held, before clusters had places.
OLDER = """
    drop table tailrace.flink_address;
    create table tailrace.flink_address (url text not null primary key, cluster text not null);
    update tailrace.flink_job set cluster = :url where job_name = 'k';
    update tailrace.flink_savepoint set cluster = :url
"""


async def test_another_cluster_at_the_port_of_one_that_has_ended(
    fake_flink: FakeFlink, fake_sql: Sql, open_sql: OpenSql, monkeypatch: pytest.MonkeyPatch
):
    """That of this machine has a name, and tells it; whoever else listens there has none."""
    local = Running(1, fake_flink.port, 0, "", {}, "local-1a2b3c4d")
    monkeypatch.setattr("tailrace.engines.flink.local.running_here", lambda: local)
    monkeypatch.setattr("tailrace.engines.flink.local.last_here", lambda: local)
    fake_flink.config["tailrace.cluster"] = "local-1a2b3c4d"
    await fake_sql(CREATE)
    path = await fake_sql.value("CREATE SAVEPOINT FOR JOB 'j'")
    monkeypatch.setattr("tailrace.engines.flink.local.running_here", lambda: None)
    assert await fake_sql.status("j") == "RUNNING"  # somebody who sees its port only
    await looked_at(fake_sql)
    await fake_flink.restart()
    assert await fake_sql.status("j") == "SUSPENDED"
    await fake_flink.restart()
    del fake_flink.config["tailrace.cluster"]
    await looked_at(fake_sql)
    assert await fake_sql("SHOW JOBS") == []
    await fake_sql(CREATE)
    here = await open_sql("", fake_flink.url)
    (row,) = await here("SHOW JOBS EXTENDED")
    assert (row["status"], row["node"]) == ("SUSPENDED", "local-1a2b3c4d")
    assert here.remarks == ("as last seen: the Flink cluster of this machine does not run",)
    assert [row["savepoint path"] for row in await here("SHOW SAVEPOINTS")] == [path]
    assert await fake_sql.status("j") == "RUNNING"


async def test_definitions_stay_when_the_local_cluster_is_on_another_port(
    fake_flink: FakeFlink, open_sql: OpenSql, monkeypatch: pytest.MonkeyPatch
):
    def runs(port: int, name: str) -> None:
        local = Running(1, port, 0, "", {}, name)
        monkeypatch.setattr("tailrace.engines.flink.local.running_here", lambda: local)

    runs(fake_flink.port, "local-1a2b3c4d")
    sql = await open_sql("", fake_flink.url)
    await sql("CREATE TABLE src (a INT) WITH ('connector' = 'datagen')")
    said = await sql.fails("DROP JOB 'nothing'")
    assert 'there is no job "nothing" on the Flink cluster "local-1a2b3c4d"' in said
    runs(9, "local-1a2b3c4d")
    assert (await sql.session.flink()).definitions.texts
    runs(9, "local-ffffffff")
    assert not (await sql.session.flink()).definitions.texts


@pytest.mark.parametrize("newest", ["V2", "V3"])
async def test_a_gateway_is_spoken_to_in_the_newest_version_that_it_has(
    newest: str, fake_flink: FakeFlink, fake_sql: Sql
):
    fake_flink.versions = ["V1", "V2", "V3"][: int(newest[1])]
    await fake_sql(CREATE)
    assert await fake_sql("SELECT 1") == [{"EXPR$0": 1}]
    spoken = {path.split("/")[1] for _, path in fake_flink.requests if "/sessions" in path}
    assert spoken == {newest.lower()}
    fake_flink.versions = ["V1"]
    await fake_sql("SET 'parallelism.default' = '2'")
    assert "speaks V1, and tailrace V4, V3, V2" in await fake_sql.fails("SELECT 1")
