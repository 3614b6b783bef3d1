"""Savepoints where they lie: whether one is there, how large it is, what else is there.

Flink forgets; its files do not. A savepoint is a directory that holds ``_metadata``, which is
written last. Paths are written as Flink writes them (``file:/a/b``, ``s3://a/b``), so that the same
place has one name only. A directory that we cannot look into, since it is another machine's, is no
reason to say anything about what is in it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tailrace.errors import EngineError, UsageError

METADATA = "_metadata"
_NAMED = r"savepoint-([0-9a-f]{6})-[0-9a-f]+"
# Below the root: savepoints of others lie there, ours one deeper, in directories of their own.
_DEPTH = 2


class Found(NamedTuple):
    """A savepoint on disk; ``prefix`` is how the id of its run begins, where its name says so."""

    path: str
    prefix: str | None
    size: int
    completed: float


def canonical(path: str) -> str:
    """A path as Flink writes it, whichever way it was given."""
    text = path.strip()
    if not text:
        raise UsageError("the path of a savepoint is empty")
    if text.startswith("/"):
        text = f"file:{text}"
    if text.startswith("file:"):
        return "file:" + os.path.normpath("/" + text.removeprefix("file:").lstrip("/"))
    if "://" not in text:
        raise UsageError(
            f'"{path}" is not the path of a savepoint',
            hint="write a URL such as file:///a/b or s3://a/b, or an absolute path",
        )
    return text.rstrip("/")


def below(directory: str, name: str) -> str:
    """The path of something in a directory."""
    return f"{canonical(directory)}/{name}"


async def made_in(directory: str) -> Found | None:
    """The one savepoint in the directory that was made for it; None: there is none, or not yet."""
    return await asyncio.to_thread(_made_in, canonical(directory))


async def is_there(path: str) -> bool | None:
    """Whether a savepoint lies at a path; None: that cannot be told from here."""
    return await asyncio.to_thread(_is_there, canonical(path))


async def size_of(path: str) -> int | None:
    """Bytes of a savepoint; None: that cannot be told from here."""
    return await asyncio.to_thread(_size_of, canonical(path))


async def made_at(path: str) -> float | None:
    """When an image was complete, by its disk's clock; None: that cannot be told from here."""
    return await asyncio.to_thread(_made_at, canonical(path))


async def survey(root: str) -> list[Found] | None:
    """All savepoints below a directory; None: it cannot be looked into from here."""
    return await asyncio.to_thread(_survey, canonical(root))


async def newest_checkpoint(path: str) -> str | None:
    """The newest checkpoint beside one that was there once; None: none is left."""
    return await asyncio.to_thread(_newest_checkpoint, canonical(path))


async def remove(path: str) -> None:
    """Remove the files of a savepoint; refuses a directory that does not hold one."""
    await asyncio.to_thread(_remove, canonical(path))


async def remove_empty(directory: str) -> None:
    """Remove the directory that was made for a savepoint, now that it is empty."""
    await asyncio.to_thread(_remove_empty, canonical(directory))


# ------------------------------------------------------------------ on a local disk


def _local(path: str) -> Path | None:
    return Path(path.removeprefix("file:")) if path.startswith("file:") else None


def _made_in(directory: str) -> Found | None:
    return next(iter(_savepoints(directory, 1) or ()), None)


def _is_there(path: str) -> bool | None:
    local = _local(path)
    if local is None:
        return _remote_is_there(path)
    if (local / METADATA).is_file():
        return True
    # The nearest directory above that every savepoint shares tells whether this is our disk at all.
    return False if any(parent.is_dir() for parent in list(local.parents)[:2]) else None


def _size_of(path: str) -> int | None:
    local = _local(path)
    if local is None:
        opened = _file_system(path)
        return None if opened is None else _remote_bytes(*opened)
    return _size(local) if local.is_dir() else None


def _made_at(path: str) -> float | None:
    local = _local(path)
    if local is None:
        return _remote_made_at(path)
    try:
        return (local / METADATA).stat().st_mtime
    except OSError:
        return None


def _survey(root: str) -> list[Found] | None:
    found = _savepoints(root, _DEPTH)
    return None if found is None else sorted(found, key=lambda one: one.completed, reverse=True)


