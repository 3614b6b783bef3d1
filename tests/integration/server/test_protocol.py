"""The protocol of Flink's SQL Gateway, request by request (spec/flink.md 5)."""

from __future__ import annotations

import json
from time import monotonic

import pytest

from fixtures.serving import Failed, Served, served
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.server.limits import Limits


async def test_every_version_tells_itself_and_the_others(server_of: Served):
    for prefix in ("", "/v1", "/v2", "/v3", "/v4"):
        versions = await server_of.ask("GET", f"{prefix}/api_versions")
        assert versions == {"versions": ["V1", "V2", "V3", "V4"]}
        assert (await server_of.ask("GET", f"{prefix}/info"))["productName"] == "tailrace"
    with pytest.raises(Failed, match="nothing at"):
        await server_of.ask("GET", "/v5/info")


async def test_a_row_takes_three_requests(server_of: Served):
    await server_of.open()
    outcome = await server_of.run("SELECT 1 AS a, 'x' AS b")
    assert (outcome.names, outcome.rows) == (["a", "b"], [[1, "x"]])
    assert outcome.requests == 3
    assert outcome.last["isQueryResult"] is True
    assert outcome.last["resultKind"] == "SUCCESS_WITH_CONTENT"


@pytest.mark.parametrize("version", ["", "/v1", "/v2", "/v3"])
async def test_pages_are_linked_in_the_version_that_was_asked(server_of: Served, version: str):
    server_of.version = version
    outcome = await server_of.run("SELECT generate_series(1, 12000)", form="")
    assert [row[0] for row in outcome.rows] == list(range(1, 12001))
    assert outcome.requests == 5


async def test_a_page_can_be_asked_for_again(server_of: Served):
    operation = await server_of.submit("SELECT generate_series(1, 7000)")
    path = f"/operations/{operation}/result"
    first = await server_of.of_session("GET", f"{path}/0")
    second = await server_of.of_session("GET", f"{path}/1")
    assert await server_of.of_session("GET", f"{path}/0") == first
    assert await server_of.of_session("GET", f"{path}/1") == second
    with pytest.raises(Failed, match="has no page 7 yet"):
        await server_of.of_session("GET", f"{path}/7")


TYPES = """
    SELECT true AS b, 1::smallint AS s, 2 AS i, 3::bigint AS l, 1.5::real AS f, 2.5::float8 AS d,
           1.50::numeric(5,2) AS n, date '2026-01-02' AS day, time '12:30' AS at,
           timestamp '2026-01-02 03:04:05.5' AS ts, timestamptz '2026-01-02 03:04:05+01' AS tz,
           '\\x0aff'::bytea AS bin, 'é"' AS t, NULL::integer AS nothing, '{"k": 1}'::jsonb AS j,
           'infinity'::date AS never, 'NaN'::float8 AS nan, 12345678901234567890.123 AS wide
"""


async def test_a_small_answer_is_not_held_back(server_of: Served):
    """Nagle's algorithm would make each request take 40 ms."""
    await server_of.run("SHOW JOBS")
    took = []
    for _ in range(10):
        begun = monotonic()
        await server_of.run("SHOW JOBS")
        took.append(monotonic() - begun)
    assert min(took) < 0.1


async def test_types_and_values_in_json(server_of: Served):
    outcome = await server_of.run(TYPES)
    assert outcome.types == [
        "BOOLEAN", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE",
        "TIME_WITHOUT_TIME_ZONE", "TIMESTAMP_WITHOUT_TIME_ZONE", "TIMESTAMP_WITH_LOCAL_TIME_ZONE",
        "VARBINARY", "VARCHAR", "INTEGER", "VARCHAR", "VARCHAR", "DOUBLE", "DECIMAL",
    ]  # fmt: skip
    assert outcome.rows == [
        [
            True, 1, 2, 3, 1.5, 2.5, 1.5, "2026-01-02", "12:30:00", "2026-01-02T03:04:05.500000",
            "2026-01-02T02:04:05Z", "Cv8=", 'é"', None, '{"k": 1}', "infinity", "NaN",
            "12345678901234567890.123",
        ]
    ]  # fmt: skip
    price = outcome.columns[6]["logicalType"]
    assert price == {"type": "DECIMAL", "nullable": True, "precision": 5, "scale": 2}


async def test_values_as_plain_text(server_of: Served):
    outcome = await server_of.run(TYPES, form="PLAIN_TEXT")
    assert outcome.last["results"]["rowFormat"] == "PLAIN_TEXT"
    assert outcome.rows == [
        [
            "TRUE", "1", "2", "3", "1.5", "2.5", "1.50", "2026-01-02", "12:30:00",
            "2026-01-02 03:04:05.500000", "2026-01-02 02:04:05", "x'0aff'", 'é"', None,
            '{"k": 1}', "infinity", "NaN", "12345678901234567890.123",
        ]
    ]  # fmt: skip
    with pytest.raises(Failed, match='no row format "XML"'):
        await server_of.run("SELECT 1", form="XML")


