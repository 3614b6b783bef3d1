"""The whole cascade at one moment: every live member read at once, arranged as a tree.

A node tells everything about itself in one round trip (``tailrace.node_status``). Lag is the root's
clock minus the time of the tick that a consumer has completed; a leaf has no ticks of its own, so
its provider is asked for the time. Who does not answer in time is shown as unreachable, and holds
up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from tailrace import service
from tailrace.cascade.node import Member, connected, decoded, need_node, queries, read_members
from tailrace.db.connection import Database, display, parameters
from tailrace.db.queries import load
from tailrace.errors import TailraceError

own_queries = load("tailrace")

Kind = Literal["root", "branch", "leaf", "dead", "unreachable"]


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
class NodeStatus:
    """One node of the tree; ``problem`` says why nothing more is known of it."""

    name: str
    kind: Kind
    location: str
    provider: str | None = None
    tick: int | None = None
    lag: float | None = None
    newest_tick_time: datetime | None = None
    now: datetime | None = None
    global_watermark: int | None = None
    local_watermark: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, int] = field(default_factory=dict)
    positions: Sequence[Position] = ()
    table_errors: Sequence[str] = ()
    problem: str | None = None

    @property
    def worker(self) -> Position | None:
        """The node's worker: the mirror of a branch, the applying consumer of a leaf."""
        return next((one for one in self.positions if one.role == "worker"), None)

    @property
    def apply(self) -> Position | None:
        """A branch's applying consumer, which stands beside its worker."""
        return next((one for one in self.positions if one.role == "apply"), None)

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


@dataclass(frozen=True, slots=True)
class Topology:
    """All nodes of a queue, and who asked."""

    queue: str
    local_node: str
    nodes: Mapping[str, NodeStatus]

    def tops(self) -> list[NodeStatus]:
        """The root, then whatever hangs from nothing that answered."""
        names = [one for one in self.nodes.values() if not self._hangs(one)]
        return sorted(names, key=lambda one: (one.kind != "root", one.kind, one.name))

    def children(self, name: str) -> list[NodeStatus]:
        """Nodes that read from this one: shallow and small subtrees first."""
        below = [one for one in self.nodes.values() if self._hangs(one) and one.provider == name]
        return sorted(below, key=self._order)

    def _hangs(self, node: NodeStatus) -> bool:
        above = self.nodes.get(node.provider or "")
        return node.kind in ("branch", "leaf") and above is not None and above.problem is None

    def _order(self, node: NodeStatus) -> tuple[int, int, str, str]:
        depth, size = self._extent(node, frozenset())
        return depth, size, node.service_name or "", node.name

    def _extent(self, node: NodeStatus, seen: frozenset[str]) -> tuple[int, int]:
        if node.name in seen:  # two nodes that are each other's provider: wrong, but not for ever
            return 0, 0
        below = [
            one for one in self.nodes.values() if one.provider == node.name and one is not node
        ]
        extents = [self._extent(one, seen | {node.name}) for one in below]
        return 1 + max((depth for depth, _ in extents), default=0), 1 + sum(s for _, s in extents)


async def read_topology(db: Database, queue: str, *, deadline: float = 5.0) -> Topology:
    """Ask all live members at once, for at most ``deadline`` seconds."""
    here = await need_node(db, queue)
    members = await read_members(db, queue)
    async with AsyncExitStack() as stack:
        found = await service.together(
            *(_read_member(member, queue, deadline, stack) for member in members)
        )
        nodes = {status.name: status for status, _ in found}
        databases = {status.name: one for status, one in found if one is not None}
        nodes = await _ask_providers(nodes, databases, queue, deadline)
    return Topology(queue, here.name, _with_lags(nodes))


async def _read_member(
    member: Member, queue: str, deadline: float, stack: AsyncExitStack
) -> tuple[NodeStatus, Database | None]:
    if member.dead:
        return NodeStatus(member.name, "dead", member.location), None
    try:
        async with asyncio.timeout(deadline):
            db = await stack.enter_async_context(connected(member.location, "status"))
            found = await db.fetch_value(own_queries.node_status, queue=queue)
    except TimeoutError:
        return _unreachable(member, f"no answer within {deadline:g} s"), None
    except TailraceError as exc:
        return _unreachable(member, str(exc)), None
    if found is None:
        return _unreachable(member, f'database "{db.dbname}" is no node of queue "{queue}"'), None
    if found["node_name"] != member.name:
        return _unreachable(member, f'its location leads to node "{found["node_name"]}"'), None
    return _status(member, found), db


