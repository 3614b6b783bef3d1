"""Cascades that are served, with a table, writers and commands: for whoever rewires them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest_asyncio

from fixtures.cascade import OPTIONS, QUEUE, Cascade, TestNode, differences, equal_everywhere
from fixtures.cascade import cascade as cascade  # the fixture, for all tests below
from fixtures.cascade import running as serving
from fixtures.command import Result, Tailrace
from fixtures.command import tailrace as tailrace  # the fixture, for all tests below
from fixtures.modelled import modelled as modelled  # the fixture, for all tests below
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.errors import TailraceError

FIVE = {"node1": None, "node2": "node1", "node3": "node1", "node4": "node2", "node5": "node3"}
TICKING = {"ticker_max_lag": "200 ms", "ticker_idle_period": "1 s"}
# Rows from here on are written by ``writing`` and stay.
LOAD = 100_000
# Commands in tests give up rather than hang.
PATIENCE = "20"


class Tree:
    """Nodes by name, with one replicated table ``public.t`` that is live everywhere."""

    def __init__(self, cascade: Cascade, type_command: Tailrace) -> None:
        self._cascade = cascade
        self._type = type_command
        self.nodes: dict[str, TestNode] = cascade.nodes
        self._next = 1

    def __getitem__(self, name: str) -> TestNode:
        return self.nodes[name]

    async def grow(
        self, providers: Mapping[str, str | None], leaves: set[str], sync: tuple[str, ...] = ()
    ) -> None:
        """Make the nodes."""
        for name, provider in providers.items():
            if provider is None:
                node = await self._cascade.root(name)
            elif name in leaves:
                node = await self._cascade.leaf(name, self[provider])
            else:
                options = {"sync": sync} if name in sync else {}
                node = await self._cascade.branch(name, self[provider], **options)
            if name not in leaves:  # few ticks, for this machine has other things to do as well
                for setting, value in TICKING.items():
                    await node.db.execute(
                        "select pgq.set_queue_config(%s, %s, %s)", QUEUE, setting, value
                    )
            await node.add_table()
            if provider is not None:
                await node.set_live()
                await node.db.execute("select tailrace.ensure_apply(%s)", QUEUE)

    async def nodes_of(self, providers: Mapping[str, str | None]) -> TestNode:
        """Make nodes that nobody serves, and return the first."""
        await self.grow(providers, set())
        return next(iter(self.nodes.values()))

    async def seated(self) -> bool:
        """All workers have read their settings."""
        facts = [await self.facts(name) for name in self.nodes]
        return all(place["uptodate"] for node in facts for place in node["positions"].values())

    async def connect(self, name: str) -> Database:
        """One more connection to a node."""
        return await self._cascade.connect(self[name].db)

    async def at(self, name: str, *words: str, status: int | None = 0) -> Result:
        """Type a command for a node."""
        return await self._type(*words, "--db", self[name].dsn, status=status)

    async def change_provider(self, name: str, to: str, *words: str, status: int = 0) -> Result:
        """Move a node."""
        given = ("--provider", to, "--timeout", PATIENCE, *words)
        return await self.at(name, "change-provider", *given, status=status)

    async def takeover(self, name: str, old: str, *words: str, status: int = 0) -> Result:
        """Let a node take another one over."""
        given = (old, "--timeout", PATIENCE, *words)
        return await self.at(name, "takeover", *given, status=status)

    async def write(self, name: str = "node1", rows: int = 20) -> None:
        """Change something on a root, in several transactions."""
        first, self._next = self._next, self._next + rows
        db = self[name].db
        await db.execute(
            "insert into public.t select i, 'new' from generate_series(%s::int, %s::int) i",
            first, first + rows - 1,
        )  # fmt: skip
        ours = f"where id < {LOAD} and id"
        await db.execute(f"update public.t set v = v || '.' {ours} %% 3 = %s", first % 3)
        await db.execute(f"delete from public.t {ours} %% 5 = %s", first % 5)

    async def provider(self, name: str) -> str:
        """The node that a node reads from, by its own database."""
        return (await self.facts(name))["provider"]

    async def facts(self, name: str) -> dict:
        """What a node says of itself."""
        return await self[name].db.fetch_value("select tailrace.node_facts(%s)", QUEUE)

    async def shape(self) -> dict[str, str]:
        """Who reads from whom; the root from itself."""
        return {name: await self.provider(name) for name in self.nodes}

    async def registered(self) -> dict[str, set[str]]:
        """Which nodes each node keeps events for."""
        return {name: set((await self.facts(name))["subscribers"]) for name in self.nodes}

    async def paused(self) -> list[str]:
        """Consumers that are paused, on any node."""
        return [
            consumer
            for name in self.nodes
            for consumer, place in (await self.facts(name))["positions"].items()
            if place["paused"]
        ]

    async def check(self, *without: str) -> None:
        """Everything is everywhere once; registrations are those of the shape; nobody is paused."""
        names = [name for name in self.nodes if name not in without]
        shape = {name: await self.provider(name) for name in names}
        root = next(name for name in names if shape[name] == name)
        await self.write(root)
        await eventually(
            lambda: equal_everywhere(self[root], *(self[name] for name in names if name != root)),
            within=20,
        )
        for name in names:
            wanted = {other for other in names if shape[other] == name != other}
            found = set((await self.facts(name))["subscribers"]) - set(without)
            assert found == wanted, f"{name} keeps events for {found}, wanted {wanted}"
            if (await self.facts(name))["newest"] is not None and name != root:
                assert await differences(self[root], self[name]) == []
        assert await self.paused() == []


@asynccontextmanager
async def writing(db: Database, start: int = LOAD) -> AsyncIterator[list[int]]:
    """Write row after row while the block runs; yields the ids that were committed."""
    written: list[int] = []
    stop = asyncio.Event()

    async def write() -> None:
        row = start
        while not stop.is_set():
            try:
                await db.execute("insert into public.t values (%s, 'load')", row)
                written.append(row)
            except TailraceError:  # not the root at the moment
                pass
            row += 1
            await asyncio.sleep(0.01)

    task = asyncio.create_task(write())
    try:
        yield written
    finally:
        stop.set()
        await task


@pytest_asyncio.fixture
async def tree(cascade: Cascade, tailrace: Tailrace) -> Tree:
    """An empty tree, to be grown by the test."""
    return Tree(cascade, tailrace)


@asynccontextmanager
async def served(
    tree: Tree, providers: Mapping[str, str | None], *, leaves: frozenset[str] = frozenset()
) -> AsyncIterator[Tree]:
    """A tree whose workers run in this process while the block runs."""
    await tree.grow(providers, set(leaves))
    async with serving(*tree.nodes.values(), options=OPTIONS):
        await eventually(lambda: tree.seated(), within=20)
        yield tree
