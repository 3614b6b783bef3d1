"""The lineage of a cluster's jobs: what they read and write, as one graph.

Two jobs share a relation when it is the same place; names alone say it only where the place is not
known.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from tailrace.engines.base import Relation
from tailrace.jobs.cluster.model import ClusterJob, Definition
from tailrace.jobs.graph import Edge, Graph, Vertex
from tailrace.jobs.lineage import Address, Lineage
from tailrace.jobs.model import Job


def joined(jobs: Iterable[tuple[ClusterJob, Definition]], url: str) -> Lineage:
    """Make one graph of what the jobs say of themselves; ``url`` is the cluster's."""
    known: dict[str, Job] = {}
    vertices: list[Vertex] = []
    edges: list[Edge] = []
    for job, definition in jobs:
        known[job.job_id] = Job(**{name: getattr(job, name) for name in Job._fields})
        vertex = Vertex("job", url, "", job.job_name, job.job_id)
        vertices.append(vertex)
        edges += [Edge(_relation(one), vertex) for one in definition.reads]
        edges += [Edge(vertex, _relation(one)) for one in definition.writes]
    cluster = Address(f"flink://{urlsplit(url).netloc}", "")
    addresses = {end.place: cluster for edge in edges for end in (edge.source, edge.target)}
    return Lineage(Graph(edges, alone=vertices), known, {}, {url: cluster, **addresses})


def _relation(relation: Relation) -> Vertex:
    """A table of Flink's SQL: its name is nothing without what it stands for."""
    place = relation.place or f"relation {relation.name}"
    shown = relation.name if relation.place is None else f"{relation.name} ({relation.place})"
    return Vertex("table", place, "", shown)
