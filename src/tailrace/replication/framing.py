"""From packed composite text to CSV, touching messages and not rows.

The text form of a row, ``(1,abc,"x y")``, is CSV but for its parentheses and for backslashes, which
it doubles. Rows are joined by a double quote and a newline. Neither that joint next to a
parenthesis nor the ``x"(`` behind a mark can occur inside a value: within quotes a quote is always
doubled, an opening quote follows only a comma or an opening parenthesis, and a closing one precedes
only a comma or a closing one.
"""

from __future__ import annotations

# What every binary COPY begins with: signature, flags, length of the header's extension.
_SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
_HEADER_LENGTH = len(_SIGNATURE) + 8
_TRAILER = b"\xff\xff"
_FIELD_HEAD = 6  # number of columns, length of the only one

JOINT = b'"\n'


def field_of(message: bytes | bytearray | memoryview) -> bytes | None:
    """Return the only column of a row of binary COPY; None where the message holds no row."""
    data = bytes(message)
    if data.startswith(_SIGNATURE):
        data = data[_HEADER_LENGTH:]
    if not data or data == _TRAILER:
        return None
    return data[_FIELD_HEAD:]


def plain_rows(packed: bytes) -> bytes:
    """Turn joined rows into lines of CSV."""
    return _lines(packed[1:-1].replace(b')"\n(', b"\n"))


def marked_rows(packed: bytes) -> bytes:
    """Turn joined rows, each behind a mark like ``12,Ix"``, into lines of CSV: 12,I,…."""
    return _lines(packed[:-1].replace(b')"\n', b"\n").replace(b'x"(', b","))


def _lines(text: bytes) -> bytes:
    if b"\\" in text:
        text = text.replace(b"\\\\", b"\\")
    return text + b"\n"
