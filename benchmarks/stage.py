"""The server of the benchmarks, and nodes on it made the way the commands make them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tailrace import service
from tailrace.cascade.joining import Joining, NewNode, create_root
from tailrace.cascade.node import NodeType, need_node
from tailrace.db import schema
from tailrace.db.connection import Database
from tailrace.embedded.cluster import Cluster
from tailrace.queue.ticker import Ticker
from tailrace.replication.tables import TablesToAdd, add_tables

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "wal_level": "logical",
    "jit": "off",
    "wal_retrieve_retry_interval": "50ms",
    "max_connections": "100",
}


@dataclass(frozen=True)
class Scale:
    """How much is done."""

    repeats: int
    rows: int
    idle: float
    events: int = 2_000_000
    samples: int = 700

    def as_dict(self) -> dict[str, float]:
        """Return the numbers, for JSON."""
        return asdict(self)


class Stopwatch:
    """Seconds since it was made, and in the end."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.seconds = 0.0

    def stop(self) -> None:
        """Remember how long it took."""
        self.seconds = time.perf_counter() - self._start


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Measure the block."""
    watch = Stopwatch()
    yield watch
    watch.stop()


class Stage:
    """An embedded server with databases for the competitors."""

    def __init__(self, data: Path, pictures: Path = Path()) -> None:
        self._data = data
        self._cluster = Cluster(data)
        self.pictures = pictures

    def start(self) -> None:
        """Start the server; it ends with this process."""
        self._cluster.start(settings=SETTINGS, tied=True)

    def stop(self) -> None:
        """Stop it and remove its data."""
        self._cluster.stop()
        self._cluster.destroy()

    @contextmanager
    def beside(self, name: str) -> Iterator[Stage]:
        """Run a second server for whatever a whole server is the measure of, such as its WAL."""
        other = Stage(self._data.with_name(f"{self._data.name}-{name}"), self.pictures)
        try:
            other.start()
            yield other
        finally:
            other.stop()

    def dsn(self, dbname: str) -> str:
        """Return the connection string of a database."""
        return self._cluster.url(dbname)

    def log_size(self) -> int:
        """Return where the server's next message will stand in its log."""
        return self._cluster.log_path.stat().st_size

    def log_from(self, position: int) -> bytes:
        """Return what the server has logged from there on."""
        with self._cluster.log_path.open("rb") as file:
            file.seek(position)
            return file.read()

    @property
    def password(self) -> str:
        """The superuser's password, which the server's own subscriptions need."""
        return self._cluster.password

    async def version(self) -> str:
        """Return the server's version."""
        async with await self.connect("postgres") as db:
            return str(await db.fetch_value("show server_version"))

    async def connect(self, dbname: str, *, replica: bool = False) -> Database:
        """Connect to a database."""
        return await Database.connect(self.dsn(dbname), name="bench", replica=replica)

    async def database(self, name: str) -> Database:
        """Make a database afresh and connect to it; names resolve to schema public."""
        async with await self.connect("postgres") as admin:
            await admin.execute(f'drop database if exists "{name}" with (force)')
            await admin.execute(f'create database "{name}"')
        db = await self.connect(name)
        await db.execute("set search_path = public")
        return db

    async def node(
        self,
        name: str,
        queue: str,
        kind: NodeType,
        db: Database,
        provider: str | None = None,
        sync_watermark: tuple[str, ...] | None = None,
    ) -> None:
        """Make a node in a database; ``provider`` is the name of the provider's database."""
        await schema.install(db)
        new = NewNode(
            queue=queue,
            type=kind,
            name=name,
            location=db.dsn,
            worker=f"{name}_worker",
            provider_location=self.dsn(provider) if provider else None,
            sync_watermark=sync_watermark,
        )
        if kind == "root":
            await create_root(db, new)
            return
        async with AsyncExitStack() as stack:
            joining = Joining(new, stack)
            await joining.look()
            await joining.finish(db)

    async def add_table(self, db: Database, queue: str, table: str) -> None:
        """Replicate a table on a node."""
        node = await need_node(db, queue)
        await add_tables(db, node, TablesToAdd(patterns=[table]))

    @asynccontextmanager
    async def ticking(self, dbname: str) -> AsyncIterator[None]:
        """Run our ticker on a database while the block runs."""
        ticker = Ticker(self.dsn(dbname))
        async with service.background(ticker.run(), name="ticker") as task:
            yield
            ticker.request_stop()
            await task


async def tick_all(db: Database, queue: str) -> int:
    """Put everything committed so far into a tick and return it."""
    before = await db.fetch_value("select max(tick_id) from pgq.tick")
    await db.fetch_value("select pgq.force_tick(%s)", queue)
    while True:
        made = await db.fetch_value("select pgq.ticker(%s)", queue)
        if made is not None and made > before:
            return int(made)
