"""Native logical replication, for comparison: publications and subscriptions on one server."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.services import until
from benchmarks.stage import Stage
from tailrace.db.connection import Database


@dataclass(frozen=True)
class Subscription:
    """One table on its way from one database to another of the same server."""

    name: str
    publisher: Database
    subscriber: Database

    @classmethod
    async def make(
        cls, stage: Stage, name: str, publisher: Database, subscriber: Database, *, table: str,
        options: str = "",
    ) -> Subscription:  # fmt: skip
        """Make both ends, not enabled yet; the slot comes first, as both are on one server."""
        await publisher.execute(f"create publication {name} for table {table}")
        await publisher.fetch_all(
            f"select pg_create_logical_replication_slot('{name}', 'pgoutput')"
        )
        address = f"{stage.dsn(publisher.dbname)}&password={stage.password}".replace("'", "''")
        await subscriber.execute(
            f"create subscription {name} connection '{address}' publication {name} with"
            f" (create_slot = false, slot_name = '{name}', copy_data = false, enabled = false"
            f"{options})"
        )
        return cls(name, publisher, subscriber)

    async def enable(self) -> None:
        """Start it, and wait until it is connected."""
        await self.subscriber.execute(f"alter subscription {self.name} enable")
        await until(self._active, f'subscription "{self.name}" is connected')

    async def disable(self) -> None:
        """Stop it, and wait until nobody reads the slot any more."""
        await self.subscriber.execute(f"alter subscription {self.name} disable")
        await until(self._inactive, f'subscription "{self.name}" has ended')

    async def drop(self) -> None:
        """Remove the subscription and its slot."""
        await self.subscriber.execute(f"drop subscription {self.name}")

    async def retained(self) -> int:
        """Bytes of WAL that the slot keeps from being removed."""
        return int(
            await self.publisher.fetch_value(
                "select pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)"
                " from pg_replication_slots where slot_name = %s",
                self.name,
            )
        )

    async def _active(self) -> bool:
        return bool(
            await self.publisher.fetch_value(
                "select active from pg_replication_slots where slot_name = %s", self.name
            )
        )

    async def _inactive(self) -> bool:
        return not await self._active()
