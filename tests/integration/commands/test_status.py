"""status: the tree of acceptance D-01, what is wrong in it, and the same as JSON."""

from __future__ import annotations

import re
import signal

import pytest

from fixtures.waiting import eventually
from tailrace.db.dsn import parameters

SHAPE = re.compile(r"(node\d) \((\w+)\)")


async def test_tree_of_the_seed_scenario(seed):
    lines = (await seed.at("node1", "status")).out.splitlines()
    assert lines[0] == "Queue: shop   Local node: node1"
    places = {m[1]: (line.index(m[1]), m[2]) for line in lines if (m := SHAPE.search(line))}
    assert places == {
        "node1": (0, "root"),
        "node2": (7, "branch"),
        "node3": (7, "branch"),
        "node4": (12, "branch"),
        "node5": (12, "branch"),
    }
    order = [m[1] for line in lines if (m := SHAPE.search(line))]
    assert order.index("node4") == order.index("node2") + 1
    assert order.index("node5") == order.index("node3") + 1
    assert len([line for line in lines if "Lag: " in line and "Tick: " in line]) == 5
    assert len([line for line in lines if "Attr: sync_watermark=node4,node5" in line]) == 2


async def test_json_has_the_same_tree(seed):
    document = (await seed.at("node3", "status", "--format", "json")).json
    assert (document["queue"], document["local_node"]) == ("shop", "node3")
    nodes = {row["node"]: row for row in document["nodes"]}
    assert {name: row["provider"] for name, row in nodes.items()} == {
        "node1": None, "node2": "node1", "node3": "node1", "node4": "node2", "node5": "node3",
    }  # fmt: skip
    assert nodes["node5"]["attributes"] == {"sync_watermark": "node4,node5"}
    assert nodes["node1"]["lag_seconds"] >= 0


async def test_error_of_a_worker_is_its_nodes_last_line(seed):
    await seed["node4"].execute(
        "update pgq_node.local_state set cur_error = E'first line\\nsecond line'"
    )
    lines = (await seed.at("node1", "status")).out.splitlines()
    at = next(i for i, line in enumerate(lines) if "node4 (" in line)
    assert lines[at + 2].strip(" |") == "Attr: sync_watermark=node4,node5"
    assert lines[at + 3].strip(" |").startswith("Sync: node4 ")
    assert lines[at + 4].strip(" |") == "ERR: node4_worker: first line"
    assert "second line" not in "".join(lines)


async def test_unreachable_node_stands_apart_and_says_why(seed):
    name = parameters(seed["node2"].dsn)["dbname"]
    await seed["node2"].close()
    await seed["node1"].execute(f'alter database "{name}" rename to "{name}_away"')
    try:
        text = (await seed.at("node1", "status")).out
    finally:
        await seed["node1"].execute(f'alter database "{name}_away" rename to "{name}"')
    assert "\n\nnode2 (unreachable)\n" in text
    assert re.search(rf'ERR: cannot connect to .*database "{name}" does not exist', text)
    assert "\n\nnode4 (branch)\n" in text  # its provider is not to be seen


async def test_deaf_node_holds_up_nobody(pair, proxy):
    wall = await proxy(pair["down"].dsn)
    await pair["up"].execute(
        "update pgq_node.node_location set node_location = %s where node_name = 'down'", wall.dsn
    )
    wall.deafen()
    result = await pair.at("up", "status", "--deadline", "0.3", "--format", "json")
    down = next(row for row in result.json["nodes"] if row["node"] == "down")
    assert down["type"] == "unreachable"
    assert down["errors"] == ["no answer within 0.3 s"]


async def test_dead_node_is_not_asked(pair):
    await pair["up"].execute(
        "update pgq_node.node_location set dead = true where node_name = 'down'"
    )
    assert "\n\ndown (dead)" in (await pair.at("up", "status")).out


async def test_paused_worker_shows(pair):
    await pair["down"].execute("update pgq_node.local_state set paused = true, uptodate = true")
    assert ", PAUSED" in (await pair.at("up", "status")).out


async def test_location_that_leads_to_another_node_is_told(pair):
    await pair["up"].execute(
        "update pgq_node.node_location set node_location = %s where node_name = 'down'",
        pair["up"].dsn,
    )
    assert 'ERR: its location leads to node "up"' in (await pair.at("up", "status")).out


