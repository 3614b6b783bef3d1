"""drop-node: the node and everything that others knew of it are gone; acceptance D-23."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fixtures.waiting import eventually
from tailrace.cascade.leaving import Leaving
from tailrace.db.dsn import parameters

ATTRIBUTES = "select node_attrs from pgq_node.node_info"


@asynccontextmanager
async def away(cascade, node: str) -> AsyncIterator[None]:
    """Make a node's database impossible to reach while the block runs."""
    name = parameters(cascade[node].dsn)["dbname"]
    await cascade[node].close()
    await cascade["node1"].execute(f'alter database "{name}" rename to "{name}_away"')
    try:
        yield
    finally:
        await cascade["node1"].execute(f'alter database "{name}_away" rename to "{name}"')


async def gone(db, table: str) -> bool:
    return await db.fetch_all(f"select from {table}") == []


async def test_node_with_subscribers_stays(seed):
    before = await seed.contents()
    result = await seed.at("node1", "drop-node", "node2", status=1)
    assert 'node "node2" still has subscribers: node4' in result.complaint
    assert await seed.contents() == before


async def test_dropped_node_is_forgotten_everywhere(seed):
    await seed.at("node5", "drop-node", "node5")
    for table in ("pgq_node.node_info", "pgq_node.local_state", "pgq.queue", "tailrace.table_info"):
        assert await gone(seed["node5"], table), table
    for name in ("node1", "node3"):
        known = "select from pgq_node.node_location where node_name = 'node5'"
        assert await seed[name].fetch_all(known) == []
    consumers = "select co_name from pgq.consumer join pgq.subscription on sub_consumer = co_id"
    names = [row.co_name for row in await seed["node3"].fetch_all(consumers)]
    assert names == [".global_watermark"]
    assert (await seed.at("node1", "members", "--format", "json")).json[-1]["node"] == "node4"


async def test_tables_of_a_dropped_node_keep_their_rows_and_lose_their_triggers(pair):
    create = "create table public.t (id integer primary key)"
    await pair["up"].execute(create)
    await pair.at("up", "add-table", "t")
    await pair.at("down", "add-table", "t", "--create")
    await pair.at("up", "drop-node", "down")
    await pair["down"].execute("insert into public.t values (1)")
    assert await pair["down"].fetch_value("select count(*) from public.t") == 1
    await pair.at("up", "drop-node", "up")
    await pair["up"].execute("insert into public.t values (1)")


async def test_unreachable_node_is_removed_elsewhere(seed):
    dsn = seed["node5"].dsn
    name = parameters(dsn)["dbname"]
    await seed["node5"].close()
    await seed["node1"].execute(f'alter database "{name}" rename to "{name}_away"')
    try:
        result = await seed.at("node1", "drop-node", "node5")
        assert 'warning: node "node5" is left as it is' in result.err
        assert "Traceback" not in result.err
    finally:
        await seed["node1"].execute(f'alter database "{name}_away" rename to "{name}"')
    members = (await seed.at("node1", "members", "--format", "json")).json
    assert [row["node"] for row in members] == ["node1", "node2", "node3", "node4"]
    subscribers = "select from pgq_node.subscriber_info"
    assert await seed["node3"].fetch_all(subscribers) == []


async def test_dropped_node_can_be_made_again(pair):
    await pair.at("up", "drop-node", "down")
    await pair.at("down", "create-leaf", "down", "--queue", "shop", "--provider", pair["up"].dsn)
    assert [row["node"] for row in (await pair.at("up", "members", "--format", "json")).json] == [
        "down",
        "up",
    ]


async def test_node_whose_location_leads_to_another_one_does_not_take_that_with_it(seed):
    """Such a node can be made with --nocheck; the other one must not lose anything."""
    await seed["node1"].execute(
        "select pgq_node.register_location('shop', 'node6', %s, false)", seed["node5"].dsn
    )
    before = await seed["node5"].fetch_value("select count(*) from tailrace.runner")
    await seed["node5"].execute(
        "select tailrace.take_over('shop', 'node5_worker', 'somebody at work')"
    )
    result = await seed.at("node1", "drop-node", "node6")
    assert 'node "node6" is left as it is: its location leads to node "node5"' in result.err
    assert "node6" not in (await seed.at("node1", "members")).out
    assert await seed["node5"].fetch_value("select count(*) from tailrace.runner") == before + 1
    assert not await gone(seed["node5"], "pgq_node.node_info")


