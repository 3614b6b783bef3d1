"""Where savepoints are kept: a directory of this machine, or one of an object store.

A savepoint is a directory that exists when its file ``_metadata`` does. On a local disk the whole
is written under a temporary name, synced and renamed. An object store has no rename, so there
``_metadata`` comes last. Everything here blocks; callers hand it to a thread.

A writer may be frozen, replaced, and woken up at any time. So an attempt has names of its own for
all that it writes, and never publishes over what another one has published.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tailrace.errors import NotFound, StorageError, Unsupported, UsageError
from tailrace.jobs.savepoints.sink import Sink, Written, sync

METADATA = "_metadata"
PIECE = 1 << 20

_NAME = re.compile(r"savepoint-[0-9a-f]{6}-([0-9a-f]{12})")
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://")
_LOCAL_URL = re.compile(r"^file://(localhost)?")


class Storage(ABC):
    """One savepoint's place."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._attempt = secrets.token_hex(4)

    @property
    @abstractmethod
    def host(self) -> str | None:
        """The machine that the path means something on; None: any."""

    def here(self, host: str | None) -> bool:
        """Whether files that were written on a machine can be looked at from this one."""
        return self.host is None or host is None or host == self.host

    def name(self, number: int) -> str:
        """How a file with rows is named."""
        return f"{number:04d}.copy.zst"

    def sink(self, name: str) -> Sink:
        """Begin a file."""
        with self._telling("written"):
            return Sink(self._open_to_write(name))

    def write(self, sink: Sink, data: bytes) -> None:
        """Write a piece of a file."""
        with self._telling("written"):
            sink.write(data)

    def finish(self, sink: Sink) -> Written:
        """End a file."""
        with self._telling("written"):
            return sink.finish()

    def metadata(self) -> bytes:
        """Read the file that makes a directory a savepoint."""
        with self._telling("read"):
            with self._open_to_read(METADATA) as file:
                return file.read()

    def checksum(self, name: str) -> Written:
        """Read a file through and say what it is."""
        found, size = hashlib.sha256(), 0
        with self._telling("read"):
            with self._open_to_read(name) as file:
                while piece := file.read(PIECE):
                    found.update(piece)
                    size += len(piece)
        return Written(size, found.hexdigest())

    def pieces(self, name: str) -> Iterator[bytes]:
        """Read what was written into a file."""
        import zstandard

        with self._telling("read"):
            with self._open_to_read(name) as file:
                with zstandard.ZstdDecompressor().stream_reader(file) as reader:
                    while piece := reader.read(PIECE):
                        yield piece

    @abstractmethod
    def prepare(self) -> None:
        """Make room; what attempts before have left is removed, even if it was published."""

    @abstractmethod
    def publish(self, metadata: bytes) -> bool:
        """Make what was written a savepoint, at once and for good; False: there is one already."""

    @abstractmethod
    def unpublish(self) -> None:
        """Take away what makes it a savepoint; harmless when it is none."""

    @abstractmethod
    def discard(self) -> None:
        """Remove what this attempt has written and not published; harmless when repeated."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is a savepoint."""

    @abstractmethod
    def remove(self) -> None:
        """Remove the savepoint; harmless when it is gone."""

    @abstractmethod
    def _open_to_write(self, name: str) -> IO[bytes]: ...

    @abstractmethod
    def _open_to_read(self, name: str) -> IO[bytes]: ...

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Say in a line which savepoint could not be read or written, and why."""
        try:
            yield
        except OSError as error:
            if isinstance(error, FileNotFoundError) and what == "read":
                raise self._missing(error) from error
            reason = error.strerror or str(error) or type(error).__name__
            raise StorageError(
                f'savepoint "{self.path}" cannot be {what}: {reason}', hint=_remedy(error)
            ) from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in _FOREIGN:
                raise
            raise StorageError(f'savepoint "{self.path}" cannot be {what}: {error}') from error

    def _missing(self, error: FileNotFoundError) -> NotFound:
        name = os.path.basename(str(error.filename or METADATA))
        return NotFound(
            f'there is no savepoint "{self.path}": it has no file {name}'
            + (f' on machine "{self.host}"' if self.host else ""),
            hint="list those that there are with: SHOW SAVEPOINTS",
        )


# Libraries whose errors are about files, too.
_FOREIGN = frozenset(
    {"zstandard", "zstd", "fsspec", "s3fs", "gcsfs", "adlfs", "botocore", "aiohttp"}
)


def _remedy(error: OSError) -> str | None:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room, or choose another directory with: SET 'state.savepoints.dir' = '…'"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "it is read and written by whoever runs the job (tailrace run), as his user"
    return None


class LocalStorage(Storage):
    """A directory of this machine."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._final = Path(path)
        self._partial = self._final.with_name(f".{self._final.name}.{self._attempt}.partial")

    @property
    def host(self) -> str | None:
        return socket.gethostname()

    def prepare(self) -> None:
        with self._telling("written"):
            place = self._final.parent
            if place.exists() and not place.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
            place.mkdir(parents=True, exist_ok=True)
            self._clear()
            self._partial.mkdir()

    def publish(self, metadata: bytes) -> bool:
        with self._telling("written"):
            with self._open_to_write(METADATA) as file:
                file.write(metadata)
                file.flush()
                sync(file)
            _sync_directory(self._partial)
            try:
                self._partial.rename(self._final)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    return False
                raise
            _sync_directory(self._final.parent)
        return True

    def unpublish(self) -> None:
        with self._telling("removed"):
            self._hide()

    def discard(self) -> None:
        with self._telling("removed"):
            if self._partial.is_dir():
                shutil.rmtree(self._partial)

    def exists(self) -> bool:
        with self._telling("read"):
            return (self._final / METADATA).is_file()

    def remove(self) -> None:
        with self._telling("removed"):
            if self._final.is_dir() and not (self._final / METADATA).is_file():
                raise StorageError(
                    f'directory "{self.path}" is no savepoint: it has no file {METADATA}',
                    hint="nothing was removed",
                )
            self._clear()

    def _clear(self) -> None:
        """Remove it, and all that writers before have left."""
        self._hide()
        if self._final.parent.is_dir():
            for path in self._final.parent.glob(f".{self._final.name}.*"):
                shutil.rmtree(path)

    def _hide(self) -> None:
        """Away from the name by which others find it: a half of it must not be seen."""
        if self._final.is_dir() and _NAME.fullmatch(self._final.name):
            gone = self._final.with_name(f".{self._final.name}.{secrets.token_hex(4)}.gone")
            self._final.rename(gone)
            shutil.rmtree(gone)

    def _open_to_write(self, name: str) -> IO[bytes]:
        return (self._partial / name).open("wb")

    def _open_to_read(self, name: str) -> IO[bytes]:
        return (self._final / name).open("rb")


