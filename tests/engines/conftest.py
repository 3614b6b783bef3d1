"""Clusters, a fake and a real one, and sessions on them."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from fixtures.flink_fake import FakeFlink
from fixtures.flink_fake import fake_flink as fake_flink
from fixtures.flink_session import OpenSql, Sql
from tailrace.db.connection import Database
from tailrace.engines.flink.home import flink_home as flink_home_of_jars
from tailrace.engines.flink.home import java
from tailrace.engines.flink.local import LocalCluster, Running
from tailrace.errors import Unsupported
from tailrace.gateway.sessions import Session


@pytest_asyncio.fixture
async def open_sql(database: Database) -> AsyncIterator[OpenSql]:
    """Open sessions on a cluster: ``sql = await open_sql(url, gateway)``."""
    async with AsyncExitStack() as stack:

        async def make(url: str, gateway: str = "", dsn: str | None = None) -> Sql:
            defaults = {
                "tailrace.engine": "flink",
                "tailrace.flink.url": url,
                "tailrace.flink.gateway": gateway,
            }
            session = Session(dsn or database.dsn, defaults=defaults)
            return Sql(await stack.enter_async_context(session))

        yield make


@pytest_asyncio.fixture
async def fake_sql(fake_flink: FakeFlink, open_sql: OpenSql) -> Sql:
    """A session on the fake."""
    return await open_sql(fake_flink.url, fake_flink.url)


@pytest.fixture(scope="session")
def flink_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the real cluster of this test run lives."""
    return tmp_path_factory.mktemp("flink")


@pytest.fixture(scope="session")
def real_cluster(flink_home: Path) -> Iterator[LocalCluster]:
    """A real Flink, started once for all tests that want it."""
    if importlib.util.find_spec("py4j") is None:
        pytest.skip("Flink is not installed: pip install 'tailrace[flink]'")
    try:
        flink_home_of_jars()
        java()
    except Unsupported as missing:
        pytest.skip(str(missing))
    cluster = LocalCluster(flink_home)
    cluster.start(port=None, slots=4, tied=True)
    yield cluster
    cluster.stop()


@pytest.fixture
def real_flink(real_cluster: LocalCluster) -> Running:
    """How the real Flink runs now: one of the tests kills it and starts it again."""
    running = real_cluster.status()
    return running or real_cluster.start(port=None, slots=4, tied=True)


@pytest_asyncio.fixture
async def real_sql(
    open_sql: OpenSql, real_flink: Running, flink_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Sql:
    """A session on the real one."""
    monkeypatch.setenv("TAILRACE_FLINK_HOME", str(flink_home))
    return await open_sql(real_flink.url)
