"""The verbs about jobs and savepoints do what the statements do."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from fixtures.cascade import Cascade, TestNode, running
from fixtures.command import Tailrace
from fixtures.waiting import eventually
from tailrace import Consumer
from tailrace.service import background


def is_there(path: str) -> bool:
    return Path(path, "_metadata").exists()


async def test_savepoints_by_verbs(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    for node in (root, leaf):
        await node.add_table()
    await leaf.set_live()
    monkeypatch.setenv("TAILRACE_SAVEPOINTS_DIR", str(tmp_path / "savepoints"))
    at = ("--db", leaf.dsn)
    job = "node2_worker"
    async with running(root, leaf):
        runs = "select bool_and(status = 'RUNNING') from tailrace.jobs"
        await eventually(lambda: leaf.db.fetch_value(runs), 20)
        first = (await tailrace("create-savepoint", job, *at)).out.strip()
        assert is_there(first)
        await root.db.execute("insert into public.t values (1, 'a')")
        stopped = await tailrace("stop-job", job, "--drain", "--with-savepoint", *at)
        second = stopped.out.strip()
        assert "has stopped" in stopped.err
        assert await leaf.rows() == [(1, "a")]
        listed = (await tailrace("savepoints", job, "--format", "json", *at)).json
        assert [row["savepoint path"] for row in listed] == [second, first]
        (checkpoint,) = (await tailrace("checkpoints", job, "--format", "json", *at)).json
        assert checkpoint["position"] == listed[0]["position"]

        await leaf.db.execute("set session_replication_role = 'replica'")
        await leaf.db.execute("delete from public.t")
        await tailrace("start-job", job, "--from-savepoint", second, *at)
        assert await leaf.rows() == [(1, "a")]

        complaint = (await tailrace("drop-savepoint", second, *at, status=2)).complaint
        assert "confirm with --yes" in complaint
        gone = await tailrace("drop-savepoint", "--job", job, "--keep-last", "1", "--yes", *at)
        assert gone.out.strip() == first
        gone = await tailrace("drop-savepoint", second, "--yes", *at)
        assert (gone.out.strip(), is_there(second)) == (second, False)
        assert (await tailrace("savepoints", "--format", "json", *at)).json == []
        assert (await tailrace("drop-savepoint", "--all", "--yes", *at)).out == ""
        complaint = (await tailrace("drop-savepoint", second, "--yes", *at, status=1)).complaint
        assert second in complaint
    complaint = (await tailrace("drop-job", job, "--yes", *at, status=1)).complaint
    assert "drop-node node2" in complaint


async def test_a_program_that_consumes_is_nobody_who_writes_savepoints(
    cascade: Cascade, tailrace: Tailrace, tmp_path: Path
):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await leaf.add_table()
    await leaf.set_live()
    async with running(leaf):
        await eventually(partial(_is_running, leaf), 20)
    at = ("--db", leaf.dsn)
    async with Consumer(leaf.dsn, "flow", "billing") as consumer:
        async with background(consumer.next_batch(), name="billing"):
            await eventually(partial(_is_running, leaf, "billing"), 20)
            await tailrace("stop-job", "node2_worker", *at)
            directory = f"SET 'state.savepoints.dir' = '{tmp_path}'"
            made = "CREATE SAVEPOINT FOR JOB 'node2_worker'"
            assert "savepoint-" in (await tailrace("sql", "-c", f"{directory}; {made}", *at)).out


async def _is_running(node: TestNode, job: str = "node2_worker") -> bool:
    status = await node.db.fetch_value("select status from tailrace.jobs where job_name = %s", job)
    return bool(status == "RUNNING")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("drop-savepoint",), "takes one of: PATH, --job JOB, --all"),
        (("drop-savepoint", "p", "--all"), "takes one of: PATH, --job JOB, --all"),
        (("drop-savepoint", "--all", "--keep-last", "1"), "need --job JOB"),
        (("drop-savepoint", "--job", "j", "--older-than", "soon"), '"soon": is no age'),
        (("start-job", "j", "--claim"), "--claim needs --from-savepoint"),
    ],
)
async def test_verbs_called_wrongly(words: tuple[str, ...], complaint: str, tailrace: Tailrace):
    assert complaint in (await tailrace(*words, status=2)).complaint
