"""A file of a savepoint while it is written: compressed, counted, and summed up."""

from __future__ import annotations

import hashlib
import os
from typing import IO, NamedTuple

# Rows of COPY text shrink to a fifth; harder compression takes longer than the server needs.
LEVEL = 3


class Written(NamedTuple):
    """A file that is complete."""

    size: int
    sha256: str


class Sink:
    """One compressed file on its way into a savepoint."""

    def __init__(self, file: IO[bytes]) -> None:
        import zstandard

        self._file = file
        self._compressor = zstandard.ZstdCompressor(level=LEVEL).compressobj()
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Compress a piece and write what came of it."""
        self._put(self._compressor.compress(data))

    def finish(self) -> Written:
        """Write what is left, sync and close."""
        self._put(self._compressor.flush())
        self._file.flush()
        sync(self._file)
        self._file.close()
        return Written(self._size, self._hash.hexdigest())

    def abandon(self) -> None:
        """Close without caring; harmless when repeated."""
        try:
            self._file.close()
        except OSError:
            pass  # what could not be written is thrown away anyway

    def _put(self, data: bytes) -> None:
        if data:
            self._hash.update(data)
            self._size += len(data)
            self._file.write(data)


def sync(file: IO[bytes]) -> None:
    """Wait until a file is safe, where that is for us to say."""
    try:
        number = file.fileno()
    except (AttributeError, OSError):
        return  # an object store has its own idea of when something is safe
    os.fsync(number)
