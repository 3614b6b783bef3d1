"""Savepoints where they lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tailrace.engines.flink import disk
from tailrace.errors import EngineError, UsageError


def _savepoint(place: Path, content: bytes = b"x") -> Path:
    place.mkdir(parents=True)
    (place / "_metadata").write_bytes(content)
    return place


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/a/b/", "file:/a/b"),
        ("file:///a//b", "file:/a/b"),
        ("file:/a/b", "file:/a/b"),
        ("s3://bucket/a/", "s3://bucket/a"),
    ],
)
def test_one_place_has_one_name(given: str, path: str) -> None:
    assert disk.canonical(given) == path


@pytest.mark.parametrize("given", ["", " ", "a/b", "savepoint-1"])
def test_what_is_no_path(given: str) -> None:
    with pytest.raises(UsageError):
        disk.canonical(given)


async def test_survey_finds_ours_and_those_of_others(tmp_path: Path):
    ours = _savepoint(tmp_path / "tailrace-1" / "savepoint-abcdef-0123", b"12345")
    theirs = _savepoint(tmp_path / "savepoint-012345-6789")
    os.utime(theirs / "_metadata", (1, 1))
    (tmp_path / "tailrace-2" / "savepoint-abcdef-4567").mkdir(parents=True)  # never completed
    found = await disk.survey(str(tmp_path))
    assert found is not None
    assert [one.path for one in found] == [f"file:{ours}", f"file:{theirs}"]
    assert [one.prefix for one in found] == ["abcdef", "012345"]
    assert found[0].size == 5
    assert await disk.survey(str(tmp_path / "none")) is None


async def test_a_disk_that_is_not_ours_says_nothing(tmp_path: Path):
    place = _savepoint(tmp_path / "a" / "savepoint-abcdef-1")
    assert await disk.is_there(str(place)) is True
    assert await disk.is_there(str(tmp_path / "a" / "savepoint-abcdef-2")) is False
    assert await disk.is_there("/no/such/disk/savepoint-abcdef-1") is None
    assert await disk.is_there("nonsense://bucket/savepoint-abcdef-1") is None


async def test_only_savepoints_are_removed(tmp_path: Path):
    place = _savepoint(tmp_path / "tailrace-1" / "savepoint-abcdef-1")
    precious = tmp_path / "precious"
    precious.mkdir()
    with pytest.raises(EngineError, match="holds no savepoint"):
        await disk.remove(str(precious))
    await disk.remove(str(place))
    await disk.remove(str(place))  # gone already
    assert precious.is_dir()
    await disk.remove_empty(str(place.parent))
    assert not place.parent.exists()


async def test_newest_checkpoint_that_is_left(tmp_path: Path):
    for number in (2, 10):
        _savepoint(tmp_path / f"chk-{number}")
    (tmp_path / "chk-11").mkdir()  # never completed
    assert await disk.newest_checkpoint(f"{tmp_path}/chk-3") == f"file:{tmp_path}/chk-10"
    assert await disk.newest_checkpoint(f"{tmp_path}/none/chk-3") is None


async def test_elsewhere_through_fsspec(tmp_path: Path):
    import fsspec

    system = fsspec.filesystem("memory")
    system.pipe("/bucket/tailrace-1/savepoint-abcdef-1/_metadata", b"123")
    path = "memory://bucket/tailrace-1/savepoint-abcdef-1"
    assert await disk.is_there(path) is True
    (found,) = await disk.survey("memory://bucket") or ()
    assert (found.path, found.prefix, found.size) == (path, "abcdef", 3)
    assert await disk.size_of(path) == 3
    await disk.remove(path)
    assert await disk.is_there(path) is False
