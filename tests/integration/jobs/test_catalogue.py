"""Every consumer that writes into a node is a job, whoever makes, pauses or removes it."""

from __future__ import annotations

import re
import signal

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.waiting import eventually
from tailrace.db import schema
from tailrace.db.connection import Row
from tailrace.errors import DatabaseError, NotFound, UsageError, WrongState

SHAPE = """
    select a.attname::text as name, format_type(a.atttypid, a.atttypmod) || a.attnotnull
        || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
        || coalesce(col_description(a.attrelid, a.attnum), '') as value
    from pg_attribute as a
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid in (
        'tailrace.job'::regclass, 'tailrace.savepoint'::regclass, 'tailrace.restore'::regclass)
        and a.attnum > 0
    union all
    select conname::text, pg_get_constraintdef(oid)
    from pg_constraint where conrelid in (
        'tailrace.job'::regclass, 'tailrace.savepoint'::regclass, 'tailrace.restore'::regclass)
    order by 1, 2
"""
JOBS = "select * from tailrace.jobs order by job_name"
NO_WAIT = "interval '200 ms'"


async def jobs(node: TestNode) -> dict[str, Row]:
    return {row.job_name: row for row in await node.db.fetch_all(JOBS)}


async def status(node: TestNode, job: str | None = None) -> str:
    return str((await jobs(node))[job or node.worker].status)


async def stop(node: TestNode, job: str | None = None, **how: str) -> None:
    more = "".join(f", {name} => {value}" for name, value in how.items())
    await node.db.execute(f"call tailrace.stop_job('{job or node.worker}'{more})")


async def start(node: TestNode, job: str | None = None, **how: str) -> None:
    more = "".join(f", {name} => {value}" for name, value in how.items())
    await node.db.execute(f"call tailrace.start_job('{job or node.worker}'{more})")


async def test_jobs_come_and_go_with_nodes_and_tables(cascade: Cascade):
    root = await cascade.root()
    branch = await cascade.branch("node2", root)
    assert {name: (row.kind, row.status) for name, row in (await jobs(branch)).items()} == {
        "node2_worker": ("worker", "CREATED")
    }
    await root.add_table()
    await branch.add_table()
    async with running(root, branch):
        row = await eventually(lambda: _job(branch, "node2.apply", "RUNNING"))
        assert (row.kind, row.node, row.engine) == ("apply", "node2", "postgres")
        assert re.fullmatch("[0-9a-f]{32}", row.job_id)
        assert (row.end_time, row.statement, row.error) == (None, None, None)
        await eventually(lambda: _job(branch, "node2_worker", "RUNNING"))
        await eventually(lambda: _job(root, "node1_worker", "RUNNING"))
        before = max(await root.ticks())
        row = await _job(root, "node1_worker", "RUNNING")
        assert before <= int(row.position) <= max(await root.ticks())
        await branch.db.execute(f"select tailrace.remove_table('{QUEUE}', 'public.t')")
        await eventually(lambda: _names(branch, {"node2_worker"}))
    await branch.db.execute(f"select pgq_node.drop_node('{QUEUE}', 'node2')")
    assert await jobs(branch) == {}


async def _job(node: TestNode, name: str, wanted: str) -> Row | None:
    row = (await jobs(node)).get(name)
    return row if row is not None and row.status == wanted else None


async def _names(node: TestNode, wanted: set[str]) -> bool:
    return set(await jobs(node)) == wanted