class ObjectStorage(Storage):
    """A place that fsspec knows how to reach."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        import fsspec.core

        try:
            self._files, self._root = fsspec.core.url_to_fs(path)
        except (ValueError, ImportError) as error:
            raise Unsupported(
                f'savepoint "{path}" cannot be reached: {error}',
                hint="install what fsspec needs for it where the job runs",
            ) from error

    @property
    def host(self) -> str | None:
        return None

    def name(self, number: int) -> str:
        """A file of its own for each attempt."""
        return f"{number:04d}-{self._attempt}.copy.zst"

    def prepare(self) -> None:
        self.remove()
        with self._telling("written"):
            self._files.makedirs(self._root, exist_ok=True)

    def publish(self, metadata: bytes) -> bool:
        if self.exists():  # not every store knows how to create a file only where there is none
            return False
        with self._telling("written"):
            try:
                self._files.pipe_file(f"{self._root}/{METADATA}", metadata, mode="create")
            except FileExistsError:
                return False
        return True

    def unpublish(self) -> None:
        with self._telling("removed"):
            if self._files.exists(f"{self._root}/{METADATA}"):
                self._files.rm_file(f"{self._root}/{METADATA}")

    def discard(self) -> None:
        with self._telling("removed"):
            self._files.invalidate_cache()
            for path in self._files.glob(f"{self._root}/*-{self._attempt}.copy.zst"):
                self._files.rm_file(path)

    def exists(self) -> bool:
        with self._telling("read"):
            self._files.invalidate_cache()
            return bool(self._files.exists(f"{self._root}/{METADATA}"))

    def remove(self) -> None:
        self.unpublish()
        with self._telling("removed"):
            if self._files.exists(self._root):
                self._files.rm(self._root, recursive=True)

    def _open_to_write(self, name: str) -> IO[bytes]:
        file: IO[bytes] = self._files.open(f"{self._root}/{name}", "wb")
        return file

    def _open_to_read(self, name: str) -> IO[bytes]:
        file: IO[bytes] = self._files.open(f"{self._root}/{name}", "rb")
        return file


def normal(path: str) -> str:
    """Write a path as the catalogue does: local ones without scheme, none with a slash behind."""
    return _LOCAL_URL.sub("", path.strip()).rstrip("/")


def at(path: str) -> Storage:
    """The place that a path or URL means."""
    path = normal(path)
    if _URL.match(path):
        return ObjectStorage(path)
    if not path.startswith("/"):
        raise UsageError(
            f'"{path}" is not the path of a savepoint: it is neither absolute nor a URL',
            hint="list those that there are with: SHOW SAVEPOINTS",
        )
    return LocalStorage(path)


def savepoint_id(path: str) -> str | None:
    """The id at the end of a savepoint's path; None where it is named otherwise."""
    match = _NAME.fullmatch(normal(path).rpartition("/")[2])
    return None if match is None else match[1]


def list_directory(directory: str) -> list[str]:
    """Paths of the savepoints in a directory; none where there is no such directory here."""
    directory = normal(directory)
    names: list[Any]
    if _URL.match(directory):
        import fsspec.core

        try:
            files, root = fsspec.core.url_to_fs(directory)
            files.invalidate_cache()
            names = files.ls(root, detail=False) if files.exists(root) else []
        except Exception:  # whatever the store has: a list that lacks its part is better than none
            return []
    else:
        try:
            names = os.listdir(directory or "/")
        except OSError:
            return []
    paths = [f"{directory}/{str(name).rstrip('/').rpartition('/')[2]}" for name in names]
    return sorted(path for path in paths if savepoint_id(path) and at(path).exists())


def _sync_directory(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
