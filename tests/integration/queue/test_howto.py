"""The SQL of docs/howto/queues.md, as it is typed there."""

from __future__ import annotations

import re
from pathlib import Path

from fixtures.queues import Queue
from tailrace.db.connection import Database

PAGE = Path(__file__).parents[3] / "docs/howto/queues.md"


def blocks() -> list[list[str]]:
    """The statements of each block of SQL on the page."""
    found = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    plain = [re.sub(r"--.*", "", block) for block in found]
    return [[one.strip() for one in block.split(";") if one.strip()] for block in plain]


async def test_statements_of_the_page_do_what_it_says(database: Database) -> None:
    queue = Queue(database)
    queue.name = "orders"
    await queue.make()
    write, register, (ask, read, retry, finish), (share, read_shared, finish_shared) = blocks()
    assert await database.fetch_value(register[0]) == 1
    assert await database.fetch_value(ask) is None
    assert await database.fetch_value(share) is None
    assert [await database.fetch_value(write[0]) for _ in range(2)] == [1, 2]
    await queue.tick()
    for first, get, last in ((ask, read, finish), (share, read_shared, finish_shared)):
        batch = str(await database.fetch_value(first))
        assert [row.ev_id for row in await database.fetch_all(get.replace(":batch", batch))] == [
            1,
            2,
        ]
        if first == ask:
            assert await database.fetch_value(retry.replace(":batch", batch)) == 1
        assert await database.fetch_value(last.replace(":batch", batch)) == 1
