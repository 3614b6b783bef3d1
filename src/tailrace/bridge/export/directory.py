"""The directory of one table's files: one of this machine, or one of an object store.

A file is written under a name that readers leave alone (it begins with a dot), or beside the store;
then it gets its own name at once and for good, and is never touched again. A file of that name that
is there already holds the same changes: it stays. The file ``_tailrace`` says whose directory it
is. Everything here blocks; callers hand it to a thread.
"""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tailrace.errors import StorageError, TailraceError, Unsupported

MARK = "_tailrace"

# Stores whose upload is seen when it is complete, and not before.
_WHOLE_UPLOADS = frozenset(
    {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "obs", "oci", "memory"}
)
# Libraries whose errors are about files, too.
_FOREIGN = frozenset({"fsspec", "s3fs", "gcsfs", "adlfs", "botocore", "aiohttp", "paramiko"})
# What link() says where a file system has no second names.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


class Staged:
    """A file on its way: not to be seen yet."""

    def __init__(self, path: Path, name: str, file: IO[bytes]) -> None:
        self.path = path
        self.name = name
        self.rows = 0
        self.size = 0
        self._file = file

    def write(self, data: bytes, rows: int) -> None:
        """Write lines."""
        self._file.write(data)
        self.rows += rows
        self.size += len(data)

    def close(self) -> None:
        """See to it that all of it is on the disk."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def discard(self) -> None:
        """Leave nothing of it; harmless when repeated."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


