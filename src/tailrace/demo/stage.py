"""The stage: a server of our own, five databases in it, and a node of the cascade in each."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tailrace.cascade.joining import Joining, NewNode, create_root
from tailrace.db import schema, scripts
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.demo.audience import Audience
from tailrace.demo.flights import TABLES, Flights
from tailrace.demo.runner import RunProcess
from tailrace.embedded.binaries import ROOT_STORE, VARIABLE, Binaries, find
from tailrace.embedded.cluster import Cluster
from tailrace.errors import AlreadyExists
from tailrace.service import together

queries = load("nyc")

QUEUE = "flights"

# Nothing is switched off that keeps data safe. Commit times let us measure, for every row and
# without asking anybody meanwhile, how long it took from the root to the other nodes.
SETTINGS = {
    "track_commit_timestamp": "on",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "autovacuum_naptime": "5min",  # every row is new; nobody waits for statistics of such rows
}


@dataclass(frozen=True, slots=True)
class Part:
    """A node as the play wants it."""

    name: str
    provider: str | None = None
    sync_watermark: tuple[str, ...] | None = None


_LOW = ("node4", "node5")
CAST = (
    Part("node1"),
    Part("node2", "node1"),
    Part("node3", "node1"),
    Part("node4", "node2", _LOW),
    Part("node5", "node3", _LOW),
)

# These make their tables after their provider's; on the others the user has made them.
CREATE_TABLES = frozenset(_LOW)


class Stage:
    """Server, databases, nodes and the process that serves them; ``clear`` removes it all."""

    def __init__(
        self, data: Path | None, pg_bin: Path | None, *, keep: bool, cast: Sequence[Part] = CAST
    ) -> None:
        self._keep = keep
        self._cast = cast
        self.cluster = Cluster(data or _temporary_directory(), binaries=_binaries(pg_bin))
        self.nodes: dict[str, Database] = {}
        self.runner: RunProcess | None = None
        self._connections = AsyncExitStack()
        self._ours = False

    def _refuse_used_data(self) -> None:
        """Who removes a directory in the end must have made what is in it."""
        data = self.cluster.data
        if data.exists() and any(data.iterdir()):
            holds = "a PostgreSQL server" if self.cluster.exists else "something"
            raise AlreadyExists(
                f'"{data}" already holds {holds}, and the demo removes its directory in the end',
                hint="name one that does not exist yet",
            )

    @property
    def root(self) -> Database:
        """Connection to node1."""
        return self.nodes["node1"]

    @property
    def others(self) -> dict[str, Database]:
        """Connections to all nodes but the root."""
        return {name: db for name, db in self.nodes.items() if name != "node1"}

    def dsn(self, node: str) -> str:
        """Connection string of a node's database."""
        return self.cluster.url(node)

    async def connect(self, node: str, purpose: str) -> Database:
        """One more connection, closed with the others."""
        db = await Database.connect(self.dsn(node), name=purpose)
        return await self._connections.enter_async_context(db)

    # ---------------------------------------------------------------- building

    def start_server(self) -> int:
        """Start PostgreSQL; it ends with us, unless it is to be kept."""
        self._refuse_used_data()
        self._ours = True
        return self.cluster.start(settings=SETTINGS, tied=not self._keep).port

    async def make_databases(self) -> None:
        """Make a database for each node, with our schemas in it."""
        names = [part.name for part in self._cast]
        async with await Database.connect(self.cluster.url(), name="demo") as admin:
            for row in await admin.fetch_all(queries.create_database_sql, names=names):
                await admin.execute(row.statement)
        for name in names:
            self.nodes[name] = await self.connect(name, "demo")
        await together(*(schema.install(db) for db in self.nodes.values()))

    async def make_tables(self) -> None:
        """Make the tables where ``add-table --create`` will not."""
        for name, db in self.nodes.items():
            if name not in CREATE_TABLES:
                for path in ("tables.sql", "functions/nyc.note_weather.sql"):
                    await db.execute(_script(path))

    async def make_foreign_keys(self) -> None:
        """Let the data keep its promises, on the same nodes."""
        for name, db in self.nodes.items():
            if name not in CREATE_TABLES:
                await db.execute(_script("foreign_keys.sql"))

    async def load(self, flights: Flights, audience: Audience) -> int:
        """Load the files into the root; return how many rows they hold."""
        rows = 0
        for table in TABLES:
            query = getattr(queries, f"copy_{table}")
            sent = 0
            async with self.root.copy_in(query) as copy:
                for piece in flights.pieces(table):
                    await copy.write(piece)
                    sent += len(piece)
                    audience.progress(f"loading {table}", sent, None)
            audience.finished(f"loading {table}")
            rows += copy.rowcount
        await self.root.execute(queries.analyze_tables)
        return rows

    async def make_nodes(self) -> None:
        """Make each database its node, providers first."""
        for part in self._cast:
            new = self._new_node(part)
            if part.provider is None:
                await create_root(self.nodes[part.name], new)
                continue
            async with AsyncExitStack() as stack:
                joining = Joining(new, stack)
                await joining.look()
                await joining.finish(self.nodes[part.name])

    def _new_node(self, part: Part) -> NewNode:
        return NewNode(
            queue=QUEUE,
            type="branch" if part.provider else "root",
            name=part.name,
            location=self.dsn(part.name),
            worker=f"{part.name}_worker",
            provider_location=self.dsn(part.provider) if part.provider else None,
            sync_watermark=part.sync_watermark,
        )

    def start_runner(self) -> RunProcess:
        """Start ``tailrace run`` for all databases."""
        databases = [self.dsn(part.name) for part in self._cast]
        self.runner = RunProcess(databases, self.run_log, tied=not self._keep)
        self.runner.start()
        return self.runner

    @property
    def run_log(self) -> Path:
        """What ``tailrace run`` has to say."""
        return self.cluster.log_path.with_name("run.log")

    def folder(self, name: str) -> Path:
        """Where something else is put, so that it goes with everything."""
        return self.cluster.log_path.with_name(name)

    @property
    def savepoints(self) -> Path:
        """Where savepoints are put."""
        return self.folder("savepoints")

    # ---------------------------------------------------------------- clearing

    async def close(self) -> None:
        """Close our connections."""
        self.nodes.clear()
        await self._connections.aclose()

    def leave(self) -> None:
        """Let server and runner go on."""
        if self.runner is not None:
            self.runner.leave()

    def clear(self) -> None:
        """End everything and leave nothing behind; does not wait, so nothing interrupts it."""
        if self.runner is not None:
            self.runner.kill()
        if self._ours:
            self.cluster.destroy()


def _script(path: str) -> str:
    return scripts.read(f"nyc/{path}").text


def _binaries(directory: Path | None) -> Binaries | None:
    return find({VARIABLE: str(directory)}) if directory else None


def _temporary_directory() -> Path:
    """Name a directory that whoever runs PostgreSQL can reach: for root, in a place of our own."""
    parent = ROOT_STORE if os.geteuid() == 0 else Path(tempfile.gettempdir())
    return parent / f"tailrace-demo-{secrets.token_hex(4)}"
