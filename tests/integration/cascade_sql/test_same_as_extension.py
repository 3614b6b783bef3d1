"""Random sequences of calls on ours and on the real pgq_node: same codes, same tables.

Where we differ on purpose the walk takes care of it, and says so here:

* a new branch has no tick before the one it starts from (the extension leaves tick 1 behind);
* the global watermark of a branch never moves back;
* promotion makes the tick that a killed worker left out;
* a location that a helper consumer reads from is refused with a code (403, 405), not by a
  violated foreign key;
* demotion to a provider without location is refused also when the worker has no row;
* demotion does not change the role of the session (invisible here: each call is a transaction).
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from fixtures.peers import PeerDatabase
from integration.cascade_sql.node import Node
from tailrace.db.connection import Database
from tailrace.errors import TailraceError

pytestmark = pytest.mark.sql

STEPS = 120
QUEUES = ("q", "c")
NODES = ("n1", "n2", "n3", "n4")
CONSUMERS = ("w1", "w2", "w3", "copy", "nobody")

CONTENTS = """
select jsonb_build_object(
    'locations', (select jsonb_agg(to_jsonb(l) order by l.queue_name, l.node_name)
                    from pgq_node.node_location l),
    'nodes', (select jsonb_agg(to_jsonb(n) order by n.queue_name) from pgq_node.node_info n),
    'states', (select jsonb_agg(to_jsonb(s) order by s.queue_name, s.consumer_name)
                 from pgq_node.local_state s),
    'subscribers', (select jsonb_agg(to_jsonb(s) order by s.queue_name, s.subscriber_node)
                      from pgq_node.subscriber_info s),
    'consumers', (select jsonb_agg(c.co_name order by c.co_name) from pgq.consumer c),
    'positions', (select jsonb_agg(jsonb_build_array(q.queue_name, c.co_name, s.sub_last_tick)
                                   order by q.queue_name, c.co_name)
                    from pgq.subscription s
                    join pgq.queue q on q.queue_id = s.sub_queue
                    join pgq.consumer c on c.co_id = s.sub_consumer),
    'queues', (select jsonb_agg(jsonb_build_array(q.queue_name, q.queue_external_ticker,
                                                  q.queue_disable_insert) order by q.queue_name)
                 from pgq.queue q),
    'ticks', (select jsonb_agg(jsonb_build_array(q.queue_name, t.tick_id, t.tick_event_seq)
                               order by q.queue_name, t.tick_id)
                from pgq.tick t join pgq.queue q on q.queue_id = t.tick_queue),
    'events', (select jsonb_agg(jsonb_build_array(e.ev_id, e.ev_type, e.ev_data, e.ev_extra1,
                                                  e.ev_extra2, e.ev_extra3, e.ev_extra4)
                                order by e.ev_extra1, e.ev_id)
                 from pgq.event_template e))
