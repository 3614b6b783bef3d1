"""Jobs and savepoints as plain REST do what the statements do."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import httpx

from fixtures.cascade import Cascade, running
from fixtures.serving import served
from fixtures.sqljobs import make_job
from fixtures.waiting import eventually
from tailrace.db.connection import Database


def is_there(path: str) -> bool:
    return Path(path, "_metadata").exists()


async def test_a_job_is_stopped_with_a_savepoint_and_started_from_it(
    cascade: Cascade, tmp_path: Path
):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await leaf.add_table()
    await leaf.set_live()
    runs = "select bool_and(status = 'RUNNING') from tailrace.jobs"
    async with running(root, leaf), served(leaf.dsn) as server:
        await eventually(lambda: leaf.db.fetch_value(runs), 20)
        job, ask = "/api/jobs/node2_worker", server.ask
        assert {one["job name"] for one in await ask("GET", "/api/jobs")} == {
            "node1_worker",
            "node2_worker",
        }
        assert (await ask("GET", "/api/jobs?extended=true"))[0]["engine"] == "postgres"
        assert (await ask("GET", job))[0]["status"] == "RUNNING"
        assert (await ask("GET", f"{job}/tree"))[0]["name"] == "node2_worker"
        directory = tmp_path / "savepoints"
        (first,) = await ask("POST", f"{job}/savepoints?directory={directory}")
        (second,) = await ask(
            "POST",
            f"{job}/stop?directory={directory}&timeout=20s",
            {"withSavepoint": True, "withDrain": True},
        )
        path = second["savepoint path"]
        assert is_there(path)
        for at in ("/api/savepoints", f"{job}/savepoints"):
            listed = [one["savepoint path"] for one in await ask("GET", at)]
            assert listed == [path, first["savepoint path"]]
        assert len(await ask("GET", f"{job}/checkpoints")) == 1
        await ask("POST", f"{job}/start", {"fromSavepoint": path})
        gone = await server.http.delete("/api/savepoints", params={"path": path})
        assert gone.json() == [{"result": "OK"}]
        assert not is_there(path)


async def test_the_name_of_a_job_may_hold_any_sign(database: Database):
    name = "a/b 'c' ü?%#&"
    await database.execute(
        "create table public.t (id int primary key); create table public.s (n bigint)"
    )
    await make_job(database, name, "insert into s select sum(_weight) from changes.t")
    job = f"/api/jobs/{quote(name, safe='')}"
    async with served(database.dsn) as server:
        assert [one["job name"] for one in await server.ask("GET", job)] == [name]
        assert (await server.ask("GET", f"{job}/tree"))[0]["name"] == name
        await server.ask("GET", f"{job}/savepoints")
        await server.ask("GET", f"{job}/checkpoints")
        await server.ask("POST", f"{job}/stop")
        await server.ask("DELETE", job)
        assert await server.ask("GET", "/api/jobs") == []


async def test_errors_have_the_status_that_http_has_for_them(database: Database):
    async with served(database.dsn) as server:

        async def refused(method: str, path: str, body: object = None) -> tuple[int, str]:
            response: httpx.Response = await server.http.request(method, path, json=body)
            (line,) = response.json()["errors"]
            return response.status_code, line

        status, line = await refused("POST", "/api/jobs/none/stop")
        assert (status, line) == (404, 'there is no job "none"; list them with: SHOW JOBS')
        for method, path, body, wanted, words in (
            ("POST", "/api/jobs/x/stop", {"withDrain": "yes"}, 400, "expected true or false"),
            ("POST", "/api/jobs/x/stop", {"with_savepoint": True}, 400, "withSavepoint, withDrain"),
            ("POST", "/api/jobs/x/start", {"claim": True}, 400, '"claim" needs'),
            ("POST", "/api/jobs/x/savepoints", {"path": "/x"}, 400, '"path" is no field'),
            ("POST", "/api/jobs/x/savepoints?dir=/x", None, 400, "engine, timeout, directory"),
            ("DELETE", "/api/savepoints", None, 400, "which savepoint?"),
            ("DELETE", "/api/savepoints?path=/none", None, 404, "/none"),
            ("GET", "/api/jobs?extended=maybe", None, 400, "expected true or false"),
            ("GET", "/api/jobs?engine=spark", None, 400, 'no engine "spark"'),
            ("PUT", "/api/jobs", None, 405, "for PUT"),
        ):
            status, line = await refused(method, path, body)
            assert (status, words in line) == (wanted, True), (path, status, line)
    async with served(database.dsn.replace(database.dbname, "nowhere")) as lost:
        assert (await lost.http.get("/api/jobs")).status_code == 503
