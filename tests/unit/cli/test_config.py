"""Settings: which source wins, what files may say, and one report of all that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.command import typed
from tailrace.config import SETTINGS, Settings, read, read_each
from tailrace.config.values import duration, size, switch
from tailrace.errors import ConfigError


def problems(exc: pytest.ExceptionInfo[ConfigError]) -> list[str]:
    return list(exc.value.values["problems"])


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


def test_every_setting_has_a_field_with_a_default():
    known = set(Settings._fields)
    assert {setting.name for setting in SETTINGS} <= known
    assert read(environ={}) == Settings()


def test_names_of_settings_are_unique_in_every_source():
    for names in (
        [setting.toml for setting in SETTINGS],
        [setting.variable for setting in SETTINGS],
        [setting.ini for setting in SETTINGS if setting.ini],
    ):
        assert len(names) == len(set(names))


def test_flag_wins_over_environment_over_file_over_default():
    path = write("a.toml", 'db = "file"\nqueue = "file"\n[run]\npoll = "3s"\n[node]\nname = "n"\n')
    found = read(
        path,
        environ={"TAILRACE_QUEUE": "env", "TAILRACE_POLL": "2s"},
        flags={"queue": "flag", "db": None},
    )
    assert (found.db, found.queue, found.poll, found.node_name) == ("file", "flag", 2.0, "n")
    assert found.lock_timeout == Settings().lock_timeout
    assert found.origins == {
        "db": "a.toml",
        "queue": "flag --queue",
        "poll": "environment TAILRACE_POLL",
        "node_name": "a.toml",
    }


def test_tailrace_toml_of_the_directory_is_found_by_itself():
    write("tailrace.toml", 'db = "here"')
    assert read(environ={}).db == "here"
    other = write("other.toml", 'db = "there"')
    assert read(environ={"TAILRACE_CONFIG": other}).db == "there"
    assert read("other.toml", environ={"TAILRACE_CONFIG": "tailrace.toml"}).db == "there"


def test_everything_wrong_is_told_at_once():
    path = write(
        "bad.toml",
        'queue = 5\nquue = "x"\n[run]\npoll = "5x"\ndatabases = "a"\nlock_timeout = -1\n'
        "[apply]\nstrict = 7\n",
    )
    with pytest.raises(ConfigError) as caught:
        read(path, environ={"TAILRACE_LOCAL_WATERMARK_PERIOD": "0s"})
    assert problems(caught) == [
        "bad.toml: quue: there is no such setting; did you mean queue?",
        'bad.toml: queue: "5" is not a text; put it in quotes',
        'bad.toml: run.poll: "5x" is not a duration (examples: 500ms, 2s)',
        'bad.toml: run.lock_timeout: "-1" is not a duration (examples: 500ms, 2s)',
        'bad.toml: apply.strict: "7" is neither true nor false',
        'environment TAILRACE_LOCAL_WATERMARK_PERIOD: "0s" must be longer than nothing '
        "(examples: 500ms, 2s)",
    ]


def test_problems_of_several_files_are_one_report_with_status_2():
    write("a.toml", "= nonsense")
    write("b.ini", "no section")
    result = typed("run", "-c", "a.toml", "-c", "b.ini", "-c", "c.ini")
    assert result.status == 2
    lines = result.err.splitlines()
    assert lines[0].startswith("a.toml: is not TOML: ")
    assert lines[1].startswith("b.ini: is not an ini file: ")
    assert lines[2] == "c.ini: cannot be read: No such file or directory"
    assert len(lines) == 3


def test_password_in_a_bad_setting_is_not_repeated():
    path = write("a.toml", 'db = ["host=h password=verysecret"]')
    with pytest.raises(ConfigError) as caught:
        read(path, environ={})
    assert "verysecret" not in str(caught.value)


LONDISTE = """\
[londiste3]
job_name = db1_worker
# a comment
db = dbname=db1 host=h
queue_name = shop
logfile = ~/log/%(job_name)s.log
pidfile =
loop_delay = 0.5
parallel_copies = 16
node_name = node1
public_node_location = dbname=db1 host=public
initial_provider_location = dbname=up
local_wm_publish_period = 5
global_wm_publish_period = 7
"""


def test_ini_of_a_londiste_user_is_understood(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/someone")
    found = read(write("db1.ini", LONDISTE), environ={})
    assert found == Settings(
        db="dbname=db1 host=h",
        queue="shop",
        node_name="node1",
        node_location="dbname=db1 host=public",
        provider="dbname=up",
        worker="db1_worker",
        poll=0.5,
        local_watermark_period=5.0,
        global_watermark_period=7.0,
        logfile="/home/someone/log/db1_worker.log",
        origins=found.origins,
        warnings=("db1.ini: ignored, not used by tailrace: parallel_copies",),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a]\ndb=x\n[b]\ndb=y\n", "needs one section such as [londiste3]; it has: [a], [b]"),
        ("", "needs one section such as [londiste3]; it has: none"),
        ("[londiste3]\nloop_delay = often\n", 'londiste3.loop_delay: "often" is not a duration'),
        ("[x]\ndb = a\ndb = b\n", 'is not an ini file: line 3: "db" is set twice in section [x]'),
        ("[x]\n[y]\n[x]\n", "is not an ini file: line 3: section [x] begins a second time"),
        ("[x\ndb = a\n", 'is not an ini file: line 1: "[x" is neither "[SECTION]" nor "KEY = V'),
        ("[x]\ndb = a\nnix\n", 'is not an ini file: line 3: "nix" is neither "[SECTION]" nor'),
        ("\ndb = a\n", 'is not an ini file: line 2: "db = a" stands in no section; begin with one'),
    ],
)
def test_bad_ini_is_told(text: str, told: str):
    with pytest.raises(ConfigError) as caught:
        read(write("x.ini", text), environ={})
    assert told in problems(caught)[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "queue = 'a'\ndb = host=x\n",
            'line 2: "db = host=x": a value is missing or invalid; texts',
        ),
        ("[node\n", "line 1: \"[node\": expected ']' at the end of a table declaration"),
        ("queue = 'a'\nqueue = 'b'\n", "line 2: \"queue = 'b'\": it is set a second time"),
        ("databases = [1,", "at its end: a value is missing or invalid; texts stand in quotes"),
    ],
)
def test_bad_toml_is_told_with_its_line(text: str, told: str):
    with pytest.raises(ConfigError) as caught:
        read(write("x.toml", text), environ={})
    (line,) = problems(caught)
    assert line.startswith(f"x.toml: is not TOML: {told}")


def test_any_single_section_will_do():
    assert read(write("x.ini", "[myjob]\ndb = dbname=x\n"), environ={}).db == "dbname=x"


def test_served_databases_are_the_list_or_else_the_one():
    write("list.toml", 'db = "a"\n[run]\ndatabases = ["b", "c"]')
    write("one.ini", "[x]\ndb = d\n")
    found = read_each(["list.toml", "one.ini"], environ={})
    assert [one.served() for one in found] == [("b", "c"), ("d",)]
    assert Settings().served() == ()
    assert read("list.toml", environ={"TAILRACE_DB": "x"}).served() == ("x",)
    assert read("list.toml", environ={"TAILRACE_DATABASES": "x"}).served() == ("x",)


def test_several_databases_in_the_environment_stand_on_lines_of_their_own():
    assert read(environ={"TAILRACE_DATABASES": "dbname=a\ndbname=b\n"}).databases == (
        "dbname=a",
        "dbname=b",
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("2s", 2), ("1.5m", 90), ("1min", 60), ("2h", 7200), ("1d", 86400), (3, 3)],
)
def test_durations(text: object, seconds: float):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5 weeks", "-1", True, None, "1s 2s"])
def test_what_is_no_duration(text: object):
    with pytest.raises(ValueError, match="is not a duration"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "size_in_bytes"),
    [
        ("1KiB", 1024),
        ("1 MiB", 1 << 20),
        ("2kB", 2000),
        ("65536", 65536),
        (7, 7),
        ("1gib", 1 << 30),
    ],
)
def test_sizes(text: object, size_in_bytes: int):
    assert size(text) == size_in_bytes


@pytest.mark.parametrize("text", ["", "0", "1.5MiB", "1 Mib/s", "-1", True, "MiB"])
def test_what_is_no_size(text: object):
    with pytest.raises(ValueError, match=r"is not a size \(examples: 65536, 512KiB, 1MiB\)"):
        size(text)


def test_size_of_a_request_is_a_size(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TAILRACE_SERVE_MAX_REQUEST", "1KiB")
    assert read().serve_max_request == 1024


def test_switches():
    assert [switch(text) for text in ("on", "Yes", "1", True)] == [True] * 4
    assert [switch(text) for text in ("off", "no", 0, False)] == [False] * 4
