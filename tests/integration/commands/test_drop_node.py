"""drop-node: the node and everything that others knew of it are gone; acceptance D-23."""

from __future__ import annotations

from tailrace.db.connection import parameters


async def gone(db, table: str) -> bool:
    return await db.fetch_all(f"select from {table}") == []


async def test_node_with_subscribers_stays(seed):
    before = await seed.contents()
    result = await seed.at("node1", "drop-node", "node2", status=1)
    assert 'node "node2" still has subscribers: node4' in result.complaint
    assert await seed.contents() == before


async def test_dropped_node_is_forgotten_everywhere(seed):
    await seed.at("node5", "drop-node", "node5")
    for table in ("pgq_node.node_info", "pgq_node.local_state", "pgq.queue", "tailrace.table_info"):
        assert await gone(seed["node5"], table), table
    for name in ("node1", "node3"):
        known = "select from pgq_node.node_location where node_name = 'node5'"
        assert await seed[name].fetch_all(known) == []
    consumers = "select co_name from pgq.consumer join pgq.subscription on sub_consumer = co_id"
    names = [row.co_name for row in await seed["node3"].fetch_all(consumers)]
    assert names == [".global_watermark"]
    assert (await seed.at("node1", "members", "--format", "json")).json[-1]["node"] == "node4"


async def test_tables_of_a_dropped_node_keep_their_rows_and_lose_their_triggers(pair):
    create = "create table public.t (id integer primary key)"
    await pair["up"].execute(create)
    await pair.at("up", "add-table", "t")
    await pair.at("down", "add-table", "t", "--create")
    await pair.at("up", "drop-node", "down")
    await pair["down"].execute("insert into public.t values (1)")
    assert await pair["down"].fetch_value("select count(*) from public.t") == 1
    await pair.at("up", "drop-node", "up")
    await pair["up"].execute("insert into public.t values (1)")


async def test_unreachable_node_is_removed_elsewhere(seed):
    dsn = seed["node5"].dsn
    name = parameters(dsn)["dbname"]
    await seed["node5"].close()
    await seed["node1"].execute(f'alter database "{name}" rename to "{name}_away"')
    try:
        result = await seed.at("node1", "drop-node", "node5")
        assert 'warning: node "node5" is left as it is' in result.err
        assert "Traceback" not in result.err
    finally:
        await seed["node1"].execute(f'alter database "{name}_away" rename to "{name}"')
    members = (await seed.at("node1", "members", "--format", "json")).json
    assert [row["node"] for row in members] == ["node1", "node2", "node3", "node4"]
    subscribers = "select from pgq_node.subscriber_info"
    assert await seed["node3"].fetch_all(subscribers) == []


async def test_dropped_node_can_be_made_again(pair):
    await pair.at("up", "drop-node", "down")
    await pair.at("down", "create-leaf", "down", "--queue", "shop", "--provider", pair["up"].dsn)
    assert [row["node"] for row in (await pair.at("up", "members", "--format", "json")).json] == [
        "down",
        "up",
    ]


async def test_node_whose_location_leads_to_another_one_does_not_take_that_with_it(seed):
    """Such a node can be made with --nocheck; the other one must not lose anything."""
    await seed["node1"].execute(
        "select pgq_node.register_location('shop', 'node6', %s, false)", seed["node5"].dsn
    )
    before = await seed["node5"].fetch_value("select count(*) from tailrace.runner")
    await seed["node5"].execute(
        "select tailrace.take_over('shop', 'node5_worker', 'somebody at work')"
    )
    result = await seed.at("node1", "drop-node", "node6")
    assert 'node "node6" is left as it is: its location leads to node "node5"' in result.err
    assert "node6" not in (await seed.at("node1", "members")).out
    assert await seed["node5"].fetch_value("select count(*) from tailrace.runner") == before + 1
    assert not await gone(seed["node5"], "pgq_node.node_info")
