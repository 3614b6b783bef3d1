"""takeover of a node that is alive: acceptance D-17 and D-18."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

import pytest

from fixtures.cascade import QUEUE
from fixtures.process import StartProcess
from fixtures.waiting import eventually
from integration.switch.conftest import FIVE, Tree, served, writing
from integration.switch.killing import Killed, dying
from tailrace import faults
from tailrace.cascade import promoting, survey
from tailrace.cascade.operation import Hands
from tailrace.cascade.waiting import Patience
from tailrace.db import locks
from tailrace.errors import TailraceError

THREE = {"node1": None, "node2": "node1", "leaf": "node2"}
LEAF = frozenset({"leaf"})


async def test_root_gives_its_role_away_under_load_and_gets_it_back(tree: Tree) -> None:
    async with served(tree, FIVE):
        async with writing(tree["node1"].db) as before:
            await eventually(lambda: len(before) > 20)
            await tree.takeover("node2", "node1")
            async with writing(tree["node2"].db, 200_000) as after:
                await eventually(lambda: len(after) > 20)
        shape = {"node1": "node2", "node2": "node2", "node3": "node1", "node4": "node2"}
        assert await tree.shape() == shape | {"node5": "node3"}
        with pytest.raises(TailraceError):
            await tree["node1"].db.execute("insert into public.t values (-1, 'no')")
        await tree.check()
        ids = {row[0] for row in await tree["node5"].rows()}
        assert set(before) | set(after) <= ids

        await tree.takeover("node1", "node2", "--all")
        await tree.check()
        everybody = {"node1": "node1", "node2": "node1", "node3": "node1", "node4": "node1"}
        assert await tree.shape() == everybody | {"node5": "node3"}
        told = await tree.takeover("node1", "node2")
        assert "already" in told.err


async def test_tables_are_waited_for_up_to_a_tick_that_is_yet_to_be_made(tree: Tree) -> None:
    """A mirror commits events before their tick; what it has completed counts."""
    async with served(tree, THREE, leaves=LEAF), AsyncExitStack() as stack:
        found = survey.Survey(QUEUE, "test", stack)
        await found.open(tree["node2"].db)
        hands = Hands(found, Patience(20.0))
        with faults.watching("mirror.after_events_commit") as batch:
            batch.hold()
            await tree.write()
            await batch.wait(20)
            facts = await hands.facts("node2")
            assert facts.place.tick > (facts.newest or 0)
            waiting = asyncio.create_task(promoting.AwaitTables("node2").do(hands))
            assert not await promoting.AwaitTables("node2", 0.2).do(hands)
            assert not waiting.done()
            batch.release()
            assert await waiting
        await tree.check()


async def test_root_is_taken_over_with_all_others_by_a_node_below_one_of_them(tree: Tree) -> None:
    """node2 is moved below node4, which got its events by way of node2 until then."""
    async with served(tree, FIVE):
        await tree.takeover("node4", "node1", "--all")
        everybody = {f"node{n}": "node4" for n in range(1, 5)}
        assert await tree.shape() == everybody | {"node5": "node3"}
        await tree.check()


async def test_branch_takes_the_place_of_another_one_and_of_the_one_above(tree: Tree) -> None:
    async with served(tree, FIVE | {"leaf": "node5"}, leaves=LEAF):
        await tree.takeover("node3", "node2")
        assert await tree.provider("node2") == "node3"
        assert await tree.provider("node4") == "node2"  # stays without --all
        await tree.takeover("node5", "node3", "--all")
        assert await tree.shape() == {
            "node1": "node1", "node5": "node1", "node3": "node5",
            "node2": "node5", "node4": "node2", "leaf": "node5",
        }  # fmt: skip
        await tree.takeover("node4", "leaf")
        assert await tree.provider("leaf") == "node4"
        await tree.check()


async def test_what_cannot_work_is_refused_and_the_plan_changes_nothing(tree: Tree) -> None:
    await tree.grow(THREE | {"aside": "node1"}, {"leaf"})
    before = {name: await tree.facts(name) for name in tree.nodes}
    for words, complaint in {
        ("node2", "node2"): "cannot take itself over",
        ("leaf", "node1"): 'node "leaf" is a leaf and cannot become the root',
        ("leaf", "node2"): 'node "leaf" is a leaf and cannot be a provider',
        ("node2", "nix"): 'there is no node "nix"',
        ("node2", "node1", "--dead-root"): 'node "node1" answers and is the root',
        ("node2", "node1", "--dead-branch"): 'node "node1" answers and is the root',
        ("node2", "aside", "--dead-root"): 'node "node1" is the root of queue "flow"',
    }.items():
        told = await tree.takeover(words[0], *words[1:], status=1)
        assert complaint in told.complaint
    told = await tree.takeover("node2", "node1", "--dead-root", "--dead-branch", status=2)
    assert "exclude each other" in told.complaint
    shown = await tree.takeover("node2", "node1", "--plan", "--format", "json")
    assert [step["name"] for step in shown.json] == [
        "await-current", "await-served", "await-writers", "close", "final-tick", "catch-up",
        "await-tables", "pause", "promote", "pause", "subscribe", "unsubscribe", "demote",
    ]  # fmt: skip
    assert {name: await tree.facts(name) for name in tree.nodes} == before


async def test_two_roots_are_not_touched_while_both_answer(tree: Tree) -> None:
    """As when a node is restored from a backup of the time when it was the root."""
    await tree.grow({"node1": None, "node2": "node1", "node3": "node1"}, set())
    await tree["node2"].db.execute("select pgq_node.promote_branch(%s)", QUEUE)
    before = {name: await tree.facts(name) for name in tree.nodes}
    for options in ((), ("--dead-root",), ("--dead-branch",)):
        told = await tree.takeover("node2", "node1", *options, status=1)
        assert 'both node "node1" and node "node2" are roots' in told.complaint
    assert {name: await tree.facts(name) for name in tree.nodes} == before


async def test_takeover_that_another_node_has_begun_is_completed_first(tree: Tree) -> None:
    async with served(tree, {"node1": None, "node2": "node1", "node3": "node1"}):
        plan = (await tree.takeover("node2", "node1", "--plan", "--format", "json")).json
        after = [step["name"] for step in plan].index("promote") + 2
        with faults.armed(f"switch.next_step@{after}:error"):
            await tree.takeover("node2", "node1", status=1)
        assert await tree.provider("node2") == "node2"
        told = await tree.takeover("node3", "node1", status=1)
        assert 'node "node2" has been promoted in the place of node "node1"' in told.complaint
        assert "tailrace takeover node1 --node node2; then: tailrace takeover node2" in told.err
        await tree.takeover("node3", "node1", "--node", "node2")
        await tree.takeover("node3", "node2", "--all")
        await tree.check()


async def test_one_command_at_a_time(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "CLAIM_SECONDS", 0.2)
    await tree.grow({"node1": None, "node2": "node1"}, set())
    other = await tree.connect("node2")
    assert await locks.acquire(other, f"switch {QUEUE}")
    told = await tree.takeover("node2", "node1", status=1)
    assert 'change-provider or resurrect is at work on node "node2"' in told.complaint


async def test_long_transaction_is_waited_for_while_others_write(tree: Tree) -> None:
    """Nobody is blocked, it says for whom it waits, gives up in time and leaves all as it was."""
    async with served(tree, THREE, leaves=LEAF):
        slow = await tree.connect("node1")
        async with slow.transaction():
            await slow.execute("insert into public.t values (-5, 'slow')")
            async with writing(tree["node1"].db) as written:
                await eventually(lambda: len(written) > 2)
                told = await tree.takeover("node2", "node1", "--timeout", "6", status=1)
                assert f"process {slow.backend_pid}" in told.err
                assert "gave up after 6 s" in told.err
                known = len(written)
                await eventually(lambda: len(written) > known + 2)
            assert await tree.paused() == []
            assert not (await tree.facts("node1"))["closed"]
        await tree.check()


async def test_writers_are_blocked_for_seconds_at_most_and_then_go_on(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction was young when writing was stopped, and did not end."""
    monkeypatch.setattr(promoting, "SHORT_SECONDS", 1000.0)
    monkeypatch.setattr(promoting, "LAST_WRITER_SECONDS", 0.3)
    async with served(tree, THREE, leaves=LEAF):
        slow = await tree.connect("node1")
        async with slow.transaction():
            await slow.execute("insert into public.t values (-5, 'slow')")
            async with writing(tree["node1"].db) as written:
                told = await tree.takeover("node2", "node1", "--timeout", "5", status=1)
            assert told.err.count('stop writing on node "node1"') > 1
            assert told.err.count('let node "node1" be written to again') > 1
            assert written
            assert not (await tree.facts("node1"))["closed"]
            assert await tree.paused() == []
        await tree.check()


