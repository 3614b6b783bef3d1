"""run and worker: which databases they serve, how they end, in the background too."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from fixtures.command import Tailrace
from fixtures.waiting import eventually
from tailrace.cli.daemon import running_pid


def ini(path: Path, dsn: str, **more: str) -> str:
    """Write a Skytools ini file."""
    settings = {"job_name": f"{path.stem}_worker", "db": dsn, "queue_name": "shop", **more}
    lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
    path.write_text(f"[londiste3]\n{lines}")
    return str(path)


async def add_rows(pair) -> None:
    await pair["up"].execute("create table public.t (id integer primary key)")
    await pair["up"].execute("insert into public.t select generate_series(1, 100)")


async def rows(db) -> int:
    return int(await db.fetch_value("select count(*) from public.t"))


async def test_until_idle_ends_when_everything_is_applied(pair, process):
    await add_rows(pair)
    await pair.at("up", "add-table", "t")
    await pair.at("down", "add-table", "t", "--create")
    run = await process("run", "--until-idle", "--db", pair["up"].dsn, "--db", pair["down"].dsn)
    assert await run.wait(40) == 0, run.err
    assert await rows(pair["down"]) == 100


async def test_until_idle_gives_up_after_its_timeout(pair, process):
    """Only the subscriber is served, so nobody ticks the root."""
    run = await process("run", "--until-idle", "--timeout", "1", "--db", pair["down"].dsn)
    assert await run.wait(40) == 1
    assert "not idle after 1 s; see what is missing with: tailrace status" in run.err
    assert "Traceback" not in run.err


async def test_files_of_londiste_users_make_nodes_and_serve_them(
    new_database, tailrace: Tailrace, process, tmp_path: Path
):
    up, down = await new_database(), await new_database()
    first = ini(tmp_path / "up.ini", up.dsn, parallel_copies="4")
    second = ini(tmp_path / "down.ini", down.dsn, initial_provider_location=up.dsn)
    made = await tailrace(first, "create-root", "up", up.dsn)
    assert "warning: " in made.err
    assert "ignored, not used by tailrace: parallel_copies" in made.err
    await tailrace(second, "create-leaf", "down", down.dsn)
    await up.execute("create table public.t (id integer primary key)")
    await up.execute("insert into public.t values (1)")
    await tailrace(first, "add-table", "t")
    await tailrace(second, "add-table", "t", "--create")
    assert await down.fetch_value("select worker_name from pgq_node.node_info") == "down_worker"
    run = await process("run", "-c", first, "-c", second, "--until-idle")
    assert await run.wait(40) == 0, run.err
    assert await down.fetch_value("select count(*) from public.t") == 1
    assert "up (root)" in (await tailrace("-v", second, "status")).out


async def test_databases_of_tailrace_toml_are_served(pair, process, tmp_path: Path):
    await add_rows(pair)
    await pair.at("up", "add-table", "t")
    await pair.at("down", "add-table", "t", "--create")
    listed = ", ".join(f'"{db.dsn}"' for db in pair.nodes.values())
    (tmp_path / "tailrace.toml").write_text(f'[run]\ndatabases = [{listed}]\npoll = "200ms"\n')
    run = await process("run", "--until-idle", cwd=tmp_path)
    assert await run.wait(40) == 0, run.err
    assert await rows(pair["down"]) == 100


async def test_first_sigterm_ends_the_run_in_order(pair, process):
    run = await process("run", "--db", pair["up"].dsn, "--db", pair["down"].dsn)

    async def served() -> bool:
        told = "select uptodate from pgq_node.local_state"
        return bool(await pair["down"].fetch_value(told))

    await eventually(served, 30)
    began = time.monotonic()
    run.send(signal.SIGTERM)
    assert await run.wait() == 0
    assert "Traceback" not in run.err
    told = next(line for line in run.err.splitlines() if "waiting for: " in line)
    for db in pair.nodes.values():
        for name in ("discovery", "ticker", "maintenance"):
            assert f"{name} {db.dbname}" in told
    assert time.monotonic() - began < 5  # idle: mostly well below one second


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_second_signal_ends_the_run_at_once_and_its_status_says_so(number, pair, process):
    run = await process(
        "run", "--db", pair["up"].dsn, "--db", pair["down"].dsn,
        env={"TAILRACE_FAULT": "apply.before_commit:stall"},
    )  # fmt: skip
    stalled = (
        "select from pg_stat_activity where datname = current_database()"
        " and state = 'idle in transaction' and state_change < now() - interval '0.5 s'"
    )
    await eventually(lambda: pair["down"].fetch_all(stalled), 30)
    run.send(number)
    await run.says("waiting for: ")
    run.send(number)
    assert await run.wait(10) == 128 + number
    assert f"a second signal, {number.name}, ended it before it was done" in run.err
    assert "Traceback" not in run.err


async def test_database_that_does_not_answer_at_first_keeps_no_other_from_being_served(
    pair, process, proxy
):
    way = await proxy(pair["down"].dsn)
    way.refuse()
    told = "select uptodate from pgq_node.local_state"
    run = await process("run", "--db", pair["up"].dsn, "--db", way.dsn)
    await eventually(lambda: pair["up"].fetch_value(told), 30)
    assert "Connection refused; it will be served when it answers" in run.err
    assert not await pair["down"].fetch_value(told)
    way.resume()
    await eventually(lambda: pair["down"].fetch_value(told), 30)


@pytest.mark.parametrize("more", [[], ["--until-idle"]])
async def test_database_that_does_not_answer_ends_a_run_that_needs_it(more, pair, process, proxy):
    """Alone there is nothing to serve, and without it not everything can be applied."""
    way = await proxy(pair["down"].dsn)
    way.refuse()
    others = ["--db", pair["up"].dsn] if more else []
    run = await process("run", *more, "--db", way.dsn, *others)
    assert await run.wait(30) == 1
    assert run.err.count("\n") == 1
    assert "cannot connect to host=127.0.0.1" in run.err


@pytest.mark.parametrize("more", [[], ["--until-idle"]])
async def test_server_that_is_starting_is_waited_for(more, pair, process, proxy):
    """At boot both start at once; and after a crash nobody starts the services again."""
    way = await proxy(pair["down"].dsn)
    way.put_off()
    run = await process("run", *more, "--db", way.dsn, *(["--db", pair["up"].dsn] if more else []))
    await eventually(lambda: "starting up; waiting for it" in run.err, 30)
    seen = way.accepted
    await eventually(lambda: way.accepted > seen + 2, 30)
    assert run.err.count("\n") == 1, "said once"
    way.resume()
    if more:
        assert await run.wait(40) == 0, run.err
    told = "select uptodate from pgq_node.local_state"
    await eventually(lambda: pair["down"].fetch_value(told), 30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_before_anything_has_begun_is_an_orderly_end(number, pair, process, proxy):
    way = await proxy(pair["down"].dsn)
    way.put_off()
    run = await process("run", "--db", way.dsn)
    await eventually(lambda: "waiting for it" in run.err, 30)
    run.send(number)
    assert await run.wait(20) == 0, run.err
    assert "Traceback" not in run.err
    run = await process("run", "--until-idle", "--db", way.dsn)
    await eventually(lambda: "waiting for it" in run.err, 30)
    run.send(number)
    assert await run.wait(20) == 1, "it is not idle"


async def test_database_with_schemas_of_another_version_ends_the_run(pair, process):
    await pair["down"].execute("update tailrace.installation set digest = 'older'")
    run = await process("run", "--db", pair["up"].dsn, "--db", pair["down"].dsn)
    assert await run.wait(30) == 1
    assert run.err.count("\n") == 1
    assert f'database "{pair["down"].dbname}" is of tailrace' in run.err
    assert "upgrade it with: tailrace install --db DSN" in run.err


async def test_worker_in_the_background_is_stopped_by_its_pid_file(
    pair, tailrace: Tailrace, process, tmp_path: Path
):
    pidfile, logfile = tmp_path / "up.pid", tmp_path / "up.log"
    path = ini(tmp_path / "up.ini", pair["up"].dsn, pidfile=str(pidfile), logfile=str(logfile))
    started = await process("-d", path, "worker")
    assert await started.wait() == 0
    assert started.err == ""
    pid = await eventually(lambda: running_pid(str(pidfile)), 20)
    try:
        again = await process("-v", path, "-d", "worker")
        assert await again.wait() == 1
        assert f"already running as process {pid}" in again.err

        async def ticks() -> bool:
            return bool(await pair["up"].fetch_value("select max(tick_id) > 1 from pgq.tick"))

        await pair["up"].execute("select pgq.insert_event('shop', 'x', 'y')")
        await eventually(ticks, 20)
        result = await tailrace("-s", path, "worker")
        assert f"process {pid} has ended" in result.err
    finally:
        if running_pid(str(pidfile)) == pid:
            os.kill(pid, signal.SIGKILL)
    assert not pidfile.exists()
    assert "SIGINT: finishing what is under way" in logfile.read_text()
    for words in (("-k", path, "worker"), (path, "-s", "worker"), (path, "worker", "-s")):
        result = await tailrace(*words, status=1)
        assert "no process runs" in result.complaint


async def test_worker_in_the_background_needs_a_log_file(pair, tailrace: Tailrace, tmp_path: Path):
    path = ini(tmp_path / "up.ini", pair["up"].dsn)
    result = await tailrace("-d", path, "worker", status=2)
    assert "set log.file in tailrace.toml (logfile in an ini file)" in result.complaint
    result = await tailrace(path, "worker", "-s", status=2)
    assert "no pid file is set" in result.complaint


async def test_stale_pid_file_is_no_obstacle(tmp_path: Path):
    stale = tmp_path / "stale.pid"
    for text in ("999999999\n", "", "nonsense"):
        stale.write_text(text)
        assert running_pid(str(stale)) is None


async def test_queue_that_has_no_node_is_told_at_once_with_those_that_are_there(
    pair, process, new_database
):
    empty = await new_database()
    databases = ("--db", pair["up"].dsn, "--db", pair["down"].dsn, "--db", empty.dsn)
    words = ("run", *databases, "--until-idle", "--timeout", "20")
    for given, env in ((("--queue", "shpo"), {}), ((), {"TAILRACE_QUEUE": "shpo"})):
        run = await process(*words, *given, env=env)
        assert await run.wait(30) == 0, run.err
        for name in ("up", "down"):
            told = f'database "{pair[name].dbname}" is no node of queue "shpo", it is one of: shop;'
            assert told in run.err
        assert f'database "{empty.dbname}" is no node of queue "shpo", nor of any other;' in run.err
    run = await process(*words, "--queue", "shop")
    assert await run.wait(30) == 0, run.err
    assert "it is one of" not in run.err
