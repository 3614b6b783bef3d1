"""Queries on Flink: rows as they come, values of all types, giving up and failing."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from pathlib import Path

import pytest

from fixtures.flink_fake import FakeFlink
from fixtures.flink_session import DEFINITIONS, OpenSql, Sql, has_status
from fixtures.process import StartProcess
from fixtures.serving import Failed, served
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.engines.flink.local import Running
from tailrace.gateway.results import json_value, text_of


async def test_a_query_over_a_stream_is_read_as_its_rows_come(
    database: Database,
    real_flink: Running,
    real_sql: Sql,
    flink_home: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """A result without end: its pages come when there are rows, and closing it ends its job."""
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(flink_home))
    settings = {"tailrace.engine": "flink", "tailrace.flink.url": real_flink.url}
    async with served(database.dsn) as server:
        await server.open(settings)
        await server.run(DEFINITIONS[0])
        operation = await server.submit("SELECT a, CAST(1.50 AS DECIMAL(5, 2)) AS b FROM src")
        path = f"/operations/{operation}/result"
        pages = []
        while len(pages) < 3:
            number = len(pages)
            page = await server.of_session("GET", f"{path}/{number}?rowFormat=JSON")
            assert page["resultType"] in ("PAYLOAD", "NOT_READY")
            has_rows = bool(page.get("results", {}).get("data"))
            following = number + 1 if has_rows else number  # one without rows leads to itself
            assert page["nextResultUri"].endswith(f"/result/{following}?rowFormat=JSON")
            if has_rows:
                assert page["isQueryResult"] is True
                pages.append(page)
        types = [one["logicalType"]["type"] for one in pages[0]["results"]["columns"]]
        assert types == ["INTEGER", "DECIMAL"]
        assert pages[0]["results"]["data"][0]["kind"] == "INSERT"
        assert pages[0]["results"]["data"][0]["fields"][1] == 1.5
        assert await server.of_session("GET", f"{path}/2?rowFormat=JSON") == pages[2]  # once more
        with pytest.raises(Failed, match="has no page 0 yet"):
            await server.of_session("GET", f"{path}/0?rowFormat=JSON")
        assert (await server.run("SELECT 1")).rows == [[1]]  # the session goes on meanwhile
        run = pages[0]["jobID"]
        assert await real_sql.status(run) == "RUNNING"
        await server.of_session("DELETE", f"/operations/{operation}/close")
        await eventually(lambda: has_status(real_sql, run, "CANCELED"), 20)

        counted = await server.submit("SELECT b, count(*) FROM src GROUP BY b")
        page = {}
        while "jobID" not in page:  # not ready yet
            page = await server.of_session("GET", f"/operations/{counted}/result/0?rowFormat=JSON")
        await server.of_session("DELETE")  # ends the session, and what it reads
        await eventually(lambda: has_status(real_sql, page["jobID"], "CANCELED"), 20)


# What it is, as Flink's client shows it, and as JSON.
COMPOSED = (
    ("ARRAY[1, 2]", "[1, 2]", [1, 2]),
    ("ARRAY[CAST(-1 AS TINYINT), CAST(2 AS TINYINT)]", "[-1, 2]", [-1, 2]),
    ("ARRAY['a', CAST(NULL AS STRING)]", "[a, NULL]", ["a", None]),
    ("MAP['k', ARRAY[1]]", "{k=[1]}", {"k": [1]}),
    ("ARRAY[ROW(1, 2)]", "[(1, 2)]", [{"EXPR$0": 1, "EXPR$1": 2}]),
    ("CAST(ROW(1, 'z') AS ROW<a INT, `b c` STRING>)", "(1, z)", {"a": 1, "b c": "z"}),
    ("CAST(ROW(CAST(NULL AS INT), ROW(TRUE)) AS ROW<a INT, b ROW<c BOOLEAN>>)", "(NULL, (TRUE))",
     {"a": None, "b": {"c": True}}),
    ("ARRAY[CAST(1.5 AS DECIMAL(5, 2)), CAST(2 AS DECIMAL(5, 2))]", "[1.50, 2.00]", [1.5, 2]),
    ("MAP['d', DATE '2026-01-31']", "{d=2026-01-31}", {"d": "2026-01-31"}),
    ("ARRAY[TIMESTAMP '2026-01-31 12:00:00', TIMESTAMP '2026-01-31 12:00:00.125']",
     "[2026-01-31 12:00:00.000, 2026-01-31 12:00:00.125]",
     ["2026-01-31T12:00:00", "2026-01-31T12:00:00.125"]),
    ("ARRAY[TIME '12:30:00']", "[12:30:00]", ["12:30:00"]),
    ("ARRAY[TO_TIMESTAMP_LTZ(1500, 3)]", "[1970-01-01 00:00:01.500]", ["1970-01-01T00:00:01.5Z"]),
    ("ARRAY[1e-7, CAST('NaN' AS DOUBLE), 1e0, 1e7]", "[1.0E-7, NaN, 1.0, 1.0E7]",
     [1e-7, "NaN", 1.0, 1e7]),
    ("ARRAY[CAST(0.1 AS FLOAT)]", "[0.1]", [0.1]),
    ("ROW(x'0aff', x'00')", "(x'0aff', x'00')", {"EXPR$0": "Cv8=", "EXPR$1": "AA=="}),
    ("CAST(NULL AS ARRAY<INT>)", None, None),
)  # fmt: skip


async def test_values_made_of_others_are_as_flinks_client_shows_them(
    database: Database, real_flink: Running, open_sql: OpenSql, flink_home: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    """From the cluster on this machine, through the server, and with that server as gateway."""
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(flink_home))
    expressions, texts, contents = (list(column) for column in zip(*COMPOSED, strict=True))
    query = f"SELECT {', '.join(expressions)}, MAP[1, 'a']"
    zone = {"table.local-time-zone": "UTC"}
    sql = await open_sql(real_flink.url)
    await sql("SET 'table.local-time-zone' = 'UTC'")
    own = ", ".join(f"CAST({one} AS STRING)" for one in expressions if "x'" not in one)
    (told,) = await sql(f"SELECT {own}")  # by Flink itself, but for bytes
    assert list(told.values()) == [one for one in texts if one is None or "x'" not in one]
    (row,) = await sql(query)
    assert [None if one is None else text_of(one) for one in row.values()] == [*texts, "{1=a}"]
    assert [json_value(one) for one in row.values()] == [*contents, {"1": "a"}]

    defaults = {"tailrace.engine": "flink", "tailrace.flink.url": real_flink.url}
    async with served(database.dsn, defaults=defaults) as server:
        await server.open(zone)
        found = await server.run(query)
        assert found.rows == [[*contents, {"1": "a"}]]
        assert [one["logicalType"]["type"] for one in found.columns[:6]] == [
            "ARRAY", "ARRAY", "ARRAY", "MAP", "ARRAY", "ROW"
        ]  # fmt: skip
        assert found.columns[3]["logicalType"]["valueType"]["elementType"]["type"] == "INTEGER"
        assert [one["name"] for one in found.columns[5]["logicalType"]["fields"]] == ["a", "b c"]
        assert (await server.run(query, "PLAIN_TEXT")).rows == [[*texts, "{1=a}"]]
        through = await open_sql(real_flink.url, server.url)
        assert await through(query) == [row]


# What it is, as JSON has it, and as Flink's own cast to a text.
SINGLE = (
    ("CAST('2026-01-01 10:00:00' AS TIMESTAMP(0))", "2026-01-01T10:00:00", "2026-01-01 10:00:00"),
    ("CAST('2026-01-01 10:00:00.123456789' AS TIMESTAMP(9))", "2026-01-01T10:00:00.123456789",
     "2026-01-01 10:00:00.123456789"),
    ("TO_TIMESTAMP_LTZ(1500, 3)", "1970-01-01T00:00:01.5Z", "1970-01-01 00:00:01.500"),
    ("CAST('10:11' AS TIME(0))", "10:11:00", "10:11:00"),
    ("INTERVAL '-1 10:00:00.123' DAY TO SECOND(3)", "-1 10:00:00.123", "-1 10:00:00.123"),
    ("INTERVAL '1-2' YEAR TO MONTH", "+1-02", "+1-02"),
    ("ARRAY[INTERVAL '1' DAY]", ["+1 00:00:00.000"], "[+1 00:00:00.000]"),
    ("CAST('NaN' AS DOUBLE)", "NaN", "NaN"),
    ("CAST(1e300 AS DOUBLE)", 1e300, "1.0E300"),
)  # fmt: skip


async def test_values_keep_what_python_has_no_type_for(
    database: Database, real_flink: Running, open_sql: OpenSql, flink_home: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    """Nanoseconds, intervals: in the shell, through the server, and with that as gateway."""
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(flink_home))
    expressions, contents, texts = (list(column) for column in zip(*SINGLE, strict=True))
    query = f"SELECT {', '.join(expressions)}"
    sql = await open_sql(real_flink.url)
    await sql("SET 'table.local-time-zone' = 'UTC'")
    (told,) = await sql(f"SELECT {', '.join(f'CAST({one} AS STRING)' for one in expressions)}")
    assert list(told.values()) == texts
    (row,) = await sql(query)
    assert [json_value(one) for one in row.values()] == contents

    defaults = {"tailrace.engine": "flink", "tailrace.flink.url": real_flink.url}
    async with served(database.dsn, defaults=defaults) as server:
        await server.open({"table.local-time-zone": "UTC"})
        assert (await server.run(query)).rows == [contents]
        assert (await server.run(query, "PLAIN_TEXT")).rows == [texts]
        through = await open_sql(real_flink.url, server.url)
        (again,) = await through(query)
        assert [json_value(one) for one in again.values()] == contents


async def test_values_made_of_others_come_through_a_gateway(
    database: Database, fake_flink: FakeFlink, fake_sql: Sql
):
    """As a gateway sends them: spec/flink.md 5."""
    number = {"type": "DECIMAL", "nullable": True, "precision": 38, "scale": 2}
    text = {"type": "VARCHAR", "nullable": True, "length": 2147483647}
    row = {"type": "ROW", "nullable": True, "fields": [{"name": "n", "fieldType": number}]}
    kind = {"type": "MAP", "nullable": True, "keyType": text, "valueType": row}
    binary = {"type": "VARBINARY", "nullable": True, "length": 10}
    made = fake_flink.answers["SELECT m, b FROM t"] = fake_flink._run("SELECT 1", {})
    made["results"] |= {
        "columns": [
            {"name": "m", "logicalType": kind, "comment": None},
            {"name": "b", "logicalType": binary, "comment": None},
        ],
        "data": [{"kind": "INSERT", "fields": [{"k": {"n": 1.5}, "l": None}, "Cv8="]}],
    }
    (found,) = await fake_sql("SELECT m, b FROM t")
    assert text_of(found["m"]) == "{k=(1.50), l=NULL}"
    assert json_value(found["m"]) == {"k": {"n": 1.5}, "l": None}
    assert found["b"] == b"\x0a\xff"
    defaults = {
        "tailrace.engine": "flink",
        "tailrace.flink.url": fake_flink.url,
        "tailrace.flink.gateway": fake_flink.url,
    }
    async with served(database.dsn, defaults=defaults) as server:
        outcome = await server.run("SELECT m, b FROM t")
        assert outcome.rows == [[{"k": {"n": 1.5}, "l": None}, "Cv8="]]
        assert [one["logicalType"] for one in outcome.columns] == [kind, binary]
        outcome = await server.run("SELECT m, b FROM t", "PLAIN_TEXT")
        assert outcome.rows == [["{k=(1.50), l=NULL}", "x'0aff'"]]


async def test_a_query_that_is_given_up_ends(real_sql: Sql):
    """Ctrl-C in the shell cancels the statement; what it has started must not run on for ever.

    Nor may it take the TaskManager with it, as Flink's own cancelling does when a query has not yet
    begun: then nothing would ever run again.
    """
    await real_sql(DEFINITIONS[0])
    for _ in range(3):
        before = {row["job id"] for row in await real_sql("SHOW JOBS")}
        reading = asyncio.create_task(real_sql("SELECT a FROM src"))
        run = await eventually(partial(new_run, real_sql, before), 20)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await eventually(partial(has_status, real_sql, run, "CANCELED"), 20)
        assert await real_sql("SELECT 1 AS a") == [{"a": 1}]


async def new_run(sql: Sql, before: set[str]) -> str:
    """The one that was not there before."""
    new = {row["job id"] for row in await sql("SHOW JOBS")} - before
    assert len(new) == 1
    return str(new.pop())


async def test_a_query_that_fails_again_and_again_says_so(
    process: StartProcess, database: Database, real_flink: Running, flink_home: Path, real_sql: Sql,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(flink_home))
    query = "SELECT CAST(a AS INT) FROM (VALUES ('x')) AS t(a)"
    command = ("sql", "--engine", "flink", "--db", database.dsn, "-c")
    before = {row["job id"] for row in await real_sql("SHOW JOBS")}
    shell = await process(*command, query)
    await shell.says("the query has failed and Flink tries it again", 30)
    assert "For input string: 'x'" in shell.err
    assert "java." not in shell.err
    shell.send(signal.SIGINT)
    await shell.wait()
    run = await new_run(real_sql, before)
    await eventually(lambda: has_status(real_sql, run, "CANCELED"), 20)
    shell = await process(*command, f"SET 'restart-strategy.type' = 'none'; {query}")
    assert await shell.wait(30) == 1
    assert "For input string: 'x'" in shell.err
