"""Who keeps a watermark back, in made-up cascades."""

from __future__ import annotations

from tailrace.cascade.holding import Holder, agreement, root_holder
from tailrace.cascade.node import Member
from tailrace.cascade.nodestatus import NodeStatus, Position, QueueConsumer
from tailrace.cascade.topology import Topology
from tailrace.cli.tree import held_by

TOP = 100


def worker(name: str, tick: int) -> Position:
    return Position(consumer=f"{name}_worker", role="worker", tick=tick, lag=5.0)


def holding(
    name: str,
    kind: str,
    provider: str | None,
    *,
    at: int = TOP,
    below: dict[str, tuple[int, int]] | None = None,
    consumers: dict[str, int] | None = None,
    sync: str | None = None,
    knows: str = "abcdef",
    global_watermark: int = 10,
) -> NodeStatus:
    """A node whose worker is ``at`` a tick; ``below``: subscriber -> worker's tick, watermark."""
    found = dict(consumers or {})
    for one, (position, watermark) in (below or {}).items():
        found |= {f"{one}_worker": position, f".{one}.watermark": watermark}
    listed = [QueueConsumer(one, tick, float(TOP - tick)) for one, tick in found.items()]
    return NodeStatus(
        name,
        kind,  # type: ignore[arg-type]
        "host=h",
        provider=provider,
        newest_tick=None if kind == "leaf" else at,
        global_watermark=global_watermark,
        local_watermark=None if kind == "leaf" else min([at, *found.values()]),
        attributes={} if sync is None else {"sync_watermark": sync},
        positions=[worker(name, at)] if kind in ("root", "branch", "leaf") else [],
        consumers=[*listed, QueueConsumer(".global_watermark", 1, 99.0)],
        subscribers={one: f"{one}_worker" for one in below or {}},
        members={one: Member(one, "host=h", dead=False) for one in knows},
    )


def cascade(*nodes: NodeStatus) -> Topology:
    return Topology("q", nodes[0].name, {one.name: one for one in nodes})


def test_nobody_holds_what_has_reached_the_newest_tick():
    tree = cascade(holding("a", "root", None, below={"b": (TOP, TOP)}), holding("b", "branch", "a"))
    assert root_holder(tree) is None


def test_consumer_of_the_root_itself_is_named():
    tree = cascade(holding("a", "root", None, consumers={"billing": 40}))
    assert root_holder(tree) == Holder("a", "billing", 40, lag=60.0)


def test_search_goes_down_to_the_consumer_below():
    tree = cascade(
        holding("a", "root", None, below={"b": (TOP, 40)}),
        holding("b", "branch", "a", below={"c": (TOP, 40)}),
        holding("c", "branch", "b", consumers={"lagger": 40}),
    )
    assert root_holder(tree) == Holder("c", "lagger", 40, lag=60.0)


def test_worker_that_is_behind_is_named_not_what_it_carries():
    tree = cascade(
        holding("a", "root", None, below={"b": (40, 40)}), holding("b", "branch", "a", at=40)
    )
    assert root_holder(tree) == Holder("b", "b_worker", 40, lag=60.0)


def test_leaf_that_is_behind_is_named():
    tree = cascade(
        holding("a", "root", None, below={"b": (41, 40)}), holding("b", "leaf", "a", at=40)
    )
    assert root_holder(tree) == Holder("b", "b_worker", 40, lag=5.0)


def test_report_that_is_not_due_yet_is_told_from_lag():
    tree = cascade(
        holding("a", "root", None, below={"b": (TOP, 40)}),
        holding("b", "branch", "a", consumers={"slow": 90}),
    )
    holder = root_holder(tree)
    assert holder == Holder("b", ".b.watermark", 40, "not told yet", 60.0, 90)
    assert "as it last told; is at 90 by now" in held_by(holder)


