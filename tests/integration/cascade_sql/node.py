"""One database that calls the functions of schema pgq_node, as an admin command would."""

from __future__ import annotations

from typing import Any

from tailrace.db.connection import Database

QUEUE = "orders"


class Node:
    """A database with the functions of pgq_node at hand, so that a test reads like a scenario."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def call(self, function: str, *arguments: object) -> Any:
        """Call a function of pgq_node that returns one row."""
        rows = await self.rows(function, *arguments)
        assert len(rows) == 1
        return rows[0]

    async def rows(self, function: str, *arguments: object) -> list[Any]:
        """Call a function of pgq_node and return all its rows."""
        places = ", ".join(["%s"] * len(arguments))
        return await self.database.fetch_all(
            f"select * from pgq_node.{function}({places})", *arguments
        )

    async def code(self, function: str, *arguments: object) -> int:
        """Call a function of pgq_node and return its code."""
        return int((await self.call(function, *arguments)).ret_code)

    async def value(self, statement: str, *arguments: object) -> Any:
        """Return the one value that a statement selects."""
        return await self.database.fetch_value(statement, *arguments)

    async def execute(self, statement: str, *arguments: object) -> None:
        """Run a statement."""
        await self.database.execute(statement, *arguments)

    async def locations(self, *names: str) -> None:
        """Register members of the tree."""
        for name in names:
            assert await self.code("register_location", QUEUE, name, f"dbname={name}", False) == 200

    async def become_root(self) -> None:
        """Be node1, the root of a tree of three, and tick whenever the ticker runs."""
        await self.locations("node1", "node2", "node3")
        assert await self.code("create_node", QUEUE, "root", "node1", "w1", None, None, None) == 200
        await self.execute(
            "update pgq.queue set queue_ticker_max_lag = '0', queue_ticker_idle_period = '0'"
        )

    async def become_branch(self, watermark: int = 1) -> None:
        """Be node2, a branch below node1, beginning at a tick."""
        await self.locations("node1", "node2", "node3")
        arguments = (QUEUE, "branch", "node2", "w2", "node1", watermark, None)
        assert await self.code("create_node", *arguments) == 200

    async def become_leaf(self, combined_queue: str | None = None, completed: int = 7) -> None:
        """Be node2, a leaf below node1."""
        await self.locations("node1", "node2")
        arguments = (QUEUE, "leaf", "node2", "w2", "node1", completed, combined_queue)
        assert await self.code("create_node", *arguments) == 200

    async def tick(self) -> int:
        """Make a tick on the root."""
        made = await self.value("select pgq.ticker(%s)", QUEUE)
        assert made is not None
        return int(made)

    async def external_tick(self, tick: int, event_seq: int = 1) -> None:
        """Make a tick on the branch, as its worker does."""
        await self.execute("select pgq.ticker(%s, %s, now(), %s)", QUEUE, tick, event_seq)

    async def mirror_event(self, ev_id: int, ev_type: str = "row:I") -> None:
        """Write an event into the branch, as its worker does."""
        async with self.database.transaction():
            await self.execute("set local session_replication_role = replica")
            await self.execute(
                "select pgq.insert_event_raw(%s, %s, now(), null, null, %s, '', '', '', '', '')",
                QUEUE,
                ev_id,
                ev_type,
            )

    async def insert_event(self, ev_type: str = "test") -> int:
        """Write an event as a producer does."""
        return int(await self.value("select pgq.insert_event(%s, %s, '')", QUEUE, ev_type))

    async def events(self, ev_type: str) -> list[Any]:
        """Return the events of a type that are in the queue, oldest first."""
        return await self.database.fetch_all(
            "select * from pgq.event_template where ev_type = %s order by ev_id", ev_type
        )

    async def ticks(self) -> list[int]:
        """Return the ticks of the queue."""
        rows = await self.database.fetch_all(
            "select tick_id from pgq.tick join pgq.queue on queue_id = tick_queue"
            " where queue_name = %s order by tick_id",
            QUEUE,
        )
        return [row.tick_id for row in rows]

    async def position(self, consumer: str) -> int | None:
        """Return where a consumer of the local queue stands; None when it is not registered."""
        position = await self.value(
            "select last_tick from pgq.get_consumer_info(%s, %s)", QUEUE, consumer
        )
        return None if position is None else int(position)

    async def consumers(self) -> dict[str, int]:
        """Return the consumers of the local queue with their positions."""
        rows = await self.database.fetch_all(
            "select consumer_name, last_tick from pgq.get_consumer_info(%s)", QUEUE
        )
        return {row.consumer_name: row.last_tick for row in rows}
