"""The schema describes itself and can be installed again over itself."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import QUEUE, Node
from tailrace.db import schema

pytestmark = pytest.mark.sql


async def test_every_table_and_column_has_a_comment(node: Node) -> None:
    rows = await node.database.fetch_all(
        "select c.relname, a.attname from pg_class c"
        " join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped"
        " where c.relnamespace = 'pgq_node'::regnamespace and c.relkind = 'r'"
        " and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)"
    )
    assert rows == []


async def test_every_function_has_a_comment_and_a_file_of_its_name(node: Node) -> None:
    rows = await node.database.fetch_all(
        "select proname, obj_description(oid, 'pg_proc') as comment from pg_proc"
        " where pronamespace = 'pgq_node'::regnamespace"
    )
    assert [row.proname for row in rows if not row.comment] == []
    paths = [script.path for script in schema.scripts("pgq_node")]
    files = {path.split(".")[1] for path in paths if "/functions/" in path}
    assert files == {row.proname for row in rows}


async def test_functions_can_be_made_again_while_nodes_exist(node: Node) -> None:
    await node.become_root()
    for script in schema.scripts("pgq_node"):
        if not script.makes_tables:
            await node.execute(script.text)
    assert (await node.call("get_node_info", QUEUE)).ret_code == 100


async def test_functions_replace_those_of_a_version_without_attributes(node: Node) -> None:
    await node.become_root()
    await node.execute("drop function pgq_node.get_node_info(text)")
    await node.execute("alter table pgq_node.node_info drop column node_attrs")
    await node.execute(
        "create function pgq_node.get_node_info(i_queue_name text, out ret_code int4,"
        " out ret_note text) language sql as $$ select 100, 'old' $$"
    )
    for script in schema.scripts("pgq_node"):
        if not script.makes_tables:
            await node.execute(script.text)
    assert await node.value("select pgq_node.upgrade_schema()") == 1
    assert (await node.call("get_node_info", QUEUE)).node_attrs is None
