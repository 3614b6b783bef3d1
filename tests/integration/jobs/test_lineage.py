"""Lineage of a whole cascade: statements, the verb, the view; members that are away."""

from __future__ import annotations

import json

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode
from fixtures.command import Tailrace
from tailrace.db.connection import Database
from tailrace.engines.base import Lineage, Relation, new_id
from tailrace.errors import NotFound
from tailrace.jobs.cluster.catalogue import Catalogue


async def lineage(tailrace: Tailrace, node: TestNode, *words: str) -> str:
    return (await tailrace("lineage", *words, "--db", node.dsn)).out


async def tree(tailrace: Tailrace, node: TestNode, statement: str) -> list[str]:
    """The lines of a tree, indented by their level."""
    out = (await tailrace("sql", "-c", statement, "--format", "json", "--db", node.dsn)).out
    return ["  " * row["level"] + f"{row['kind']} {row['name']}" for row in json.loads(out)]


async def from_sql(node: TestNode, arguments: str) -> list[str]:
    """The same from any SQL client, which knows of one database."""
    rows = await node.db.fetch_all(f"select * from tailrace.job_tree({arguments})")
    return ["  " * row.level + f"{row.kind} {row.name}" for row in rows]


async def test_lineage_of_a_cascade(cascade: Cascade, tailrace: Tailrace):
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    for node in (root, branch, leaf):
        await node.add_table()
    await branch.db.execute("select tailrace.ensure_apply(%s)", QUEUE)
    below = [
        "job node2_worker",
        "  queue node2/flow",
        "    job node2.apply",
        "      table node2/public.t",
        "    job node3_worker",
        "      table node3/public.t",
    ]
    everything = [
        "table node1/public.t",
        "  queue node1/flow",
        "    job node1_worker",
        *("    " + line for line in below),
    ]
    for node in (root, branch, leaf):
        assert await tree(tailrace, node, "SHOW JOBTREE 'node2_worker'") == below
        assert await tree(tailrace, node, "SHOW JOBTREE 'node3_worker' FULL") == everything
        assert await tree(tailrace, node, "SHOW JOBTREES") == everything
        assert await tree(tailrace, node, "SHOW ANCESTORS 'node2.apply'") == [
            "job node2.apply",
            "  queue node2/flow",
            "    job node2_worker",
            "      queue node1/flow",
            "        table node1/public.t",
        ]
    drawn = (await tailrace("sql", "-c", "SHOW ANCIENTS 'node3_worker'", "--db", root.dsn)).out
    assert "   └─ node2_worker" in drawn
    assert drawn == await lineage(tailrace, root, "node3_worker", "--upstream")

    # for programs
    found = json.loads(await lineage(tailrace, root, "--format", "json"))
    names = {one["id"]: one["name"] for one in found["vertices"]}
    assert {one["status"] for one in found["vertices"] if one["kind"] == "job"} == {"CREATED"}
    captured = next(one for one in found["edges"] if names[one["to"]] == "flow")
    assert captured["columns"] == {"public.t.id": ["public.t.id"], "public.t.v": ["public.t.v"]}
    assert '[label="public.t (pending)"' in await lineage(tailrace, root, "--format", "dot")
    mermaid = await lineage(tailrace, root, "--format", "mermaid")
    assert mermaid.startswith("flowchart LR\n")
    assert mermaid.count(" --> ") == len(found["edges"]) == 8
    events = json.loads(await lineage(tailrace, root, "--format", "openlineage"))
    assert [one["job"]["name"] for one in events] == [
        "capture into node1/flow", "node1_worker", "node2.apply", "node2_worker", "node3_worker",
    ]  # fmt: skip
    # what one writes is what the next one reads
    capture, mirror = events[0], events[3]
    assert capture["outputs"][0]["name"] == mirror["inputs"][0]["name"]
    assert capture["inputs"][0]["name"].endswith(".public.t")
    assert all("password" not in json.dumps(one) for one in events)

    # the function and the view know of the connected database
    assert await from_sql(branch, "'node2_worker'") == [
        "job node2_worker",
        "  queue node2/flow",
        "    job node2.apply",
        "      table node2/public.t",
        "    node node3/flow",
    ]
    assert await from_sql(leaf, "'node3_worker', upstream => true") == [
        "job node3_worker", "  queue node2/flow",
    ]  # fmt: skip
    states = "select name, status from tailrace.job_tree('node3_worker')"
    assert [tuple(row) for row in await leaf.db.fetch_all(states)] == [
        ("node3_worker", "CREATED"), ("node3/public.t", "pending"),
    ]  # fmt: skip
    rows = await branch.db.fetch_all(
        "select from_name, to_kind, to_node, to_name from tailrace.lineage where from_kind = 'job'"
    )
    assert sorted(map(tuple, rows)) == [
        ("node2.apply", "table", "node2", "public.t"), ("node2_worker", "queue", "node2", QUEUE),
    ]  # fmt: skip


