"""Walks along the lineage: which tables are followed, circles, many sources, what was shown."""

from __future__ import annotations

from tailrace.jobs.graph import Edge, Graph, Vertex, carrier


def table(node: str, name: str) -> Vertex:
    return Vertex("table", f"q/{node}", node, name)


def queue(node: str) -> Vertex:
    return Vertex("queue", "q", node, "q")


def job(name: str) -> Vertex:
    return Vertex("job", "", "n", name, job_id=name)


KINDS = {"mirror": "worker", "leaf": "worker", "apply": "apply", "sums": "sql", "names": "sql"}


def graph(*edges: Edge) -> Graph:
    return Graph(edges, carries=carrier(KINDS))


def of(name: str) -> frozenset[str]:
    return frozenset({name})


# a and b of the root go through a branch to a leaf; a job on the branch sums a up
CASCADE = graph(
    Edge(table("root", "a"), queue("root"), of("a")),
    Edge(table("root", "b"), queue("root"), of("b")),
    Edge(queue("root"), job("mirror")),
    Edge(job("mirror"), queue("branch")),
    Edge(queue("branch"), job("leaf")),
    Edge(job("leaf"), table("leaf", "a"), of("a")),
    Edge(job("leaf"), table("leaf", "b"), of("b")),
    Edge(queue("branch"), job("sums"), of("a")),
    Edge(job("sums"), table("branch", "a_sums")),
)


def shown(lines: list) -> list[str]:
    return ["  " * line.level + line.vertex.label + "+" * line.again for line in lines]


def test_downstream_follows_what_flows_from_there():
    assert shown(CASCADE.walk(job("mirror"), "downstream")) == [
        "mirror", "  branch/q", "    leaf", "      leaf/a", "      leaf/b",
        "    sums", "      branch/a_sums",
    ]  # fmt: skip
    assert shown(CASCADE.walk(table("root", "b"), "downstream")) == [
        "root/b", "  root/q", "    mirror", "      branch/q", "        leaf", "          leaf/b",
    ]  # fmt: skip


def test_upstream_leaves_out_tables_that_a_job_does_not_read():
    assert shown(CASCADE.walk(job("sums"), "upstream")) == [
        "sums", "  branch/q", "    mirror", "      root/q", "        root/a",
    ]  # fmt: skip
    assert shown(CASCADE.walk(table("leaf", "b"), "upstream"))[-1].strip() == "root/b"


def test_trees_begin_at_sources_and_show_each_thing_once():
    lines = shown(CASCADE.trees())
    assert [line for line in lines if not line.startswith(" ")] == ["root/a", "root/b"]
    assert "      branch/q" in lines
    assert lines[lines.index("root/b") :] == [
        "root/b", "  root/q", "    mirror", "      branch/q", "        leaf", "          leaf/b",
    ]  # fmt: skip
    both = graph(
        Edge(table("root", "a"), queue("root")),
        Edge(table("root", "b"), queue("root")),
        Edge(queue("root"), job("names")),
    )
    assert shown(both.trees()) == [
        "root/a", "  root/q", "    names", "root/b", "  root/q+",
    ]  # fmt: skip


def test_circles_end():
    circle = graph(
        Edge(table("n", "a"), job("sums")),
        Edge(job("sums"), table("n", "b")),
        Edge(table("n", "b"), job("names")),
        Edge(job("names"), table("n", "a")),
    )
    assert shown(circle.walk(job("sums"), "downstream")) == [
        "sums", "  n/b", "    names", "      n/a", "        sums+",
    ]  # fmt: skip
    assert shown(circle.trees())[0] == "n/a"
    assert len(circle.trees()) == 5
    assert shown(circle.trees(job("names"))) == shown(circle.trees())


def test_graphs_that_have_nothing_in_common_are_told_apart():
    two = Graph(
        [Edge(table("n", "a"), job("sums")), Edge(table("n", "b"), job("names"))],
        alone=[job("idle")],
    )
    assert [len(part) for part in two.components()] == [1, 2, 2]
    assert shown(two.trees(job("names"))) == ["n/b", "  names"]
    assert shown(two.trees()) == ["idle", "n/a", "  sums", "n/b", "  names"]


def test_long_chains_do_not_run_out_of_stack():
    chain = graph(*(Edge(job(f"{i:05}"), job(f"{i + 1:05}")) for i in range(5000)))
    assert len(chain.walk(job("00000"), "downstream")) == 5001
