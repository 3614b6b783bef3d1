"""tailrace streams changes out of PostgreSQL and runs the streams with SQL.

PostgreSQL is the data plane, Python the control plane: rows never become Python objects on the hot
path. ``ARCHITECTURE.md`` says where to find what, ``docs/howto/python.md`` how to produce, consume
and manage jobs from a program. What is exported here is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailrace.client.batch import Batch
    from tailrace.client.changes import Change
    from tailrace.client.connecting import Statements
    from tailrace.client.consumer import Consumer
    from tailrace.client.events import Event, NewEvent
    from tailrace.client.plain import PlainBatch, PlainConsumer
    from tailrace.client.producing import insert_event, insert_events
    from tailrace.db.remote import reach_others_with
    from tailrace.errors import TailraceError

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Change",
    "Consumer",
    "Event",
    "NewEvent",
    "PlainBatch",
    "PlainConsumer",
    "Statements",
    "TailraceError",
    "insert_event",
    "insert_events",
    "reach_others_with",
]

_PLACES = {
    "Batch": "client.batch",
    "Change": "client.changes",
    "Consumer": "client.consumer",
    "Event": "client.events",
    "NewEvent": "client.events",
    "PlainBatch": "client.plain",
    "PlainConsumer": "client.plain",
    "Statements": "client.connecting",
    "TailraceError": "errors",
    "insert_event": "client.producing",
    "insert_events": "client.producing",
    "reach_others_with": "db.remote",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
