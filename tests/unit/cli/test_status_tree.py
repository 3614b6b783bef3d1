"""The tree that status draws, from made-up nodes."""

from __future__ import annotations

from tailrace.cascade.nodestatus import NodeStatus, Position
from tailrace.cascade.topology import Topology
from tailrace.cli.tree import detail_lines, tree_lines

HERE = "host=h dbname=d"


def position(role: str, lag: float | None = 1.0, **more) -> Position:
    return Position(consumer=f"x_{role}", role=role, tick=7, lag=lag, **more)


def node(name: str, kind="branch", provider: str | None = None, **more) -> NodeStatus:
    return NodeStatus(name, kind, HERE, provider=provider, tick=7, lag=1.0, **more)


def drawn(*nodes: NodeStatus) -> list[str]:
    topology = Topology("q", nodes[0].name, {one.name: one for one in nodes})
    return [line for line in tree_lines(topology) if "Lag:" not in line]


def said(one: NodeStatus) -> list[str]:
    return list(detail_lines(Topology("q", one.name, {one.name: one}), one))


def test_branches_of_the_tree_are_joined_by_lines():
    lines = drawn(
        node("a", "root"),
        node("b", provider="a"),
        node("c", provider="b"),
        node("d", "leaf", provider="a"),
    )
    assert lines == [
        "Queue: q   Local node: a",
        "",
        "a (root)",
        "  +--: d (leaf)",
        "  +--: b (branch)",
        "       +--: c (branch)",
    ]


def test_shallow_and_small_subtrees_come_first():
    topology = Topology(
        "q",
        "r",
        {
            one.name: one
            for one in (
                node("r", "root"),
                node("deep", provider="r"),
                node("under", provider="deep"),
                node("z", provider="r"),
                node("a", provider="r"),
            )
        },
    )
    assert [one.name for one in topology.children("r")] == ["a", "z", "deep"]


def test_dead_and_unreachable_nodes_stand_apart_with_what_hangs_from_them():
    lines = drawn(
        node("a", "root"),
        node("gone", "unreachable", problem="no answer"),
        node("below", provider="gone"),
        node("old", "dead"),
    )
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "Queue: q   Local node: a",
        "a (root)",
        "below (branch)",
        "old (dead)",
        "gone (unreachable)",
    ]


def test_nodes_that_are_each_others_provider_do_not_loop():
    lines = drawn(node("a", provider="b"), node("b", provider="a"))
    assert lines[0] == "Queue: q   Local node: a"


def test_lines_of_a_node_come_in_a_fixed_order():
    one = node(
        "n",
        positions=[position("worker", paused=True), position("apply", 61.0, error="bad\nmore")],
        attributes={"sync_watermark": "a,b", "x": ""},
        tables={
            "total": 3,
            "live": 2,
            "waiting": 1,
            "ignored": 4,
            "missed_updates": 1,
            "missed_deletes": 0,
        },
        left_out={"public.t": ["a", "b"]},
        table_errors=["copy of t: no"],
        global_watermark=4,
        local_watermark=5,
    )
    assert said(one) == [
        "Tables: 2/1/4",
        "Missed: 1 updates, 0 deletes that met no row",
        "Left out: public.t lacks the root's columns a, b",
        "Lag: 1s, Tick: 7, PAUSED",
        "Apply: Lag: 1m1s, Tick: 7",
        "Attr: sync_watermark=a,b",
        "Attr: x=",
        "Sync: n 5, a unknown, b unknown; agreed on 4",
        "Held by: a, which is no node that this one knows; "
        "if it is gone: tailrace set-attr n sync_watermark=n",
        "ERR: x_apply: bad",
        "ERR: copy of t: no",
    ]


def test_unknown_lag_and_unserved_worker_are_said():
    one = NodeStatus("n", "leaf", HERE, tick=7, positions=[position("worker", uptodate=False)])
    assert said(one) == ["Lag: (n/a), Tick: 7, NOT UPTODATE"]


def test_service_of_a_location_is_part_of_the_name():
    lines = drawn(NodeStatus("a", "root", "service=db1 dbname=x", tick=1))
    assert "a (root) [db1]" in lines
