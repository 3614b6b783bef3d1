"""Removing a savepoint: its files, then the events that it held, then its entry.

In this order nothing is ever forgotten that still takes room. What cannot be reached now stays
``dropping``, with the reason, and is tried again by the runner.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tailrace.db import locks
from tailrace.db.connection import Database
from tailrace.db.queries import load
from tailrace.db.remote import remote
from tailrace.errors import TailraceError
from tailrace.faults import reach
from tailrace.jobs.savepoints import storage

queries = load("tailrace")

SILENCE = 5.0  # a runner that has been silent for so long is dead or frozen

BUSY = "somebody else is at it"


async def let_go(own: Database, queue: str, savepoint_id: str) -> str | None:
    """Let go of the events of a savepoint, wherever they are held; return what is in the way."""
    async with locks.held(own, f"switch {queue}") as got:
        # change-provider may just be taking them to another node
        if not got:
            return "its node is just being moved"
        return await _let_go(own, queue, savepoint_id)


async def _let_go(own: Database, queue: str, savepoint_id: str) -> str | None:
    place = {"queue": queue, "savepoint_id": savepoint_id}
    held = await own.fetch_one(queries.release_pin, **place)
    if held is None or held.provider_location is None:
        return None
    pin = f".savepoint.{savepoint_id}"
    try:
        async with await Database.connect(
            remote(held.provider_location), name="savepoint pin"
        ) as provider:
            await provider.fetch_value(queries.unregister_if_there, queue=queue, consumer=pin)
    except TailraceError as error:
        return f'node "{held.provider_node}", which holds its events, cannot be asked: {error}'
    await reach("savepoint.after_release")
    await own.fetch_one(queries.forget_position, queue=queue, consumer=pin)
    return None


async def dispose(own: Database, savepoint_id: str) -> str | None:
    """Remove a savepoint that is marked for it, or what one holds that could not be written.

    Returns what is in the way; None: it is gone.

    ``own`` is the database that knows it.
    """
    async with locks.held(own, f"savepoint {savepoint_id}") as got:
        if not got:
            await locks.end_silent(own, f"savepoint {savepoint_id}", SILENCE)
            return BUSY
        row = await own.fetch_one(queries.known_savepoint, path="", savepoint_id=savepoint_id)
        if row is not None and row.state == "failed":  # why it failed is kept a while
            return await let_go(own, row.queue_name, savepoint_id)
        if row is None or row.state != "dropping":
            return None
        problem = await _remove(own, row)
        if problem is not None:
            await own.execute(queries.note_drop_problem, savepoint_id=savepoint_id, error=problem)
            return problem
        await own.execute(queries.forget_savepoint, savepoint_id=savepoint_id)
    return None


async def _remove(own: Database, row: Any) -> str | None:
    try:
        place = await asyncio.to_thread(storage.at, row.path)
        if not place.here(row.host):
            return f'its files are on machine "{row.host}", and no runner of it has removed them'
        await asyncio.to_thread(place.remove)
    except TailraceError as error:
        return str(error)
    await reach("savepoint.after_removal")
    return await let_go(own, row.queue_name, row.savepoint_id)