async def test_jobs_of_an_older_installation_are_filled_in(cascade: Cascade):
    node = await cascade.root()
    await node.db.execute("select pgq_node.register_consumer(%s, 'billing', 'node1', 1)", QUEUE)
    before = {name: (row.kind, row.node) for name, row in (await jobs(node)).items()}
    assert before == {"billing": ("consumer", "node1"), "node1_worker": ("worker", "node1")}
    fresh = await node.db.fetch_all(SHAPE)
    await node.db.execute(
        "drop table tailrace.savepoint, tailrace.restore, tailrace.job_relation,"
        " tailrace.import_file, tailrace.export_file, tailrace.job_leaving, tailrace.job cascade;"
        " drop function tailrace.keep_job cascade;"
        " alter table tailrace.table_info drop column old_images;"
        " delete from tailrace.migration where number in (2, 3, 4, 5, 8, 9);"
        " update tailrace.installation set digest = 'of another version'"
    )
    await schema.install(node.db)
    assert await node.db.fetch_all(SHAPE) == fresh
    assert {name: (row.kind, row.node) for name, row in (await jobs(node)).items()} == before
    await stop(node, "billing")
    assert await status(node, "billing") == "CANCELED"


async def test_consumer_of_the_same_name_in_two_queues_gets_a_name_of_its_own(cascade: Cascade):
    node = await cascade.root()
    await node.db.execute(
        "select pgq_node.register_location('other', 'node1', 'dbname=x', false);"
        " select pgq_node.create_node('other', 'root', 'node1', 'node1_worker', null, null, null)"
    )
    assert set(await jobs(node)) == {"node1_worker", "other/node1_worker"}


async def test_stop_and_start_go_through_the_states(cascade: Cascade):
    root = await cascade.root()
    with pytest.raises(WrongState, match=r"still SUSPENDED|is CREATED; START needs"):
        await start(root, timeout=NO_WAIT)
    async with running(root):
        await eventually(lambda: _job(root, root.worker, "RUNNING"))
        with pytest.raises(WrongState, match='"node1_worker" is RUNNING; START needs'):
            await start(root)
        await stop(root)
        row = (await jobs(root))[root.worker]
        assert (row.status, row.end_time is None) == ("CANCELED", False)
        with pytest.raises(WrongState, match='"node1_worker" is CANCELED; STOP needs'):
            await stop(root)
        await start(root)
        row = (await jobs(root))[root.worker]
        assert (row.status, row.end_time) == ("RUNNING", None)
    await eventually(lambda: _job(root, root.worker, "SUSPENDED"))
    await stop(root)  # nobody runs it: acknowledged by who asks
    assert await status(root) == "CANCELED"
    with pytest.raises(WrongState, match=r"is still SUSPENDED after .* tailrace run"):
        await start(root, timeout=NO_WAIT)
    async with running(root):
        await eventually(lambda: _job(root, root.worker, "RUNNING"))


async def test_pause_by_hand_is_a_stopped_job(cascade: Cascade):
    root = await cascade.root()
    pause = "select pgq_node.set_consumer_paused(%s, 'node1_worker', %s)"
    await root.db.execute(pause, QUEUE, True)
    assert await status(root) == "CANCELLING"
    await root.db.execute("select pgq_node.set_consumer_uptodate(%s, 'node1_worker', true)", QUEUE)
    assert (await jobs(root))[root.worker].end_time is not None
    await root.db.execute(pause, QUEUE, False)
    assert await status(root) == "CREATED"


async def test_stop_during_a_batch_says_what_it_waits_for(cascade: Cascade, connect):
    root = await cascade.root()
    busy = await connect(root.db)
    async with busy.transaction():
        await busy.execute("select 1 from pgq_node.local_state for update")
        with pytest.raises(WrongState, match=r"has not stopped within .* batch that is under way"):
            await stop(root, timeout=NO_WAIT)
        assert await status(root) == "CANCELLING"
        await stop_asked_again(root)
    await stop(root)
    assert await status(root) == "CANCELED"


async def stop_asked_again(node: TestNode) -> None:
    found = await node.db.fetch_all(f"select * from tailrace.request_stop_job('{node.worker}')")
    assert [row.savepoint_path for row in found] == [None]


