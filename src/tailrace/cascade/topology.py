"""The whole cascade at one moment: every live member read at once, arranged as a tree.

A node tells everything about itself in one round trip (``tailrace.node_status``). Lag is the root's
clock minus the time of the tick that a consumer has completed; a leaf has no ticks of its own, so
its provider is asked for the time. Who does not answer in time is shown as unreachable, and holds
up nobody. Members that only others know (the news has not come here yet) are read as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tailrace import service
from tailrace.cascade.node import Member, connected, need_node, queries, read_members
from tailrace.cascade.nodestatus import NodeStatus, answered, dead, unreachable
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.errors import NotFound, TailraceError

own_queries = load("tailrace")

# Nodes asked at the same time: enough to be quick, few enough for servers of small means.
AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Topology:
    """All nodes of a queue, and who asked."""

    queue: str
    local_node: str
    nodes: Mapping[str, NodeStatus]
    whole: bool = True
    """Whether everybody was asked; else who is not among the nodes may well be there."""
    peers: frozenset[str] = frozenset()
    """Those that were asked only because the sync group of another one counts on them."""

    @property
    def root(self) -> NodeStatus | None:
        """The root, if it answers."""
        return next((one for one in self.nodes.values() if one.kind == "root"), None)

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
        return node.kind in ("branch", "leaf") and above is not None and above.answers

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


async def read_topology(
    db: Database, queue: str, *, deadline: float = 5.0, given_up: Collection[str] = ()
) -> Topology:
    """Ask all live members at once, each for at most ``deadline`` seconds."""
    here = await need_node(db, queue)
    members = {one.name: one for one in await read_members(db, queue, dead=given_up)}
    survey = _Survey(queue, deadline)
    await survey.visit(members.values())
    # In rounds: a member may be known to those only whom the others have told us of.
    while unheard := survey.unheard():
        await survey.visit(unheard)
    return Topology(queue, here.name, await survey.finish())


async def read_vicinity(
    db: Database, queue: str, *, deadline: float = 5.0, given_up: Collection[str] = ()
) -> Topology:
    """Ask this node, its provider and its subscribers only, and the sync groups of these."""
    here = await need_node(db, queue)
    members = {one.name: one for one in await read_members(db, queue, dead=given_up)}
    survey = _Survey(queue, deadline)
    await survey.visit([members[here.name]])
    local = survey.nodes[here.name]
    if not local.answers:
        raise NotFound(f'the location of node "{here.name}" leads elsewhere: {local.problem}')
    near = {here.provider, *local.subscribers} - {here.name}
    await survey.visit(members[name] for name in sorted(near) if name in members)
    peers = survey.peers() - survey.nodes.keys()
    await survey.visit(members[name] for name in sorted(peers) if name in members)
    nodes = await survey.finish()
    return Topology(queue, here.name, nodes, whole=False, peers=frozenset(peers))


class _Survey:
    """Answers of nodes as they come in."""

    def __init__(self, queue: str, deadline: float) -> None:
        self.nodes: dict[str, NodeStatus] = {}
        self._queue = queue
        self._deadline = deadline
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def visit(self, members: Iterable[Member]) -> None:
        """Ask some members."""
        found = await service.together(*(self._read(member) for member in members))
        self.nodes.update((status.name, status) for status in found)

    def unheard(self) -> list[Member]:
        """Members that somebody knows and nobody has asked yet; the root knows best."""
        known: dict[str, Member] = {}
        for node in sorted(self.nodes.values(), key=lambda one: one.kind == "root"):
            known |= {name: one for name, one in node.members.items() if name not in self.nodes}
        return list(known.values())

    def peers(self) -> set[str]:
        """Whom the nodes that were asked have in their sync groups."""
        return {name for node in self.nodes.values() for name in node.sync_group or ()}

    async def finish(self) -> dict[str, NodeStatus]:
        """Put in what a node does not know of itself."""
        await self._ask_providers()
        return _with_differences(_with_lags(self.nodes))

    async def _read(self, member: Member) -> NodeStatus:
        if member.dead:
            return dead(member)
        try:
            async with self._slots, asyncio.timeout(self._deadline):
                async with connected(member.location, "status") as db:
                    found = await db.fetch_value(own_queries.node_status, queue=self._queue)
        except TimeoutError:
            return unreachable(member, f"no answer within {self._deadline:g} s")
        except TailraceError as exc:
            return unreachable(member, str(exc))
        if found is None:
            return unreachable(
                member, f'database "{db.dbname}" is no node of queue "{self._queue}"'
            )
        if found["node_name"] != member.name:
            return unreachable(member, f'its location leads to node "{found["node_name"]}"')
        return answered(member, found)

    async def _ask_providers(self) -> None:
        """Ask providers for the time of ticks that the reading node does not hold itself."""
        wanted: dict[str, set[int]] = {}
        for node in self.nodes.values():
            provider = self.nodes.get(node.provider or "")
            missing = {one.tick for one in node.positions if one.tick_time is None}
            if provider is not None and provider.answers and missing:
                wanted.setdefault(provider.name, set()).update(missing)
        answers = await service.together(
            *(self._tick_times(self.nodes[name], ticks) for name, ticks in wanted.items())
        )
        times = dict(zip(wanted, answers, strict=True))
        for name, node in self.nodes.items():
            known = times.get(node.provider or "", {})
            positions = [
                replace(one, tick_time=one.tick_time or known.get(one.tick))
                for one in node.positions
            ]
            self.nodes[name] = replace(node, positions=positions)

    async def _tick_times(self, node: NodeStatus, ticks: Iterable[int]) -> dict[int, datetime]:
        try:
            async with self._slots, asyncio.timeout(self._deadline):
                async with connected(node.location, "status") as db:
                    rows = await db.fetch_all(
                        queries.tick_times, queue=self._queue, ticks=sorted(ticks)
                    )
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


def _with_differences(nodes: Mapping[str, NodeStatus]) -> dict[str, NodeStatus]:
    """Find, for each node, tables of the set and columns of the root that it does not have."""
    root = next((one for one in nodes.values() if one.kind == "root"), None)
    everybody = root.columns.keys() if root else {t for n in nodes.values() for t in n.columns}
    return {
        name: replace(
            node,
            tables={**node.tables, "ignored": len(everybody - node.columns.keys())},
            left_out=_left_out(root, node) if root else {},
        )
        if node.answers
        else node
        for name, node in nodes.items()
    }


def _left_out(root: NodeStatus, node: NodeStatus) -> dict[str, list[str]]:
    found = {
        table: [column for column in wanted if column not in here]
        for table, here in sorted(node.columns.items())
        if here is not None and (wanted := root.columns.get(table)) is not None
    }
    return {table: columns for table, columns in found.items() if columns}
