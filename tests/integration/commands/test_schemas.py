"""install and uninstall as commands."""

from __future__ import annotations

from fixtures.command import Tailrace

PRESENT = (
    "select nspname::text from pg_namespace"
    " where nspname in ('pgq', 'pgq_coop', 'pgq_node', 'tailrace')"
)


async def test_install_says_what_it_did_and_repeating_it_does_nothing(
    new_database, tailrace: Tailrace
):
    db = await new_database(installed=False)
    first = await tailrace("install", "--db", db.dsn)
    assert [line.split(": ")[2] for line in first.err.splitlines()] == ["installed (0.1.0)"] * 4
    again = await tailrace("install", "--db", db.dsn)
    assert [line.split(": ")[2] for line in again.err.splitlines()] == ["current (0.1.0)"] * 4
    assert first.out == again.out == ""


async def test_uninstall_needs_a_yes(database, tailrace: Tailrace):
    result = await tailrace("uninstall", "--db", database.dsn, status=2)
    assert "confirm with --yes" in result.complaint
    assert len(await database.fetch_all(PRESENT)) == 4
    await tailrace("uninstall", "--db", database.dsn, "--yes")
    assert await database.fetch_all(PRESENT) == []
    result = await tailrace("uninstall", "--db", database.dsn, "--yes")
    assert "nothing of tailrace was there" in result.err


async def test_real_extension_is_left_alone(peer_database, tailrace: Tailrace):
    db = await peer_database()
    result = await tailrace("install", "--db", db.dsn, status=1)
    assert 'already holds the extension "pgq"' in result.complaint
    assert "--use-extension" in result.complaint
    present = [row.nspname for row in await db.fetch_all(PRESENT)]
    assert present == ["pgq"]