def _savepoints(directory: str, depth: int) -> list[Found] | None:
    local = _local(directory)
    if local is None:
        return _remote_savepoints(directory, depth)
    return list(_walk(local, depth)) if local.is_dir() else None


def _walk(directory: Path, depth: int) -> Iterator[Found]:
    try:
        inside = sorted(one for one in directory.iterdir() if one.is_dir())
    except OSError:
        return
    for one in inside:
        metadata = one / METADATA
        if metadata.is_file():
            yield _found(f"file:{one}", _size(one), metadata.stat().st_mtime)
        elif depth > 1:
            yield from _walk(one, depth - 1)


def _found(path: str, size: int, completed: float) -> Found:
    match = re.fullmatch(_NAMED, path.rsplit("/", 1)[-1])
    return Found(path, match[1] if match else None, size, completed)


def _size(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def _newest_checkpoint(path: str) -> str | None:
    local = _local(path)
    if local is None:
        return path if _remote_is_there(path) else None
    made = [one for one in local.parent.glob("chk-*") if (one / METADATA).is_file()]
    numbered = {int(one.name[4:]): one for one in made if one.name[4:].isdigit()}
    return f"file:{numbered[max(numbered)]}" if numbered else None


def _remove(path: str) -> None:
    local = _local(path)
    if local is None:
        _remote_remove(path)
        return
    if not local.exists():
        return
    if not (local / METADATA).is_file():
        raise _no_savepoint(path)
    import shutil

    try:
        shutil.rmtree(local)
    except OSError as error:
        raise EngineError(
            f'savepoint "{path}" cannot be removed: {error.strerror or error}'
        ) from error


def _remove_empty(directory: str) -> None:
    local = _local(directory)
    if local is not None and local.is_dir():
        with suppress(OSError):  # something is in it, or somebody else was quicker
            local.rmdir()


def _no_savepoint(path: str) -> EngineError:
    return EngineError(f'"{path}" holds no savepoint (it has no file {METADATA}), so it stays')


# ------------------------------------------------------------------ elsewhere, through fsspec


def _file_system(path: str) -> tuple[Any, str] | None:
    """The file system of a URL; None: we have no driver or no rights for it."""
    try:
        import fsspec

        system, inside = fsspec.core.url_to_fs(path)
    except (ImportError, ValueError, OSError):
        return None
    return system, inside


def _remote_is_there(path: str) -> bool | None:
    opened = _file_system(path)
    if opened is None:
        return None
    system, inside = opened
    try:
        return bool(system.exists(f"{inside}/{METADATA}"))
    except Exception:  # whatever a driver raises: it cannot be told from here
        return None


def _remote_made_at(path: str) -> float | None:
    opened = _file_system(path)
    if opened is None:
        return None
    system, inside = opened
    try:
        return float(system.modified(f"{inside}/{METADATA}").timestamp())
    except Exception:  # as above
        return None


def _remote_savepoints(directory: str, depth: int) -> list[Found] | None:
    opened = _file_system(directory)
    if opened is None:
        return None
    system, inside = opened
    scheme = directory.partition("://")[0]
    try:
        files = system.find(inside, maxdepth=depth + 1, detail=True)
    except Exception:  # as above
        return None
    made = {name.rpartition("/")[0] for name in files if name.endswith(f"/{METADATA}")}
    return [
        _found(f"{scheme}://{one.removeprefix('/')}", *_remote_size(files, one)) for one in made
    ]


def _remote_size(files: dict[str, Any], directory: str) -> tuple[int, float]:
    size = sum(
        int(facts.get("size") or 0)
        for name, facts in files.items()
        if name.startswith(f"{directory}/")
    )
    made = files[f"{directory}/{METADATA}"]
    moment = made.get("mtime") or made.get("LastModified") or made.get("created") or 0
    return size, moment if isinstance(moment, int | float) else moment.timestamp()


def _remote_bytes(system: Any, inside: str) -> int | None:
    try:
        return int(system.du(inside))
    except Exception:  # as above
        return None


def _remote_remove(path: str) -> None:
    opened = _file_system(path)
    if opened is None:
        raise EngineError(f'savepoint "{path}" cannot be reached from here, so its files stay')
    system, inside = opened
    if not system.exists(f"{inside}/{METADATA}"):
        raise _no_savepoint(path)
    system.rm(inside, recursive=True)
