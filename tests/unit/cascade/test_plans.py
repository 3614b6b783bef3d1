"""Which steps are left, worked out from what the nodes say; no database."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tailrace.cascade.failover import BranchFailover, RootFailover, operation_for
from tailrace.cascade.moving import Move
from tailrace.cascade.node import Member
from tailrace.cascade.steps import Subscribe
from tailrace.cascade.survey import NodeFacts, Place, View
from tailrace.cascade.takeover import BranchTakeover, RootSwitchover, Wish
from tailrace.errors import TailraceError

QUEUE = "flow"
NAMES = ("a", "b", "c", "d", "e")


def node(
    name: str, provider: str, tick: int, *, kind: str = "branch", rest: bool = False
) -> NodeFacts:
    place = Place(provider, tick, paused=rest, uptodate=True)
    holds = kind != "leaf"
    return NodeFacts(
        name=name,
        type=kind,  # type: ignore[arg-type]
        worker=f"{name}_worker",
        provider=provider,
        newest=tick if holds else None,
        oldest=1 if holds else None,
        positions={f"{name}_worker": place},
        members={one: Member(one, f"dbname={one}", dead=False) for one in NAMES},
    )


def view(*nodes: NodeFacts, dead: tuple[str, ...] = ()) -> View:
    return View(QUEUE, {one.name: one for one in nodes}, {}, dead)


def names(operation: object, seen: View) -> list[tuple[str, str]]:
    return [(step.name, step.node) for step in operation.steps(seen)]  # type: ignore[attr-defined]


def test_furthest_branch_is_found_also_below_a_second_loss() -> None:
    """The root a and the branch b are lost; d, below b, has more than c and e."""
    seen = view(
        node("c", "a", 10),
        node("d", "b", 15, rest=True),
        node("e", "a", 12, rest=True),
        dead=("a", "b"),
    )
    left = names(RootFailover(Wish(old="a", new="c"), seen), seen)
    assert left[:3] == [("mark-dead", "c"), ("mark-dead", "d"), ("mark-dead", "e")]
    assert ("subscribe", "d") in left
    assert left.index(("await-passed", "c")) < left.index(("promote", "c"))
    assert left.index(("promote", "c")) < left.index(("switch", "e"))
    assert ("switch", "d") not in left  # the other lost node's takeover will


def test_whoever_was_frozen_below_another_loss_is_let_go_after_promotion() -> None:
    root = replace(node("c", "c", 15, kind="root"), readers={"a.gravestone": 15})
    seen = view(root, node("d", "b", 15, rest=True), dead=("a", "b"))
    left = names(RootFailover(Wish(old="a", new="c"), seen), seen)
    assert ("resume", "d") in left


def test_leaf_is_never_the_one_to_catch_up_with() -> None:
    seen = view(node("b", "a", 10), node("c", "a", 20, kind="leaf", rest=True), dead=("a",))
    left = names(RootFailover(Wish(old="a", new="b"), seen), seen)
    assert ("await-passed", "b") not in left
    assert ("promote", "b") in left


def test_tick_left_out_by_a_dead_mirror_is_made_before_anybody_reads_it() -> None:
    torn = replace(node("c", "a", 15, rest=True), newest=14)
    seen = view(node("b", "a", 10), torn, dead=("a",))
    left = names(RootFailover(Wish(old="a", new="b"), seen), seen)
    assert left.index(("complete-ticks", "c")) < left.index(("subscribe", "c"))


def test_new_branch_below_a_lost_one_first_moves_up() -> None:
    upper = replace(node("a", "a", 20, kind="root"), subscribers={"b": "b_worker"})
    seen = view(upper, node("c", "b", 10), node("d", "c", 10), node("e", "b", 9), dead=("b",))
    left = names(BranchFailover(Wish(old="b", new="d"), seen), seen)
    switched = [where for what, where in left if what == "switch"]
    assert switched == ["d", "c", "e"]
    assert ("subscribe", "a") in left


def test_closed_root_beside_a_promoted_one_is_made_a_branch() -> None:
    """Promoted, step 3 of the demotion missing."""
    old = replace(
        node("a", "a", 20, kind="root", rest=True), closed=True, subscribers={"b": "b_worker"}
    )
    seen = view(old, node("b", "b", 25, kind="root"))
    operation = operation_for(Wish(old="a", new="b"), seen, None)
    assert isinstance(operation, RootSwitchover)
    assert names(operation, seen) == [("subscribe", "b"), ("unsubscribe", "a"), ("demote", "a")]
    assert operation.undoing(seen) == []


def test_permit_of_an_abandoned_takeover_is_taken_away_first() -> None:
    """A run for b was killed; now c is to become the root."""
    old = replace(node("a", "a", 20, kind="root", rest=True), closed=True)
    seen = view(old, node("b", "a", 20, rest=True), node("c", "a", 20))
    left = names(RootSwitchover(Wish(old="a", new="c"), seen), seen)
    assert left[0] == ("resume", "b")
    assert ("promote", "c") in left


def test_failover_that_another_node_has_begun_is_completed_there() -> None:
    root = replace(node("b", "b", 20, kind="root"), readers={"a.gravestone": 20})
    seen = view(root, node("c", "a", 20), dead=("a",))
    operation = RootFailover(Wish(old="a", new="c"), seen)
    with pytest.raises(TailraceError, match="tailrace takeover a --dead-root --node b"):
        asyncio.run(operation.verify(None, seen))  # type: ignore[arg-type]


def test_what_the_old_node_is_decides_what_is_done() -> None:
    seen = view(node("a", "a", 20, kind="root"), node("b", "a", 20), node("c", "b", 20))
    assert isinstance(operation_for(Wish(old="b", new="c"), seen, None), BranchTakeover)
    assert isinstance(operation_for(Wish(old="a", new="b"), seen, None), RootSwitchover)
    assert isinstance(operation_for(Wish(old="a", new="b"), seen, "root"), RootFailover)
    with pytest.raises(TailraceError, match="--dead-root or --dead-branch"):
        operation_for(Wish(old="d", new="b"), seen, None)


def test_nothing_is_undone_while_nobody_knows_whether_the_new_root_was_promoted() -> None:
    old = replace(node("a", "a", 20, kind="root", rest=True), closed=True)
    before = view(old, node("b", "a", 20))
    operation = RootSwitchover(Wish(old="a", new="b"), before)
    assert [step.name for step in operation.undoing(before)] == ["reopen"]
    with pytest.raises(TailraceError, match='node "b"'):
        operation.undoing(View(QUEUE, {"a": old}, {"b": "no route"}, ()))


def test_permit_to_promote_is_taken_away_before_the_old_root_is_opened() -> None:
    old = replace(node("a", "a", 20, kind="root", rest=True), closed=True)
    seen = view(old, node("b", "a", 20, rest=True))
    operation = RootSwitchover(Wish(old="a", new="b"), seen)
    left = [(step.name, step.node) for step in operation.undoing(seen)]
    assert left == [("resume", "b"), ("reopen", "a")]


def test_node_that_was_away_at_first_is_moved_and_put_back_as_it_was_found() -> None:
    """Everybody is asked along; c answers only later, when somebody has paused it."""
    old, new = node("a", "a", 20, kind="root"), node("b", "a", 20)
    operation = RootSwitchover(Wish(old="a", new="b", everybody=True), view(old, new))
    back = view(old, new, node("c", "a", 20, rest=True))
    assert ("switch", "c") in names(operation, back)
    assert operation.undoing(back) == []


def test_node_waits_for_a_new_provider_that_is_behind_it() -> None:
    seen = view(node("a", "a", 20, kind="root"), node("b", "a", 20, rest=True), node("c", "a", 18))
    left = list(Move(node="b", to="c").steps(seen, seen))
    assert [(step.name, step.node) for step in left][:2] == [
        ("subscribe", "c"), ("await-tick", "c"),
    ]  # fmt: skip
    assert isinstance(left[0], Subscribe)
    assert left[0].tick == 18  # which c has; what b still needs is kept from then on


def test_pause_that_somebody_wants_is_told_from_one_that_a_killed_move_has_left() -> None:
    move = Move(node="b", to="c")
    root, moved = node("a", "a", 20, kind="root"), node("b", "a", 20, rest=True)
    wanted = view(root, moved, node("c", "a", 20))
    begun = view(
        root, moved,
        replace(node("c", "a", 20), subscribers={"b": "b_worker"}, readers={"b_worker": 20}),
    )  # fmt: skip
    assert [step.name for step in move.undoing(wanted, wanted)] == []
    assert [step.name for step in move.undoing(begun, begun)] == ["resume", "unsubscribe"]