async def test_queue_of_the_same_name_in_another_database_is_left_alone(seed, new_database):
    """The location of a node leads to a database that is no node, or has become another one."""
    stranger = await new_database()
    await stranger.execute("select pgq.create_queue('shop')")
    await stranger.execute("select pgq.insert_event('shop', 'kind', 'data')")
    await seed["node1"].execute(
        "update pgq_node.node_location set node_location = %s where node_name = 'node5'",
        stranger.dsn,
    )
    result = await seed.at("node1", "drop-node", "node5")
    assert 'its location leads to no node of queue "shop"' in result.err
    assert await stranger.fetch_value("select queue_name from pgq.queue") == "shop"
    members = (await seed.at("node1", "members", "--format", "json")).json
    assert "node5" not in [row["node"] for row in members]
    result = await seed.at("node1", "drop-node", "node1", "--db", stranger.dsn, status=2)
    assert result.complaint


async def test_plain_consumer_of_a_dropped_node_lets_its_provider_go(pair):
    await pair["up"].execute("select pgq.register_consumer('shop', 'copier')")
    await pair["down"].execute("select pgq_node.register_consumer('shop', 'copier', 'up', 1)")
    await pair.at("up", "drop-node", "down")
    rows = await pair["up"].fetch_all("select consumer_name from pgq.get_consumer_info('shop')")
    assert [row.consumer_name for row in rows] == [".global_watermark"]


async def test_node_given_up_for_the_run_is_not_asked(seed):
    await seed.at("node4", "set-attr", "node4", "sync_watermark=")
    result = await seed.at("node1", "drop-node", "node5", "--dead=node5")
    assert result.err.strip() == 'node "node5" is removed from queue "shop"'
    assert not await gone(seed["node5"], "pgq_node.node_info")
    assert await seed["node3"].fetch_all("select from pgq_node.subscriber_info") == []


async def test_it_is_completed_by_the_next_run_wherever_it_died(seed, process):
    """Killed after each database in turn, run from the node itself and from the root."""
    # One database less is left each time from the root: the node itself goes first.
    for name, start, deaths in (("node5", "node5", (1, 4)), ("node4", "node1", (1,))):
        words = ("drop-node", name, "--db", seed[start].dsn)
        for nth in deaths:
            run = await process(*words, env={"TAILRACE_FAULT": f"leaving.after_node@{nth}:kill"})
            assert await run.wait(30) == -9, (name, nth, run.err)
        run = await process(*words)
        assert await run.wait(30) == 0, run.err
        assert await gone(seed[name], "pgq_node.node_info")
        for other in ("node1", "node2", "node3"):
            known = "select from pgq_node.node_location where node_name = %s"
            assert await seed[other].fetch_all(known, name) == []
            assert await seed[other].fetch_all(
                "select from pgq_node.subscriber_info where subscriber_node = %s", name
            ) == []  # fmt: skip


async def test_removal_that_is_frozen_is_completed_by_a_rerun(seed, process):
    """What the first one does when it wakes up takes nothing else away."""
    for name, start, nth in (("node5", "node1", 1), ("node4", "node4", 2)):
        words = ("drop-node", name, "--db", seed[start].dsn)
        frozen = await freeze(process, words, nth)
        run = await process(*words)
        assert await run.wait(30) == 0, run.err
        left = await seed.contents()
        frozen.send(signal.SIGCONT)
        assert await frozen.wait(30) == 0, frozen.err
        assert await seed.contents() == left
        for other in ("node1", "node2", "node3"):
            known = "select from pgq_node.node_location where node_name = %s"
            assert await seed[other].fetch_all(known, name) == []


