"""Where savepoints are kept: whole or not at all, on a disk and in an object store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from tailrace.errors import NotFound, StorageError, Unsupported, UsageError
from tailrace.jobs.savepoints import metadata, storage
from tailrace.jobs.savepoints.metadata import Metadata

NAME = "savepoint-abcdef-0123456789ab"


@pytest.fixture(params=["disk", "store"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "store":
        fsspec.filesystem("memory").rm("/", recursive=True)
        return "memory://bucket/savepoints"
    return str(tmp_path / "deep" / "down")


def write(place: storage.Storage, rows: bytes) -> storage.Written:
    place.prepare()
    return fill(place, rows)


def fill(place: storage.Storage, rows: bytes) -> storage.Written:
    sink = place.sink(place.name(0))
    place.write(sink, rows[:10])
    place.write(sink, rows[10:])
    return place.finish(sink)


def test_what_is_written_is_read_and_seen_only_when_it_is_whole(directory: str) -> None:
    rows = b"1\tx\n" * 100_000
    place = storage.at(f"{directory}/{NAME}/")
    written = write(place, rows)
    assert written.size < len(rows) // 50
    assert (place.exists(), storage.list_directory(directory)) == (False, [])
    with pytest.raises(NotFound, match="it has no file _metadata"):
        place.metadata()
    place.publish(b"{}")
    assert (place.exists(), storage.list_directory(directory)) == (True, [f"{directory}/{NAME}"])
    assert place.metadata() == b"{}"
    assert place.checksum(place.name(0)) == written
    assert b"".join(place.pieces(place.name(0))) == rows
    # once more, over what is there
    write(place, b"2\ty\n" * 9)
    assert not place.exists()
    place.publish(b"[]")
    assert b"".join(place.pieces(place.name(0))) == b"2\ty\n" * 9
    place.remove()
    place.remove()
    assert (place.exists(), storage.list_directory(directory)) == (False, [])
    write(place, rows)
    place.discard()
    place.discard()
    assert storage.list_directory(directory) == []


def test_writer_that_wakes_up_too_late_changes_nothing(directory: str) -> None:
    """It was frozen with a file half written, and all that it does then is refused or its own."""
    late, other = (storage.at(f"{directory}/{NAME}") for _ in range(2))
    late.prepare()
    sink = late.sink(late.name(0))
    late.write(sink, b"old\n" * 9)
    written = write(other, b"new\n" * 9)
    assert other.publish(b"new")
    try:
        late.finish(sink)
        assert not late.publish(b"old")
    except StorageError:
        pass  # its directory has been cleared
    late.discard()
    assert other.metadata() == b"new"
    assert other.checksum(other.name(0)) == written
    other.remove()
    assert storage.list_directory(directory) == []


def test_what_another_has_published_is_replaced_only_on_purpose(tmp_path: Path) -> None:
    for directory in (str(tmp_path), f"local://{tmp_path}/store"):
        late, other = (storage.at(f"{directory}/{NAME}") for _ in range(2))
        other.prepare()
        written = fill(other, b"new\n" * 9)
        if isinstance(late, storage.LocalStorage):
            (tmp_path / NAME).mkdir()
            (tmp_path / NAME / "_metadata").write_text("old")
        else:
            assert late.publish(b"old")
        assert not other.publish(b"new")
        assert other.metadata() == b"old"
        other.unpublish()
        assert other.publish(b"new")
        assert other.metadata() == b"new"
        assert other.checksum(other.name(0)) == written


def test_nothing_is_removed_that_is_no_savepoint(tmp_path: Path) -> None:
    other = tmp_path / NAME
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(StorageError, match="is no savepoint: it has no file _metadata"):
        storage.at(str(other)).remove()
    assert (other / "thesis.txt").exists()


def test_places_that_mean_nothing() -> None:
    with pytest.raises(UsageError, match="neither absolute nor a URL"):
        storage.at("here")
    with pytest.raises(Unsupported, match="cannot be reached"):
        storage.at("nowhere://x/y")
    assert storage.list_directory("/nowhere") == storage.list_directory("nowhere://x") == []
    assert storage.at("file:///tmp/x").path == "/tmp/x"
    assert storage.savepoint_id(f"/x/{NAME}/") == "0123456789ab"
    assert storage.savepoint_id("/x/other") is None


def test_damaged_rows_are_said_to_be_damaged(tmp_path: Path) -> None:
    place = storage.at(str(tmp_path / NAME))
    write(place, b"1\tx\n" * 1000)
    place.publish(b"{}")
    (tmp_path / NAME / "0000.copy.zst").write_bytes(b"no frame")
    with pytest.raises(StorageError, match="cannot be read"):
        b"".join(place.pieces(place.name(0)))


def test_metadata_is_read_as_it_was_written_and_not_otherwise() -> None:
    one = Metadata(
        version="1", savepoint_id="0123456789ab", created=datetime.now(UTC), job_id="a" * 32,
        job_name="j", kind="worker", queue="q", node="n", database="d", tick=7,
        settings={"b": 1, "a": [2]}, absent=("public.x",),
    )  # fmt: skip
    data = metadata.encode(one)
    read = metadata.decode(data, "/x")
    assert (read.tick, read.settings, read.absent) == (7, {"b": 1, "a": [2]}, ("public.x",))
    with pytest.raises(StorageError, match="is not what was written"):
        metadata.decode(data.replace(b'"tick": 7', b'"tick": 8'), "/x")
    with pytest.raises(Unsupported, match="has format 9"):
        metadata.decode(b'{"format": 9}', "/x")
