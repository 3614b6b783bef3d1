"""Who may call what (grants model of the specification)."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node
from tailrace.errors import DatabaseError

pytestmark = pytest.mark.sql

# A role of PostgreSQL itself that has no rights of ours: everybody else.
ANYBODY = "pg_read_all_stats"

EVERYBODY_MAY = {"is_root_node", "is_leaf_node", "version"}
READERS_MAY = {
    "register_subscriber",
    "unregister_subscriber",
    "set_subscriber_watermark",
    "get_subscriber_info",
    "get_node_info",
    "get_queue_locations",
    "get_consumer_info",
    "get_consumer_state",
}
WRITERS_MAY = READERS_MAY | {
    "register_consumer",
    "unregister_consumer",
    "set_consumer_completed",
    "set_consumer_error",
    "set_consumer_paused",
    "set_consumer_uptodate",
    "change_consumer_provider",
}
ADMINS_MAY = WRITERS_MAY | {
    "register_location",
    "unregister_location",
    "create_node",
    "drop_node",
    "demote_root",
    "promote_branch",
    "set_node_attrs",
    "get_worker_state",
    "set_global_watermark",
    "set_partition_watermark",
    "maint_watermark",
    "upgrade_schema",
}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (ANYBODY, EVERYBODY_MAY),
        ("pgq_reader", EVERYBODY_MAY | READERS_MAY),
        ("pgq_writer", EVERYBODY_MAY | WRITERS_MAY),
        ("pgq_admin", EVERYBODY_MAY | ADMINS_MAY),
    ],
)
async def test_role_may_call_exactly_its_functions(
    node: Node, role: str, allowed: set[str]
) -> None:
    rows = await node.database.fetch_all(
        "select proname from pg_proc where pronamespace = 'pgq_node'::regnamespace"
        " and has_function_privilege(%s, oid, 'execute')",
        role,
    )
    assert {row.proname for row in rows} == allowed


async def test_reader_subscribes_but_does_not_create_nodes(node: Node) -> None:
    await node.become_root()
    await node.execute("set role pgq_reader")
    assert await node.code("register_subscriber", QUEUE, "node2", "w2", None) == 200
    assert (await node.call("get_node_info", QUEUE)).ret_code == 100
    assert await node.value("select count(*) from pgq_node.local_state") == 1
    with pytest.raises(DatabaseError, match="permission denied"):
        await node.code("drop_node", QUEUE, "node1")


async def test_writer_keeps_its_position_but_does_not_change_the_tree(node: Node) -> None:
    await node.become_branch()
    await node.execute("set role pgq_writer")
    assert await node.code("register_consumer", QUEUE, "copy", "node1", 1) == 200
    assert await node.code("set_consumer_completed", QUEUE, "copy", 2) == 100
    with pytest.raises(DatabaseError, match="permission denied"):
        await node.code("promote_branch", QUEUE)
    with pytest.raises(DatabaseError, match="permission denied"):
        await node.execute("update pgq_node.node_info set node_type = 'root'")


async def test_admin_needs_no_other_right_for_the_life_of_a_node(node: Node) -> None:
    await node.execute("set role pgq_admin")
    await node.become_root()
    for step in (1, 2, 3):
        assert await node.code("demote_root", QUEUE, step, "node2") == 200
    assert await node.code("promote_branch", QUEUE) == 200
    assert await node.code("set_node_attrs", QUEUE, "test=1") == 200
    await node.execute("reset role")
    await node.execute("update pgq.tick set tick_time = tick_time - interval '6 minutes'")
    await node.execute("set role pgq_admin")
    assert await node.value("select pgq_node.maint_watermark(%s)", QUEUE) == 0
    assert await node.code("drop_node", QUEUE, "node1") == 200


async def test_anybody_may_ask_for_the_root(node: Node) -> None:
    await node.become_root()
    await node.execute(f"set role {ANYBODY}")
    assert await node.value("select pgq_node.is_root_node(%s)", QUEUE) is True
    assert str(await node.value("select pgq_node.version()")).startswith("3")


async def test_functions_do_not_fall_for_operators_of_the_caller(node: Node) -> None:
    await node.execute("create schema trap")
    await node.execute(
        "create function trap.never(text, text) returns boolean language sql as 'select false'"
    )
    await node.execute(
        "create operator trap.= (function = trap.never, leftarg = text, rightarg = text)"
    )
    await node.become_root()
    await node.execute("set search_path = trap, pg_catalog")
    assert (await node.call("get_node_info", QUEUE)).ret_code == 100
    assert await node.code("set_node_attrs", QUEUE, "test=1") == 200
