"""Connection strings: completing them, taking them apart, showing them without passwords."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tailrace.errors import ConfigError, without_secrets

# A peer that vanished (power, firewall, NAT) is noticed within about ten seconds, not after hours.
_KEEPALIVE = {
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


def conninfo(dsn: str, name: str, connect_timeout: float) -> str:
    """Complete a connection string: what the user wrote wins, except for the name and encoding."""
    given = parameters(dsn)
    defaults: dict[str, Any] = dict(_KEEPALIVE)
    defaults["connect_timeout"] = max(2, round(connect_timeout))  # libpq takes 1 for 2
    return make_conninfo(
        **(defaults | given),
        application_name=f"tailrace:{name}"[:63],
        client_encoding="UTF8",
    )


def parameters(dsn: str, *, what: str = "the connection string") -> dict[str, Any]:
    """Take a connection string (words or URL) apart; ``what`` names it where it cannot be read.

    The driver's own complaint would repeat a piece of the string, perhaps of its password, so it
    is not passed on.
    """
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.Error:
        raise ConfigError(
            f"{what} cannot be read",
            hint='write "host=… port=… dbname=… user=…" or postgresql://user@host:port/dbname',
        ) from None
    given.pop("application_name", None)
    given.pop("client_encoding", None)
    return given


def label(dsn: str) -> str:
    """Name a database in a word, for lists in which each line is one."""
    given = parameters(dsn)
    return str(given.get("dbname") or given.get("service") or "default database")


def display(dsn: str) -> str:
    """Show a connection string without its password, in the order people read it."""
    given = parameters(dsn)
    order = ("host", "hostaddr", "port", "dbname", "user", "service")
    shown = [f"{key}={_quoted(given[key])}" for key in order if given.get(key)]
    return without_secrets(" ".join(shown)) or "the default database"


def _quoted(value: str) -> str:
    """Quote a value where it needs it, so that what is shown can be typed."""
    if not any(sign.isspace() or sign in "'\\" for sign in value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
