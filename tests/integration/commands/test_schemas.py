"""install and uninstall as commands."""

from __future__ import annotations

import pytest

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


async def test_uninstall_of_a_node_says_who_still_knows_it_and_reads_from_it(
    new_cascade, tailrace: Tailrace
):
    cascade = await new_cascade({"a": None, "b": "a", "c": "b", "d": "b"}, leaves={"c", "d"})
    drop = "first with: tailrace drop-node"
    branch = (
        'warning: node "b" of queue "shop" still has subscribers: c, d; they would miss their '
        "provider; move them first with: tailrace change-provider",
        'warning: node "b" of queue "shop" is still known to: a, c, d, and "a" would keep events '
        f"for it; remove it {drop} b --queue shop",
    )
    refused = await cascade.at("b", "uninstall", status=2)
    assert refused.err.splitlines()[:2] == list(branch)
    assert "confirm with --yes" in refused.err
    assert len(await cascade["b"].fetch_all(PRESENT)) == 4
    root = await cascade.at("a", "uninstall", status=2)
    assert "still has subscribers: b; " in root.err
    assert "one of them take its place first with: tailrace takeover a\n" in root.err
    assert f"is still known to: b, c, d; remove it {drop} a --queue shop" in root.err
    await cascade.at("a", "tag-dead", "c")
    leaf = await cascade.at("d", "uninstall", "--yes")
    assert f'known to: a, b, and "b" would keep events for it; remove it {drop} d' in leaf.err
    assert "subscribers" not in leaf.err
    assert await cascade["d"].fetch_all(PRESENT) == []


async def test_uninstall_of_a_node_alone_warns_of_nothing(new_cascade):
    cascade = await new_cascade({"a": None, "b": "a"})
    await cascade.at("a", "drop-node", "b")
    told = await cascade.at("a", "uninstall", "--yes")
    assert "warning" not in told.err
    assert (await cascade.at("b", "uninstall", "--yes")).err.count("removed") == 4


@pytest.mark.parametrize(
    "breaks",
    [
        "drop function pgq_node.get_node_info(text)",
        "alter table pgq_node.node_info rename column node_type to kind",
        "drop function pgq_node.get_node_info(text); create function"
        " pgq_node.get_node_info(text) returns table (ret_code integer, ret_note text)"
        " language sql as 'select 404, $$nothing$$'",
    ],
    ids=["no function", "no column", "not found"],
)
async def test_uninstall_of_a_broken_installation_is_not_held_up(new_cascade, breaks: str):
    cascade = await new_cascade({"a": None, "b": "a"})
    await cascade["b"].execute(breaks)
    await cascade.at("b", "uninstall", "--yes")
    assert await cascade["b"].fetch_all(PRESENT) == []


async def test_real_extension_is_left_alone(peer_database, tailrace: Tailrace):
    db = await peer_database()
    result = await tailrace("install", "--db", db.dsn, status=1)
    assert 'already holds the extension "pgq"' in result.complaint
    assert "--use-extension" in result.complaint
    present = [row.nspname for row in await db.fetch_all(PRESENT)]
    assert present == ["pgq"]
