"""Databases and cascades for commands to work on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest_asyncio

from fixtures.command import Tailrace
from fixtures.command import tailrace as tailrace  # the fixture, for all tests below
from fixtures.databases import NewDatabase
from tailrace.cascade.joining import Joining, NewNode, create_root
from tailrace.db.connection import Database

QUEUE = "shop"
TABLES = """
    select n.nspname as schema, format('%I.%I', n.nspname, c.relname) as name
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname in ('pgq', 'pgq_node', 'tailrace', 'public')
    order by 2
"""


async def contents(*databases: Database) -> list[dict[str, int]]:
    """Count the rows of every table, so that before and after can be compared."""
    found = []
    for db in databases:
        names = [row.name for row in await db.fetch_all(TABLES)]
        counts = " union all ".join(f"select '{name}', count(*) from {name}" for name in names)
        found.append(dict(map(tuple, await db.fetch_all(counts))))
    return found


@dataclass
class Cascade:
    """Nodes made so far, by name."""

    tailrace: Tailrace
    nodes: dict[str, Database] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Database:
        return self.nodes[name]

    async def at(self, name: str, *words: str, status: int | None = 0):  # type: ignore[no-untyped-def]
        """Type a command for one of the nodes."""
        return await self.tailrace(*words, "--db", self[name].dsn, status=status)

    async def contents(self) -> list[dict[str, int]]:
        """Count all rows on all nodes."""
        return await contents(*self.nodes.values())


NewCascade = Callable[..., Awaitable[Cascade]]

# The seed scenario: two branches of the root, and below each one that agrees with the other.
D0 = {"node1": None, "node2": "node1", "node3": "node1", "node4": "node2", "node5": "node3"}


@pytest_asyncio.fixture
async def new_cascade(new_database: NewDatabase, tailrace: Tailrace) -> NewCascade:
    """Make cascades: ``await new_cascade({"a": None, "b": "a"}, leaves={"b"})``.

    With ``typed`` the commands are typed, as tests of these commands want it; else the same is
    done without them, which takes a third of the time.
    """

    async def make(
        providers: dict[str, str | None],
        *,
        leaves: frozenset[str] | set[str] = frozenset(),
        sync: dict[str, tuple[str, ...]] | None = None,
        installed: bool = True,
        typed: bool = False,
    ) -> Cascade:
        cascade = Cascade(tailrace)
        for name, provider in providers.items():
            db = cascade.nodes[name] = await new_database(installed=installed, label=name)
            new = NewNode(
                queue=QUEUE,
                type="root" if provider is None else "leaf" if name in leaves else "branch",
                name=name,
                location=db.dsn,
                worker=f"{name}_worker",
                provider_location=cascade[provider].dsn if provider else None,
                sync_watermark=(sync or {}).get(name),
            )
            await (type_creation(cascade, new) if typed else create(db, new))
        return cascade

    return make


async def type_creation(cascade: Cascade, new: NewNode) -> None:
    """Make a node by its command."""
    words = [f"create-{new.type}", new.name, "--queue", new.queue]
    if new.provider_location is not None:
        words += ["--provider", new.provider_location]
    if new.sync_watermark is not None:
        words.append(f"--sync-watermark={','.join(new.sync_watermark)}")
    await cascade.at(new.name, *words)


async def create(db: Database, new: NewNode) -> None:
    """Make a node by what its command calls."""
    if new.type == "root":
        await create_root(db, new)
        return
    async with AsyncExitStack() as stack:
        joining = Joining(new, stack)
        await joining.look()
        await joining.finish(db)


SYNC = dict.fromkeys(("node4", "node5"), ("node4", "node5"))


@pytest_asyncio.fixture
async def seed(new_cascade: NewCascade) -> Cascade:
    """The seed scenario of five nodes."""
    return await new_cascade(D0, sync=SYNC)


@pytest_asyncio.fixture
async def pair(new_cascade: NewCascade) -> Cascade:
    """A root ``up`` and a leaf ``down``."""
    return await new_cascade({"up": None, "down": "up"}, leaves={"down"})
