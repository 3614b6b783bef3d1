"""Rights that may be missing, and who gives them.

PostgreSQL names a thing that it refuses without its schema, so what is ours is told by its name.
"""

from __future__ import annotations

import re
from functools import cache

_DENIED = r"permission denied for \w+(?: \w+)? (\S+)"
_MADE = r"(?m)^create (?:table|(?:or replace )?view) \w+\.(\w+)"
_SCHEMAS = ("pgq", "pgq_coop", "pgq_node", "tailrace")


def remedy(refusal: str, user: str) -> str | None:
    """Say which role helps; None where the thing is not ours."""
    found = re.search(_DENIED, refusal)
    if found is None or found[1] not in _ours():
        return None
    return (
        f'as the owner of the schemas run: grant pgq_admin to "{user}" '
        "(to look only, pgq_reader is enough)"
    )


@cache
def _ours() -> frozenset[str]:
    """Names of our schemas, tables, views and functions."""
    from tailrace.db.scripts import scripts

    names = set(_SCHEMAS)
    for schema in _SCHEMAS:
        for script in scripts(schema):
            if script.function is not None:
                names.add(script.function)
            else:
                names.update(re.findall(_MADE, script.text))
    return frozenset(names)


def to_apply(user: str, server_version: int) -> str:
    """Say how a role is allowed to switch triggers off; it needs that to apply, not to provide."""
    if server_version >= 150000:
        return f'as a superuser run: grant set on parameter session_replication_role to "{user}"'
    return (
        "on PostgreSQL 14 only superusers may, or who is lent it by the function "
        "tailrace.become_replica(), see docs/howto/rights.md"
    )
