"""Fixtures for copies and comparisons."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from fixtures.databases import NewDatabase
from integration.copy.handmade import Cascade, Node, create


async def build(new_database: NewDatabase, *names: str) -> AsyncIterator[Cascade]:
    """Make some nodes of the cascade, without any worker running."""
    nodes = {name: Node(name, await new_database(label=name)) for name in names}
    await create(nodes)
    yield Cascade(nodes)
    for node in nodes.values():
        await node.close()


@pytest_asyncio.fixture
async def cascade(new_database: NewDatabase) -> AsyncIterator[Cascade]:
    """Four databases: root, branch and leaf below it, and a leaf below the branch."""
    async for made in build(new_database, "root", "branch", "leaf", "lower"):
        yield made


@pytest_asyncio.fixture
async def pair(new_database: NewDatabase) -> AsyncIterator[Cascade]:
    """Two databases: root and leaf."""
    async for made in build(new_database, "root", "leaf"):
        yield made