async def test_removal_that_wakes_up_late_leaves_a_new_node_of_that_name_alone(seed, process):
    words = ("drop-node", "node5", "--db", seed["node1"].dsn)
    frozen = await freeze(process, words, 1)
    await seed.tailrace(*words)
    again = ("create-branch", "node5", "--queue", "shop", "--provider", seed["node3"].dsn)
    await seed.tailrace(*again, "--db", seed["node5"].dsn)
    made = await seed.contents()
    frozen.send(signal.SIGCONT)
    assert await frozen.wait(30) == 1
    assert 'knows of node "node5" has changed since it was looked at' in frozen.err
    assert "Traceback" not in frozen.err
    assert await seed.contents() == made


async def test_removal_that_wakes_up_late_leaves_the_group_of_a_new_node_alone(seed, process):
    words = ("drop-node", "node5", "--db", seed["node1"].dsn)
    frozen = await freeze(process, words, 1, at="leaving.after_group")
    await seed.tailrace(*words)
    again = ("create-branch", "node5", "--queue", "shop", "--provider", seed["node3"].dsn)
    await seed.tailrace(*again, "--db", seed["node5"].dsn)
    # as if node4 had heard of it by the root's event
    await seed["node4"].execute(
        "select pgq_node.register_location('shop', 'node5', %s, false)", seed["node5"].dsn
    )
    await seed.at("node4", "set-attr", "node4", "sync_watermark=node4,node5")
    frozen.send(signal.SIGCONT)
    assert await frozen.wait(30) == 1
    assert 'knows of node "node5" has changed since it was looked at' in frozen.err
    assert await seed["node4"].fetch_value(ATTRIBUTES) == "sync_watermark=node4%2Cnode5"


async def freeze(process, words: tuple[str, ...], nth: int, *, at: str = "leaving.after_node"):
    frozen = await process(*words, env={"TAILRACE_FAULT": f"{at}@{nth}:stop"})
    await eventually(lambda: frozen.frozen, 30, what="the command to freeze")
    return frozen


async def test_subscriber_that_cannot_be_asked_counts(seed):
    name = parameters(seed["node4"].dsn)["dbname"]
    await seed["node4"].close()
    await seed["node1"].execute(f'alter database "{name}" rename to "{name}_away"')
    try:
        result = await seed.at("node1", "drop-node", "node2", status=1)
        assert "still has subscribers: node4" in result.err
        await seed.at("node1", "drop-node", "node2", "--dead=node4")
    finally:
        await seed["node1"].execute(f'alter database "{name}_away" rename to "{name}"')


async def test_node_whose_database_refuses_is_forgotten_by_the_others(seed):
    await seed["node5"].execute(
        "create function public.no() returns trigger language plpgsql as"
        " $$ begin raise exception 'not here'; end $$;"
        "create trigger no before delete on pgq_node.node_info execute function public.no()"
    )
    result = await seed.at("node1", "drop-node", "node5")
    assert 'warning: node "node5" is left as it is: ' in result.err
    assert "not here" in result.err
    assert not await gone(seed["node5"], "pgq_node.node_info")
    members = (await seed.at("node3", "members", "--format", "json")).json
    assert "node5" not in [row["node"] for row in members]


async def rows_of(cascade, name: str) -> int:
    return await cascade[name].fetch_value("select count(*) from public.t")


async def test_node_of_a_dropped_ones_name_stays_registered_where_the_drop_is_heard_of_late(
    new_cascade, process
):
    """The branch has yet to mirror the departure when the new node begins to read from it."""
    cascade = await new_cascade({"up": None, "mid": "up", "low": "mid"}, leaves={"low"})
    await cascade["up"].execute("create table public.t (id integer primary key)")
    await cascade.at("up", "add-table", "t")
    await cascade.at("mid", "add-table", "t", "--create")
    await cascade.at("up", "drop-node", "low")
    await cascade.at(
        "low", "create-leaf", "low", "--queue", "shop", "--provider", cascade["mid"].dsn
    )
    await cascade.at("low", "add-table", "t", "--create")
    await cascade["up"].execute("insert into public.t values (1)")
    every = [word for db in cascade.nodes.values() for word in ("--db", db.dsn)]
    run = await process("run", "--until-idle", "--timeout", "30", *every)
    assert await run.wait(40) == 0, run.err
    assert await rows_of(cascade, "low") == 1