async def test_passwords_do_not_show_anywhere(pair):
    await pair["up"].execute(
        "update pgq_node.node_location set node_location = %s where node_name = 'down'",
        "host=127.0.0.1 port=1 dbname=x password=verysecret",
    )
    for words in (["status"], ["status", "--format", "json"], ["members"], ["node-info"]):
        result = await pair.at("up", *words)
        assert "verysecret" not in result.out + result.err


async def test_watching_goes_on_until_it_is_interrupted(pair, process):
    watching = await process("status", "--db", pair["up"].dsn, "--watch", "0.1")
    await eventually(lambda: watching.out.count("Queue: shop") >= 3, 30)
    watching.send(signal.SIGINT)
    assert await watching.wait() == 1
    assert watching.err.strip() == "tailrace: interrupted"


async def test_lag_below_a_sync_node_is_told_of_its_group_and_not_of_the_root(seed):
    """The root's watermark stands where node4 told it; who holds the group is named below."""
    await seed["node5"].execute("select pgq.register_consumer('shop', 'lagger')")
    for (
        name
    ) in seed.nodes:  # as if ticks had been mirrored, and everybody but lagger had come along
        await seed[name].execute(
            "insert into pgq.tick (tick_queue, tick_id, tick_event_seq)"
            " select queue_id, 50, 50 from pgq.queue;"
            "update pgq_node.local_state set last_tick_id = 50;"
            "update pgq.subscription set sub_last_tick = 50"
            " from pgq.consumer where co_id = sub_consumer and co_name <> 'lagger'"
        )
    nodes = {
        row["node"]: row
        for row in (await seed.at("node1", "status", "--format", "json")).json["nodes"]
    }
    assert nodes["node1"]["held_by"] is None
    held = nodes["node4"]["held_by"]
    assert (held["node"], held["consumer"], held["tick"]) == ("node5", "lagger", 1)
    assert [peer["state"] for peer in nodes["node4"]["sync_group"]] == ["self", "asked"]
    assert nodes["node2"]["sync_group"] is None
    lines = (await seed.at("node1", "status", "--compact")).out.splitlines()
    assert len(lines) == 1 + len(seed.nodes)
    node5 = next(line for line in lines if "node5 (" in line)
    assert "Sync: node5 1, node4 50; agreed on 50; Held by: lagger of node5, at tick 1, " in node5
    table = (await seed.at("node1", "status", "--format", "tsv")).out.splitlines()
    assert len(table) == 1 + len(seed.nodes)
    columns = table[0].split("\t")
    row = next(line.split("\t") for line in table if line.startswith("node4\t"))
    assert row[columns.index("held_by_consumer")] == "lagger"
    near = (await seed.at("node4", "node-status", "--format", "csv")).out.splitlines()
    assert near[0].split(",") == columns
    assert {line.partition(",")[0] for line in near[1:]} >= {"node2", "node4"}
    info = (await seed.at("node4", "node-info", "--format", "tsv")).out.splitlines()
    shown = dict(zip(*(line.split("\t") for line in info), strict=True))
    assert (shown["node"], shown["provider"], shown["type"]) == ("node4", "node2", "branch")
    assert shown["attributes"] == "sync_watermark=node4,node5"


async def test_node_status_shows_provider_node_and_subscribers(seed):
    lines = (await seed.at("node2", "node-status")).out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "Queue: shop",
        "Provider: node1 (root)",
        "Local node: node2 (branch)",
        "Subscriber: node4 (branch)",
    ]
    document = (await seed.at("node4", "node-status", "--format", "json")).json
    assert [row["node"] for row in document["nodes"]] == ["node4", "node2"]


async def test_node_status_asks_the_group_and_calls_nobody_unreachable_whom_it_did_not_ask(seed):
    lines = (await seed.at("node4", "node-status")).out.splitlines()
    assert [line.strip() for line in lines if "Sync: " in line] == [
        "Sync: node4 1, node5 1; agreed on 1"
    ]
    groups = [
        row["sync_group"]
        for row in (await seed.at("node4", "node-status", "--format", "json")).json["nodes"]
    ]
    assert [peer["state"] for peer in groups[0]] == ["self", "asked"]
    # node2 is not asked, and stands where node3 last told it
    for _ in range(2):
        await seed["node1"].execute("select pgq.force_tick('shop'), pgq.ticker('shop')")
    await seed["node1"].execute(
        "update pgq.subscription set sub_last_tick = t.tick_id from pgq.tick t, pgq.consumer c"
        " where c.co_id = sub_consumer and c.co_name ~ 'node3'"
    )
    text = (await seed.at("node3", "node-status")).out
    assert "Held by: node2, at tick 1, " in text
    assert "or somebody below it; more with: tailrace status" in text
    assert "unreachable" not in text


