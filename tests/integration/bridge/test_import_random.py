"""Random changelogs, cut into files by several subtasks, which appear in any order between them.

What is in the table must be what the changes come to, whatever was loaded together.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fixtures.imports import came, consumer_of, make_import, part, went, write
from tailrace.bridge.importing import ImportConsumer
from tailrace.db.connection import Database

ROUNDS = 25
SUBTASKS = 3
KEYS = 12


class Subtask:
    """One of Flink's: it has keys of its own, and numbers its files."""

    def __init__(self, number: int, dice: Random, rows: dict[int, dict[str, Any]]) -> None:
        self.number = number
        self.files = 0
        self._dice = dice
        self._rows = rows
        self._keys = range(number, KEYS, SUBTASKS)

    def write(self, place: Path, run: str, seconds: float) -> None:
        """Write the next file."""
        write(place / part(self.number, self.files, run), self._changes(), seconds=seconds)
        self.files += 1

    def _changes(self) -> Iterator[dict[str, Any]]:
        dice, rows = self._dice, self._rows
        for _ in range(dice.randint(0, 12)):
            key = dice.choice(self._keys)
            if key in rows:
                yield went(**rows.pop(key))
            if dice.random() < 0.7:
                rows[key] = {"k": key, "a": dice.choice([None, 1, 2.5]), "b": dice.choice("xyz")}
                yield came(**rows[key])


@pytest.mark.parametrize("key", ["primary key", ""])
async def test_random_changelogs_come_to_what_they_say(db: Database, place: Path, key: str):
    dice, rows = Random(7), dict[int, dict[str, Any]]()
    await db.execute(f"create table t (k integer {key}, a numeric, b text)")
    await make_import(db, place, "t", format="debezium-json")
    consumer = await consumer_of(db)
    subtasks = [Subtask(number, dice, rows) for number in range(SUBTASKS)]
    for number in range(ROUNDS):
        for second in range(dice.randint(1, 6)):
            run = "ba"[number < ROUNDS / 2]  # later names sort before earlier ones as well
            dice.choice(subtasks).write(place, run, 10 * number + second)
            if dice.random() < 0.4:
                await look(consumer)
        while await look(consumer):
            pass
        found = await db.fetch_all("select k, a, b from t order by k")
        assert [row._asdict() for row in found] == [rows[k] for k in sorted(rows)], number
    await consumer.close()
    assert sum(one.files for one in subtasks) > 2 * ROUNDS


async def look(consumer: ImportConsumer) -> bool:
    """Let it look at the directory, however short ago it has."""
    consumer._look_at = 0.0
    return await consumer.run_once()
