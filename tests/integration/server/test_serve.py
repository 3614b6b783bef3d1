"""``tailrace serve`` as a process."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import ssl
from pathlib import Path

import httpx
import pytest

from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace
from fixtures.gateway_fake import FakeGateway
from fixtures.gateway_fake import fake_gateway as fake_gateway  # the fixture
from fixtures.process import Process, StartProcess
from fixtures.serving import Failed, Served
from fixtures.waiting import eventually
from tailrace.db.connection import Database

TOKEN = "0123456789abcdef"


async def address(process: Process) -> str:
    """Where it serves."""
    await process.says("serving on ")
    found = re.search(r"serving on (\S+)", process.err)
    assert found is not None
    return found[1]


async def test_serves_until_it_is_told_to_stop(
    database: Database, process: StartProcess, tmp_path: Path
):
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    words = ("--db", database.dsn, "--port", "0", "--token-file", str(token))
    serving = await process("serve", *words)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=await address(serving), headers=headers) as http:
        client = Served(http, None)  # type: ignore[arg-type]
        assert (await client.run("SELECT 7")).rows == [[7]]
        await database.execute("select pg_advisory_lock(7)")
        operation = await client.submit("SELECT pg_advisory_xact_lock(7)")
        path = f"/v4/sessions/{client.session}/operations/{operation}/result/0"
        held = asyncio.create_task(http.get(path, timeout=20))
        waiting = "select count(*) = 1 from pg_locks where locktype = 'advisory' and not granted"
        await eventually(lambda: database.fetch_value(waiting))
        serving.send(signal.SIGTERM)
        assert (await held).json()["resultType"] == "NOT_READY"
        assert await serving.wait() == 0
    assert "Traceback" not in serving.err
    assert TOKEN not in serving.err


async def test_session_that_nobody_uses_is_closed_by_the_server_itself(
    database: Database, process: StartProcess
):
    serving = await process(
        "serve", "--db", database.dsn, "--port", "0", env={"TAILRACE_SERVE_IDLE_TIMEOUT": "800ms"}
    )
    await database.execute("select pg_advisory_lock(7)")
    async with httpx.AsyncClient(base_url=await address(serving)) as http:
        working, idle = Served(http, None), Served(http, None)  # type: ignore[arg-type]
        await working.submit("SELECT pg_advisory_xact_lock(7)")
        assert (await idle.run("SELECT 7")).rows == [[7]]

        async def one_is_left() -> bool:
            # Asked for in this way: whatever names a session uses it.
            return "tailrace_sessions 1.0" in (await http.get("/metrics")).text

        await eventually(one_is_left)
        await working.submit("SELECT 8")
        with pytest.raises(Failed, match="does not exist"):
            await idle.submit("SELECT 8")
        await database.execute("select pg_advisory_unlock(7)")
    serving.send(signal.SIGTERM)
    assert await serving.wait() == 0


async def test_stands_in_front_of_a_gateway(
    database: Database, process: StartProcess, fake_gateway: FakeGateway
):
    serving = await process(
        "serve", "--db", database.dsn, "--port", "0", "--gateway", fake_gateway.url,
        env={"TAILRACE_FLINK_URL": fake_gateway.url},
    )  # fmt: skip
    async with httpx.AsyncClient(base_url=await address(serving)) as http:
        client = Served(http, None)  # type: ignore[arg-type]
        assert (await client.run("SELECT 1")).names == ["EXPR$0"]
        assert (await client.run("SHOW JOBS")).names[-1] == "end time"
    serving.send(signal.SIGTERM)
    assert await serving.wait() == 0
    assert "Traceback" not in serving.err


async def test_speaks_tls(database: Database, process: StartProcess, tmp_path: Path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the program openssl, which makes the certificate, is not installed")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = await asyncio.create_subprocess_exec(
        openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
        "-out", str(cert), "-keyout", str(key), stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await made.wait() == 0
    words = ("--port", "0", "--tls-cert", str(cert), "--tls-key", str(key))
    serving = await process("serve", "--db", database.dsn, *words)
    trusted = ssl.create_default_context(cafile=str(cert))
    url = await address(serving)
    assert url.startswith("https://127.0.0.1:")
    async with httpx.AsyncClient(base_url=url, verify=trusted) as http:
        assert (await http.get("/health")).json()["status"] == "ok"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--host", "0.0.0.0"), "would let everybody in"),
        (("--tls-key", "none.pem"), "a key for TLS needs its certificate"),
        (("--tls-cert", "none.pem"), 'the file "none.pem" of TLS does not exist'),
        (("--tls-cert", "short"), '"short" and its key cannot be used'),
        (("--token-file", "none"), 'token file "none" cannot be read'),
        (("--token-file", "short"), "a token has at least 16"),
        (("--gateway", "ftp://x"), "needs the address of its cluster"),
        (("--host", "203.0.113.1", "--token-file", "long"), 'cannot listen on "203.0.113.1"'),
    ],
)
async def test_bad_options_are_one_line(
    tailrace: Tailrace, tmp_path: Path, words: tuple[str, ...], complaint: str
):
    (tmp_path / "short").write_text("x")
    (tmp_path / "long").write_text(TOKEN)
    result = await tailrace("serve", "--db", "dbname=x", "--port", "0", *words, status=2)
    assert complaint in result.complaint
