"""What the settings say reaches the services."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from tailrace.app import Options
from tailrace.cli.invocation import Invocation, Shared
from tailrace.cli.run import _databases, _options
from tailrace.config import Settings


def test_defaults_of_settings_and_services_are_the_same(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _options(Invocation("run", Shared())) == Options()
    known = Settings._field_defaults
    for item in fields(Options):
        assert known.get(item.name, item.default) == item.default


def test_settings_of_the_first_file_count_and_databases_of_all(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.ini").write_text("[l]\ndb=dbname=a\nqueue_name=q\nloop_delay=3\n")
    Path("b.toml").write_text(
        'queue = "q"\n[run]\ndatabases = ["dbname=b", "dbname=a"]\npoll = "9s"\ngrace = "1m"'
    )
    call = Invocation("run", Shared(config=("a.ini", "b.toml")))
    assert _databases(call) == ["dbname=a", "dbname=b"]
    assert (_options(call).poll, _options(call).queue) == (3.0, "q")
    Path("b.toml").write_text('db = "dbname=b"\nqueue = "other"')
    call = Invocation("run", Shared(config=("a.ini", "b.toml")))
    assert _options(call).queue is None


def test_databases_of_flags_win(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tailrace.toml").write_text('[run]\ndatabases = ["dbname=file"]')
    flags = ("dbname=x", "dbname=y", "dbname=x")
    assert _databases(Invocation("run", Shared(db=flags))) == ["dbname=x", "dbname=y"]
    assert _databases(Invocation("run", Shared(db=("dbname=x",)))) == ["dbname=x"]
