"""tag-dead, tag-alive, --dead and set-attr: told everywhere, checked before anything is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tailrace.db.dsn import parameters

DEAD = "select dead from pgq_node.node_location where node_name = %s"
ATTRIBUTES = "select node_attrs from pgq_node.node_info"


async def dead_on(cascade, name: str, *nodes: str) -> list[bool]:
    return [await cascade[one].fetch_value(DEAD, name) for one in nodes]


async def attributes(cascade, name: str) -> str | None:
    return await cascade[name].fetch_value(ATTRIBUTES)


@asynccontextmanager
async def away(cascade, name: str, admin: str = "node1") -> AsyncIterator[None]:
    """Make a node's database impossible to reach while the block runs."""
    dbname = parameters(cascade[name].dsn)["dbname"]
    await cascade[name].close()
    await cascade[admin].execute(f'alter database "{dbname}" rename to "{dbname}_away"')
    try:
        yield
    finally:
        await cascade[admin].execute(f'alter database "{dbname}_away" rename to "{dbname}"')


async def test_mark_is_set_on_every_live_node_and_taken_away_again(seed):
    result = await seed.at("node4", "tag-dead", "node3")
    assert 'node "node3" is marked dead on: node1, node2, node4, node5' in result.err
    others = ("node1", "node2", "node4", "node5")
    assert await dead_on(seed, "node3", *others) == [True] * 4
    assert await dead_on(seed, "node3", "node3") == [False]
    told = "select ev_data, ev_extra2, ev_extra3 from pgq.event_template order by ev_id desc"
    assert tuple(await seed["node1"].fetch_one(told)) == ("node3", None, "true")
    shown = (await seed.at("node1", "status")).out
    assert "node3 (dead)" in shown
    assert "\nnode5 (branch)" in shown
    result = await seed.at("node1", "tag-alive", "node3")
    assert "is marked alive on: node1, node2, node3, node4, node5" in result.err
    assert await dead_on(seed, "node3", *others, "node3") == [False] * 5


async def test_node_does_not_mark_itself_dead_and_unknown_names_are_told(seed):
    before = await seed.contents()
    result = await seed.at("node2", "tag-dead", "node2", status=1)
    assert "mark it from another node" in result.complaint
    result = await seed.at("node2", "tag-dead", "nix", status=1)
    assert 'no node "nix"' in result.complaint
    result = await seed.at("node2", "status", "--dead=nix", status=1)
    assert 'no node "nix"' in result.complaint
    assert await seed.contents() == before


async def test_dead_root_is_marked_by_those_who_are_left(seed):
    async with away(seed, "node1", "node2"):
        result = await seed.at("node2", "status", "--dead=node1")
        assert "node1 (dead)" in result.out
        assert "cannot connect" not in result.out
        await seed.at("node2", "tag-dead", "node1")
        assert await dead_on(seed, "node1", "node2", "node3", "node4", "node5") == [True] * 4
        result = await seed.at("node2", "wait-root", status=1)
        assert 'leads through node "node1", which is dead' in result.complaint


async def test_old_root_that_is_marked_alive_is_said_to_be_one_too_many(seed):
    await seed.at("node2", "tag-dead", "node1")
    promoted = "select ret_code from pgq_node.promote_branch('shop')"
    assert await seed["node2"].fetch_value(promoted) == 200
    result = await seed.at("node2", "tag-dead", "node5")
    assert "roots" not in result.err
    result = await seed.at("node2", "tag-alive", "node1")
    assert (
        'warning: queue "shop" has 2 roots, node1 and node2; what is written on "node1" reaches '
        'nobody who follows node2; if it was taken over, run on "node1": tailrace resurrect\n'
    ) in result.err
    result = await seed.at("node2", "tag-alive", "node5")
    assert "has 2 roots, node1 and node2; on the one that was taken over run: " in result.err


