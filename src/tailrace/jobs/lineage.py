"""Lineage: the graph of all databases that can be asked, with the state of everything in it.

Each database knows its own edges (view ``tailrace.lineage``); a queue is named by its node, so they
meet. A node that could not be asked stands in the graph as such, below whom it reads from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tailrace import __version__
from tailrace.db.connection import Database, Row
from tailrace.db.dsn import parameters
from tailrace.db.queries import load
from tailrace.errors import NotFound
from tailrace.jobs.graph import Edge, Graph, Line, Vertex, carrier
from tailrace.jobs.model import Job

queries = load("tailrace")

LOCAL_QUEUE = "tailrace.local"
UNREACHABLE = "unreachable"
PRODUCER = f"urn:tailrace:{__version__}"


class Address(NamedTuple):
    """How catalogues of data name what is in a database."""

    namespace: str
    """Scheme and server."""
    prefix: str
    """What stands before a name there."""


class Part(NamedTuple):
    """What one database says of itself."""

    place: str
    """Tells its tables from those of others."""
    address: Address
    nodes: dict[str, str]
    """Queue to node."""
    rows: list[Row]


class Lineage(NamedTuple):
    """The graph, and what is known of the things in it."""

    graph: Graph
    jobs: dict[str, Job]
    states: dict[Vertex, str]
    addresses: dict[str, Address]
    """Of each place that holds tables; of each node's queue as ``queue/node``."""

    def status(self, vertex: Vertex) -> str | None:
        """The status of a job, the state of a replicated table; None: nothing to say."""
        if vertex.job_id is not None and vertex.job_id in self.jobs:
            return str(self.jobs[vertex.job_id].status)
        return self.states.get(vertex)

    def of_job(self, job_id: str) -> Vertex:
        """The job in the graph."""
        for vertex in self.graph.vertices:
            if vertex.job_id == job_id:
                return vertex
        raise NotFound(f'job "{job_id}" has been removed meanwhile')

    def rows(self, lines: Iterable[Line]) -> list[tuple[object, ...]]:
        """Lines as SHOW JOBTREE shows them: level, kind, name, job id, status."""
        return [
            (line.level, v.kind, v.label, v.job_id, self.status(v))
            for line in lines
            for v in [line.vertex]
        ]


async def read_part(db: Database, *, columns: bool = False) -> Part:
    """Ask one database for its edges; ``columns``: read its jobs' statements for these, too."""
    rows = await db.fetch_all(queries.lineage)
    if columns:
        made = _made(await db.fetch_all(queries.lineage_statements))
        rows = [
            row._replace(columns=made.get((row.job_id, row.to_name), row.columns))
            if row.from_kind == "job"
            else row
            for row in rows
        ]
    here = await db.fetch_all(queries.lineage_nodes)
    nodes = {str(row.queue_name): str(row.node_name) for row in here}
    cascaded = sorted(pair for pair in nodes.items() if pair[0] != LOCAL_QUEUE)
    place = next((f"{queue}/{node}" for queue, node in cascaded), f"/{db.dbname}")
    return Part(place, _address(db), nodes, rows)


def _made(rows: list[Row]) -> dict[tuple[str, str], dict[str, list[str]]]:
    """Job and table, and what the table's columns are made of."""
    if not rows:
        return {}
    from itertools import groupby

    from tailrace.engines.postgres.columns import Known, columns_of  # PostgreSQL's parser

    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for (job_id, statement), group in groupby(rows, lambda row: (row.job_id, row.statement)):
        known = [
            Known(row.relation, row.is_changes, row.origin, tuple(row.columns)) for row in group
        ]
        for table, columns in columns_of(statement, known).items():
            found[job_id, table] = {name: sorted(origins) for name, origins in columns.items()}
    return found


def joined(parts: Iterable[Part], jobs: Iterable[Job]) -> Lineage:
    """Make one graph of what several databases know."""
    parts, known = list(parts), {job.job_id: job for job in jobs}
    answered = {(queue, node) for part in parts for queue, node in part.nodes.items()}
    edges: list[Edge] = []
    states: dict[Vertex, str] = {}
    addresses: dict[str, Address] = {}
    subscribers: list[tuple[Part, Row]] = []
    for part in parts:
        addresses[part.place] = part.address
        addresses |= {f"{queue}/{node}": part.address for queue, node in part.nodes.items()}
        for row in part.rows:
            if row.to_kind == "node":
                if (row.to_name, row.to_node) not in answered:
                    subscribers.append((part, row))
                continue
            source = _vertex(part, row.from_kind, row.from_node, row.from_name, row.job_id)
            target = _vertex(part, row.to_kind, row.to_node, row.to_name, row.job_id)
            edges.append(Edge(source, target, _tables(row.tables), _columns(row.columns)))
            if row.state is not None:
                states[target] = row.state
    edges += _to_absent(subscribers, {edge.source for edge in edges})
    graph = Graph(
        edges,
        alone=_alone(known, edges),
        carries=carrier({job_id: job.kind for job_id, job in known.items()}),
    )
    for vertex in graph.vertices:
        if vertex.kind == "node" or _is_away(vertex, answered):
            states[vertex] = UNREACHABLE
    return Lineage(graph, known, states, addresses)


def _vertex(part: Part, kind: str, node: str, name: str, job_id: str | None) -> Vertex:
    if kind == "job":
        return Vertex(kind, part.place, node, name, job_id)
    if kind in ("queue", "node") and name != LOCAL_QUEUE:
        return Vertex(kind, name, node, name)
    if kind in ("files", "external"):
        return Vertex(kind, "", node, name)  # whichever database knows who reads or writes it
    # a table is in a database, which may be a node of several queues; so is its own queue
    return Vertex(kind, part.place, part.place.partition("/")[2], name)


def _to_absent(subscribers: Iterable[tuple[Part, Row]], sources: set[Vertex]) -> Iterable[Edge]:
    """Edges to nodes that do not answer; one from which others read is known to have a queue."""
    for part, row in subscribers:
        queue = Vertex("queue", row.to_name, row.to_node, row.to_name)
        target = queue if queue in sources else queue._replace(kind="node")
        yield Edge(_vertex(part, row.from_kind, row.from_node, row.from_name, None), target)


def _alone(jobs: dict[str, Job], edges: Iterable[Edge]) -> Iterable[Vertex]:
    """Jobs that read and write nothing that is known."""
    placed = {end.job_id for edge in edges for end in (edge.source, edge.target)}
    for job_id, job in jobs.items():
        if job_id not in placed:
            yield Vertex("job", "", job.node, job.job_name, job_id)


def _is_away(vertex: Vertex, answered: set[tuple[str, str]]) -> bool:
    cascaded = vertex.kind == "queue" and vertex.place == vertex.name
    return cascaded and (vertex.name, vertex.node) not in answered


def _tables(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _columns(found: dict[str, list[str]] | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(sources)) for name, sources in sorted((found or {}).items()))


def _address(db: Database) -> Address:
    given = parameters(db.dsn)
    host = given.get("host") or given.get("hostaddr") or "localhost"
    return Address(f"postgres://{host}:{given.get('port') or 5432}", f"{db.dbname}.")