async def test_node_of_a_dropped_ones_name_may_move_where_the_drop_is_heard_of_late(
    new_cascade, process
):
    """As before, but the branch did not hear of the new node directly: it was away."""
    cascade = await new_cascade({"up": None, "mid": "up", "low": "mid"}, leaves={"low"})
    await cascade.at("up", "drop-node", "low")
    await cascade.at(
        "low", "create-leaf", "low", "--queue", "shop", "--provider", cascade["up"].dsn
    )
    await cascade["mid"].execute("delete from tailrace.member")
    ends = [word for name in ("up", "low") for word in ("--db", cascade[name].dsn)]
    run = await process("run", *ends)
    await cascade.at("low", "change-provider", "--provider", "mid", "--timeout", "20")
    run.send(signal.SIGTERM)
    assert await run.wait(40) == 0, run.err
    run = await process("run", "--until-idle", "--timeout", "30", *ends, "--db", cascade["mid"].dsn)
    assert await run.wait(40) == 0, run.err
    readers = "select subscriber_node from pgq_node.subscriber_info"
    assert await cascade["mid"].fetch_value(readers) == "low"


async def test_dropped_node_is_taken_out_of_the_sync_groups_of_the_others(seed):
    """Otherwise the group would wait for ever for a node that its members no longer know."""
    await seed.at("node1", "set-attr", "node3", "sync_watermark=node5")
    await seed.at("node1", "set-attr", "node2", "sync_watermark=node2,node3")
    result = await seed.at("node1", "drop-node", "node5")
    told = 'node "{}" waits no longer for "node5"; its sync group is now: {}\n'
    assert told.format("node4", "node4") in result.err
    assert told.format("node3", "node3") in result.err
    assert "warning" not in result.err
    found = {name: await seed[name].fetch_value(ATTRIBUTES) for name in ("node2", "node3", "node4")}
    assert found == {
        "node2": "sync_watermark=node2%2Cnode3",
        "node3": "sync_watermark=node3",
        "node4": "sync_watermark=node4",
    }


async def test_node_that_is_lost_after_it_was_looked_at_is_warned_about(seed, monkeypatch):
    """It comes before others whose groups have to be changed."""
    finish = Leaving.finish

    async def lose_and_finish(leaving: Leaving) -> None:
        await leaving._reached["node1"].execute(
            "select pg_terminate_backend(%s)", leaving._reached["node3"].backend_pid
        )
        await finish(leaving)

    monkeypatch.setattr(Leaving, "finish", lose_and_finish)
    result = await seed.at("node1", "drop-node", "node5")
    assert 'warning: node "node3" is left as it is: ' in result.err
    assert 'if the sync group of node "node3"' not in result.err
    assert 'node "node3" was not asked whether its sync group lists "node5"' in result.err
    assert await seed["node4"].fetch_value(ATTRIBUTES) == "sync_watermark=node4"
    assert await gone(seed["node5"], "pgq_node.node_info")


async def test_two_nodes_that_go_at_the_same_time_are_both_taken_out(seed):
    """The second waits for the first, and takes its node out of what that has left."""
    await seed.at("node1", "set-attr", "node4", "sync_watermark=node3,node4,node5")
    write = "select pgq_node.set_node_attrs('shop', %s)"
    async with seed["node4"].transaction():  # where drop-node node3 is at work
        await seed["node4"].execute(write, "sync_watermark=node4%2Cnode5")
        second = asyncio.create_task(seed.at("node1", "drop-node", "node5"))
        await eventually(lambda: waiting_for(seed, "node4"), what="the second to wait")
    result = await second
    assert 'waits no longer for "node5"; its sync group is now: node4\n' in result.err
    assert await seed["node4"].fetch_value(ATTRIBUTES) == "sync_watermark=node4"