async def test_types_do_not_depend_on_the_rows_that_there_are(server_of: Served):
    listed = await server_of.run("SHOW JOBS")
    assert listed.names == ["job id", "job name", "status", "start time", "end time"]
    assert listed.types[3:] == ["TIMESTAMP_WITH_LOCAL_TIME_ZONE"] * 2
    assert listed.columns[3]["logicalType"]["precision"] == 3
    assert (listed.rows, listed.last["isQueryResult"]) == ([], False)


async def test_statements_without_rows(server_of: Served):
    made = await server_of.run("CREATE TABLE public.t (a integer)")
    assert (made.rows, made.last["resultKind"]) == ([["OK"]], "SUCCESS")
    added = await server_of.run("INSERT INTO public.t VALUES (1), (2)")
    assert (added.rows, added.last["resultKind"]) == ([["INSERT 0 2"]], "SUCCESS_WITH_CONTENT")
    nothing = await server_of.run("SELECT * FROM public.t WHERE a = 7")
    assert (nothing.types, nothing.rows) == (["INTEGER"], [])


async def test_errors_are_one_line_of_ours(server_of: Served):
    assert await server_of.error("STOP JOB 'none'") == (
        'there is no job "none"; list them with: SHOW JOBS'
    )
    place = await server_of.error("SHOW JOBS\nLIKE 'a'")
    assert place.startswith("line 2, column 1: found LIKE, expected")
    assert place.endswith("\n^")
    assert "one statement at a time" in await server_of.error("SELECT 1; SELECT 2")
    assert 'relation "nowhere" does not exist' in await server_of.error("SELECT * FROM nowhere")
    assert (await server_of.run("SELECT 1")).rows == [[1]]


async def test_remarks_come_in_a_header(server_of: Served):
    said = await server_of.run("DO $$ begin raise notice 'é %', repeat('x', 50); end $$")
    assert json.loads(said.remarks or "") == [f"notice: é {'x' * 50}"]
    long = await server_of.run("DO $$ begin raise notice '%', repeat('x', 5000); end $$")
    assert (long.remarks, long.rows) == (None, [["OK"]])


async def test_a_session_has_its_settings(server_of: Served):
    await server_of.open({"tailrace.timeout": "7s", "execution.runtime-mode": "streaming"})
    properties = (await server_of.of_session("GET"))["properties"]
    assert properties["tailrace.timeout"] == "7s"
    await server_of.of_session("POST", "/configure-session", {"statement": "SET work_mem = '7MB'"})
    await server_of.of_session(
        "POST", "/configure-session", {"statement": "SET 'tailrace.deadline' = '2s'"}
    )
    assert (await server_of.run("SHOW work_mem")).rows == [["7MB"]]
    settings = {row[0]: row[1] for row in (await server_of.run("SET")).rows}
    assert settings["tailrace.deadline"] == "2s"
    with pytest.raises(Failed, match="does not configure a session"):
        await server_of.of_session("POST", "/configure-session", {"statement": "SHOW JOBS"})
    with pytest.raises(Failed, match='"5x" is not a duration'):
        await server_of.open({"tailrace.timeout": "5x"})


async def test_settings_of_a_statement_hold_for_it_alone(server_of: Served):
    assert "no Flink cluster" in await server_of.error(
        "SHOW JOBS", executionConfig={"tailrace.engine": "flink"}
    )
    assert (await server_of.run("SHOW JOBS")).rows == []


async def test_sessions_are_apart(server_of: Served):
    first = await server_of.open()
    await server_of.run("CREATE TEMPORARY TABLE mine (a integer)")
    await server_of.open()
    assert "does not exist" in await server_of.error("SELECT * FROM mine")
    await server_of.of_session("POST", "/heartbeat", {})
    assert await server_of.of_session("DELETE") == {"status": "CLOSED"}
    with pytest.raises(Failed, match=rf"Session '{server_of.session}' does not exist\."):
        await server_of.of_session("POST", "/heartbeat", {})
    server_of.session = first
    assert (await server_of.run("SELECT count(*) FROM mine")).rows == [[0]]


