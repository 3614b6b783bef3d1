"""resurrect: an old root comes back as a branch, wherever the command dies on its way."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, differences, equal_everywhere, running
from fixtures.cascade import cascade as cascade  # the fixture
from fixtures.process import StartProcess
from fixtures.sqljobs import make_job, run_job
from fixtures.sqljobs import status as job_status
from fixtures.waiting import eventually
from integration.switch.losing import lost
from tailrace.errors import WrongState
from tailrace.faults import declared

DUMP = "resurrect-lost-events.json"
FLAG = "select dead from pgq_node.node_location where node_name = 'old'"


async def failed_over(cascade: Cascade, *, lost: bool = True) -> tuple[TestNode, TestNode]:
    """An old root that has written on while another node was made the root in its place.

    Made by plain SQL, as a takeover does it, so that the test does not depend on one.
    """
    old = await cascade.root("old")
    new = await cascade.branch("new", old)
    for node in (old, new):
        await node.add_table()
    await new.set_live()
    await old.db.execute("insert into public.t values (1, 'both'), (2, 'both')")
    async with running(old, new):
        await eventually(lambda: equal_everywhere(old, new), 20)
        await eventually(lambda: reached_top(old, new), 20)
    await promote(new)
    if lost:
        await old.db.execute("insert into public.t values (3, 'lost')")
        await old.tick()
        await old.db.execute("update public.t set v = 'lost' where id = 1")
        await old.db.execute("delete from public.t where id = 2")
        await old.event("by hand", "other", None)
    await new.db.execute("insert into public.t values (4, 'after')")
    return old, new


async def promote(new: TestNode) -> None:
    """Put it in the place of the old root, from the last tick on that both have."""
    tick = (await new.ticks())[-1]
    await new.db.execute("select pgq_node.register_location(%s, 'old', null, true)", QUEUE)
    promoted = await new.db.fetch_one("select * from pgq_node.promote_branch(%s)", QUEUE)
    assert promoted is not None
    assert promoted.ret_code == 200, promoted.ret_note
    await new.db.execute(
        "select pgq_node.register_subscriber(%s, 'old', 'old.gravestone', %s)", QUEUE, tick
    )


async def reached_top(old: TestNode, new: TestNode) -> bool:
    """Everything of the old root is on the new one, up to a tick that both have."""
    event = await old.db.fetch_value(
        "select pgq.seq_getval(queue_event_seq) from pgq.queue where queue_name = %s", QUEUE
    )
    applied = await new.position(new.apply)
    top = await new.db.fetch_one(
        "select tick_id, tick_event_seq from pgq.tick order by tick_id desc limit 1"
    )
    return top is not None and applied == top.tick_id and top.tick_event_seq >= event


async def come_back(old: TestNode, new: TestNode) -> None:
    """Resume the old root and see that it follows the new one, tick by tick."""
    assert await old.db.fetch_value(FLAG) is False
    assert await new.db.fetch_value(FLAG) is False
    consumers = "select consumer_name from pgq.get_consumer_info(%s) order by 1"
    names = [row.consumer_name for row in await new.db.fetch_all(consumers, QUEUE)]
    assert names == [".global_watermark", ".old.watermark", "old_worker"]
    await old.db.execute(
        "update pgq_node.local_state set paused = false, uptodate = false where paused"
    )
    async with running(old, new):
        await new.db.execute("insert into public.t values (5, 'later')")
        await eventually(lambda: has_rows(old, 4, 5), 20)
    assert await differences(old, new) == []
    assert await old.errors() == []


async def test_old_root_applies_rows_of_a_shape_that_only_it_has_announced(cascade, tailrace):
    """It stores a descriptor of its own some time after it was sent, and may die before that."""
    old = await cascade.root("old")
    new = await cascade.branch("new", old)
    for node in (old, new):
        await node.add_table()
    await new.set_live()
    for node in (new, old):
        await node.db.execute("alter table public.t add column w integer default 0")
    await old.db.execute("insert into public.t values (1, 'both', 1)")
    await old.tick()
    async with running(new):
        await eventually(lambda: has_rows(new, 1), 20)
        await eventually(lambda: reached_top(old, new), 20)
    known = "select count(*) from tailrace.relation where 'w' = any(column_names)"
    assert (await old.db.fetch_value(known), await new.db.fetch_value(known)) == (0, 1)
    await promote(new)
    await new.db.execute("insert into public.t values (4, 'after', 4)")
    # by now its own table does not tell it either
    await old.db.execute("alter table public.t add column only_here text")
    await tailrace("resurrect", "--db", old.dsn)
    await come_back(old, new)
    assert await old.db.fetch_value(known) == 1


async def has_rows(node: TestNode, *wanted: int) -> bool:
    return {row[0] for row in await node.rows()} >= set(wanted)


async def test_old_root_comes_back_without_what_only_it_had(cascade, tailrace, tmp_path: Path):
    old, new = await failed_over(cascade)
    tick = await new.subscription("old.gravestone")
    await old.db.execute("select pgq.register_consumer(%s, 'billing')", QUEUE)
    await old.db.execute("select pgq.register_consumer(%s, '.savepoint.x')", QUEUE)
    result = await tailrace("resurrect", "--db", old.dsn, "--format", "json")
    assert result.json == [
        {
            "table": "public.t", "inserts": 1, "updates": 1, "deletes": 1, "truncates": 0,
            "others": 0, "old_rows": 0, "can_be_rolled_back": False,
        },
        {
            "table": "(other events)", "inserts": 0, "updates": 0, "deletes": 0, "truncates": 0,
            "others": 1, "old_rows": 0, "can_be_rolled_back": False,
        },
    ]  # fmt: skip
    assert 'consumer "billing" was unregistered here' in result.err
    events = json.loads((tmp_path / DUMP).read_text())
    ours = [one for one in events if not one["ev_type"].startswith("pgq.")]
    assert [one["ev_type"] for one in ours] == ["row:I", "row:U", "row:D", "other"]
    assert ours[0]["ev_data"] == "(3,lost)"
    assert ours[0]["prev_tick_id"] >= tick
    assert ours[0]["tick_id"] < ours[1]["tick_id"]
    assert set(ours[0]) == {
        "ev_id", "ev_type", "ev_data", "ev_extra1", "ev_extra2", "ev_extra3", "ev_extra4",
        "ev_time", "ev_txid", "ev_retry", "tick_id", "prev_tick_id",
    }  # fmt: skip
    assert (await old.ticks())[-1] == tick
    assert await old.subscription(".savepoint.x") == tick
    assert await old.subscription("billing") is None
    assert await old.rows() == [(1, "lost"), (3, "lost")]
    state = await old.db.fetch_one("select * from pgq_node.get_worker_state(%s)", QUEUE)
    assert (state.node_type, state.provider_node) == ("branch", "new")
    assert (state.completed_tick, state.paused) == (tick, True)
    again = await tailrace("resurrect", "--db", old.dsn)
    assert 'is a branch of "new" and is paused' in again.err
    await come_back(old, new)


async def test_dump_that_cannot_be_written_is_refused_before_anything_is_done(
    cascade, tailrace, tmp_path: Path
):
    old, _ = await failed_over(cascade)
    for dump, reason in (
        (tmp_path / "nowhere" / "x.json", "No such file or directory"),
        (tmp_path / "file" / "x.json", "Not a directory"),
    ):
        (tmp_path / "file").touch()
        result = await tailrace("resurrect", "--db", old.dsn, "--dump", str(dump), status=1)
        assert f'"{dump}" cannot be written: {reason}; choose another one' in result.complaint
    state = await old.db.fetch_one("select * from pgq_node.get_worker_state(%s)", QUEUE)
    assert (state.node_type, state.paused) == ("root", False)
    await old.db.execute("insert into public.t values (9, 'still written')")
    assert os.listdir(tmp_path) == ["file"]


async def test_sql_job_that_has_counted_lost_changes_is_failed(cascade, tailrace):
    old, _ = await failed_over(cascade, lost=False)
    await old.db.execute("create table public.ahead (n int)")
    await make_job(old.db, "ahead", "insert into ahead select _weight from changes.t")
    await old.db.execute("insert into public.t values (3, 'lost')")
    await run_job(old.db, "ahead")
    await tailrace("resurrect", "--db", old.dsn)
    async with running(old):
        await eventually(lambda: is_failed(old, "ahead"))
    assert await old.db.fetch_value("select count(*) from public.ahead") == 1
    error = await old.db.fetch_value("select error from tailrace.jobs where job_name = 'ahead'")
    assert "were lost with the old root, and the job has counted them; drop it" in error


async def is_failed(node: TestNode, job: str) -> bool:
    return await job_status(node, job) == "FAILED"


async def test_every_point_at_which_it_may_die_is_survived(
    cascade, tailrace, process: StartProcess, tmp_path: Path
):
    """Killed at one reach point after the other, each time run again: the last run finishes."""
    old, new = await failed_over(cascade)
    points = [name for name in declared() if name.startswith("resurrect.")]
    points.sort(key=ORDER.index)
    for point in points:
        words = ("resurrect", "--db", old.dsn)
        run = await process(*words, env={"TAILRACE_FAULT": f"{point}:kill"}, cwd=tmp_path)
        assert await run.wait(30) == -9, (point, run.err)
        if point == "resurrect.after_step_down":  # what it has not written itself stays as it is
            (tmp_path / DUMP).write_text("[]")
            result = await tailrace(*words, status=1)
            assert "exists and may hold the lost events of another time" in result.err
            assert (tmp_path / DUMP).read_text() == "[]"
            (tmp_path / DUMP).unlink()
    run = await process("resurrect", "--db", old.dsn, cwd=tmp_path)
    assert await run.wait(30) == 0, run.err
    assert len(json.loads((tmp_path / DUMP).read_text())) >= 4
    assert os.listdir(tmp_path) == [DUMP]
    await come_back(old, new)


async def test_resumed_half_way_it_reads_nothing_that_it_does_not_continue(
    cascade, tailrace, process: StartProcess, tmp_path: Path
):
    """Its top is beyond the gravestone, and there the new root has given ids to other events."""
    old, new = await failed_over(cascade)
    async with running(new):  # until it has every tick that the old one has, and more
        for number in range(6, 12):
            top = (await new.ticks())[-1]
            await new.db.execute("insert into public.t values (%s, 'after')", number)
            await eventually(lambda top=top: has_tick(new, top + 1), 20)
    assert await has_tick(new, (await old.ticks())[-1] + 2)
    stone = await new.subscription("old.gravestone")
    fault = {"TAILRACE_FAULT": "resurrect.after_dump:kill"}
    run = await process("resurrect", "--db", old.dsn, env=fault, cwd=tmp_path)
    assert await run.wait(30) == -9, run.err
    (tmp_path / DUMP).unlink(missing_ok=True)
    await old.db.execute(
        "update pgq_node.local_state set paused = false, uptodate = false where paused"
    )
    async with running(old, new):
        await eventually(lambda: complains(old, "is not registered"), 20)
    assert await new.subscription("old.gravestone") == stone
    await tailrace("resurrect", "--db", old.dsn)
    await come_back(old, new)


async def has_tick(node: TestNode, tick: int) -> bool:
    return (await node.ticks())[-1] >= tick


async def complains(node: TestNode, text: str) -> bool:
    return any(text in error for error in await node.errors())


@pytest.mark.parametrize(
    "point",
    ["resurrect.after_close", "resurrect.before_dump", "resurrect.after_forget",
     "resurrect.before_mark"],
)  # fmt: skip
async def test_frozen_one_that_wakes_up_late_takes_nothing_from_who_is_back(
    point: str, cascade, tailrace, process: StartProcess, tmp_path: Path
):
    """While it is frozen nobody else may go on; when its session is ended, it cannot any more."""
    old, new = await failed_over(cascade)
    words = ("resurrect", "--db", old.dsn)
    first = await process(*words, env={"TAILRACE_FAULT": f"{point}:stop"}, cwd=tmp_path)
    await eventually(lambda: first.frozen, 30)
    dump = tmp_path / DUMP
    if dump.exists():  # what it has written is asked for below, where it is written again
        dump.rename(tmp_path / "first.json")
    refused = await tailrace(*words, status=1)
    assert 'or resurrect is at work on node "old"' in refused.err
    await old.db.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity as a join pg_locks using (pid)"
        " where locktype = 'advisory' and a.datname = current_database()"
        " and application_name ~ 'resurrect'"
    )
    again = await process(*words, cwd=tmp_path)
    assert await again.wait(30) == 0, again.err
    await come_back(old, new)
    first.send(signal.SIGCONT)
    assert await first.wait(30) == 1
    assert first.err.count("tailrace: ") == 1, first.err
    assert "Traceback" not in first.err
    async with running(old, new):  # neither demoted again nor paused, and nothing was forgotten
        await new.db.execute("insert into public.t values (6, 'last')")
        await eventually(lambda: has_rows(old, 4, 5, 6), 20)
    assert await differences(old, new) == []


# In the order in which a run meets them; a point that is missing here fails the test above.
ORDER = [
    "resurrect.after_close",
    "resurrect.after_final_tick",
    "resurrect.after_step_down",
    "resurrect.before_dump",
    "resurrect.after_dump",
    "resurrect.after_forget",
    "resurrect.after_registration",
    "resurrect.before_mark",
]


async def test_no_row_lost_is_no_table_listed(cascade, tailrace):
    old, new = await failed_over(cascade, lost=False)
    result = await tailrace("resurrect", "--db", old.dsn)
    assert result.out == ""
    await come_back(old, new)


async def test_it_stops_where_it_should_and_changes_nothing(cascade, tailrace, tmp_path: Path):
    old, new = await failed_over(cascade)
    (tmp_path / DUMP).write_text("[]")
    result = await tailrace("resurrect", "--db", old.dsn, status=1)
    assert "exists and may hold the lost events of another time" in result.complaint
    (tmp_path / DUMP).unlink()

    other = await cascade.branch("other", old)
    tick = await other.db.fetch_value("select max(tick_id) from pgq.tick")
    await other.db.execute("select pgq.register_consumer_at(%s, 'old.gravestone', %s)", QUEUE, tick)
    result = await tailrace("resurrect", "--db", old.dsn, status=1)
    assert 'has two gravestones, on "new", "other"' in result.complaint
    await other.db.execute("select pgq.unregister_consumer(%s, 'old.gravestone')", QUEUE)

    result = await tailrace("resurrect", "--db", old.dsn, "--dead=new", status=1)
    assert 'no node of queue "flow" has a gravestone of node "old"' in result.complaint
    assert (await tailrace("resurrect", "--db", new.dsn, status=1)).complaint

    leaf = await cascade.leaf("leaf", new)
    assert (
        "is a leaf; there is nothing to do" in (await tailrace("resurrect", "--db", leaf.dsn)).err
    )
    await old.db.execute("delete from pgq.tick where tick_id >= 2")
    result = await tailrace("resurrect", "--db", old.dsn, status=1)
    assert "drop the node and create it again" in result.complaint
    info = await old.db.fetch_one("select * from pgq_node.get_node_info(%s)", QUEUE)
    assert info.node_type == "root"
    with pytest.raises(WrongState, match="must step down first"):
        await old.db.execute("select tailrace.forget_lost_events(%s, %s, 'new', 1, null)", QUEUE, 1)


async def test_after_a_takeover_while_everything_is_served(cascade, tailrace):
    """The commands as an operator types them; the old root's services run all the time."""
    old = await cascade.root("old")
    new = await cascade.branch("new", old)
    below = await cascade.leaf("below", new)
    for node in (old, new, below):
        await node.add_table()
    for node in (new, below):
        await node.set_live()
    await old.db.execute("insert into public.t select generate_series(1, 100), 'both'")
    async with running(new, below):
        async with running(old):
            await eventually(lambda: equal_everywhere(old, new, below), 20)
        await old.db.execute("insert into public.t values (101, 'lost')")
        async with lost(old, new):
            await tailrace("takeover", "old", "--dead-root", "--timeout", "40", "--db", new.dsn)
        old.db = await cascade.connect(old.db)
        async with running(old):  # back, and knows nothing yet
            await old.db.execute("insert into public.t values (102, 'lost')")
            await new.db.execute("insert into public.t values (103, 'after')")
            result = await tailrace("resurrect", "--db", old.dsn, "--format", "tsv")
            assert result.out.splitlines()[1].startswith("public.t\t2\t0\t0\t")
            assert await old.db.fetch_value(FLAG) is False
            assert "still read from here" not in result.err  # the takeover has moved them
            assert "is paused; now: tailrace resume" in result.err
            await tailrace("resume", "--timeout", "40", "--db", old.dsn)
            again = await tailrace("resurrect", "--db", old.dsn)
            assert 'node "old" is a branch of "new", and goes on' in again.err
            await eventually(lambda: has_rows(old, 103), 20)
            await old.db.execute("set session_replication_role = replica")
            await old.db.execute("delete from public.t where v = 'lost'")
            await new.db.execute("update public.t set v = 'end' where id <= 10")
            await eventually(lambda: equal_everywhere(new, old, below), 20)
            await tailrace("takeover", "new", "--timeout", "40", "--db", old.dsn)
            await old.db.execute("set session_replication_role = origin")
            await old.db.execute("insert into public.t values (104, 'home')")
            await eventually(lambda: equal_everywhere(old, new, below), 20)
    assert await differences(old, new) == []