async def test_members_that_are_away_stand_where_they_belong(cascade: Cascade, tailrace: Tailrace):
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    leaf = await cascade.leaf("node3", branch)
    for node in (root, leaf):
        await node.db.execute(
            "update pgq_node.node_location set node_location = 'host=/nowhere dbname=x'"
            " where node_name = 'node2'"
        )
    result = await tailrace("lineage", "--db", root.dsn)
    assert 'warning: not asked for its jobs: node "node2"' in result.err
    lines = [line.split("|") for line in result.out.splitlines()]
    (row,) = [line for line in lines if "node2/flow" in line[0]]
    assert [cell.strip() for cell in row] == ["└─ node2/flow", "queue", "", "unreachable"]
    assert any("└─ node3_worker" in line[0] for line in lines)  # which does answer
    await root.db.execute(
        "update pgq_node.node_location set node_location = 'host=/nowhere dbname=x'"
        " where node_name = 'node3'"
    )
    assert await tree(tailrace, root, "SHOW JOBTREE 'node1_worker' FULL") == [
        "queue node1/flow", "  job node1_worker", "  node node2/flow",
    ]  # fmt: skip
    # a leaf whose provider is away knows that there is a queue; whence it comes, the root says
    assert await tree(tailrace, leaf, "SHOW ANCESTORS 'node3_worker'") == [
        "job node3_worker", "  queue node2/flow", "    queue node1/flow",
    ]  # fmt: skip
    complaint = (await tailrace("lineage", "nobody", "--db", leaf.dsn, status=1)).complaint
    assert 'there is no job "nobody"' in complaint


