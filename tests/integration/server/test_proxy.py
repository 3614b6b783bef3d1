"""In front of a gateway: ours here, all else there, and nobody can tell."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fixtures.gateway_fake import FakeGateway
from fixtures.gateway_fake import fake_gateway as fake_gateway  # the fixture
from fixtures.serving import Failed, Served, served
from tailrace.db.connection import Database
from tailrace.server.limits import Limits
from tailrace.server.proxy import is_ours

SOURCE = "CREATE TABLE s (a INT) WITH ('connector' = 'datagen')"
SINK = "CREATE TABLE t (a INT) WITH ('connector' = 'blackhole')"
JOB = "CREATE JOB copy AS INSERT INTO t SELECT a FROM s"


@pytest_asyncio.fixture
async def proxy(database: Database, fake_gateway: FakeGateway) -> AsyncIterator[Served]:
    """A proxy in front of the fake."""
    defaults = {"tailrace.flink.url": fake_gateway.url}
    async with served(database.dsn, gateway=fake_gateway.url, defaults=defaults) as made:
        yield made


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("SHOW JOBS", True),
        ("STOP JOB 'x' WITH SAVEPOINT", True),
        ("STOP JOB x", True),  # and wrong, which we say better
        ("SET 'tailrace.timeout' = '5s'", True),
        ("SET 'state.savepoints.dir' = 'file:///a'", True),
        ("RESET 'tailrace.timeout'", True),
        ("SET 'execution.runtime-mode' = 'batch'", False),
        ("SET", False),
        ("RESET", False),
        ("SELECT 1", False),
        ("SHOW TABLES", False),
        ("SELECT 1; SELECT 2", False),
        ("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 1; END", False),
        ("", False),
    ],
)
def test_what_is_ours(text: str, ours: bool):
    assert is_ours(text) is ours


async def test_what_is_not_ours_is_the_gateways(proxy: Served, fake_gateway: FakeGateway):
    assert (await proxy.ask("GET", "/v4/info"))["productName"] == "Apache Flink"
    handle = await proxy.open({"a.b": "c"})
    assert fake_gateway.sessions[handle] == {"a.b": "c"}
    outcome = await proxy.run("SELECT 1")
    assert (outcome.names, outcome.rows) == (["EXPR$0"], [[1]])
    await proxy.of_session("POST", "/heartbeat", {})
    with pytest.raises(Failed, match="Non-query expression encountered"):
        await proxy.run("PAUSE 'x'")
    operation = await proxy.submit("SELECT 1")
    with pytest.raises(Failed, match="from FINISHED to CANCELED"):
        await proxy.of_session("POST", f"/operations/{operation}/cancel", {})
    page = await proxy.http.get(f"/v4/sessions/{handle}/operations/{operation}/result/0")
    assert '"resultType": "PAYLOAD"' in page.text  # as it came, not read and written anew
    await proxy.of_session("DELETE", f"/operations/{operation}/close")
    assert operation not in fake_gateway.results
    await proxy.of_session("DELETE")
    assert (fake_gateway.sessions, len(proxy.sessions)) == ({}, 0)
    with pytest.raises(Failed, match="does not exist"):
        await proxy.run("SELECT 1")
    with pytest.raises(Failed, match="does not exist"):
        await proxy.run("SHOW JOBS")


async def test_our_statements_are_added(proxy: Served, fake_gateway: FakeGateway):
    for text in (SOURCE, SINK, "CREATE TABLE gone (a INT)", "DROP TABLE gone"):
        await proxy.run(text)
    await proxy.of_session(
        "POST", "/configure-session", {"statement": "CREATE VIEW w AS SELECT a FROM s"}
    )
    await proxy.run("SET 'execution.checkpointing.interval' = '1s'")
    assert "execution.checkpointing.interval" not in "".join(fake_gateway.sessions)
    (created,) = (await proxy.run(JOB)).rows
    # the job got what the session had, in a session of its own
    assert not any(text.startswith("CREATE JOB") for text in fake_gateway.statements)
    assert [text for text in fake_gateway.statements if "gone" in text] == [
        "CREATE TABLE gone (a INT)", "DROP TABLE gone",
    ]  # fmt: skip
    repeated = [text.split("(")[0].strip() for text in fake_gateway.statements[6:]]
    assert repeated[:3] == ["CREATE TABLE s", "CREATE TABLE t", "CREATE VIEW w AS SELECT a FROM s"]
    (job,) = fake_gateway.jobs.values()
    assert job.settings["execution.checkpointing.interval"] == "1s"

    listed = await proxy.run("SHOW JOBS")
    assert [row[:2] for row in listed.rows] == [[created[0], "copy"]]
    (made,) = (await proxy.run("CREATE SAVEPOINT FOR JOB 'copy'")).rows
    assert [row[0] for row in (await proxy.run("SHOW SAVEPOINTS")).rows] == made
    assert "found x, expected" in await proxy.error("STOP JOB x")
    assert (await proxy.run("STOP JOB 'copy'")).rows == [["OK"]]
    await proxy.run("SET 'tailrace.timeout' = '5s'")
    properties = (await proxy.of_session("GET"))["properties"]
    assert "tailrace.timeout" not in properties  # the gateway hears nothing of it
    body = {"statement": "SHOW J", "position": 6}
    offered = (await proxy.of_session("GET", "/complete-statement", body))["candidates"]
    assert offered == ["JOBS", "JOBTREE", "JOBTREES", "JARS"]


async def test_a_row_that_is_late_takes_three_requests(proxy: Served, fake_gateway: FakeGateway):
    outcome = await proxy.run("SELECT slowly")
    assert (outcome.rows, outcome.requests) == ([[1]], 3)
    asked = sum(fake_gateway.asked.values())
    assert asked == fake_gateway.NOT_READY + fake_gateway.EMPTY + 2
    # the gateway has gone on; an answer that was lost is still here
    operation = await proxy.submit("SELECT slowly")
    fake_gateway.asked.clear()
    path = f"/operations/{operation}/result/0?rowFormat=JSON"
    first = await proxy.of_session("GET", path)
    assert await proxy.of_session("GET", path) == first


async def test_a_session_that_began_before_us_is_taken_in(
    database: Database, fake_gateway: FakeGateway
):
    defaults = {"tailrace.flink.url": fake_gateway.url}
    for _ in range(2):
        async with served(database.dsn, gateway=fake_gateway.url, defaults=defaults) as proxy:
            if not fake_gateway.sessions:
                handle = await proxy.open()
            proxy.session = handle
            assert (await proxy.run("SHOW JOBS")).rows == []
            assert (await proxy.run("SELECT 1")).rows == [[1]]


async def test_limits_and_a_gateway_that_is_away(database: Database, fake_gateway: FakeGateway):
    limits = Limits(sessions=1, hold=0.1)
    async with served(database.dsn, gateway=fake_gateway.url, limits=limits) as proxy:
        await proxy.open()
        with pytest.raises(Failed, match="1 sessions are open"):
            await proxy.open()
        assert len(fake_gateway.sessions) == 1
        await fake_gateway.down()
        response = await proxy.http.get("/v4/info")
        assert response.status_code == 502
        (line,) = response.json()["errors"]
        assert line.startswith(f"the SQL Gateway at {fake_gateway.url} does not answer: ")
    await fake_gateway.up()