async def test_a_statement_that_takes_long_is_waited_for_or_given_up(
    database: Database, server_of: Served
):
    lock = "select pg_advisory_lock(7)"
    await database.execute(lock)
    operation = await server_of.submit("SELECT pg_advisory_xact_lock(7)")
    path = f"/operations/{operation}"
    running = {"status": "RUNNING"}

    async def runs() -> bool:
        return bool(await server_of.of_session("GET", f"{path}/status") == running)

    await eventually(runs)
    assert await server_of.of_session("POST", f"{path}/cancel", {}) == {"status": "CANCELED"}
    with pytest.raises(Failed, match="is CANCELED; it has no result"):
        await server_of.of_session("GET", f"{path}/result/0")
    with pytest.raises(Failed, match="is CANCELED and cannot become CANCELED"):
        await server_of.of_session("POST", f"{path}/cancel", {})
    assert await server_of.of_session("DELETE", f"{path}/close") == {"status": "CLOSED"}
    with pytest.raises(Failed, match="does not exist in session"):
        await server_of.of_session("GET", f"{path}/status")
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    await eventually(lambda: _is_zero(database, waiting))
    late = await server_of.error("SELECT pg_advisory_xact_lock(7)", executionTimeout=50)
    assert late == "the statement was not done within 0.05 s"
    await database.execute("select pg_advisory_unlock(7)")
    assert (await server_of.run("SELECT 1")).rows == [[1]]


async def _is_zero(database: Database, query: str) -> bool:
    return bool(await database.fetch_value(query) == 0)


async def test_a_request_is_held_until_there_is_a_result(database: Database):
    await database.execute("select pg_advisory_lock(7)")
    async with served(database.dsn, limits=Limits(hold=0.2)) as server:
        operation = await server.submit("SELECT pg_advisory_xact_lock(7)")
        page = await server.of_session("GET", f"/operations/{operation}/result/0?rowFormat=JSON")
        assert page == {
            "resultType": "NOT_READY",
            "nextResultUri": f"/v4/sessions/{server.session}/operations/{operation}"
            "/result/0?rowFormat=JSON",
        }
    # leaving ended the server, the session and the statement, though the lock is still held


async def test_completion(server_of: Served):
    await server_of.open()

    async def offered(text: str) -> list[str]:
        body = {"statement": text, "position": len(text)}
        return list((await server_of.of_session("GET", "/complete-statement", body))["candidates"])

    assert "JOBS" in await offered("SHOW J")
    assert "'tailrace.engine'" in await offered("SET 'tailrace.e")
    assert await offered("SELECT 1 ") == []


async def test_limits(database: Database):
    limits = Limits(sessions=2, operations=2, request_bytes=1000, hold=5.0)
    async with served(database.dsn, limits=limits) as server:
        await server.open()
        await server.open()
        with pytest.raises(Failed, match="2 sessions are open, which is the most"):
            await server.open()
        with pytest.raises(Failed, match="larger than 1000 bytes"):
            await server.run(f"SELECT '{'x' * 1000}'")
        first = await server.submit("SELECT 1")
        await server.of_session("GET", f"/operations/{first}/result/0")
        await server.run("SELECT 2")
        await server.run("SELECT 3")
        with pytest.raises(Failed, match="does not exist in session"):
            await server.of_session("GET", f"/operations/{first}/status")
        await database.execute("select pg_advisory_lock(7)")
        for _ in range(2):
            await server.submit("SELECT pg_advisory_xact_lock(7)")
        with pytest.raises(Failed, match="2 statements under way, which is the most"):
            await server.submit("SELECT 4")


async def test_idle_sessions_are_closed_and_working_ones_are_not(database: Database):
    await database.execute("select pg_advisory_lock(7)")
    async with served(database.dsn, limits=Limits(idle=0.0, hold=5.0)) as server:
        await server.open()
        idle = server.session
        await server.open()
        operation = await server.submit("SELECT pg_advisory_xact_lock(7)")
        await server.sessions.sweep()
        with pytest.raises(Failed, match="does not exist"):
            await server.ask("GET", f"/v4/sessions/{idle}")
        await server.of_session("GET", f"/operations/{operation}/status")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"{}", '"statement" of the request is missing'),
        (b'{"statement": "SELECT \\u0000"}', "a character that is none"),
        (b'{"statement": "SELECT \\ud800"}', "a character that is none"),
        (b'{"statement": 7}', '"statement" of the request is 7, expected a text'),
        (b'{"statement": "SELECT 1", "executionTimeout": -1}', "expected a number"),
        (b'{"statement": "SELECT 1", "executionConfig": {"a": 1}}', "not an object of texts"),
    ],
)
async def test_bad_requests_say_what_is_wrong(server_of: Served, body: bytes, complaint: str):
    await server_of.open()
    path = f"/v4/sessions/{server_of.session}/statements"
    response = await server_of.http.post(path, content=body)
    assert response.status_code == 400
    assert complaint in response.json()["errors"][0]
