"""The seed's tree for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from fixtures.chk import check
from fixtures.server import Server
from fixtures.tree import Tree, planted


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planted_tree(server: Server, template: str) -> AsyncIterator[Tree]:
    """One tree for the tests of a module, each of which leaves it as it found it."""
    async with planted(server) as tree:
        yield tree


@pytest_asyncio.fixture(loop_scope="module")
async def tree(planted_tree: Tree) -> AsyncIterator[Tree]:
    """The module's tree; afterwards all is equal, CHK holds and no log complains (acceptance D)."""
    await planted_tree.work()  # where a test before this one has failed
    planted_tree.forget_complaints()
    yield planted_tree
    await planted_tree.settled()
    await check(*planted_tree)
    assert planted_tree.complaints() == []