async def test_node_info_says_what_is_special(pair):
    assert "Combined queue" not in (await pair.at("down", "node-info")).out
    shown = (await pair.at("down", "node-info", "--format", "json")).json
    assert (shown["state"], shown["combined_queue"]) == ("not up to date", None)
    await pair["down"].execute(
        "update pgq_node.node_location set dead = true where node_name = 'down'"
    )
    assert "marked dead" in (await pair.at("down", "node-info")).out


async def test_tables_that_are_not_here_are_counted(pair):
    for name in ("a", "b", "c"):
        await pair["up"].execute(f"create table public.{name} (id integer primary key)")
        await pair.at("up", "add-table", name)
    await pair.at("down", "add-table", "a", "--create")
    text = (await pair.at("up", "status")).out
    assert "Tables: 3/0/0" in text
    assert "Tables: 0/1/2" in text


async def test_column_that_only_the_root_has_is_named(pair):
    await pair["up"].execute(
        "create table public.t (id integer primary key, g integer generated always as (1) stored)"
    )
    await pair["down"].execute("create table public.t (id integer primary key, more text)")
    for node in ("up", "down"):
        await pair.at(node, "add-table", "t")
    assert "Left out" not in (await pair.at("down", "status")).out
    await pair["up"].execute('alter table public.t add column "a b" text, add column c text')
    text = (await pair.at("down", "status")).out
    assert "Left out: public.t lacks the root's columns a b, c" in text
    found = (await pair.at("up", "status", "--format", "json")).json
    left_out = {one["node"]: one["columns_left_out"] for one in found["nodes"]}
    assert left_out == {"up": {}, "down": {"public.t": ["a b", "c"]}}
    await pair["down"].execute('alter table public.t add column "a b" text, add column c text')
    assert "Left out" not in (await pair.at("down", "status")).out


@pytest.mark.parametrize("older", ["up", "down"])
async def test_node_that_is_yet_to_be_upgraded_is_shown_without_its_columns(pair, older):
    """It tells the names of its tables only; nothing is said to be left out there."""
    await pair["up"].execute("create table public.t (id integer primary key, v text)")
    await pair["up"].execute("create table public.u (id integer primary key)")
    await pair["down"].execute("create table public.t (id integer primary key)")
    for node, table in (("up", "t"), ("up", "u"), ("down", "t")):
        await pair.at(node, "add-table", table)
    await pair[older].execute(
        """
        alter function tailrace.node_status(text) rename to node_status_new;
        create function tailrace.node_status(i_queue text) returns jsonb language sql as $$
            select jsonb_set(found #- '{tables,columns}', '{tables,names}', to_jsonb(array(
                select jsonb_object_keys(found #> '{tables,columns}'))))
            from (select tailrace.node_status_new(i_queue)::jsonb as found) as f $$
        """
    )
    text = (await pair.at("up", "status")).out
    assert "Tables: 2/0/0" in text
    assert "Tables: 0/1/1" in text
    assert "Left out" not in text


async def test_node_with_functions_of_pgq_node_3_0_has_no_attributes(pair):
    """S-8: get_node_info of that version ends with worker_last_tick."""
    await pair["up"].execute(
        """
        alter function pgq_node.get_node_info(text) rename to get_node_info_new;
        create function pgq_node.get_node_info(
            in i_queue_name text, out ret_code int4, out ret_note text, out node_type text,
            out node_name text, out global_watermark int8, out local_watermark int8,
            out provider_node text, out provider_location text, out combined_queue text,
            out combined_type text, out worker_name text, out worker_paused bool,
            out worker_uptodate bool, out worker_last_tick int8)
        language sql as $$
            select ret_code, ret_note, node_type, node_name, global_watermark, local_watermark,
                provider_node, provider_location, combined_queue, combined_type, worker_name,
                worker_paused, worker_uptodate, worker_last_tick
            from pgq_node.get_node_info_new(i_queue_name) $$
        """
    )
    assert (await pair.at("up", "node-info", "--format", "json")).json["attributes"] == {}
    assert "up (root)" in (await pair.at("down", "status")).out