async def test_unreachable_node_is_left_to_the_roots_event(seed):
    async with away(seed, "node5"):
        result = await seed.at("node2", "tag-dead", "node3")
        assert 'node "node5" was not told' in result.err
        assert "the root's event will tell: node5" in result.err
        result = await seed.at("node2", "tag-alive", "node3", "--dead=node5")
        assert "node5" not in result.err


async def test_attribute_is_set_replaced_and_removed(seed):
    result = await seed.at("node1", "set-attr", "node2", "sync_watermark=node2,node3")
    assert await attributes(seed, "node2") == "sync_watermark=node2%2Cnode3"
    assert "tailrace set-attr node3 sync_watermark=node2,node3" in result.err
    assert "Attr: sync_watermark=node2,node3" in (await seed.at("node1", "status")).out
    await seed.at("node1", "set-attr", "node2", "sync_watermark=node2")
    assert await attributes(seed, "node2") == "sync_watermark=node2"
    await seed.at("node2", "set-attr", "node2", "sync_watermark=")
    assert await attributes(seed, "node2") is None


SENSELESS = [
    (["node4", "sync_watermark=node4,nix"], 1, 'knows no node "nix"'),
    (["node4", "sync_watermark=node4,node1"], 1, 'node "node1" is the root'),
    (["node1", "sync_watermark=node2"], 1, "only a branch can have sync_watermark"),
    (["nix", "sync_watermark=node2"], 1, 'no node "nix"'),
    (["node4", "colour=blue"], 2, 'no attribute "colour"; attributes: sync_watermark'),
    (["node4", "sync_watermark"], 2, "sync_watermark= to remove it"),
    (["node4", "sync_watermark=node4,node4"], 2, "a node is listed twice"),
    (["node4", "sync_watermark=a", "sync_watermark=b"], 2, "is given twice"),
]


async def test_senseless_group_is_refused(seed):
    for words, status, complaint in SENSELESS:
        result = await seed.at("node1", "set-attr", *words, status=status)
        assert complaint in result.complaint
    assert await attributes(seed, "node4") == "sync_watermark=node4%2Cnode5"


async def test_member_that_cannot_be_asked_is_refused_unless_it_is_dead(seed):
    async with away(seed, "node5"):
        words = ("set-attr", "node3", "sync_watermark=node3,node5")
        result = await seed.at("node1", *words, status=1)
        assert 'node "node5" cannot be asked' in result.complaint
        assert "--dead=node5" in result.complaint
        result = await seed.at("node1", *words, "--dead=node5")
        assert 'node "node5" is dead and does not count' in result.err


async def test_member_whose_location_leads_elsewhere_is_refused_with_what_is_there(
    seed, new_database
):
    empty, schemas = await new_database(installed=False), await new_database()
    words = ("set-attr", "node3", "sync_watermark=node3,node5")
    move = "update pgq_node.node_location set node_location = %s where node_name = 'node5'"
    for db, found in (
        (empty, f'database "{empty.dbname}" at its location is no node of queue "shop"'),
        (schemas, f'database "{schemas.dbname}" at its location is no node of queue "shop"'),
        (seed["node4"], 'its location leads to node "node4"'),
    ):
        await seed["node3"].execute(move, db.dsn)
        result = await seed.at("node1", *words, status=1)
        assert (
            f'node "node5" cannot be asked, so the group could not agree: {found}; '
            "leave it out, or give --dead=node5"
        ) in result.complaint
    assert await attributes(seed, "node3") is None


async def test_group_with_blanks_between_its_names_is_the_same_group(seed):
    """Londiste's users store attributes by SQL, as people write lists."""
    for name in ("node4", "node5"):
        await seed[name].execute(
            "select pgq_node.set_node_attrs('shop', 'sync_watermark=node4%2C+node5')"
        )
    result = await seed.at("node1", "set-attr", "node4", "sync_watermark=node4,node5")
    assert "has another group" not in result.err
    again = ("create-branch", "node5", "--queue", "shop", "--provider", seed["node3"].dsn)
    result = await seed.at("node5", *again, "--sync-watermark=node4,node5")
    assert "keeps sync_watermark" not in result.err
