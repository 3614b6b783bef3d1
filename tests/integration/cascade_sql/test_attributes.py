"""Attributes of a node (C-03, C-11; S-3 to S-7)."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node

pytestmark = pytest.mark.sql


async def test_attributes_are_stored_replaced_and_cleared(node: Node) -> None:
    await node.become_root()
    assert (await node.call("get_node_info", QUEUE)).node_attrs is None
    for attributes in ("test=1", "sync_watermark=node4%2cnode5", None):
        assert await node.code("set_node_attrs", QUEUE, attributes) == 200
        assert (await node.call("get_node_info", QUEUE)).node_attrs == attributes


async def test_attributes_of_an_unknown_queue_are_404(node: Node) -> None:
    assert await node.code("set_node_attrs", "nowhere", "test=1") == 404
    info = await node.call("get_node_info", "nowhere")
    assert (info.ret_code, info.node_attrs) == (404, None)


async def test_attributes_and_target_come_last_in_the_columns(node: Node) -> None:
    info = await node.call("get_node_info", QUEUE)
    assert info._fields[-2:] == ("node_attrs", "target_for")


async def test_attributes_survive_a_change_of_role(node: Node) -> None:
    await node.become_branch()
    await node.call("set_node_attrs", QUEUE, "sync_watermark=node2")
    assert await node.code("promote_branch", QUEUE) == 200
    info = await node.call("get_node_info", QUEUE)
    assert (info.node_type, info.node_attrs) == ("root", "sync_watermark=node2")


async def test_upgrade_adds_the_column_to_an_old_table_once(node: Node) -> None:
    await node.become_root()
    await node.execute("alter table pgq_node.node_info drop column node_attrs")
    assert await node.value("select pgq_node.upgrade_schema()") == 1
    assert await node.value("select pgq_node.upgrade_schema()") == 0
    assert await node.code("set_node_attrs", QUEUE, "test=1") == 200
    assert (await node.call("get_node_info", QUEUE)).node_attrs == "test=1"
    described = await node.value(
        "select col_description(attrelid, attnum) from pg_attribute"
        " where attrelid = 'pgq_node.node_info'::regclass and attname = 'node_attrs'"
    )
    assert described
