"""Queues that are merged into another one (acceptance E-01, E-02)."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.merge import COMBINED, PARTS, Merge, events, make_node, position, rows, serving
from fixtures.process import StartProcess
from fixtures.waiting import eventually
from tailrace import faults
from tailrace.db.connection import Database
from tailrace.errors import WrongState
from tailrace.replication.compare import compare
from tailrace.replication.consumer import ApplyingConsumer

pytestmark = pytest.mark.timeout(120)


async def sent(merge: Merge, db: Database, queue: str) -> list[int]:
    """The positions of a part queue that the combined one tells."""
    return [
        int(data) for _, data, part in await events(db, COMBINED, "pgq.tick-id") if part == queue
    ]


async def no_part_leads(merge: Merge) -> None:
    """On the combined branch no position is beyond what the combined queue has told."""
    for queue in PARTS:
        behind = await position(merge.t2, queue)
        assert behind <= await position(merge.t1, queue), queue


async def test_rows_of_two_roots_appear_once_on_combined_root_and_branch(merge: Merge) -> None:
    await merge.write()
    await merge.add_tables()
    async with serving(*merge.all):
        for _ in range(5):
            await merge.write()
            await no_part_leads(merge)
        await eventually(merge.equal, within=40)
        await merge.write()
        await eventually(merge.equal, within=20)
        for queue in PARTS:
            told = await sent(merge, merge.t1, queue)
            assert told == sorted(set(told)), "one for each batch, in order"
            await eventually(lambda q=queue: reached(merge, q), within=10)
        # what the followers need not any more is let go at the part roots
        for db, queue in ((merge.s1, "p1"), (merge.s2, "p2")):
            await eventually(
                lambda d=db, q=queue: told_to(d, q, f"t2_{q}"), within=10, what="subscription"
            )
        # merged tables are compared in the combined queue
        with pytest.raises(WrongState, match="--queue c"):
            await compare(merge.t1.dsn, queue="p1")
        result = await compare(merge.t2.dsn, queue=COMBINED)
        assert result.differing == 0
    assert await merge.errors() == []
    assert len(await rows(merge.t2)) > 100
    # a descriptor for each part, and the one of the combined root's own table
    assert len(await events(merge.t1, COMBINED, "tailrace.relation")) >= 1


async def reached(merge: Merge, queue: str) -> bool:
    """Whether the follower is as far as the leaf on the combined root was a moment ago."""
    lead = await position(merge.t1, queue)
    return await eventually(lambda: at_least(merge.t2, queue, lead), within=10)  # type: ignore[no-any-return]


async def at_least(db: Database, queue: str, tick: int) -> bool:
    """Whether a worker has come as far as a tick."""
    return await position(db, queue) >= tick


async def told_to(db: Database, queue: str, consumer: str) -> bool:
    """Whether the provider may forget nearly all that there was."""
    last = await db.fetch_value(
        "select last_tick from pgq.get_consumer_info(%s, %s)", queue, consumer
    )
    top = await db.fetch_value("select last_tick_id from pgq.get_queue_info(%s)", queue)
    return bool(last >= top - 3)


async def test_combined_root_moves_by_hand_while_everything_runs(
    merge: Merge, process: StartProcess
) -> None:
    """Plain calls of the original API; the services find out what their duties are now."""
    await merge.add_tables()
    t1, t2 = merge.t1, merge.t2

    async def call(db: Database, text: str, *values: object) -> Any:
        row = await db.fetch_one(f"select * from pgq_node.{text}", *values)
        assert row is not None
        return row

    async with serving(*merge.all):
        await merge.write()
        await eventually(merge.equal, within=40)
        await merge.write()
        await call(t1, "demote_root('c', 1, null)")
        await merge.write()
        final = (await call(t1, "demote_root('c', 2, null)")).last_tick
        await merge.write()

        async def promoted() -> bool:
            if not await at_least(t2, COMBINED, final):
                return False
            return bool((await call(t2, "promote_branch('c')")).ret_code == 200)

        await eventually(promoted, within=20, every=0.05)
        assert (await call(t2, "register_subscriber('c', 't1', 't1_c', %s)", final)).ret_code == 200
        assert (await call(t1, "unregister_subscriber('c', 't2')")).ret_code == 200
        assert (await call(t1, "demote_root('c', 3, 't2')")).ret_code == 200
        await merge.write()
        await eventually(merge.equal, within=40)
        await merge.write()
        await eventually(merge.equal, within=20)
        for queue in PARTS:
            assert (await sent(merge, t2, queue))[-1] >= await position(t1, queue)
            assert await sent(merge, t2, queue) == sorted(set(await sent(merge, t2, queue)))

        # and back, by the command
        back = await process("takeover", "t2", "--db", t1.dsn, "--queue", COMBINED)
        await merge.write()
        assert await back.wait(40) == 0, back.err
        await merge.write()
        await eventually(merge.equal, within=40)
        for queue in PARTS:
            await eventually(lambda q=queue: reached(merge, q), within=10)
    assert await merge.errors() == []


async def test_positions_follow_before_the_branch_has_tables_and_the_tables_come_later(
    merge: Merge,
) -> None:
    """Without ``.apply`` the mirror moves the positions. A leaf below has none to move."""
    await make_node(merge.s1, COMBINED, "leaf", "s1", merge.t2)
    await merge.add_tables(merge.t1)
    async with serving(*merge.all):
        await merge.write()
        for queue in PARTS:
            await eventually(lambda q=queue: reached(merge, q), within=20)
        await merge.add_merged(merge.t2)
        await merge.write()
        await eventually(merge.equal, within=40)
        for queue in PARTS:
            await eventually(lambda q=queue: reached(merge, q), within=20)
        top = await position(merge.t2, COMBINED)
        await eventually(lambda: at_least(merge.s1, COMBINED, top), within=20)
    assert await merge.errors() == []


async def test_merging_begins_where_the_combined_queue_had_brought_it_also_ahead_of_the_provider(
    merge: Merge,
) -> None:
    """After a promotion the position may be one that the leaf's own provider has not reached."""
    for setting in ("ticker_max_lag", "ticker_idle_period"):
        await merge.s1.execute("select pgq.set_queue_config('p1', %s, '0')", setting)
    top = await merge.s1.fetch_value("select last_tick_id from pgq.get_queue_info('p1')")
    await merge.t1.execute(
        "update pgq_node.local_state set last_tick_id = %s where queue_name = 'p1'", top + 2
    )
    worker = ApplyingConsumer(merge.t1.dsn, "p1", "t1_p1")
    for made in range(1, 5):
        assert await worker.run_once() is (made == 4)
        if made < 4:
            assert await merge.s1.fetch_value("select pgq.ticker('p1')") == top + made
    assert await position(merge.t1, "p1") == top + 3
    assert await sent(merge, merge.t1, "p1") == [top + 3]

    # and a combined queue that is no more is an error that says so
    await merge.t1.execute("select pgq_node.drop_node('c', 't1')")
    with pytest.raises(WrongState, match='queue "c", into which this leaf is merged'):
        for _ in range(2):
            await worker._seat.refresh()
            await worker.run_once()
    error = await merge.t1.fetch_value(
        "select cur_error from pgq_node.get_consumer_state('p1', 't1_p1')"
    )
    assert "tailrace drop-node" in error
    await worker.close()


