"""How many columns of a terminal a text takes; wide and combining characters count as shown."""

from __future__ import annotations


def columns(text: str) -> int:
    """The columns that a text without control characters takes."""
    return len(text) if text.isascii() else sum(_columns_of(sign) for sign in text)


def _columns_of(sign: str) -> int:
    if sign < "\u0300":
        return 1
    import unicodedata  # 1 MB that most texts can do without

    if unicodedata.category(sign) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
