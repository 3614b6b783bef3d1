"""How the values of settings are written: each function reads one kind, or says what is wrong."""

from __future__ import annotations

import re

_DURATION = r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)?"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = r"(?i)([1-9]\d{0,8})\s*(B|KiB|kB|MiB|MB|GiB|GB)?"
_BYTES = {"b": 1, "kib": 1 << 10, "kb": 10**3, "mib": 1 << 20, "mb": 10**6, "gib": 1 << 30,
          "gb": 10**9}  # fmt: skip
_SWITCHES = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def duration(value: object) -> float:
    """Read a duration such as ``500ms`` or ``2s``; a bare number counts seconds, as in Skytools."""
    match = re.fullmatch(_DURATION, str(value).strip())
    if match is None or isinstance(value, bool):
        raise ValueError("is not a duration (examples: 500ms, 2s)")
    return float(match[1]) * _UNITS[match[2] or "s"]


def positive_duration(value: object) -> float:
    """Read a duration that must not be zero."""
    seconds = duration(value)
    if seconds <= 0:
        raise ValueError("must be longer than nothing (examples: 500ms, 2s)")
    return seconds


def text(value: object) -> str:
    """Read a text that must not be empty."""
    if not isinstance(value, str):
        raise ValueError("is not a text; put it in quotes")
    if not value.strip():
        raise ValueError("is empty; give a value or leave the line out")
    return value.strip()


def text_list(value: object) -> tuple[str, ...]:
    """Read a list of texts: a TOML array, or one text with a text per line."""
    parts = (
        [part for part in value.splitlines() if part.strip()] if isinstance(value, str) else value
    )
    if not isinstance(parts, list):
        raise ValueError('is not a list of texts (example: ["dbname=a", "dbname=b"])')
    return tuple(text(part) for part in parts)


def count(value: object) -> int:
    """Read a number of things, at least one."""
    if isinstance(value, bool) or not re.fullmatch(r"[1-9]\d{0,8}", str(value).strip()):
        raise ValueError("is not a number of things (examples: 1, 20)")
    return int(str(value))


def size(value: object) -> int:
    """Read a size such as ``1 MiB``; a bare number counts bytes."""
    match = re.fullmatch(_SIZE, str(value).strip())
    if match is None or isinstance(value, bool):
        raise ValueError("is not a size (examples: 65536, 512KiB, 1MiB)")
    return int(match[1]) * _BYTES[(match[2] or "B").lower()]


def port(value: object) -> int:
    """Read the number of a port; 0 means any."""
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,5}", str(value).strip()):
        raise ValueError("is not a port (examples: 8083, 0 for any)")
    number = int(str(value))
    if number > 65535:
        raise ValueError("is not a port: the largest is 65535")
    return number


def engine(value: object) -> str:
    """Read the name of an engine."""
    if value not in ("postgres", "flink"):
        raise ValueError("is no engine; there are: postgres, flink")
    return str(value)


def switch(value: object) -> bool:
    """Read an on/off value."""
    found = _SWITCHES.get(str(value).strip().lower())
    if found is None:
        raise ValueError("is neither true nor false")
    return found
