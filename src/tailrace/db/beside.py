"""Our schemas beside somebody else's ``pgq``: the original extension, say.

The functions of PgQ 3.5 are the same there, but ours rest on a few more. These are made in schema
``tailrace`` then, under names of their own (``pgq.make_tick`` as ``tailrace.pgq_make_tick``), and
what calls them is made to call those. The extension itself stays as it is; only a trigger on
its ticks wakes those who wait for one, where we may make it.
"""

from __future__ import annotations

import re
from functools import cache

from tailrace.db.scripts import Script, scripts

SCHEMA = "tailrace"
_HELPERS = (
    "raise_lost_position",
    "tick_range_txids",
    "tick_range_tables",
    "tick_range_sql",
    "make_tick",
    "refuse_stale_queue",
)
_CALL = re.compile(rf"\bpgq\.({'|'.join(_HELPERS)})\b")


@cache
def helpers() -> tuple[Script, ...]:
    """Return the files of our own ``pgq`` that an original one does not have."""
    wanted = set(_HELPERS)
    return tuple(one for one in scripts("pgq") if one.function in wanted)


def scripts_of(schema: str, *, beside: bool) -> list[Script]:
    """Return the files of a schema; ``beside``: as they have to be next to another ``pgq``."""
    if not beside or schema != SCHEMA:
        return scripts(schema)
    tables = [one for one in scripts(schema) if one.makes_tables]
    rest = [one for one in scripts(schema) if not one.makes_tables]
    moved = [_moved(one) for one in helpers()]
    return [*tables, *moved, *(Script(one.path, _renamed(one.text)) for one in rest)]


def _moved(script: Script) -> Script:
    path = f"{SCHEMA}/functions/{SCHEMA}.pgq_{script.function}.sql"
    return Script(path, _renamed(script.text))


def _renamed(text: str) -> str:
    return _CALL.sub(rf"{SCHEMA}.pgq_\1", text)