def _unreachable(member: Member, reason: str) -> NodeStatus:
    return NodeStatus(member.name, "unreachable", member.location, problem=reason)


def _status(member: Member, found: Mapping[str, Any]) -> NodeStatus:
    positions = [
        Position(
            consumer=one["consumer"],
            role=one["role"],
            tick=one["completed_tick"],
            tick_time=_time(one["tick_time"]),
            paused=one["paused"],
            uptodate=one["uptodate"],
            error=one["error"],
            runner=one["runner"],
        )
        for one in found["positions"]
    ]
    tables = dict(found["tables"])
    errors = tables.pop("errors")
    worker = next((one for one in positions if one.role == "worker"), None)
    is_root = found["node_type"] == "root"
    return NodeStatus(
        name=member.name,
        kind=found["node_type"],
        location=member.location,
        provider=None if is_root else found["provider_node"],
        tick=found["newest_tick"] if is_root or worker is None else worker.tick,
        newest_tick_time=_time(found["newest_tick_time"]),
        now=_time(found["now"]),
        global_watermark=found["global_watermark"],
        local_watermark=found["local_watermark"],
        attributes=decoded(found["node_attrs"]),
        tables=tables,
        positions=positions,
        table_errors=[f"copy of {one['table']}: {_first_line(one['error'])}" for one in errors],
    )


async def _ask_providers(
    nodes: Mapping[str, NodeStatus], databases: Mapping[str, Database], queue: str, deadline: float
) -> dict[str, NodeStatus]:
    """Ask providers for the time of ticks that the reading node does not hold itself."""
    wanted: dict[str, set[int]] = {}
    for node in nodes.values():
        if node.provider is not None and node.provider in databases:
            missing = {one.tick for one in node.positions if one.tick_time is None}
            wanted.setdefault(node.provider, set()).update(missing)
    times: dict[str, dict[int, datetime]] = {}
    for provider, ticks in wanted.items():
        if ticks:
            times[provider] = await _tick_times(databases[provider], queue, ticks, deadline)
    return {
        name: replace(
            node,
            positions=[
                replace(
                    one, tick_time=one.tick_time or times.get(node.provider or "", {}).get(one.tick)
                )
                for one in node.positions
            ],
        )
        for name, node in nodes.items()
    }


async def _tick_times(
    db: Database, queue: str, ticks: Iterable[int], deadline: float
) -> dict[int, datetime]:
    try:
        async with asyncio.timeout(deadline):
            rows = await db.fetch_all(queries.tick_times, queue=queue, ticks=sorted(ticks))
    except (TimeoutError, TailraceError):
        return {}  # a lag less is better than no status
    return {row.tick_id: row.tick_time.astimezone(UTC).replace(tzinfo=None) for row in rows}


def _with_lags(nodes: Mapping[str, NodeStatus]) -> dict[str, NodeStatus]:
    """Work out lags by the root's clock (or, when it does not answer, by each node's own)."""
    root = next((one for one in nodes.values() if one.kind == "root"), None)
    result = {}
    for name, node in nodes.items():
        now = (root and root.now) or node.now
        positions = [replace(one, lag=_seconds(now, one.tick_time)) for one in node.positions]
        changed = replace(node, positions=positions)
        if node.kind == "root":
            lag = _seconds(now, node.newest_tick_time)
        else:
            lag = changed.worker.lag if changed.worker else None
        result[name] = replace(changed, lag=lag)
    return result


def _seconds(now: datetime | None, then: datetime | None) -> float | None:
    return None if now is None or then is None else max(0.0, (now - then).total_seconds())


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


def as_document(topology: Topology) -> dict[str, object]:
    """Return the tree as plain values for JSON; connection strings without passwords."""
    return {
        "queue": topology.queue,
        "local_node": topology.local_node,
        "nodes": [_node_document(node) for node in topology.nodes.values()],
    }


def _node_document(node: NodeStatus) -> dict[str, object]:
    return {
        "node": node.name,
        "type": node.kind,
        "provider": node.provider,
        "location": display(node.location),
        "tick": node.tick,
        "lag_seconds": node.lag,
        "global_watermark": node.global_watermark,
        "local_watermark": node.local_watermark,
        "attributes": dict(node.attributes),
        "tables": dict(node.tables),
        "consumers": [
            {
                "consumer": one.consumer,
                "role": one.role,
                "tick": one.tick,
                "lag_seconds": one.lag,
                "paused": one.paused,
                "uptodate": one.uptodate,
                "error": one.error,
                "runner": one.runner,
            }
            for one in node.positions
        ],
        "errors": node.errors,
    }
