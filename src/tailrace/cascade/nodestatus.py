"""One node as ``status`` shows it: what it says of itself, or why it says nothing.

``tailrace.node_status`` answers in JSON; here it becomes values with names. What only the others
know (the time of a tick that a leaf does not hold, tables that are not here) is put in by
``topology``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from tailrace.cascade.node import Member, decoded, names_in
from tailrace.db.dsn import parameters

Kind = Literal["root", "branch", "leaf", "dead", "unreachable"]

GLOBAL_WATERMARK = ".global_watermark"


@dataclass(frozen=True, slots=True)
class Position:
    """Where one cascaded consumer of a node stands."""

    consumer: str
    role: str
    tick: int
    tick_time: datetime | None = None
    lag: float | None = None
    paused: bool = False
    uptodate: bool = True
    error: str | None = None
    runner: str | None = None


@dataclass(frozen=True, slots=True)
class QueueConsumer:
    """A consumer registered on a node's queue; its tick is what it keeps events from."""

    name: str
    tick: int
    age: float | None = None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node of the tree; ``problem`` says why nothing more is known of it."""

    name: str
    kind: Kind
    location: str
    provider: str | None = None
    tick: int | None = None
    lag: float | None = None
    newest_tick: int | None = None
    newest_tick_time: datetime | None = None
    now: datetime | None = None
    global_watermark: int | None = None
    local_watermark: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str] | None] = field(default_factory=dict)
    """Of each of its tables; of the root's those that are captured; None: it did not say."""
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Columns that the root has and this node has not, by table: what they hold is lost here."""
    positions: Sequence[Position] = ()
    consumers: Sequence[QueueConsumer] = ()
    subscribers: Mapping[str, str] = field(default_factory=dict)
    """Nodes that read from here, each with its worker."""
    members: Mapping[str, Member] = field(default_factory=dict)
    """All nodes as this node knows them."""
    table_errors: Sequence[str] = ()
    problem: str | None = None

    @property
    def answers(self) -> bool:
        """Whether the node could be asked."""
        return self.kind in ("root", "branch", "leaf")

    @property
    def worker(self) -> Position | None:
        """The node's worker: the mirror of a branch, the applying consumer of a leaf."""
        return next((one for one in self.positions if one.role == "worker"), None)

    @property
    def apply(self) -> Position | None:
        """A branch's applying consumer, which stands beside its worker."""
        return next((one for one in self.positions if one.role == "apply"), None)

    @property
    def sync_group(self) -> tuple[str, ...] | None:
        """Nodes that this branch agrees on a watermark with; None: it follows the root."""
        listed = self.attributes.get("sync_watermark")
        if self.kind != "branch" or listed is None:
            return None
        return names_in(listed)

    @property
    def service_name(self) -> str | None:
        """The service by which the location names its server, if it does."""
        return parameters(self.location).get("service")

    @property
    def errors(self) -> list[str]:
        """What is wrong, each with the name of who met it."""
        found = [f"{one.consumer}: {_first_line(one.error)}" for one in self.positions if one.error]
        found += self.table_errors
        return [*found, self.problem] if self.problem else found


def dead(member: Member) -> NodeStatus:
    """Describe a node that is given up and therefore not asked."""
    return NodeStatus(member.name, "dead", member.location)


def unreachable(member: Member, reason: str) -> NodeStatus:
    """Describe a node that should have answered."""
    return NodeStatus(member.name, "unreachable", member.location, problem=reason)


def answered(member: Member, found: Mapping[str, Any]) -> NodeStatus:
    """Read what ``tailrace.node_status`` has said."""
    positions = [_position(one) for one in found["positions"]]
    tables = dict(found["tables"])
    errors, names = tables.pop("errors"), tables.pop("names", ())
    # A node that is not upgraded yet tells the names of its tables only.
    columns = tables.pop("columns", None) or dict.fromkeys(names)
    worker = next((one for one in positions if one.role == "worker"), None)
    is_root = found["node_type"] == "root"
    return NodeStatus(
        name=member.name,
        kind=found["node_type"],
        location=member.location,
        provider=None if is_root else found["provider_node"],
        tick=found["newest_tick"] if is_root or worker is None else worker.tick,
        newest_tick=found["newest_tick"],
        newest_tick_time=_time(found["newest_tick_time"]),
        now=_time(found["now"]),
        global_watermark=found["global_watermark"],
        local_watermark=found["local_watermark"],
        attributes=decoded(found["node_attrs"]),
        tables=tables,
        columns=columns,
        positions=positions,
        consumers=[
            QueueConsumer(one["consumer"], one["last_tick"], one["tick_age"])
            for one in found["consumers"]
        ],
        subscribers={one["node_name"]: one["worker_name"] for one in found["subscribers"]},
        members={
            one["node_name"]: Member(one["node_name"], one["location"], one["dead"])
            for one in found["locations"]
        },
        table_errors=[f"copy of {one['table']}: {_first_line(one['error'])}" for one in errors],
    )


def _position(found: Mapping[str, Any]) -> Position:
    return Position(
        consumer=found["consumer"],
        role=found["role"],
        tick=found["completed_tick"],
        tick_time=_time(found["tick_time"]),
        paused=found["paused"],
        uptodate=found["uptodate"],
        error=found["error"],
        runner=found["runner"],
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""
