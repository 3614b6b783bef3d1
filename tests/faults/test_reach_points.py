"""Every reach point of the source belongs to a test that kills, fails or stalls something there.

A new file with reach points fails here until somebody says which test goes through them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace import faults

TESTS = Path(__file__).parents[1]

BROKEN_BY = {
    "bridge/importing.py": "faults/test_import_killed.py",
    "bridge/loading.py": "faults/test_import_killed.py",
    "cascade/follower.py": "faults/test_merge_killed.py",
    "cascade/joining.py": "faults/test_commands_killed.py",
    "cascade/leaving.py": "integration/commands/test_drop_node.py",
    "cascade/lost.py": "integration/commands/test_resurrect.py",
    "cascade/marking.py": "faults/test_commands_killed.py",
    "cascade/operation.py": "integration/switch/test_killed.py",
    "cascade/position.py": "faults/test_run_killed.py",
    "cascade/resurrect.py": "integration/commands/test_resurrect.py",
    "cascade/watermark.py": "faults/test_run_killed.py",
    "cascade/worker.py": "faults/test_run_killed.py",
    "client/batch.py": "integration/client/test_processes.py",
    "client/registration.py": "integration/client/test_processes.py",
    "engines/postgres/creation.py": "faults/test_sql_jobs_killed.py",
    "engines/postgres/changes.py": "faults/test_sql_jobs_killed.py",
    "bridge/export/consumer.py": "faults/test_exports_killed.py",
    "bridge/export/creation.py": "faults/test_exports_killed.py",
    "engines/postgres/filling.py": "faults/test_sql_jobs_killed.py",
    "engines/postgres/preparing.py": "faults/test_sql_jobs_killed.py",
    "engines/postgres/sqljob.py": "faults/test_sql_jobs_killed.py",
    "jobs/savepoints/disposal.py": "faults/test_savepoint_killed.py",
    "jobs/savepoints/restore.py": "faults/test_savepoint_killed.py",
    "jobs/savepoints/seed.py": "integration/jobs/test_savepoints.py",
    "jobs/savepoints/writer.py": "faults/test_savepoint_killed.py",
    "engines/flink/engine.py": "engines/test_flink_killed.py",
    "jobs/cluster/manager.py": "engines/test_flink_killed.py",
    "jobs/cluster/resolving.py": "engines/test_flink_killed.py",
    "jobs/cluster/savepoints.py": "engines/test_flink_killed.py",
    "queue/ticker.py": "faults/test_run_killed.py",
    "replication/compare.py": "integration/copy/test_compare.py",
    "replication/consumer.py": "faults/test_run_killed.py",
    "replication/copy.py": "faults/test_copy_killed.py",
    "replication/passing.py": "faults/test_merge_killed.py",
    "replication/snapshot.py": "faults/test_copy_killed.py",
    "replication/sync.py": "faults/test_copy_killed.py",
}


def test_each_place_in_the_source_is_broken_by_some_test() -> None:
    assert set(faults.declared().values()) == set(BROKEN_BY)


@pytest.mark.parametrize("test", sorted(set(BROKEN_BY.values())))
def test_those_tests_are_there_and_do_break_something(test: str) -> None:
    text = (TESTS / test).read_text()
    assert any(word in text for word in ("TAILRACE_FAULT", "faults.", "killed(", "kill"))