async def test_lineage_of_sql_jobs(cascade: Cascade, tailrace: Tailrace):
    root = await cascade.root()
    for table in ("orders", "others"):
        await root.db.execute(
            f"create table public.{table} (id integer primary key, day date, amount integer);"
            f"select tailrace.add_table('{QUEUE}', 'public.{table}')"
        )
    await root.db.execute(
        "create table public.revenue (day date primary key, n bigint, total bigint);"
        "create table public.days (day date primary key, note text);"
        "create table public.notes (note text primary key, n bigint)"
    )
    for job in (
        "revenue AS insert into revenue as r select day, sum(_weight), sum(amount * _weight)"
        " from changes.orders group by day on conflict (day) do update set n = r.n + excluded.n",
        "noted AS insert into notes as t select d.note, sum(r.n * r._weight) from changes.revenue r"
        " join days d on d.day = r.day group by d.note"
        " on conflict (note) do update set n = t.n + excluded.n",
    ):
        await tailrace("sql", "-c", f"CREATE JOB {job}", "--db", root.dsn)
    assert await tree(tailrace, root, "SHOW JOBTREE 'revenue'") == [
        "job revenue",
        "  table node1/public.revenue",
        "    queue node1/tailrace.local",
        "      job noted",
        "        table node1/public.notes",
    ]
    # a queue carries more than what one job reads of it
    assert await tree(tailrace, root, "SHOW ANCESTORS 'noted'") == [
        "job noted",
        "  table node1/public.days",
        "  queue node1/tailrace.local",
        "    table node1/public.revenue",
        "      job revenue",
        "        queue node1/flow",
        "          table node1/public.orders",
    ]
    for arguments, statement in (
        ("'revenue'", "SHOW JOBTREE 'revenue'"),
        ("'noted', upstream => true", "SHOW ANCESTORS 'noted'"),
    ):
        assert await from_sql(root, arguments) == await tree(tailrace, root, statement)
    with pytest.raises(NotFound, match='there is no job "nobody"'):
        await from_sql(root, "'nobody'")
    statuses = "select name, status, job_id is not null from tailrace.job_tree('noted')"
    assert [tuple(row) for row in await root.db.fetch_all(statuses)] == [
        ("noted", "CREATED", True), ("node1/public.notes", None, False),
    ]  # fmt: skip
    events = json.loads(await lineage(tailrace, root, "noted", "--full", "--format", "openlineage"))
    by_name = {one["job"]["name"]: one for one in events}
    assert "changes.orders" in by_name["revenue"]["job"]["facets"]["sql"]["query"]
    fields = by_name["revenue"]["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert [one["field"] for one in fields["total"]["inputFields"]] == ["public.orders.amount"]
    fields = by_name["noted"]["outputs"][0]["facets"]["columnLineage"]["fields"]
    (note,) = fields["note"]["inputFields"]
    assert (note["field"], note["name"].endswith(".public.days")) == ("note", True)
    (number,) = fields["n"]["inputFields"]
    assert number["field"] == "public.revenue.n"

    # a circle ends where it closes
    await root.db.execute(
        "insert into tailrace.job_relation (job_id, direction, relation, is_changes)"
        " select job_id, 'reads', 'public.notes', false from tailrace.job"
        " where job_name = 'revenue'"
    )
    assert await from_sql(root, "'revenue'") == [
        "job revenue",
        "  table node1/public.revenue",
        "    queue node1/tailrace.local",
        "      job noted",
        "        table node1/public.notes",
        "          job revenue",
    ]


async def test_what_jobs_on_flink_read_and_write_is_in_the_same_graph(
    database: Database, tailrace: Tailrace
):
    """Places are the same for all; names without one belong to their cluster."""
    topic, made = "kafka:broker:9092:orders", "default_catalog.default_database.made"
    for cluster, name, reads, writes in (
        ("http://a:8081", "first", Relation(made), Relation("x.y.orders", topic)),
        (
            "http://b:8081",
            "second",
            Relation("x.y.o", topic),
            Relation("x.y.s", "s3://bucket/sums"),
        ),
        ("http://b:8081", "third", Relation(made), Relation("x.y.f", "s3://bucket/other")),
    ):
        await Catalogue(database, cluster).create(
            new_id(), name, "INSERT …", (), {}, Lineage((reads,), (writes,))
        )
    node = TestNode("", database)
    assert await tree(tailrace, node, "SHOW JOBTREES") == [
        f"external http://a:8081/{made}",
        "  job first",
        f"    external {topic}",
        "      job second",
        "        files s3://bucket/sums",
        f"external http://b:8081/{made}",
        "  job third",
        "    files s3://bucket/other",
    ]
    events = json.loads(await lineage(tailrace, node, "--format", "openlineage"))
    assert {
        (one["namespace"], one["name"])
        for event in events
        for one in (*event["inputs"], *event["outputs"])
    } == {
        ("flink://a:8081", made), ("flink://b:8081", made), ("kafka://broker:9092", "orders"),
        ("s3://bucket", "sums"), ("s3://bucket", "other"),
    }  # fmt: skip
    assert "shape=component" in await lineage(tailrace, node, "--format", "dot")