def test_node_that_has_left_without_being_unregistered_says_what_helps():
    tree = cascade(
        holding("a", "root", None, below={"b": (TOP, 40), "c": (TOP, 40)}),
        holding("b", "branch", "a", below={"d": (40, 40)}),
        holding("c", "branch", "a", below={"d": (TOP, TOP)}),
        holding("d", "branch", "c"),
    )
    holder = root_holder(tree)
    assert holder == Holder("d", "d_worker", 40, "left", 60.0, reads_from="c")
    assert held_by(holder) == (
        "d, at tick 40, 1m0s behind, where it left for c; let go of it with: "
        "tailrace change-provider d --provider c"
    )


def test_dead_node_still_registered_says_what_helps():
    tree = cascade(
        holding("a", "root", None, below={"b": (40, 40)}), NodeStatus("b", "dead", "host=h")
    )
    holder = root_holder(tree)
    assert holder is not None
    assert (holder.node, holder.why) == ("b", "dead")
    assert "tailrace drop-node b" in held_by(holder)


def test_unreachable_node_is_held_to_blame():
    tree = cascade(holding("a", "root", None, below={"b": (40, 40)}))
    holder = root_holder(tree)
    assert holder is not None
    assert (holder.node, holder.why) == ("b", "unreachable")


def sync_pair(*, lag_on: str, root_mark: int = TOP) -> Topology:
    """Root a, sync branches b and c below it; one of them has a lagging consumer."""
    lagging = {"lagger": 40}
    return cascade(
        holding(
            "a", "root", None, below={"b": (TOP, TOP), "c": (TOP, TOP)},
            global_watermark=root_mark,
        ),
        holding("b", "branch", "a", sync="b,c", consumers=lagging if lag_on == "b" else {}),
        holding("c", "branch", "a", sync="b,c", consumers=lagging if lag_on == "c" else {}),
    )  # fmt: skip


def test_lag_below_a_sync_node_holds_the_group_and_not_the_root():
    tree = sync_pair(lag_on="c")
    assert root_holder(tree) is None
    for name in ("b", "c"):
        group = agreement(tree, tree.nodes[name])
        assert group is not None
        assert group.held_by == Holder("c", "lagger", 40, lag=60.0)


def test_members_of_a_group_show_where_they_are():
    group = agreement(tree := sync_pair(lag_on="c"), tree.nodes["b"])
    assert group is not None
    assert [(one.node, one.state, one.watermark) for one in group.peers] == [
        ("b", "self", TOP),
        ("c", "asked", 40),
    ]


def test_group_waits_for_the_watermark_from_above():
    group = agreement(tree := sync_pair(lag_on="nobody", root_mark=30), tree.nodes["b"])
    assert group is not None
    assert group.held_by == Holder("a", ".global_watermark", 30, "upstream")


def test_unknown_peer_holds_the_group_and_a_dead_one_does_not():
    a = holding("a", "root", None, below={"b": (TOP, TOP)}, global_watermark=TOP)
    b = holding("b", "branch", "a", sync="b,x")
    group = agreement(tree := cascade(a, b), b)
    assert group is not None
    assert group.held_by == Holder("x", "", 10, "unknown")
    del tree
    b = holding("b", "branch", "a", sync="b,c")
    b = NodeStatus(
        **{name: getattr(b, name) for name in NodeStatus.__dataclass_fields__ if name != "members"},
        members={"b": Member("b", "", dead=False), "c": Member("c", "", dead=True)},
    )
    group = agreement(cascade(a, b), b)
    assert group is not None
    assert group.peers[1].state == "dead"
    assert group.held_by is None


def test_branch_without_the_attribute_has_no_group():
    one = holding("b", "branch", "a")
    assert agreement(cascade(one), one) is None


def test_two_nodes_that_read_from_each_other_do_not_loop():
    a = holding("a", "branch", "b", below={"b": (TOP, 40)}, consumers={"x": 50})
    b = holding("b", "branch", "a", below={"a": (TOP, 40)}, consumers={"x": 50})
    root = holding("r", "root", None, below={"a": (TOP, 40)})
    assert root_holder(cascade(root, a, b)) is not None
