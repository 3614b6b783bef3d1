"""Lineage for catalogues of data: OpenLineage's events about jobs that do not end.

One ``JobEvent`` a job says what it reads and writes. What the root's triggers do has no job of
ours, so it is told as one, or tables and queues would not hang together. Columns of a queue are
called ``schema.table.column``.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from tailrace.jobs.diagram import chosen_edges
from tailrace.jobs.graph import Edge, Vertex
from tailrace.jobs.lineage import PRODUCER, Address, Lineage

_SPEC = "https://openlineage.io/spec"
EVENT_SCHEMA = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/JobEvent"
_COLUMNS = f"{_SPEC}/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet"
_SQL = f"{_SPEC}/facets/1-0-1/SQLJobFacet.json#/$defs/SQLJobFacet"
_TYPE = f"{_SPEC}/facets/2-0-3/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"

_UNREACHABLE = "tailrace://unreachable"

Json = dict[str, object]


def events(lineage: Lineage, vertices: Collection[Vertex]) -> list[Json]:
    """One event for each job, and for the capture into each queue."""
    edges = chosen_edges(lineage, vertices)
    captured: dict[Vertex, list[Edge]] = {}
    for edge in edges:
        if edge.source.kind == "table" and edge.target.kind == "queue":
            captured.setdefault(edge.target, []).append(edge)
    found = [_capture(lineage, queue, flows) for queue, flows in captured.items()]
    for vertex in sorted((one for one in vertices if one.kind == "job"), key=lambda one: one.name):
        reads = [edge for edge in edges if edge.target == vertex]
        writes = [edge for edge in edges if edge.source == vertex]
        found.append(_job(lineage, vertex, reads, writes))
    return found


def _capture(lineage: Lineage, queue: Vertex, flows: list[Edge]) -> Json:
    columns = {
        name: [
            _field(lineage, edge.source, one.removeprefix(_only(edge.tables) + ".")) for one in made
        ]
        for edge in flows
        for name, made in edge.columns
    }
    return _event(
        _namespace(lineage, queue),
        f"capture into {queue.label}",
        _facets("CAPTURE", None),
        [_dataset(lineage, edge.source) for edge in flows],
        [_dataset(lineage, queue, columns)],
    )


def _job(lineage: Lineage, vertex: Vertex, reads: list[Edge], writes: list[Edge]) -> Json:
    job = lineage.jobs.get(vertex.job_id or "")
    sources = {edge.source.name: edge.source for edge in reads if edge.source.kind == "table"}
    queue = next((edge.source for edge in reads if edge.source.kind == "queue"), None)

    def field(name: str) -> Json | None:
        """The column of a table that is read, or else of the queue."""
        table, _, column = name.rpartition(".")
        if table in sources:
            return _field(lineage, sources[table], column)
        return None if queue is None else _field(lineage, queue, name)

    outputs = []
    for edge in writes:
        made = {
            name: [one for one in map(field, origins) if one is not None]
            for name, origins in edge.columns
        }
        outputs.append(_dataset(lineage, edge.target, made))
    return _event(
        _namespace(lineage, vertex),
        vertex.name,
        _facets((job.kind if job else "job").upper(), job.statement if job else None),
        [_dataset(lineage, edge.source) for edge in reads],
        outputs,
    )


def _event(
    namespace: str, name: str, facets: Json, inputs: list[Json], outputs: list[Json]
) -> Json:
    return {
        "eventTime": datetime.now(UTC).isoformat(),
        "producer": PRODUCER,
        "schemaURL": EVENT_SCHEMA,
        "job": {"namespace": namespace, "name": name, "facets": facets},
        "inputs": inputs,
        "outputs": outputs,
    }


def _facets(kind: str, statement: str | None) -> Json:
    facets: Json = {
        "jobType": {
            "_producer": PRODUCER,
            "_schemaURL": _TYPE,
            "processingType": "STREAMING",
            "integration": "TAILRACE",
            "jobType": kind,
        }
    }
    if statement is not None:
        facets["sql"] = {"_producer": PRODUCER, "_schemaURL": _SQL, "query": statement}
    return facets


def _dataset(
    lineage: Lineage, vertex: Vertex, columns: dict[str, list[Json]] | None = None
) -> Json:
    namespace, name = _identity(lineage, vertex)
    known: Json = {"namespace": namespace, "name": name}
    if columns:
        fields = {column: {"inputFields": made} for column, made in columns.items()}
        facet = {"_producer": PRODUCER, "_schemaURL": _COLUMNS, "fields": fields}
        known["facets"] = {"columnLineage": facet}
    return known


def _field(lineage: Lineage, vertex: Vertex, column: str) -> Json:
    namespace, name = _identity(lineage, vertex)
    return {"namespace": namespace, "name": name, "field": column}


def _identity(lineage: Lineage, vertex: Vertex) -> tuple[str, str]:
    """How catalogues name it: server, then database, schema and table; files by their place."""
    if vertex.kind == "files":
        scheme, _, path = vertex.name.rpartition("://")
        return (
            (f"{scheme}://{path.partition('/')[0]}", path.partition("/")[2])
            if scheme
            else ("file", vertex.name)
        )
    if vertex.kind == "external":
        return _external(vertex)
    address = _address(lineage, vertex)
    if address is None:  # a node that did not answer
        return _UNREACHABLE, f"{vertex.node}.pgq.{vertex.name}"
    name = vertex.name if vertex.kind == "table" else f"pgq.{vertex.name}"
    return address.namespace, f"{address.prefix}{name}"


def _external(vertex: Vertex) -> tuple[str, str]:
    """``connector:server:name``; without a place it is only known to its cluster."""
    if vertex.node:
        return f"flink://{vertex.node.rpartition('://')[2]}", vertex.name
    connector, _, rest = vertex.name.partition(":")
    server, _, name = rest.rpartition(":")
    return (server if "://" in server else f"{connector}://{server}"), name


def _namespace(lineage: Lineage, vertex: Vertex) -> str:
    """Where a job is."""
    address = _address(lineage, vertex)
    if address is None:
        return _UNREACHABLE
    return f"{address.namespace}/{address.prefix.rstrip('.')}".rstrip("/")


def _address(lineage: Lineage, vertex: Vertex) -> Address | None:
    cascaded = vertex.place == vertex.name
    place = f"{vertex.place}/{vertex.node}" if cascaded else vertex.place
    return lineage.addresses.get(place)


def _only(tables: frozenset[str] | None) -> str:
    return next(iter(tables or ()), "")
