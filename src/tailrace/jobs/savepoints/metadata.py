"""The file ``_metadata`` of a savepoint: what is in it, and whether it is what was written.

JSON, so that people and other tools can read it. The format has a number; a reader refuses what is
newer than itself, and takes what is older.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from tailrace.errors import StorageError, Unsupported

FORMAT = 1


class TableFile(msgspec.Struct, frozen=True, kw_only=True):
    """One table: its shape when it was written, and the file that holds its rows."""

    table: str
    local_table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    key: tuple[str, ...] | None
    rows: int
    file: str
    bytes: int
    sha256: str


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """A savepoint."""

    format: int = FORMAT
    version: str
    savepoint_id: str
    created: datetime
    job_id: str
    job_name: str
    kind: str
    queue: str
    node: str
    database: str
    tick: int
    tick_time: datetime | None = None
    """When the root made that tick: the same on all nodes of a cascade, and another in others."""
    statement: str | None = None
    settings: dict[str, object] = {}
    tables: tuple[TableFile, ...] = ()
    absent: tuple[str, ...] = ()
    checksum: str = ""

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(one.rows for one in self.tables)

    @property
    def size(self) -> int:
        """Bytes of all files but this one."""
        return sum(one.bytes for one in self.tables)


class _Head(msgspec.Struct):
    format: int


def encode(metadata: Metadata) -> bytes:
    """Write it, with a checksum of itself."""
    signed = msgspec.structs.replace(metadata, checksum=_checksum(metadata))
    return msgspec.json.format(msgspec.json.encode(signed), indent=1)


def decode(data: bytes, path: str) -> Metadata:
    """Read it; says what is wrong with what cannot be used."""
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format > FORMAT:
            raise Unsupported(
                f'savepoint "{path}" has format {head.format}; this version of tailrace reads '
                f"formats up to {FORMAT}",
                hint="use the version that wrote it, or a newer one",
            )
        found = msgspec.json.decode(data, type=Metadata)
    except msgspec.DecodeError as error:
        raise StorageError(f'savepoint "{path}" is damaged: file _metadata: {error}') from error
    if found.checksum != _checksum(found):
        raise StorageError(
            f'savepoint "{path}" is damaged: file _metadata is not what was written',
            hint="use another one; list them with: SHOW SAVEPOINTS",
        )
    return found


def _checksum(metadata: Metadata) -> str:
    bare = msgspec.structs.replace(metadata, checksum="")
    return hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()
