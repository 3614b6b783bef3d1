"""Who may ask."""

from __future__ import annotations

import pytest

from fixtures.serving import Served, served
from tailrace.db.connection import Database
from tailrace.errors import UsageError
from tailrace.server.place import Place

TOKEN = "0123456789abcdef"


async def test_only_who_sends_the_token_is_answered(database: Database):
    async with served(database.dsn, token=TOKEN) as server:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            refused = await server.http.get("/v4/info", headers=headers)
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert (await server.http.get("/metrics", headers=headers)).status_code == 401
        server.http.headers["Authorization"] = f"Bearer {TOKEN}"
        assert (await server.run("SELECT 1")).rows == [[1]]
        del server.http.headers["Authorization"]
        assert (await server.http.get("/health")).json()["status"] == "ok"


async def test_pages_of_other_sites_may_not_ask(server_of: Served):
    for headers, allowed in (
        ({"Origin": "https://elsewhere.example"}, False),
        ({"Host": "elsewhere.example"}, False),
        ({"Host": "[::1"}, False),
        ({"Origin": "null"}, False),
        ({"Host": "[::1]:8083"}, True),
        ({"Origin": server_of.url}, True),
        ({"Host": "localhost:8083"}, True),
    ):
        response = await server_of.http.get("/v4/info", headers=headers)
        assert response.status_code == (200 if allowed else 403), headers


def test_nobody_serves_to_everybody_without_a_token():
    with pytest.raises(UsageError, match="would let everybody in"):
        Place("0.0.0.0", 0).check(token=False)
    Place("0.0.0.0", 0).check(token=True)
    Place("127.0.0.1", 0).check(token=False)


async def test_health_and_figures(database: Database, server_of: Served):
    await server_of.run("SELECT 1")
    await server_of.error("SELECT nothing")
    text = (await server_of.http.get("/metrics")).text
    assert 'tailrace_statements_total{state="FINISHED"} 1.0' in text
    assert 'tailrace_statements_total{state="ERROR"} 1.0' in text
    assert "tailrace_sessions 1.0" in text
    assert "tailrace_database_up 1.0" in text
    async with served(database.dsn.replace(database.dbname, "nowhere")) as lost:
        assert (await lost.http.get("/health")).status_code == 503
        assert "tailrace_database_up 0.0" in (await lost.http.get("/metrics")).text
