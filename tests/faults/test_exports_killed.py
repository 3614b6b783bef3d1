"""Jobs that write files, whose runner is killed at each of their reach points.

Whoever reads all files comes to the rows of the table, each change fits what was there before, and
what a file held when it was first seen it holds for ever.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.cascade import QUEUE, Cascade, TestNode
from fixtures.exports import RandomChanges, files, make_export, rows_after
from fixtures.passes import killed
from fixtures.process import StartProcess
from fixtures.sqljobs import force_tick, job_row
from fixtures.waiting import eventually
from tailrace import faults
from tailrace.bridge.export.consumer import ExportConsumer

pytestmark = pytest.mark.faults

BOTH_WAYS = os.environ.get("STRIKES") == "all"

SETTINGS = {"TAILRACE_POLL": "100ms"}
POINTS = sorted(name for name in faults.declared() if name.startswith("export."))
OF_ITS_MAKING = ("export.after_first_request", "export.after_create")
OF_A_BATCH = [name for name in POINTS if name not in OF_ITS_MAKING]


GROWN_OLD = """
    update tailrace.export_file set published_at = now() - interval '2 h'
    where to_tick = (select min(to_tick) from tailrace.export_file where from_tick > 0)
"""
ALWAYS_A_CHANGE = """
    insert into public.t values (-1, '') on conflict (id) do update set v = t.v || 'x'
"""


class Seen:
    """What readers have seen of files."""

    def __init__(self, to: Path) -> None:
        self._to = to
        self._held: dict[str, bytes] = {}

    def look(self) -> None:
        """Each file is as it was when it was first seen, unless it is gone."""
        for name in files(self._to, "public.t"):
            held = (self._to / "public.t" / name).read_bytes()
            assert self._held.setdefault(name, held) == held, name
            assert held.endswith(b"\n")


async def _equal(node: TestNode, to: Path) -> bool:
    rows = await node.db.fetch_all("select id, v from public.t order by id")
    assert rows_after(to, "public.t") == [row._asdict() for row in rows]
    return True


async def _prepare(root: TestNode) -> RandomChanges:
    await root.db.execute("select pgq.set_queue_config('flow', 'ticker_max_lag', '0')")
    await root.db.execute(RandomChanges.TABLE)
    await root.db.execute(f"select tailrace.add_table('{QUEUE}', 'public.t')")
    changes = RandomChanges(root.db)
    for _ in range(5):
        await changes.make()
    return changes


async def test_every_change_is_in_one_file_however_often_the_runner_is_killed(
    cascade: Cascade, tmp_path: Path
):
    root = await cascade.root()
    changes = await _prepare(root)
    await make_export(root.db, "out", tmp_path, "public.t", retention="1h", format="debezium-json")
    row = await job_row(root.db, "out")
    seen = Seen(tmp_path)
    # each goes on with what the one before has left; in a soak also the other way round
    for point in [*OF_A_BATCH, *(reversed(OF_A_BATCH) if BOTH_WAYS else ())]:
        if point == "export.after_removal":
            await root.db.execute(GROWN_OLD)
        await changes.make()
        await root.db.execute(ALWAYS_A_CHANGE)
        await force_tick(root.db, QUEUE)
        fault = f"{point}:kill"
        assert await killed(ExportConsumer, root.dsn, QUEUE, row.consumer_name, fault) == -9, fault
        seen.look()
    assert await killed(ExportConsumer, root.dsn, QUEUE, row.consumer_name, "nothing:error") == 0
    seen.look()
    await _equal(root, tmp_path)
    hidden = [path.name for path in (tmp_path / "public.t").glob(".*")]
    assert hidden == [], "what was left half-done is gone"
    assert (
        await root.db.fetch_value(
            "select count(*) from tailrace.export_file where published_at is null"
        )
        == 0
    )


@pytest.mark.parametrize("point", OF_ITS_MAKING)
async def test_who_makes_a_job_dies(
    cascade: Cascade, process: StartProcess, tmp_path: Path, point: str
):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    changes = await _prepare(root)
    await leaf.db.execute("create table public.t (id int primary key, v text)")
    await leaf.db.execute(f"select tailrace.add_table('{QUEUE}', 'public.t')")
    words = (
        "export",
        "out",
        "--table",
        "t",
        "--to",
        str(tmp_path),
        "--every",
        "0s",
        "--format",
        "debezium-json",
    )
    maker = await process(
        *words, "--db", leaf.dsn, "--queue", QUEUE, env={"TAILRACE_FAULT": f"{point}:kill"}
    )
    assert await maker.wait() < 0
    if not await leaf.db.fetch_value("select count(*) from tailrace.job where kind = 'export'"):
        assert await (await process(*words, "--db", leaf.dsn, "--queue", QUEUE)).wait() == 0
    await process("run", "--db", root.dsn, "--db", leaf.dsn, env=SETTINGS)
    for _ in range(10):
        await changes.make()
    await eventually(lambda: _equal(root, tmp_path), 20)
