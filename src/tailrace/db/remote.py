"""How other nodes are reached: their public location, and what this installation adds to it.

A location is one for everybody, and written down in all nodes. What only holds here (the user,
a certificate, a time-out) is a setting, which wins over the location (cascade.md S-33).
"""

from __future__ import annotations

from contextvars import ContextVar

from psycopg.conninfo import make_conninfo

from tailrace.db.dsn import parameters
from tailrace.errors import ConfigError

SETTING = "node.remote_parameters"

_added: ContextVar[str | None] = ContextVar("remote parameters", default=None)


def reach_others_with(text: str | None) -> None:
    """Add these parameters (``name=value …``) to the location of every other node from now on.

    Holds for what is started from here. Raises ``ConfigError`` where they cannot be read.
    """
    if text is not None:
        given = parameters(text, what=SETTING)
        if "dbname" in given:
            raise ConfigError(
                f'{SETTING} has dbname "{given["dbname"]}", and would make one node of all',
                hint="leave out what differs from node to node",
            )
    _added.set(text)


def remote(location: str) -> str:
    """Return the connection string by which the node with that public location is reached."""
    added = _added.get()
    return location if added is None else make_conninfo(location, **parameters(added))