class Directory(ABC):
    """Where the files of one table go."""

    def __init__(self, url: str, job_id: str) -> None:
        self.url = url
        self._job_id = job_id

    def claim(self, *, begun: bool) -> None:
        """Make sure that it is ours; ``begun``: files of ours have been there before."""
        with self._telling("written"):
            found = self._mark()
            if found is None and begun:
                raise StorageError(
                    f'directory "{self.url}" is not there any more, or was emptied: it has no file '
                    f"{MARK}",
                    hint="bring it back (is it mounted?); if it is to go on empty, make that file"
                    f" again: echo {self._job_id} > {MARK}",
                )
            if found is None:
                self._take()
                found = self._mark()
            if found != self._job_id:
                raise StorageError(
                    f'directory "{self.url}" belongs to job {found}, as its file {MARK} says',
                    hint="choose another one with --to; or remove it, if that job is no more",
                )

    def stage(self, name: str) -> Staged:
        """Begin a file."""
        with self._telling("written"):
            return self._stage(name)

    def write(self, staged: Staged, data: bytes, rows: int) -> None:
        """Write lines of a file."""
        with self._telling("written"):
            staged.write(data, rows)

    def close(self, staged: Staged) -> None:
        """See to it that all of a file is on the disk."""
        with self._telling("written"):
            staged.close()

    def publish(self, staged: Staged) -> None:
        """Let a file be seen; where it is there already, it stays as it is."""
        with self._telling("written"):
            self._publish(staged)

    def has(self, name: str) -> bool:
        """Whether a file can be seen."""
        with self._telling("read"):
            return self._has(name)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; harmless where they are gone."""
        with self._telling("written"):
            for name in names:
                self._remove(name)

    @abstractmethod
    def tidy(self) -> None:
        """Remove what runners before have left half-done, so that they cannot go on with it."""

    @abstractmethod
    def _mark(self) -> str | None:
        """Whose directory it is; None: nobody's."""

    @abstractmethod
    def _take(self) -> None:
        """Make the directory, and say that it is ours."""

    @abstractmethod
    def _stage(self, name: str) -> Staged: ...

    @abstractmethod
    def _publish(self, staged: Staged) -> None: ...

    @abstractmethod
    def _has(self, name: str) -> bool: ...

    @abstractmethod
    def _remove(self, name: str) -> None: ...

    def _hidden(self, name: str) -> str:
        return f".{name}.{self._job_id[:8]}.{secrets.token_hex(4)}.tmp"

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Say in a line which directory it is, and why it cannot be read or written."""
        try:
            yield
        except TailraceError:
            raise
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise StorageError(
                f'directory "{self.url}" cannot be {what}: {reason}', hint=_remedy(error)
            ) from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in _FOREIGN:
                raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise StorageError(f'directory "{self.url}" cannot be {what}: {reason}') from error


def _remedy(error: OSError) -> str | None:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room; the job goes on by itself"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "it is written by whoever runs the job (tailrace run); when he may, the job goes on"
    return None


class LocalDirectory(Directory):
    """A directory of this machine."""

    def __init__(self, url: str, job_id: str) -> None:
        super().__init__(url, job_id)
        self._path = Path(url)

    def tidy(self) -> None:
        with self._telling("written"):
            if self._path.is_dir():
                for path in self._path.glob(f".*.{self._job_id[:8]}.*.tmp"):
                    path.unlink(missing_ok=True)

    def _mark(self) -> str | None:
        try:
            return (self._path / MARK).read_text().strip()
        except FileNotFoundError:
            return None

    def _take(self) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        partial = self._path / self._hidden(MARK)
        with partial.open("w") as file:
            file.write(f"{self._job_id}\n")
            file.flush()
            os.fsync(file.fileno())
        self._name(partial, self._path / MARK)

    def _stage(self, name: str) -> Staged:
        path = self._path / self._hidden(name)
        return Staged(path, name, path.open("xb"))

    def _publish(self, staged: Staged) -> None:
        self._name(staged.path, self._path / staged.name)

    def _name(self, partial: Path, final: Path) -> None:
        """Give a file its name, unless there is one of that name; both are lasting then."""
        try:
            os.link(partial, final)
        except FileExistsError:
            pass
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if not final.exists():
                partial.rename(final)
        partial.unlink(missing_ok=True)
        number = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

    def _has(self, name: str) -> bool:
        return (self._path / name).exists()

    def _remove(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)


class StoreDirectory(Directory):
    """A place that fsspec knows how to reach; files are made beside it and then sent."""

    def __init__(self, url: str, job_id: str) -> None:
        super().__init__(url, job_id)
        import fsspec.core

        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise Unsupported(
                f'"{url}" cannot be reached: {error}',
                hint="install what fsspec needs for it where the job runs",
            ) from error
        self._whole = url.partition("://")[0] in _WHOLE_UPLOADS
        self._spool = Path(tempfile.gettempdir())

    def tidy(self) -> None:
        mine = f".*.{self._job_id[:8]}.*.tmp"
        with self._telling("written"):
            for path in self._spool.glob(mine):
                path.unlink(missing_ok=True)
            if not self._whole:
                for name in self._files.glob(f"{self._root}/{mine}"):
                    self._files.rm_file(name)

    def _mark(self) -> str | None:
        self._files.invalidate_cache()
        try:
            data: bytes = self._files.cat_file(f"{self._root}/{MARK}")
        except FileNotFoundError:
            return None
        return data.decode().strip()

    def _take(self) -> None:
        self._files.makedirs(self._root, exist_ok=True)
        self._files.pipe_file(f"{self._root}/{MARK}", f"{self._job_id}\n".encode())

    def _stage(self, name: str) -> Staged:
        path = self._spool / self._hidden(name)
        return Staged(path, name, path.open("xb"))

    def _publish(self, staged: Staged) -> None:
        if not self._has(staged.name):
            final = f"{self._root}/{staged.name}"
            if self._whole:
                self._files.put_file(str(staged.path), final)
            else:
                hidden = f"{self._root}/{staged.path.name}"
                self._files.put_file(str(staged.path), hidden)
                self._files.mv(hidden, final)
        staged.discard()

    def _has(self, name: str) -> bool:
        self._files.invalidate_cache()
        return bool(self._files.exists(f"{self._root}/{name}"))

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._files.rm_file(f"{self._root}/{name}")


def open_directory(url: str, job_id: str) -> Directory:
    """The directory that a path or URL means."""
    return (StoreDirectory if "://" in url else LocalDirectory)(url, job_id)
