"""Programs that consume are jobs: registered, stopped, started, dropped; their effects."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

import tailrace
from fixtures.cascade import QUEUE, Cascade, TestNode, running
from fixtures.remote import hidden
from tailrace.jobs.manager import Manager

EFFECTS = "create table public.effects (data text, made_by integer)"


async def order(node: TestNode, *data: str) -> None:
    """Orders of one transaction, so that no tick comes between them."""
    async with node.db.transaction():
        for one in data:
            await node.event(one, kind="order")


async def data_of(consumer: tailrace.Consumer) -> list[str | None]:
    """The orders of the next batch that holds any."""
    while True:
        batch = await asyncio.wait_for(consumer.next_batch(), 20)
        assert batch is not None
        found = [event.data async for event in batch if event.type == "order"]
        if found:
            return found


async def to_the_end(consumer: tailrace.Consumer) -> None:
    """Take what comes, if only events of the cascade itself, until the job is dropped."""
    async for _ in consumer:
        pass


def open_consumer(node: TestNode, **options: object) -> tailrace.Consumer:
    return tailrace.Consumer(node.dsn, QUEUE, "billing", poll=0.2, **options)  # type: ignore[arg-type]


async def status(node: TestNode, name: str = "billing") -> str | None:
    found = await node.db.fetch_value("select status from tailrace.jobs where job_name = %s", name)
    return None if found is None else str(found)


async def test_a_program_is_a_job(cascade: Cascade):
    root = await cascade.root()
    await order(root, "before")
    await root.tick()
    async with running(root), open_consumer(root) as consumer:
        job = await root.db.fetch_one("select * from tailrace.jobs where job_name = 'billing'")
        assert (job.kind, job.job_id, job.status) == ("consumer", consumer.job_id, "CREATED")
        await order(root, "a", "b")
        assert await data_of(consumer) == ["a", "b"]  # from now on, not from before
        assert await status(root) == "RUNNING"

        # stopped, by whom ever: acknowledged, and nothing is read until it is started
        async with Manager(root.db, timeout=15) as manager:
            waiting = asyncio.ensure_future(data_of(consumer))
            await manager.stop("billing")
            assert await status(root) == "CANCELED"
            await order(root, "c")
            await asyncio.wait([waiting], timeout=0.5)
            assert not waiting.done()
            await manager.start("billing")
            assert await asyncio.wait_for(waiting, 20) == ["c"]
            # a drain waits until it has had everything
            await order(root, "d")
            stopping = asyncio.ensure_future(manager.stop("billing", drain=True))
            assert await data_of(consumer) == ["d"]
            rest = asyncio.ensure_future(to_the_end(consumer))  # d is done with this
            await asyncio.wait_for(stopping, 20)
            assert await status(root) == "FINISHED"

            # dropped: the iteration ends, the queue keeps nothing for it
            await manager.drop("billing")
            await asyncio.wait_for(rest, 20)
    assert await root.subscription(consumer.consumer_name) is None
    assert await status(root) is None


async def test_effect_and_position_are_one(cascade: Cascade):
    root = await cascade.root(by_hand=True)
    await root.db.execute(EFFECTS)
    async with open_consumer(root) as consumer:
        await order(root, "a")
        await root.tick()
        batch = await asyncio.wait_for(consumer.next_batch(), 20)
        assert batch is not None
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with batch.transaction() as conn:
                await conn.execute("insert into effects values ('undone')")
                await conn.execute("select 1 / 0")
        assert not batch.done
        # so it comes again, and the job says why
        again = await asyncio.wait_for(consumer.next_batch(), 20)
        assert again is not None
        assert (again.from_tick, again.to_tick) == (batch.from_tick, batch.to_tick)
        error = "select error from tailrace.jobs where job_name = 'billing'"
        assert "DivisionByZero" in await root.db.fetch_value(error)
        async with again.transaction() as conn:
            async for event in again:
                await conn.execute("insert into effects values (%s)", [event.data])
        assert await root.position(consumer.consumer_name) == again.to_tick
        assert await root.subscription(consumer.consumer_name) == again.to_tick
        with pytest.raises(tailrace.TailraceError, match="finished already"):
            await again.finish()
        # the program's own transaction may do it as well
        await order(root, "b")
        await root.tick()
        third = await asyncio.wait_for(consumer.next_batch(), 20)
        assert third is not None
        async with await psycopg.AsyncConnection.connect(root.dsn) as own:
            await own.execute("insert into public.effects values ('b')")
            await third.finish(own)
        assert await root.position(consumer.consumer_name) == third.to_tick
    rows = await root.db.fetch_all("select data from public.effects order by 1")
    assert [row.data for row in rows] == ["a", "b"]


async def test_an_error_of_the_program_shows_and_the_batch_comes_again(cascade: Cascade):
    root = await cascade.root()
    await root.db.execute(EFFECTS)
    attempts = 0

    async def handle(batch: tailrace.Batch, conn: object) -> None:
        nonlocal attempts
        orders = [event async for event in batch if event.type == "order"]
        attempts += bool(orders)
        if attempts == 1:
            raise ValueError("no such customer")
        if orders:
            consumer.stop()

    async with running(root), open_consumer(root) as consumer:
        task = asyncio.ensure_future(consumer.run(handle))
        await order(root, "a")
        await asyncio.wait_for(task, 20)
    assert attempts == 2
    # what ends the program is the job's error, too
    with pytest.raises(ValueError, match="enough"):
        async with open_consumer(root) as consumer:
            await order(root, "b")
            await root.tick()
            await data_of(consumer)
            raise ValueError("enough")
    row = await root.db.fetch_one("select * from tailrace.jobs where job_name = 'billing'")
    assert (row.status, row.error) == ("SUSPENDED", "ValueError: enough")


async def test_a_provider_is_reached_with_what_this_program_adds(cascade: Cascade, tmp_path: Path):
    """cascade.md S-33; its location alone leads nowhere."""
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    location, added = hidden(root.dsn, "up", tmp_path)
    register = "select * from pgq_node.register_location(%s, 'node1', %s, false)"
    await leaf.db.execute(register, QUEUE, location)
    with pytest.raises(tailrace.TailraceError, match=r"up\.invalid"):
        async with open_consumer(leaf):
            pass
    tailrace.reach_others_with(added)
    async with running(root, leaf), open_consumer(leaf) as consumer:
        await order(root, "a")
        assert await data_of(consumer) == ["a"]


async def test_on_a_leaf_events_come_from_the_provider(cascade: Cascade):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    other = await cascade.leaf("node3", root)
    await root.add_table()
    async with running(root, leaf, other):
        # the same name on two leaves of one provider: each has everything
        async with open_consumer(leaf) as consumer, open_consumer(other) as second:
            await root.db.execute("insert into public.t values (1, 'x'), (2, null)")
            await root.db.execute("update public.t set v = 'y' where id = 1")
            await root.db.execute("delete from public.t where id = 2")
            expected = [
                ("insert", {"id": "1", "v": "x"}),
                ("insert", {"id": "2", "v": None}),
                ("update", {"id": "1", "v": "y"}),
                ("delete", {"id": "2"}),
            ]
            for one in (consumer, second):
                found: list[tuple[str, dict[str, str | None]]] = []
                while len(found) < 4:
                    batch = await asyncio.wait_for(one.next_batch(), 20)
                    assert batch is not None
                    found += [(it.operation, it.row) async for it in batch.changes("public.t")]
                assert found == expected
                await batch.finish()
            assert await other.position(second.consumer_name) == batch.to_tick
            async with Manager(root.db, timeout=15) as manager:
                stopping = asyncio.ensure_future(manager.stop(consumer.job_id))
                rest = asyncio.ensure_future(to_the_end(consumer))
                await asyncio.wait_for(stopping, 20)
                await manager.drop(consumer.job_id)
                await asyncio.wait_for(rest, 20)
    assert await root.subscription(consumer.consumer_name) is None
    assert await root.subscription(second.consumer_name) is not None


async def test_large_batches_are_read_in_blocks(cascade: Cascade):
    root = await cascade.root(by_hand=True)
    async with open_consumer(root, max_events=100_000) as consumer:
        await root.db.execute(
            "select pgq.insert_event(%s, 'order', i::text) from generate_series(1, 5500) as i",
            QUEUE,
        )
        await root.tick()
        batch = await asyncio.wait_for(consumer.next_batch(), 20)
        assert batch is not None
        assert [len(block) async for block in batch.blocks()] == [1000] * 5 + [500]
        async for event in batch:  # may be left in the middle, and read again
            assert event.data == "1"
            break
        assert len(await batch.events()) == 5500
        with pytest.raises(tailrace.TailraceError, match="read a second time meanwhile"):
            async for _ in batch.blocks():
                await anext(batch.blocks())
        with pytest.raises(tailrace.TailraceError, match="has been finished meanwhile"):
            async for _ in batch.blocks():
                if not batch.done:
                    await batch.finish()


async def test_what_cannot_be_consumed_is_refused(cascade: Cascade):
    root = await cascade.root()
    for queue, name, complaint in (
        ("nowhere", "billing", 'is no node of queue "nowhere"'),
        (QUEUE, "node1_worker", 'has a job "node1_worker" already, of kind worker'),
        (QUEUE, " ", '" " cannot be the name of a job'),
        (QUEUE, "0123456789abcdef" * 2, "it looks like the id of one"),
    ):
        with pytest.raises(tailrace.TailraceError, match=complaint):
            async with tailrace.Consumer(root.dsn, queue, name):
                pass
    with pytest.raises(tailrace.TailraceError, match="is not open"):
        await open_consumer(root).next_batch()


async def test_statements_from_a_program(cascade: Cascade):
    root = await cascade.root()
    async with tailrace.Statements(root.dsn) as tr:
        (job,) = await tr.execute("SHOW JOBS")
        assert (job["job name"], job["status"]) == ("node1_worker", "CREATED")
        assert await tr.execute("select 1 as one;") == [{"one": 1}]
        with pytest.raises(tailrace.TailraceError, match="line 1"):
            await tr.execute("SHOW JOBS x")


async def test_who_waits_for_a_program_is_told_so(cascade: Cascade):
    root = await cascade.root()
    async with open_consumer(root):
        pass
    async with tailrace.Statements(root.dsn) as tr:
        start, call = "START JOB 'billing'", "call tailrace.start_job('billing', timeout => '0 s')"
        awaited = "to run, and goes on when its program runs"
        for again in (False, True):
            for statement in (start, call):
                if again:
                    await tr.execute("STOP JOB 'billing'")
                    await tr.execute("SET 'tailrace.timeout' = '1ms'")
                with pytest.raises(tailrace.TailraceError, match=awaited):
                    await tr.execute(statement)
                await tr.execute("RESET")


def test_scripts_need_no_asyncio(tmp_path: Path):
    """What is exported is found, and nothing is imported before it is used."""
    import subprocess
    import sys

    text = "import sys, tailrace; print('psycopg' in sys.modules); tailrace.PlainConsumer"
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("False", "")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tailrace.nothing  # noqa: B018
