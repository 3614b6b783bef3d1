"""What tests of the statements on Flink share: a session on the fake or the real one, and a job.

All tests that need the real one are in this folder, which one worker runs as if it were one file
(``tests/conftest.py``), so that it is started once.
"""

from __future__ import annotations

import pytest

from fixtures.flink_session import BODY, DEFINITIONS, Sql


@pytest.fixture(params=["fake", "real"])
def sql(request: pytest.FixtureRequest) -> Sql:
    found: Sql = request.getfixturevalue(f"{request.param}_sql")
    return found


@pytest.fixture
async def defined(sql: Sql) -> Sql:
    for text in DEFINITIONS:
        await sql(text)
    return sql


@pytest.fixture
async def job(defined: Sql, request: pytest.FixtureRequest) -> str:
    """A running job, named after the test."""
    name = "".join(one if one.isalnum() else "_" for one in request.node.name).lower()
    await defined(f'CREATE JOB "{name}" AS {BODY}')
    return name
