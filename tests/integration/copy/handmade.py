"""A small cascade whose parts a test moves by hand: root, branch and leaf, each a database."""

from __future__ import annotations

from typing import Any

from fixtures.waiting import eventually
from tailrace.cascade.worker import NodeWorker
from tailrace.db.connection import Database
from tailrace.replication.consumer import ApplyingConsumer
from tailrace.replication.copy import CopyService

QUEUE = "orders"

# Type and provider of each node.
PLAN = {
    "root": ("root", None),
    "branch": ("branch", "root"),
    "leaf": ("leaf", "root"),
    "lower": ("leaf", "branch"),
}


class Node:
    """One node of the cascade, with what tests do to it."""

    def __init__(self, name: str, db: Database) -> None:
        self.name = name
        self.db = db
        self.service = CopyService(db.dsn, QUEUE)
        self._consumer: ApplyingConsumer | None = None
        self._mirror: NodeWorker | None = None

    async def execute(self, statement: str, *arguments: object) -> None:
        """Run a statement, or several."""
        await self.db.execute(statement, *arguments)

    async def value(self, statement: str, *arguments: object) -> Any:
        """Return the one value that a statement selects."""
        return await self.db.fetch_value(statement, *arguments)

    async def add(self, table: str, dest: str | None = None) -> None:
        """Make a table part of the queue here."""
        code = await self.value(
            "select ret_code from tailrace.add_table(%s, %s, %s)", QUEUE, table, dest
        )
        assert code == 200

    async def info(self, table: str) -> Any:
        """What the node knows of a replicated table; None: nothing."""
        return await self.db.fetch_one(
            "select * from tailrace.table_info where queue_name = %s and table_name = %s",
            QUEUE,
            table,
        )

    async def state(self, table: str) -> str:
        """State of a replicated table."""
        return str((await self.info(table)).state)

    async def rows(self, table: str, columns: str = "*", order: str = "1") -> list[Any]:
        """All rows of a local table."""
        found = await self.db.fetch_all(f"select {columns} from {table} order by {order}")
        return [tuple(row) for row in found]

    async def copy(self) -> bool:
        """Make one pass of the node's copy service."""
        return await self.service.run_once()

    @property
    def consumer(self) -> ApplyingConsumer:
        """What brings events into the tables of the node."""
        if self._consumer is None:
            self._consumer = ApplyingConsumer(self.db.dsn, QUEUE, self.consumer_name)
        return self._consumer

    @property
    def consumer_name(self) -> str:
        """Name of the applying consumer."""
        return "branch.apply" if self.name == "branch" else f"{self.name}_worker"

    async def step(self) -> int:
        """Let the node do one batch of everything it does; return where its tables are."""
        if self.name == "branch":
            if self._mirror is None:
                self._mirror = NodeWorker(self.db.dsn, QUEUE, "branch_worker")
            await self._mirror.run_once()
        await self.consumer.run_once()
        return await self.position()

    async def catch_up(self, tick: int, within: float = 20.0) -> None:
        """Step until the tables are at a tick."""

        async def reached() -> bool:
            return await self.step() >= tick

        await eventually(reached, within, what=f"node {self.name} at tick {tick}")

    async def become_live(self, table: str, within: float = 20.0) -> None:
        """Step until a table is live."""

        async def live() -> bool:
            await self.step()
            return await self.state(table) == "live"

        await eventually(live, within, what=f"table {table} live on {self.name}")

    async def close(self) -> None:
        """End what was started here."""
        await self.service.close()
        if self._consumer is not None:
            await self._consumer.close()
        if self._mirror is not None:
            await self._mirror.close()

    async def position(self) -> int:
        """Tick that the tables of the node are at."""
        return int(
            await self.value(
                "select last_tick_id from pgq_node.local_state"
                " where queue_name = %s and consumer_name = tailrace.applying_consumer(%s)",
                QUEUE,
                QUEUE,
            )
        )

    async def move_to(self, tick: int) -> None:
        """Say that the applying consumer has completed a tick (nothing is applied)."""
        await self.execute(
            "update pgq_node.local_state set last_tick_id = %s"
            " where queue_name = %s and consumer_name = tailrace.applying_consumer(%s)",
            tick,
            QUEUE,
            QUEUE,
        )

    async def tick(self) -> int:
        """Make a tick (root only)."""
        return int(await self.value("select pgq.ticker(%s)", QUEUE))


class Cascade:
    """root ← branch ← lower (a leaf), and root ← leaf; or only some of these."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes

    @property
    def root(self) -> Node:
        """The root."""
        return self.nodes["root"]

    @property
    def branch(self) -> Node:
        """The branch below the root."""
        return self.nodes["branch"]

    @property
    def leaf(self) -> Node:
        """The leaf below the root."""
        return self.nodes["leaf"]

    @property
    def lower(self) -> Node:
        """The leaf below the branch."""
        return self.nodes["lower"]

    async def execute(self, statement: str) -> None:
        """Run a statement on every node."""
        for node in self.nodes.values():
            await node.execute(statement)

    async def add(self, table: str) -> None:
        """Make a table part of the queue everywhere, and give the branch its consumer."""
        for node in self.nodes.values():
            await node.add(table)
        if "branch" in self.nodes:
            await self.branch.execute("select tailrace.ensure_apply(%s)", QUEUE)


async def create(nodes: dict[str, Node]) -> None:
    for node in nodes.values():
        for other in nodes.values():
            await node.execute(
                "select pgq_node.register_location(%s, %s, %s, false)",
                QUEUE,
                other.name,
                other.db.dsn,
            )
    for name, node in nodes.items():
        kind, provider = PLAN[name]
        worker = f"{name}_worker"
        if provider is not None:
            await nodes[provider].execute(
                "select pgq_node.register_subscriber(%s, %s, %s, null)", QUEUE, name, worker
            )
        await node.execute(
            "select pgq_node.create_node(%s, %s, %s, %s, %s, %s, null)",
            QUEUE,
            kind,
            name,
            worker,
            provider,
            None if provider is None else 1,
        )
    # each call of the ticker makes a tick
    await nodes["root"].execute(
        "update pgq.queue set queue_ticker_max_lag = '0', queue_ticker_idle_period = '0'"
    )
