"""``tailrace postgres``: what it prints where, and its exit status."""

import os
import shlex
import signal

import psycopg
import pytest

from tailrace.embedded.cluster import Cluster
from tailrace.embedded.process import is_alive


@pytest.fixture
def cluster(scratch):
    one = Cluster(scratch / "data")
    yield one
    one.destroy()


async def test_start_prints_a_url_that_works_and_status_tells(process, cluster):
    data = str(cluster.data)
    before = await process("postgres", "status", "--data", data)
    assert await before.wait() == 1
    assert "not made yet" in before.out

    start = await process("postgres", "start", "--data", data, "--set", "work_mem=9MB")
    assert await start.wait() == 0, start.err
    with psycopg.connect(start.out.strip()) as connection:
        assert connection.execute("show work_mem").fetchone() == ("9MB",)

    for option in (("--port", "1"), ("--set", "work_mem=1MB"), ("--foreground",)):
        again = await process("postgres", "start", "--data", data, *option)
        assert await again.wait() == 0
        assert again.out == start.out
        what = (
            "not end with this" if option == ("--foreground",) else "and settings stay as they are"
        )
        assert what in again.err

    status = await process("postgres", "status", "--data", data)
    assert await status.wait() == 0
    assert "running, pid" in status.out
    url = await process("postgres", "url", "--data", data)
    assert await url.wait() == 0
    assert url.out == start.out

    for _ in range(2):
        stop = await process("postgres", "stop", "--data", data)
        assert await stop.wait() == 0
    assert await (await process("postgres", "status", "--data", data)).wait() == 1


async def test_url_with_password_needs_no_file(process, cluster):
    cluster.start(settings={"fsync": "off"})
    url = await process("postgres", "url", "--data", str(cluster.data), "--with-password")
    assert await url.wait() == 0
    assert "passfile" not in url.out
    with psycopg.connect(url.out.strip(), passfile="/dev/null") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_foreground_takes_the_server_along(process, cluster, number):
    front = await process("postgres", "start", "--data", str(cluster.data), "--foreground")
    await front.says("postgresql://")
    running = cluster.status()
    assert running is not None
    front.send(number)
    assert await front.wait() == 0, front.err
    assert not is_alive(running.pid)


async def test_foreground_ends_with_an_error_when_the_server_dies(process, cluster):
    front = await process("postgres", "start", "--data", str(cluster.data), "--foreground")
    await front.says("postgresql://")
    running = cluster.status()
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    assert await front.wait() == 1
    assert "has ended" in front.err


async def test_wrong_use_is_exit_status_2_and_one_line(process, scratch):
    wrong = await process("postgres", "start", "--data", str(scratch / "x"), "--set", "work_mem")
    assert await wrong.wait() == 2
    assert "KEY=VALUE" in wrong.err


async def test_hint_can_be_typed_whatever_the_directory_is_called(process, scratch):
    missing = await process("postgres", "url", "--data", str(scratch / "it's not"))
    assert await missing.wait() == 1
    assert shlex.split(missing.err)[-2:] == ["--data", str(scratch / "it's not")]


async def test_stopping_what_does_not_exist_is_one_line(process, scratch):
    stop = await process("postgres", "stop", "--data", str(scratch / "x"))
    assert await stop.wait() == 1
    assert len(stop.err.strip().splitlines()) == 1
    assert "tailrace postgres start --data" in stop.err