async def test_leaf_that_waits_behind_obeys_a_pause_and_follows_another_provider(
    merge: Merge, process: StartProcess
) -> None:
    await make_node(merge.s2, "p1", "branch", "s2", merge.s1)
    await merge.add_tables()
    where = ["--db", merge.t2.dsn, "--queue", "p1"]
    async with serving(*merge.all):
        await merge.write()
        await eventually(merge.equal, within=40)
        for command in (
            ["pause", "--timeout", "20"],
            ["resume", "--timeout", "20"],
            ["change-provider", "--provider", "s2", "--timeout", "20"],
        ):
            done = await process(*command, *where)
            await merge.write()
            assert await done.wait(30) == 0, (command, done.err)
        assert await merge.t2.fetch_value(
            "select provider_node from pgq_node.get_node_info('p1')"
        ) == "s2"  # fmt: skip
        await merge.write()
        await eventually(merge.equal, within=20)
        await eventually(lambda: reached(merge, "p1"), within=10)
        await eventually(lambda: told_to(merge.s2, "p1", "t2_p1"), within=20)
        assert (
            await merge.s1.fetch_one("select * from pgq.get_consumer_info('p1', 't2_p1')") is None
        )
    assert await merge.errors() == []


async def test_table_is_added_to_all_parts_or_it_must_be_said(
    merge: Merge, process: StartProcess
) -> None:
    """E-02, by the commands."""
    for db, queue in ((merge.s1, "p1"), (merge.s2, "p2")):
        one = await process("add-table", "t", "--db", db.dsn, "--queue", queue)
        assert await one.wait() == 0, one.err
    add = ["add-table", "t", "--db", merge.t1.dsn, "--queue", "p1"]
    unsaid = await process(*add)
    assert await unsaid.wait() == 1
    assert "--merge-all" in unsaid.err
    local = "select array_agg(queue_name order by queue_name) from tailrace.table_info"
    assert await merge.t1.fetch_value(local) is None
    both = await process(*add, "--merge-all", "--no-merge")
    assert await both.wait() == 1
    merged = await process(*add, "--merge-all")
    assert await merged.wait() == 0, merged.err
    assert await merge.t1.fetch_value(local) == ["c", "p1", "p2"]
    again = await process(*add, "--merge-all")
    assert await again.wait() == 0, again.err
    assert "already" in again.err
    alone = await process("add-table", "t", "--no-merge", "--db", merge.t2.dsn, "--queue", "p1")
    assert await alone.wait() == 0, alone.err
    assert await merge.t2.fetch_value(local) == ["p1"]