async def test_node_whose_tables_cannot_follow_becomes_the_root_only_if_told_to(
    tree: Tree,
) -> None:
    async with served(tree, THREE, leaves=LEAF):
        await tree["node2"].db.execute("alter table public.t add constraint no check (id < 500)")
        await tree.write()
        await tree["node1"].db.execute("insert into public.t values (666, 'poison')")
        await eventually(lambda: tree["node2"].error("node2.apply"), within=20)
        told = await tree.takeover("node2", "node1", "--timeout", "2", status=1)
        assert "to keep up with" in told.err
        assert not (await tree.facts("node1"))["closed"]
        await tree.takeover("node2", "node1", "--promote-anyway")
        assert (await tree.facts("node2"))["type"] == "root"
        await tree["node2"].db.execute("alter table public.t drop constraint no")
        await tree["node2"].db.execute("insert into public.t values (700, 'goes on')")
        await eventually(lambda: has_row(tree, "node1", (700, "goes on")), within=20)


async def has_row(tree: Tree, name: str, row: tuple[int, str]) -> bool:
    return row in await tree[name].rows()


async def test_takeover_that_is_interrupted_lets_everybody_write_again(
    tree: Tree, process: StartProcess
) -> None:
    async with served(tree, THREE, leaves=LEAF):
        for number in (signal.SIGTERM, signal.SIGINT):
            one = await process(
                "takeover", "node1", "--db", tree["node2"].dsn,
                env={"TAILRACE_FAULT": "switch.next_step@5:stall"},
            )  # fmt: skip
            await eventually(lambda: is_closed(tree, "node1"), within=20)
            one.send(number)
            assert await one.wait() == 1
            assert "tailrace: interrupted" in one.err
            assert "Traceback" not in one.err
            assert not await is_closed(tree, "node1")
            assert await tree.paused() == []
        await tree.check()


async def is_closed(tree: Tree, name: str) -> bool:
    return bool((await tree.facts(name))["closed"])


async def test_promotion_that_comes_after_the_takeover_was_given_up_is_refused(
    tree: Tree,
) -> None:
    """A command was frozen just before its decisive step; meanwhile another one gives up."""
    async with served(tree, THREE, leaves=LEAF):
        with dying(before=7) as reached, pytest.raises(Killed):
            await tree.takeover("node2", "node1")
        assert reached
        assert (await tree.facts("node1"))["closed"]
        await tree["node2"].db.execute(
            "update pgq_node.local_state set paused = true, uptodate = true"
            " where consumer_name = 'node2_worker'"
        )
        frozen = await tree.connect("node2")
        told = await asyncio.wait_for(given_up(tree), 30)
        assert told
        row = await frozen.fetch_one("select * from tailrace.promote(%s, null, false)", QUEUE)
        assert row is not None
        assert (row.ret_code, "gave the takeover up" in row.ret_note) == (409, True)
        await tree.check()


async def given_up(tree: Tree) -> bool:
    """Run the takeover again, and let it fail before its first step."""
    from integration.switch.killing import failed

    return await failed(lambda: tree.takeover("node2", "node1", status=None), 1) is not None