async def test_group_that_is_given_up_meanwhile_is_not_made_again(seed):
    async with seed["node4"].transaction():
        await seed["node4"].execute("select pgq_node.set_node_attrs('shop', null)")
        second = asyncio.create_task(seed.at("node1", "drop-node", "node5"))
        await eventually(lambda: waiting_for(seed, "node4"), what="drop-node to wait")
    result = await second
    assert "waits no longer" not in result.err
    assert await seed["node4"].fetch_value(ATTRIBUTES) is None


async def waiting_for(seed, name: str) -> bool:
    """Whether some session waits for what our transaction on a node has locked."""
    waits = "select exists (select from pg_stat_activity where %s = any(pg_blocking_pids(pid)))"
    return await seed["node1"].fetch_value(waits, seed[name].backend_pid)


async def test_dead_node_that_comes_back_is_dropped_in_its_own_database_too(seed):
    await seed.at("node1", "tag-dead", "node5")
    await seed.at("node1", "drop-node", "node5")
    again = ("create-leaf", "node5", "--queue", "shop", "--provider", seed["node1"].dsn)
    told = await seed.at("node5", *again, status=1)
    assert "in this database: tailrace drop-node node5" in told.complaint
    await seed.at("node5", "drop-node", "node5")
    await seed.at("node5", *again)


async def test_node_that_is_dead_is_taken_out_of_sync_groups_as_well(seed):
    """While it was known to be dead it held nobody; unknown it would."""
    await seed.at("node1", "tag-dead", "node5")
    async with away(seed, "node5"):
        result = await seed.at("node2", "drop-node", "node5")
    assert "warning" not in result.err
    assert await seed["node4"].fetch_value(ATTRIBUTES) == "sync_watermark=node4"


async def test_node_whose_sync_group_cannot_be_changed_is_named_with_what_to_type(seed):
    async with away(seed, "node4"):
        result = await seed.at("node1", "drop-node", "node5")
    assert (
        'warning: if the sync group of node "node4" lists "node5", it will wait for it for ever; '
        "when it answers: tailrace set-attr node4 sync_watermark=node4\n"
    ) in result.err
    await seed.tailrace("set-attr", "node4", "sync_watermark=node4", "--db", seed["node1"].dsn)


async def test_groups_that_nobody_can_tell_of_are_mentioned(seed):
    """Neither the node that goes nor the one that may wait for it answers."""
    async with away(seed, "node5"), away(seed, "node4"):
        result = await seed.at("node1", "drop-node", "node5")
    assert 'node "node4" was not asked whether its sync group lists "node5"' in result.err


async def test_group_whose_database_refuses_is_named_and_the_node_dropped_all_the_same(seed):
    await seed["node4"].execute(
        "create function public.no() returns trigger language plpgsql as"
        " $$ begin raise exception 'not here'; end $$;"
        "create trigger no before update on pgq_node.node_info execute function public.no()"
    )
    result = await seed.at("node1", "drop-node", "node5")
    assert 'warning: the sync group of node "node4" stays as it is: ' in result.err
    assert "tailrace set-attr node4 sync_watermark=node4" in result.err
    assert await gone(seed["node5"], "pgq_node.node_info")


async def test_groups_are_set_right_before_anything_is_removed_wherever_it_is_killed(seed, process):
    """From a member of the group, too: it would have forgotten by then whom to take out."""
    await seed.at("node1", "set-attr", "node3", "sync_watermark=node3,node5")
    words = ("drop-node", "node5", "--db", seed["node4"].dsn)
    for nth in range(1, 20):
        run = await process(*words, env={"TAILRACE_FAULT": f"*@{nth}:kill"})
        status = await run.wait(30)
        known = [await seed[name].fetch_value(KNOWN) for name in ("node3", "node4")]
        lists = [await seed[name].fetch_value(ATTRIBUTES) for name in ("node3", "node4")]
        for is_known, listed in zip(known, lists, strict=True):
            assert is_known or "node5" not in listed
        if status != -9:
            break
    # the last death was after the last step, when here, too, everything had been forgotten
    assert 'there is no node "node5"' in run.err
    assert nth > 4
    assert lists == ["sync_watermark=node3", "sync_watermark=node4"]
    assert known == [False, False]


KNOWN = "select exists (select from pgq_node.node_location where node_name = 'node5')"
