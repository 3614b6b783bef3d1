"""A line of a trace in the model's terms, and how a step says that the model cannot do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.state import State


class NotAllowed(Exception):
    """The model cannot do this step now."""


@dataclass(frozen=True)
class Facts:
    """A line in the model's terms."""

    step: str
    line: Mapping[str, Any]
    number: Mapping[int, int]
    names: Sequence[str]
    node: int | None
    worker: bool
    """It is about the node's worker, not about ``<node>.apply`` or another consumer there."""
    empty: frozenset[int]
    next_lines: Mapping[int, str | None] = field(default_factory=dict)
    """What each node's worker wrote next; None: nothing, it was struck or the trace ends."""

    def unwritten(self, node: int, step: str) -> bool:
        """Whether a worker may just have done this, and had no time yet to write it down."""
        return node in self.next_lines and self.next_lines[node] in (step, None)

    @property
    def n(self) -> int:
        """The node; every step has one."""
        if self.node is None:
            raise NotAllowed("a node that no worker has told of")
        return self.node

    def tick(self, key: str) -> int:
        """A tick, by the model's number; of a step that was not answered it may not be known."""
        tick = self.line.get(key)
        if tick is None:
            raise NotAllowed(f"{key} is not known")
        return self.number[tick]

    @property
    def group(self) -> tuple[int, ...]:
        """The members of a sync group, those that the trace knows."""
        listed = self.line.get("group") or ()
        return tuple(sorted(self.names.index(name) for name in listed if name in self.names))

    def other(self, key: str) -> int | None:
        """Another node that is named; None: it is not part of the trace."""
        name = self.line.get(key)
        return self.names.index(name) if name in self.names else None


def require(condition: object, text: str) -> None:
    """Refuse the step unless something holds."""
    if not condition:
        raise NotAllowed(text)


def possible(after: State | None, text: str) -> State:
    """Refuse the step when the model could not do it."""
    if after is None:
        raise NotAllowed(text)
    return after
