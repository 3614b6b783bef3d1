"""The graph of what flows where: tables, queues and jobs, and walks along it.

A queue carries many tables, and whoever reads it may want one of them. So an edge may say which
tables flow along it, and a walk remembers which ones it follows: upstream of a job that reads
``changes.orders`` is the table orders and nothing else of its queue. A job that transforms (SQL,
a program) makes something new of what it reads; there a walk begins to follow everything again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

Direction = Literal["downstream", "upstream"]

Tables = frozenset[str] | None
"""Global names of tables; None: all that there are."""

# Kinds of jobs that hand on what they read, table by table.
_CARRIERS = frozenset({"worker", "apply"})


class Vertex(NamedTuple):
    """Something that data is in or goes through.

    ``place`` tells equal names apart: the queue of a cascade for its queues and nodes, else the
    database.
    """

    kind: str
    """``table``, ``queue``, ``job``, ``files``; ``external``: what else Flink reads and writes;
    ``node``: one that does not answer."""
    place: str
    node: str
    name: str
    job_id: str | None = None

    @property
    def label(self) -> str:
        """How people call it: ``node2/public.t``; a job has a name of its own."""
        return self.name if self.kind == "job" or not self.node else f"{self.node}/{self.name}"


class Edge(NamedTuple):
    """Data flows from one to the other."""

    source: Vertex
    target: Vertex
    tables: Tables = None
    columns: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """For each column of the target, as far as known, the columns that it is made of."""


class Line(NamedTuple):
    """A vertex as a walk meets it; ``again``: what follows has been shown further up."""

    level: int
    vertex: Vertex
    again: bool = False


class _Step(NamedTuple):
    level: int
    vertex: Vertex
    tables: Tables


class Graph:
    """Edges, and the vertices that they connect or that stand alone."""

    def __init__(
        self,
        edges: Iterable[Edge],
        *,
        alone: Iterable[Vertex] = (),
        carries: Callable[[Vertex], bool] = lambda vertex: False,
    ) -> None:
        self.edges = sorted(set(edges), key=lambda edge: (edge.source.label, edge.target.label))
        ends = (end for edge in self.edges for end in (edge.source, edge.target))
        self.vertices: set[Vertex] = {*ends, *alone}
        self._carries = carries
        self._edges: dict[Direction, dict[Vertex, list[Edge]]] = {"downstream": {}, "upstream": {}}
        for edge in self.edges:
            self._edges["downstream"].setdefault(edge.source, []).append(edge)
            self._edges["upstream"].setdefault(edge.target, []).append(edge)

    def walk(self, start: Vertex, direction: Direction) -> list[Line]:
        """Everything that can be reached from there, each vertex followed by what comes next."""
        return list(self._walk(start, direction, {}))

    def trees(self, within: Vertex | None = None) -> list[Line]:
        """Every graph as trees that begin at its sources; ``within``: only the one that holds it.

        A circle has no source; it begins at the vertex whose name comes first.
        """
        return [line for part in self.components(within) for line in self._trees(part)]

    def components(self, within: Vertex | None = None) -> list[frozenset[Vertex]]:
        """The graphs that are connected in themselves, in the order of their names."""
        found: list[frozenset[Vertex]] = []
        left = set(self.vertices) if within is None else {within}
        while left:
            part, ahead = set[Vertex](), [left.pop()]
            while ahead:
                vertex = ahead.pop()
                if vertex not in part:
                    part.add(vertex)
                    ahead.extend(self._neighbours(vertex))
            left -= part
            found.append(frozenset(part))
        return sorted(found, key=lambda part: min(map(_order, part)))

    def reached(self, start: Vertex) -> set[Vertex]:
        """What is upstream and downstream of it, and itself."""
        both = [*self.walk(start, "upstream"), *self.walk(start, "downstream")]
        return {line.vertex for line in both}

    # ------------------------------------------------------------ inside

    def _neighbours(self, vertex: Vertex) -> Iterator[Vertex]:
        yield from (edge.target for edge in self._edges["downstream"].get(vertex, ()))
        yield from (edge.source for edge in self._edges["upstream"].get(vertex, ()))

    def _trees(self, part: frozenset[Vertex]) -> Iterator[Line]:
        shown: dict[Vertex, set[Tables]] = {}
        sources = [one for one in part if one not in self._edges["upstream"]]
        for vertex in [*sorted(sources, key=_order), *sorted(part, key=_order)]:
            if vertex not in shown:
                yield from self._walk(vertex, "downstream", shown)

    def _walk(
        self, start: Vertex, direction: Direction, shown: dict[Vertex, set[Tables]]
    ) -> Iterator[Line]:
        ahead = [_Step(0, start, None)]
        while ahead:
            here = ahead.pop()
            following = list(self._following(here, direction))
            before = shown.setdefault(here.vertex, set())
            # what was shown for all tables has been shown for each of them
            again = bool(following) and (here.tables in before or None in before)
            before.add(here.tables)
            yield Line(here.level, here.vertex, again)
            if not again:
                ahead.extend(reversed(following))

    def _following(self, here: _Step, direction: Direction) -> Iterator[_Step]:
        met: dict[Vertex, Tables] = {}
        for edge in self._edges[direction].get(here.vertex, ()):
            tables = _both(here.tables, edge.tables)
            if tables is not None and not tables:
                continue
            other = edge.target if direction == "downstream" else edge.source
            if other.kind != "queue" and not self._carries(other):
                tables = None
            met[other] = _either(met[other], tables) if other in met else tables
        for vertex in sorted(met, key=_order):
            yield _Step(here.level + 1, vertex, met[vertex])


def carrier(kinds: dict[str, str]) -> Callable[[Vertex], bool]:
    """Say of jobs, by the kinds that their ids have, whether they hand on table by table."""
    return lambda vertex: kinds.get(vertex.job_id or "") in _CARRIERS


def _both(left: Tables, right: Tables) -> Tables:
    if left is None or right is None:
        return right if left is None else left
    return left & right


def _either(left: Tables, right: Tables) -> Tables:
    return None if left is None or right is None else left | right


def _order(vertex: Vertex) -> tuple[str, str, str]:
    return vertex.label, vertex.kind, vertex.place