async def test_drain_ends_after_what_was_committed_before(cascade: Cascade):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await root.add_table()
    await leaf.add_table()
    async with running(root, leaf):
        await eventually(
            lambda: leaf.db.fetch_value("select state = 'live' from tailrace.table_info"), 20
        )
        await root.db.execute("insert into public.t select i, 'x' from generate_series(1, 500) i")
        await stop(leaf, with_drain="true")
        assert await status(leaf) == "FINISHED"
        assert len(await leaf.rows()) == 500
        await root.db.execute("insert into public.t values (501, 'later')")
        await start(leaf)
        await eventually(lambda: leaf.db.fetch_value("select count(*) = 501 from public.t"))
        await stop(root, with_drain="true")  # on the root there is nothing to drain
        assert await status(root) == "FINISHED"


async def test_wish_that_nobody_waits_for_is_carried_out_by_the_next_runner(
    cascade: Cascade, connect
):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await root.add_table()
    await leaf.add_table()
    await root.db.execute("insert into public.t select i, 'x' from generate_series(1, 50) i")
    await leaf.db.execute("select tailrace.request_stop_job('node2_worker', with_drain => true)")
    busy = await connect(root.db)
    async with busy.transaction():
        await busy.execute("select 1 from pgq_node.local_state for update")
        await root.db.execute("select tailrace.request_stop_job('node1_worker')")
    assert (await status(root), await status(leaf)) == ("CANCELLING", "CREATED")
    async with running(root, leaf):
        await eventually(lambda: _job(root, root.worker, "CANCELED"), 20)
        await eventually(lambda: _job(leaf, leaf.worker, "FINISHED"), 30)
    assert len(await leaf.rows()) == 50


async def test_drain_that_nobody_carries_out_is_given_up(cascade: Cascade):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    with pytest.raises(WrongState, match=r"root of queue .* the drain was given up"):
        await stop(leaf, with_drain="true", timeout=NO_WAIT)
    assert await status(leaf) == "CREATED"
    await leaf.db.execute(
        "select tailrace.request_stop_job('node2_worker', with_drain => true);"
        " select tailrace.drain_to(job_id, 100) from tailrace.jobs"
    )
    waits = await leaf.db.fetch_value("select tailrace.settle_job(job_id) from tailrace.jobs")
    assert waits == f'tick 100 of queue "{QUEUE}"; the job is at 1'
    await leaf.db.execute("update pgq_node.local_state set cur_error = 'no such column'")
    waits = await leaf.db.fetch_value("select tailrace.settle_job(job_id) from tailrace.jobs")
    assert waits.endswith("the job is at 1, where it fails: no such column")


async def test_dead_and_frozen_runners_leave_their_jobs_suspended(
    cascade: Cascade, process, tailrace
):
    root = await cascade.root()
    runner = await process("run", "--db", root.dsn)
    await eventually(lambda: _job(root, root.worker, "RUNNING"), 20)
    runner.send(signal.SIGSTOP)
    await eventually(lambda: _job(root, root.worker, "SUSPENDED"), 15)
    await tailrace("stop-job", root.worker, "--timeout", "15", "--db", root.dsn)
    assert await status(root) == "CANCELED"  # although the frozen one held its lock
    runner.send(signal.SIGCONT)
    await tailrace("start-job", root.worker, "--timeout", "20", "--db", root.dsn)
    await eventually(lambda: _job(root, root.worker, "RUNNING"), 20)
    await runner.kill()
    await eventually(lambda: _job(root, root.worker, "SUSPENDED"), 10)


async def test_readers_look_and_admins_act(cascade: Cascade):
    root = await cascade.root()
    await root.db.execute("set role pgq_reader")
    assert set(await jobs(root)) == {root.worker}
    with pytest.raises(DatabaseError, match="permission denied"):
        await stop(root)
    await root.db.execute("set role pgq_admin")
    await stop(root)
    assert await status(root) == "CANCELED"
    await root.db.execute("reset role")


async def test_failing_job_is_restarting_and_shows_its_error(cascade: Cascade):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await root.add_table()
    await leaf.add_table()
    async with running(root, leaf):
        await eventually(
            lambda: leaf.db.fetch_value("select state = 'live' from tailrace.table_info"), 20
        )
        await leaf.db.execute("alter table public.t add constraint short check (length(v) < 3)")
        await root.db.execute("insert into public.t values (1, 'too long')")
        row = await eventually(lambda: _job(leaf, leaf.worker, "RESTARTING"), 20)
        assert "short" in row.error
        await stop(leaf)
        assert await status(leaf) == "CANCELED"


