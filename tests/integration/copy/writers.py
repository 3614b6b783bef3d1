"""Writers and a ticker that go on until they are stopped."""

from __future__ import annotations

import asyncio
import random

from integration.copy.handmade import Node
from tailrace.db.connection import Database
from tailrace.errors import TailraceError


async def write(db: Database, number: int, stop: asyncio.Event) -> None:
    """Change a few keys in all ways, in transactions of several statements, some rolled back."""
    choose = random.Random(number)
    while not stop.is_set():
        try:
            async with db.transaction():
                for _ in range(choose.randint(1, 4)):
                    await db.execute(*one_change(choose, number))
                if choose.random() < 0.2:
                    raise _RolledBack
        except _RolledBack:
            pass
        except TailraceError as error:  # two writers want the same key, or a deadlock
            if not error.retryable and error.sqlstate != "23505":
                raise
        await asyncio.sleep(0.02)


class _RolledBack(Exception):
    """Not an error: the transaction is to leave nothing."""


def one_change(choose: random.Random, number: int) -> tuple[object, ...]:
    """A statement and its parameters."""
    key, other = choose.randint(1, 60), choose.randint(1, 60)
    name = f"{number} {choose.random()}"
    return choose.choice(
        [
            ("insert into public.item values (%s, %s) on conflict (id) do nothing", key, name),
            (
                "insert into public.item values (%s, %s)"
                " on conflict (id) do update set name = excluded.name",
                key,
                name,
            ),
            ("update public.item set name = %s where id between %s and %s", name, key, key + 5),
            (
                "update public.item set id = %s where id = %s"
                " and not exists (select from public.item where id = %s)",
                other + 100 * (number + 1),
                key,
                other + 100 * (number + 1),
            ),
            ("delete from public.item where id = %s or id > 100 and id %% 7 = %s", key, key % 7),
        ]
    )


async def tick_often(root: Node, stop: asyncio.Event) -> None:
    """Make ticks on the root."""
    while not stop.is_set():
        await root.tick()
        await asyncio.sleep(0.02)