async def test_parts_are_copied_into_one_table_one_after_the_other(
    merge: Merge, caplog: pytest.LogCaptureFixture
) -> None:
    """E-04: who waits keeps no snapshot of its source open meanwhile."""
    await merge.write()
    await merge.add_tables(merge.t1)
    assert await copy_roles(merge) == ["lead", "wait-copy"]
    held = (
        "select count(*) from pg_locks where relation = 'public.t'::regclass"
        " and pid in (select pid from pg_stat_activity where application_name like '%copy%')"
    )
    caplog.set_level("INFO", logger="tailrace")
    with faults.watching("copy.in_data") as watch:
        watch.hold()
        async with serving(*merge.all):
            await watch.wait(20)
            roles = await copy_roles(merge)
            assert sorted(map(str, roles)) == ["lead", "wait-copy"]
            leader, waiting = (merge.s1, merge.s2) if roles[0] == "lead" else (merge.s2, merge.s1)
            said = "the rows of another queue are being copied into it"
            await eventually(lambda: said in caplog.text, within=20, what="the other to wait")
            assert await leader.fetch_value(held) == 1
            assert await waiting.fetch_value(held) == 0
            assert watch.count == 1
            watch.release()
            await eventually(lambda: all_live(merge), within=20)
            assert await copy_roles(merge) == [None, None]
            await merge.add_merged(merge.t2)
            await eventually(merge.equal, within=40)
    assert await merge.errors() == []


async def copy_roles(merge: Merge) -> list[str | None]:
    """The roles of both parts on the combined root."""
    found = await merge.t1.fetch_all(
        "select tailrace.copy_role(q, 'public.t') as role from unnest(%s::text[]) as q", list(PARTS)
    )
    return [row.role for row in found]


async def all_live(merge: Merge) -> bool:
    """Whether no part of the combined root waits for its copy."""
    query = "select bool_and(state = 'live') from tailrace.table_info where queue_name <> 'c'"
    return bool(await merge.t1.fetch_value(query))


async def test_truncate_of_one_part_stops_its_leaf_and_spares_the_others_rows(merge: Merge) -> None:
    await merge.add_tables()
    async with serving(*merge.all):
        await merge.write()
        await eventually(merge.equal, within=40)
        held = await rows(merge.s2)
        await merge.s1.execute("truncate public.t")
        await eventually(lambda: merge.errors(), within=20, what="an error on record")
        assert "truncates table" in (await merge.errors())[0]
        assert set(held) <= set(await rows(merge.t1))
        # the way out that the hint tells
        await merge.t1.execute("set session_replication_role = replica")
        await merge.t1.execute("delete from public.t where id % 2 = 1")
        await merge.t1.execute("select tailrace.remove_table('p1', 'public.t')")
        await eventually(lambda: no_errors(merge), within=20)


async def no_errors(merge: Merge) -> bool:
    """Whether no error is on record."""
    return await merge.errors() == []


async def test_table_may_have_another_name_where_it_is_merged(merge: Merge) -> None:
    for db in (merge.t1, merge.t2):
        await db.execute("alter table public.t rename to everything")
    await merge.write()
    await merge.add_tables(local_name="everything")
    everything = "select id, v from public.everything order by id"

    async def equal() -> bool:
        wanted = sorted(await rows(merge.s1) + await rows(merge.s2))
        for db in (merge.t1, merge.t2):
            found = [tuple(row) for row in await db.fetch_all(everything)]
            assert found == wanted, (db.dbname, await merge.errors())
        return True

    async with serving(*merge.all):
        await merge.write()
        await eventually(equal, within=40)
        await merge.s1.execute("alter table public.t add column more text default 'm'")
        await merge.write()
        await eventually(equal, within=20)
    kinds = await merge.t1.fetch_all(
        "select distinct ev_extra1 from pgq.event_template where ev_type like 'row:%'"
    )
    assert [row.ev_extra1 for row in kinds] == ["public.everything"]


async def test_combined_node_is_not_dropped_while_queues_are_merged_into_it(
    merge: Merge, process: StartProcess
) -> None:
    one = await process("drop-node", "t2", "--yes", "--db", merge.t2.dsn, "--queue", COMBINED)
    assert await one.wait() == 1
    assert "p1, p2" in one.err
    for queue in PARTS:
        leaf = await process("drop-node", "t2", "--yes", "--db", merge.t2.dsn, "--queue", queue)
        assert await leaf.wait() == 0, leaf.err
    one = await process("drop-node", "t2", "--yes", "--db", merge.t2.dsn, "--queue", COMBINED)
    assert await one.wait() == 0, one.err


async def test_leaf_is_merged_only_into_a_queue_that_is_here(merge: Merge) -> None:
    for queue, what in (("nowhere", "no node"), ("p1", "a leaf")):
        with pytest.raises(WrongState, match=what):
            await make_node(merge.t1, "p3", "leaf", "t1", await third(merge), merge=queue)
        # and nothing was registered
        assert (
            await merge.s1.fetch_value(
                "select count(*) from pgq_node.node_location where queue_name = 'p3'"
            )
            == 1
        )


async def third(merge: Merge) -> Database:
    """A third part queue's root, made once."""
    if not await merge.s1.fetch_value(
        "select exists (select from pgq.queue where queue_name = 'p3')"
    ):
        await make_node(merge.s1, "p3", "root", "s1")
    return merge.s1
