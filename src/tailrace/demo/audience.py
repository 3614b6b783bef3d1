"""Who watches: the demo says what happens, and the command line decides how that looks."""

from __future__ import annotations

from typing import Protocol


class Audience(Protocol):
    """What the demo needs of whoever shows it."""

    def scene(self, text: str) -> None:
        """Something begins or has happened; the line stays."""

    def progress(self, name: str, done: int, total: int | None) -> None:
        """Something of this name is so far; ``total`` None: nobody knows how far it goes."""

    def finished(self, name: str) -> None:
        """Something that showed progress is over."""
