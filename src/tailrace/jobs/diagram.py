"""Lineage drawn by others: as DOT for Graphviz, as Mermaid for pages, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from tailrace.jobs.graph import Edge, Vertex
from tailrace.jobs.lineage import UNREACHABLE, Lineage

_DOT_SHAPES = {
    "table": "cylinder",
    "queue": "cds",
    "job": "box",
    "files": "folder",
    "external": "component",
    "node": "octagon",
}
_MERMAID_SHAPES = {
    "table": ("[(", ")]"),
    "queue": ("[[", "]]"),
    "job": ("(", ")"),
    "files": ("[/", "/]"),
    "external": ("([", "])"),
    "node": ("{{", "}}"),
}
_PLAIN = ("[", "]")


def chosen_edges(lineage: Lineage, vertices: Collection[Vertex]) -> list[Edge]:
    """The edges between some vertices."""
    wanted = set(vertices)
    return [one for one in lineage.graph.edges if one.source in wanted and one.target in wanted]


def dot(lineage: Lineage, vertices: Collection[Vertex]) -> Iterator[str]:
    """As Graphviz reads it, a box around each node."""
    names = _numbered(vertices)
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    for number, (node, members) in enumerate(_by_node(names)):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={_quoted(node)};"
        for vertex in members:
            shape = _DOT_SHAPES.get(vertex.kind, "box")
            style = ", style=dashed" if lineage.status(vertex) == UNREACHABLE else ""
            label = _quoted(_caption(lineage, vertex))
            yield f"    {names[vertex]} [label={label}, shape={shape}{style}];"
        yield "  }"
    for edge in chosen_edges(lineage, vertices):
        yield f"  {names[edge.source]} -> {names[edge.target]};"
    yield "}"


def mermaid(lineage: Lineage, vertices: Collection[Vertex]) -> Iterator[str]:
    """As Mermaid reads it, a box around each node."""
    names = _numbered(vertices)
    yield "flowchart LR"
    for number, (node, members) in enumerate(_by_node(names)):
        yield f'  subgraph n{number}["{_entities(node)}"]'
        for vertex in members:
            left, right = _MERMAID_SHAPES.get(vertex.kind, _PLAIN)
            yield f'    {names[vertex]}{left}"{_entities(_caption(lineage, vertex))}"{right}'
        yield "  end"
    for edge in chosen_edges(lineage, vertices):
        yield f"  {names[edge.source]} --> {names[edge.target]}"


def document(lineage: Lineage, vertices: Collection[Vertex]) -> dict[str, object]:
    """As JSON: vertices with ids of their own, and edges between these."""
    names = _numbered(vertices)
    return {
        "vertices": [
            {
                "id": name,
                "kind": vertex.kind,
                "node": vertex.node,
                "name": vertex.name,
                "job_id": vertex.job_id,
                "status": lineage.status(vertex),
            }
            for vertex, name in names.items()
        ],
        "edges": [
            {
                "from": names[edge.source],
                "to": names[edge.target],
                "tables": None if edge.tables is None else sorted(edge.tables),
                "columns": {name: list(sources) for name, sources in edge.columns} or None,
            }
            for edge in chosen_edges(lineage, vertices)
        ],
    }


def _numbered(vertices: Collection[Vertex]) -> dict[Vertex, str]:
    ordered = sorted(set(vertices), key=lambda one: (one.node, one.kind, one.name, one.place))
    return {vertex: f"v{number}" for number, vertex in enumerate(ordered)}


def _by_node(names: dict[Vertex, str]) -> list[tuple[str, list[Vertex]]]:
    groups: dict[str, list[Vertex]] = {}
    for vertex in names:
        groups.setdefault(vertex.node, []).append(vertex)
    return list(groups.items())


def _caption(lineage: Lineage, vertex: Vertex) -> str:
    status = lineage.status(vertex)
    return f"{vertex.name} ({status})" if status else vertex.name


def _quoted(text: str) -> str:
    """A string of DOT; JSON's escapes are among those that it knows, but for what it draws."""
    return json.dumps(text, ensure_ascii=False)


def _entities(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;")