"""

# How often each call is tried; the frequent ones are those that need others before them.
WEIGHTS = {
    "register_location": 10,
    "unregister_location": 3,
    "get_queue_locations": 1,
    "create_node": 8,
    "drop_node": 2,
    "demote_root": 8,
    "promote_branch": 2,
    "set_node_attrs": 1,
    "get_node_info": 4,
    "register_subscriber": 8,
    "unregister_subscriber": 2,
    "set_subscriber_watermark": 8,
    "get_subscriber_info": 2,
    "register_consumer": 4,
    "unregister_consumer": 1,
    "get_consumer_state": 2,
    "get_consumer_info": 2,
    "get_worker_state": 4,
    "set_consumer_completed": 5,
    "set_consumer_error": 2,
    "set_consumer_paused": 3,
    "set_consumer_uptodate": 2,
    "change_consumer_provider": 3,
    "set_global_watermark": 8,
    "set_partition_watermark": 4,
    "is_root_node": 1,
    "is_leaf_node": 1,
    "maint_watermark": 1,
    "tick": 12,
    "insert_event": 3,
    "plain_consumer": 2,
}


class Walk:
    """One random sequence, done on both databases."""

    def __init__(self, ours: Database, theirs: Database, seed: int) -> None:
        self.ours = ours
        self.theirs = theirs
        self.choose = random.Random(seed)
        self.history: list[str] = []
        self.successes = 0

    async def begin(self, *, merged: bool) -> None:
        """Let all nodes be members, so that little is refused for that reason alone."""
        for db in (self.ours, self.theirs):
            for queue in QUEUES:
                for name in NODES:
                    await Node(db).call("register_location", queue, name, "here", False)
            if merged:
                await Node(db).call("create_node", "c", "branch", "n1", "w1", "n3", 1, None)
                await Node(db).call("create_node", "q", "leaf", "n1", "w1", "n4", 1, "c")

    async def step(self) -> None:
        """Make one call and compare what it returns and what it leaves."""
        name = self.choose.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        queue = self.choose.choice(QUEUES)
        state = await Node(self.ours).call("get_node_info", queue)
        if state.ret_code == 404 and self.choose.random() < 0.5:
            name = "create_node"  # most calls say little while there is no node
        statement, arguments = await self.draw(name, queue, state)
        if not statement:
            return
        was_there = await self.queue_exists(queue)
        ours = await outcome(self.ours, statement, arguments)
        theirs = await outcome(self.theirs, statement, arguments)
        self.history.append(f"{statement} {arguments} -> {ours}")
        self.successes += ours != "error"
        if name in ("unregister_location", "drop_node") and ours[0][:1] in [(403,), (405,)]:
            assert theirs in (ours, "error"), self.story()
        elif name == "set_global_watermark" and theirs == "error":
            # a root that is being demoted: ours leaves the watermark, theirs cannot write the event
            assert ours in ("error", [(200,)]), self.story()
        else:
            assert ours == theirs, self.story()
        if name == "create_node" and ours[0][0] == 200:
            await self.settle_new_queue(queue, was_there)
        contents = [await db.fetch_value(CONTENTS) for db in (self.ours, self.theirs)]
        assert contents[0] == contents[1], self.story()

    async def queue_exists(self, queue: str) -> bool:
        return bool(
            await self.ours.fetch_value("select 1 from pgq.queue where queue_name = %s", queue)
        )

    async def settle_new_queue(self, queue: str, was_there: bool) -> None:
        """Let the ticker tick whenever it is asked, and take the surplus tick of a branch away."""
        for db in (self.ours, self.theirs):
            await db.execute(
                "update pgq.queue set queue_ticker_max_lag = '0', queue_ticker_idle_period = '0'"
            )
        if not was_there:
            await self.theirs.execute(
                "delete from pgq.tick t using pgq.queue q, pgq_node.local_state s"
                " where q.queue_id = t.tick_queue and s.queue_name = q.queue_name"
                " and q.queue_external_ticker and t.tick_id < s.last_tick_id"
                " and q.queue_name = %s",
                queue,
            )

    async def tick_id(self, queue: str) -> int:
        """Mostly a tick that is there, sometimes one that is not."""
        rows = await self.ours.fetch_all(
            "select tick_id from pgq.tick join pgq.queue on queue_id = tick_queue"
            " where queue_name = %s order by tick_id desc limit 4",
            queue,
        )
        return int(self.choose.choice([row.tick_id for row in rows] * 3 + [1, 2, 7]))

    async def draw(self, name: str, queue: str, state: Any) -> tuple[str, tuple[Any, ...]]:
        """Choose arguments for a call; an empty statement means to leave the call out."""
        if name == "tick":
            return await self.draw_tick(queue, state)
        if name == "insert_event":
            return "select pgq.insert_event(%s, 'test', 'data')", (queue,)
        if name == "plain_consumer":
            function = self.choose.choice(["register_consumer", "unregister_consumer"])
            return f"select pgq.{function}(%s, 'plain')", (queue,)
        arguments = await self.arguments(name, queue, state)
        if arguments is None:
            return "", ()
        places = ", ".join(["%s"] * len(arguments))
        return f"select * from pgq_node.{name}({places})", arguments

    async def draw_tick(self, queue: str, state: Any) -> tuple[str, tuple[Any, ...]]:
        if state.node_type == "branch":
            newest = await Node(self.ours).value("select pgq_node.queue_top(%s)", queue)
            tick = newest + self.choose.choice([1, 1, 1, 2, 0])
            return "select pgq.ticker(%s, %s, now(), %s)", (queue, tick, tick * 10)
        return "select pgq.ticker(%s)", (queue,)

    async def arguments(self, name: str, queue: str, state: Any) -> tuple[Any, ...] | None:
        """Choose the arguments of a function of pgq_node; None: one of the listed differences."""
        tick = await self.tick_id(queue)
        if name == "create_node":
            return await self.new_node(queue, tick)
        completed = (await Node(self.ours).call("get_worker_state", queue)).completed_tick
        if name == "promote_branch":
            newest = await Node(self.ours).value("select pgq_node.queue_top(%s)", queue)
            return None if newest and completed and completed > newest else (queue,)
        if name == "demote_root" and completed is None:
            return None
        if name == "set_global_watermark":
            wanted = self.choose.choice([tick, tick, None])
            backwards = wanted is not None and wanted < (state.global_watermark or 0)
            return None if state.node_type == "branch" and backwards else (queue, wanted)
        if name == "set_partition_watermark":
            return self.choose.choice(["c", "c", "q"]), self.choose.choice(["q", "q", "c"]), tick
        rest = (self.about_nodes(tick) | self.about_consumers(tick, state.worker_name)).get(
            name, ()
        )
        return (queue, *rest)

    def about_nodes(self, tick: int) -> dict[str, tuple[Any, ...]]:
        """Choose what follows the queue in calls about a node."""
        choice = self.choose.choice
        node = choice(NODES)
        return {
            "register_location": (node, choice(["here", "there", None]), choice([False, True])),
            "unregister_location": (node,),
            "drop_node": (node,),
            "demote_root": (choice([1, 1, 2, 2, 3, 3, 9, None]), choice([*NODES, None])),
            "set_node_attrs": (choice(["a=1", "b=2", None]),),
            "register_subscriber": (node, f"w{node[1]}", choice([None, tick])),
            "unregister_subscriber": (node,),
            "set_subscriber_watermark": (node, choice([tick, tick, tick, None])),
        }

    def about_consumers(self, tick: int, worker: str | None) -> dict[str, tuple[Any, ...]]:
        """Choose what follows the queue in calls about a consumer."""
        choice = self.choose.choice
        consumer = choice([*CONSUMERS, *[worker or "nobody"] * 5])
        flag = choice([True, False, True, False, None])
        return {
            "register_consumer": (consumer, choice([*NODES, "n9", None]), choice([tick, None])),
            "unregister_consumer": (consumer,),
            "get_consumer_state": (consumer,),
            "set_consumer_completed": (consumer, choice([tick, tick, tick, None])),
            "set_consumer_error": (consumer, choice(["broken", None])),
            "set_consumer_paused": (consumer, flag),
            "set_consumer_uptodate": (consumer, flag),
            "change_consumer_provider": (consumer, choice([*NODES, "n9"])),
        }

    async def new_node(self, queue: str, tick: int) -> tuple[Any, ...]:
        """Mostly arguments that fit the type, sometimes any."""
        choice = self.choose.choice
        kind = choice(["root", "root", "branch", "branch", "leaf", "twig"])
        node = choice(NODES[:2])
        worker = f"w{node[1]}"
        if self.choose.random() < 0.2:
            return (
                queue,
                kind,
                node,
                choice([worker, None]),
                choice([*NODES, None]),
                choice([tick, None]),
                choice([*QUEUES, None]),
            )
        if kind == "root":
            return queue, kind, node, worker, None, None, None
        combined = "c" if kind == "leaf" and queue != "c" and choice([True, False]) else None
        return queue, kind, node, worker, choice(NODES[2:]), choice([1, tick, 40]), combined

    def story(self) -> str:
        """What has been called so far."""
        return "\n".join(["the two differ after:", *self.history[-25:]])


async def outcome(db: Database, statement: str, arguments: tuple[Any, ...]) -> Any:
    """Rows without their notes, in no order, or the word error."""
    try:
        rows = await db.fetch_all(statement, *arguments)
    except TailraceError:
        return "error"
    without_notes = [
        tuple(value for name, value in row._asdict().items() if name != "ret_note") for row in rows
    ]
    return sorted(without_notes, key=repr)


@pytest.mark.parametrize("seed", range(8))
async def test_same_codes_and_tables_as_the_extension(
    database: Database, peer_database: PeerDatabase, seed: int
) -> None:
    theirs = await peer_database(["pgq", "pgq_node"])
    walk = Walk(database, theirs, seed)
    await walk.begin(merged=seed % 4 == 0)
    for _ in range(STEPS):
        await walk.step()
    assert walk.successes > STEPS / 3
