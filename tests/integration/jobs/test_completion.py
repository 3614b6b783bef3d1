"""What Tab offers in the shell: jobs, savepoints of the job that was named, queues, settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from fixtures.cascade import Cascade, running
from fixtures.waiting import eventually
from tailrace.gateway.sessions import Session
from tailrace.shell.interactive import Suggestions
from tailrace.shell.printer import Printer
from tailrace.shell.script import Script


async def test_values_are_those_that_there_are(
    cascade: Cascade, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    root = await cascade.root()
    leaf = await cascade.leaf("node2", root)
    await leaf.add_table()
    await leaf.set_live()
    runs = "select status = 'RUNNING' from tailrace.jobs"
    async with running(leaf), Session(leaf.dsn) as session:
        await eventually(lambda: leaf.db.fetch_value(runs), 20)
        script = Script(session, Printer("tsv"))
        session.options.set("state.savepoints.dir", str(tmp_path))
        assert await script.run("CREATE SAVEPOINT FOR JOB 'node2_worker'")
        path = capsys.readouterr().out.splitlines()[-1]

        async def offered(text: str) -> list[str]:
            found = Suggestions(script).get_completions_async(Document(text), CompleteEvent())
            return [one.text async for one in found]

        assert await offered("START JOB 'node2_worker' FROM SAVEPOINT '") == [f"'{path}'"]
        assert await offered("START JOB 'node1_worker' FROM SAVEPOINT '") == []
        assert await offered(f"drop savepoint '{path[:-3]}") == [f"'{path}'"]
        assert await offered("STOP JOB 'nod") == ["'node2_worker'", "'node1_worker'"]
        assert await offered("SHOW CONSUMERS FOR QUEUE '") == []  # a leaf has none
        assert "'tailrace.timeout'" in await offered("SET 'tail")