async def test_jobs_are_named_by_name_id_or_its_beginning(cascade: Cascade):
    root = await cascade.root()
    find = "select (tailrace.find_job(%s)).job_name"
    (job,) = (await jobs(root)).values()
    for name in (root.worker, job.job_id, job.job_id[:6], job.job_id[:9].upper()):
        assert await root.db.fetch_value(find, name) == root.worker
    for wrong, error, text in (
        ("nobody", NotFound, 'there is no job "nobody" in database'),
        (job.job_id[:5], NotFound, "give at least 6 of its 32 digits"),
        ("0" * 33, NotFound, "there is no job"),
        ("0" * 32, NotFound, "no job with an id that begins with"),
        (" ", UsageError, "no job was named"),
        (None, UsageError, "no job was named"),
    ):
        with pytest.raises(error, match=text):
            await root.db.fetch_value(find, wrong)
    await root.db.execute(
        "insert into tailrace.job (job_id, job_name, kind, queue_name, node_name, consumer_name)"
        " select 'abcdef' || repeat(i::text, 26), 'other' || i, 'consumer', 'q', 'n', 'c' || i"
        " from generate_series(1, 2) as i"
    )
    with pytest.raises(UsageError, match=r'"abcdef" is the beginning of 2 ids: abcdef1+, abcdef2+'):
        await root.db.fetch_value(find, "abcdef")
    await root.db.execute("update tailrace.job set job_name = 'abcdef' where job_name = 'other2'")
    assert await root.db.fetch_value(find, "abcdef") == "abcdef"  # a name comes first


async def test_only_what_a_node_can_do_without_is_dropped(cascade: Cascade):
    root = await cascade.root()
    with pytest.raises(WrongState, match=f"tailrace --queue {QUEUE} drop-node node1"):
        await root.db.execute("select tailrace.drop_job('node1_worker')")
    await root.db.execute("select pgq.register_consumer(%s, 'billing')", QUEUE)
    await root.db.execute("select pgq_node.register_consumer(%s, 'billing', 'node1', 1)", QUEUE)
    with pytest.raises(WrongState, match='"billing" is CREATED; DROP needs'):
        await root.db.execute("select tailrace.drop_job('billing')")
    await stop(root, "billing")
    dropped = (await jobs(root))["billing"].job_id
    assert await root.db.fetch_value("select tailrace.drop_job('billing')") == dropped
    assert set(await jobs(root)) == {"node1_worker"}
    assert await root.subscription("billing") is None


async def test_waiting_inside_a_transaction_names_the_function_form(cascade: Cascade):
    root = await cascade.root()
    for call, function in (
        (f"call tailrace.stop_job('{root.worker}')", "request_stop_job"),
        (f"call tailrace.start_job('{root.worker}')", "request_start_job"),
    ):
        with pytest.raises(WrongState, match=rf"inside a transaction; .* tailrace\.{function}"):
            async with root.db.transaction():
                await root.db.execute(call)
    await root.db.execute("call tailrace.stop_job(%s)", root.worker)  # by Parse, Bind, Execute
    assert await status(root) == "CANCELED"


async def test_thousand_jobs_are_listed_at_once(cascade: Cascade):
    root = await cascade.root()
    await root.db.execute(
        "insert into pgq_node.local_state (queue_name, consumer_name, provider_node, last_tick_id)"
        f" select '{QUEUE}', 'c' || i, 'node1', 1 from generate_series(1, 1000) as i;"
        " analyze tailrace.job; analyze pgq_node.local_state"
    )
    plan = await root.db.fetch_all("explain (analyze, format text) select * from tailrace.jobs")
    took = float(plan[-1][0].split(":")[1].removesuffix(" ms"))
    assert took < 100, took
