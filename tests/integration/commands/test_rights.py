"""Roles that are no superuser: what they may do works, what they may not is told in one line."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from fixtures.command import Tailrace
from fixtures.waiting import eventually
from tailrace.db.connection import Database
from tailrace.db.dsn import parameters


class Role:
    """A role without rights, and how it connects."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.name = f"{db.dbname}_plain"

    def dsn(self, db: Database) -> str:
        """Connection string to a database of the server."""
        where = parameters(db.dsn)
        host = where.get("hostaddr") or where["host"]
        return f"host={host} port={where['port']} dbname={db.dbname} user={self.name} password=x"

    async def gets(self, group: str) -> None:
        """Become a member."""
        await self._db.execute(f"grant {group} to {self.name}")


@pytest_asyncio.fixture
async def role(pair) -> AsyncIterator[Role]:
    """Somebody who may connect to the root ``up``."""
    made = Role(pair["up"])
    await pair["up"].execute(f"create role {made.name} login password 'x'")
    yield made
    await pair["up"].execute(f"drop role {made.name}")


async def test_missing_right_is_told_with_the_role_that_has_it(
    pair, role: Role, tailrace: Tailrace
):
    told = await tailrace("members", "--db", role.dsn(pair["up"]), status=1)
    assert "permission denied for table node_info" in told.complaint
    assert f'grant pgq_admin to "{role.name}"' in told.complaint
    await role.gets("pgq_reader")
    await tailrace("members", "--db", role.dsn(pair["up"]))
    await pair["up"].execute("create table public.hidden (id integer primary key)")
    told = await tailrace("sql", "-c", "table hidden", "--db", role.dsn(pair["up"]), status=1)
    assert "pgq_admin" not in told.err


async def test_installing_without_rights_says_which_role_or_right_is_needed(
    role: Role, tailrace: Tailrace, new_database
):
    db = await new_database(installed=False)
    at = ("--db", role.dsn(db))
    for words in (("install",), ("create-root", "a", "--queue", "q")):
        told = await tailrace(*words, *at, status=1)
        assert f'role "{role.name}" may not create schemas' in told.complaint
        assert f'grant create on database "{db.dbname}" to "{role.name}"' in told.complaint
    await tailrace("install", "--db", db.dsn)
    await role.gets("pgq_admin")
    await tailrace("install", *at)  # all is there, so there is nothing to do
    await db.execute("update tailrace.installation set digest = 'older'")
    for words in (("install",), ("uninstall", "--yes")):
        told = await tailrace(*words, *at, status=1)
        assert (
            f'schema "pgq" of database "{db.dbname}" belongs to role "{db.user}"' in told.complaint
        )
        assert f'run it as role "{db.user}" or a superuser' in told.complaint


async def test_node_is_not_half_removed_by_who_may_not_remove_it(
    pair, role: Role, tailrace: Tailrace
):
    await role.gets("pgq_reader")
    before = await pair.contents()
    told = await tailrace("drop-node", "down", "--db", role.dsn(pair["up"]), status=1)
    assert f'role "{role.name}" may not remove nodes' in told.complaint
    assert await pair.contents() == before


async def test_root_is_served_by_a_role_that_may_not_apply(
    pair, role: Role, tailrace: Tailrace, process
):
    """It acknowledges pauses, as every worker; elsewhere the status says what is missing."""
    await role.gets("pgq_admin")
    up, down = role.dsn(pair["up"]), role.dsn(pair["down"])
    await process("run", "--db", up, "--db", down)
    await tailrace("pause", "--timeout", "20", "--db", up)
    await tailrace("resume", "--timeout", "20", "--db", up)

    async def told() -> bool:
        shown = (await tailrace("status", "--format", "json", "--db", up)).json
        errors = {node["node"]: node["errors"] for node in shown["nodes"]}
        assert errors["up"] == []
        return "may not switch triggers off" in str(errors["down"])

    await eventually(told, within=20)
    given_up = await tailrace("wait-root", "--timeout", "1", "--db", down, status=1)
    assert "which has the error: role" in given_up.complaint
