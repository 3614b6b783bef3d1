"""Where the files are: a directory of this machine, or a URL that fsspec knows how to reach.

Flink hides a file that is not finished behind a name that begins with a dot or an underscore, and
renames it when a checkpoint has made it part of the result. So what can be seen is complete.
Everything here blocks; callers hand it to a thread.
"""

from __future__ import annotations

import errno
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from tailrace.bridge.order import Arrival
from tailrace.errors import StorageError, TailraceError, Unsupported

_HIDDEN = (".", "_")


class Place(ABC):
    """A directory of files, with any directories in it."""

    def __init__(self, source: str) -> None:
        self.source = source

    @abstractmethod
    def look(self) -> list[Arrival]:
        """All files that are complete."""

    @abstractmethod
    def open(self, path: str) -> IO[bytes]:
        """Begin to read a file."""

    @abstractmethod
    def look_at(self, path: str) -> Arrival | None:
        """One file; None: it is gone."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file; harmless when it is gone."""

    @contextmanager
    def telling(self, what: str, verb: str) -> Iterator[None]:
        """Say in a line what could not be read or removed, and why; it may be mended meanwhile."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise StorageError(
                f"{what} cannot be {verb}: {reason}{self._where}",
                hint=self._remedy(error),
                retryable=True,
            ) from error
        except TailraceError:
            raise
        except Exception as error:  # whatever the library of some store has
            raise StorageError(f"{what} cannot be {verb}: {error}", retryable=True) from error

    @property
    def _where(self) -> str:
        return ""

    def _remedy(self, error: OSError) -> str | None:
        if error.errno in (errno.EACCES, errno.EPERM):
            return "it is read by whoever runs the job (tailrace run), as his user"
        return None


class Directory(Place):
    """A directory of this machine."""

    def look(self) -> list[Arrival]:
        with self.telling(f'directory "{self.source}"', "read"):
            return list(self._within(Path(self.source), ""))

    def _within(self, directory: Path, prefix: str) -> Iterator[Arrival]:
        with os.scandir(directory) as entries:
            found = [one for one in entries if not one.name.startswith(_HIDDEN)]
        for one in found:
            _refuse_unreadable(f"{directory}/{one.name}")
            try:
                # no links to directories: they may lead in a circle
                if one.is_dir(follow_symlinks=False):
                    yield from self._within(directory / one.name, f"{prefix}{one.name}/")
                elif one.is_file():
                    yield _arrival(f"{prefix}{one.name}", one.stat())
            except FileNotFoundError:
                continue  # gone since

    def open(self, path: str) -> IO[bytes]:
        return (Path(self.source) / path).open("rb")

    def look_at(self, path: str) -> Arrival | None:
        with self.telling(f'file "{self.source}/{path}"', "read"):
            try:
                return _arrival(path, (Path(self.source) / path).stat())
            except FileNotFoundError:
                return None

    def remove(self, path: str) -> None:
        with self.telling(f'file "{self.source}/{path}"', "removed"):
            (Path(self.source) / path).unlink(missing_ok=True)

    @property
    def _where(self) -> str:
        return f' on machine "{socket.gethostname()}"'

    def _remedy(self, error: OSError) -> str | None:
        if isinstance(error, FileNotFoundError):
            return "it is looked for again until it is there"
        return super()._remedy(error)


def _refuse_unreadable(path: str) -> None:
    """A name that is no text could not be written down as loaded."""
    try:
        path.encode()
    except UnicodeEncodeError:
        name = path.encode(errors="backslashreplace").decode()
        raise StorageError(
            f'the name of "{name}" is no UTF-8 text', hint="rename or remove it", retryable=True
        ) from None


def _arrival(path: str, found: os.stat_result) -> Arrival:
    return Arrival(path, found.st_size, found.st_mtime_ns, str(found.st_mtime_ns))


class Store(Place):
    """What a URL means."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        import fsspec.core

        try:
            self._files, self._root = fsspec.core.url_to_fs(source)
        except (ValueError, ImportError) as error:
            raise Unsupported(
                f'"{source}" cannot be reached: {error}',
                hint="install what fsspec needs for it where the job runs",
            ) from error
        self._root = self._root.rstrip("/")

    def look(self) -> list[Arrival]:
        with self.telling(f'"{self.source}"', "read"):
            self._files.invalidate_cache()
            if not self._files.exists(self._root):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            found = self._files.find(self._root, detail=True)
        arrivals = (self._arrival(name, info) for name, info in found.items())
        return [
            one
            for one in arrivals
            if not any(part.startswith(_HIDDEN) for part in one.path.split("/"))
        ]

    def _arrival(self, name: str, info: dict[str, Any]) -> Arrival:
        path = name[name.index(self._root) + len(self._root) :].lstrip("/")
        when = next(
            (info[key] for key in ("mtime", "LastModified", "last_modified", "created", "updated")
             if info.get(key) is not None), None
        )  # fmt: skip
        modified = _nanoseconds(when)
        version = info.get("ETag") or info.get("etag") or modified
        return Arrival(path, int(info.get("size") or 0), modified, str(version))

    def open(self, path: str) -> IO[bytes]:
        file: IO[bytes] = self._files.open(f"{self._root}/{path}", "rb")
        return file

    def look_at(self, path: str) -> Arrival | None:
        with self.telling(f'file "{self.source}/{path}"', "read"):
            self._files.invalidate_cache()
            try:
                return self._arrival(
                    f"{self._root}/{path}", self._files.info(f"{self._root}/{path}")
                )
            except FileNotFoundError:
                return None

    def remove(self, path: str) -> None:
        with self.telling(f'file "{self.source}/{path}"', "removed"):
            if self._files.exists(f"{self._root}/{path}"):
                self._files.rm_file(f"{self._root}/{path}")


def _nanoseconds(when: object) -> int:
    if isinstance(when, datetime):
        return int(when.timestamp() * 1e9)
    if isinstance(when, int | float):
        return int(when * 1e9)
    if isinstance(when, str):
        try:
            return int(datetime.fromisoformat(when).timestamp() * 1e9)
        except ValueError:
            return 0
    return 0


def at(source: str) -> Place:
    """The place that a path or URL means."""
    return Store(source) if "://" in source else Directory(source)
