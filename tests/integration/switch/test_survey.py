"""Looking at all nodes, and what a command that died leaves on their servers."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AsyncExitStack

import pytest

from fixtures.cascade import QUEUE
from fixtures.waiting import eventually
from integration.switch.conftest import Tree
from tailrace.cascade.survey import Survey
from tailrace.errors import TailraceError


async def test_statement_of_a_command_that_died_ends_soon_and_frees_its_lock(tree: Tree) -> None:
    """Else the next run would find the node claimed as long as a writer's transaction lasts."""
    node = await tree.nodes_of({"node1": None})
    async with AsyncExitStack() as stack:
        dead = Survey(QUEUE, "dead", stack)
        await dead.open(node.db)
        await dead.claim("node1")
        db = dead.db("node1")
        waiting = asyncio.create_task(db.execute("select pg_sleep(60)"))
        query = "select count(*) from pg_stat_activity where pid = %s and state = 'active'"
        await eventually(lambda: node.db.fetch_value(query, db.backend_pid))
        with socket.socket(fileno=os.dup(db._connection.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)  # what its death does
        with pytest.raises(TailraceError):
            await waiting
        alive = Survey(QUEUE, "alive", stack)
        await alive.open(node.db)
        await alive.claim("node1")


async def test_node_that_does_not_answer_is_named_with_the_reason(tree: Tree) -> None:
    node = await tree.nodes_of({"node1": None, "node2": "node1"})
    await node.db.execute(
        "select pgq_node.register_location(%s, 'node2', 'host=127.0.0.1 port=1', false)", QUEUE
    )
    async with AsyncExitStack() as stack:
        survey = Survey(QUEUE, "test", stack)
        await survey.open(node.db)
        view = await survey.look()
        assert list(view.nodes) == ["node1"]
        with pytest.raises(TailraceError, match='node "node2" of queue "flow" cannot be asked'):
            view["node2"]


async def test_location_that_leads_to_another_node_is_not_believed(tree: Tree) -> None:
    node = await tree.nodes_of({"node1": None, "node2": "node1", "node3": "node1"})
    await node.db.execute(
        "select pgq_node.register_location(%s, 'node2', %s, false)", QUEUE, tree["node3"].dsn
    )
    async with AsyncExitStack() as stack:
        survey = Survey(QUEUE, "test", stack)
        await survey.open(node.db)
        view = await survey.look()
        assert sorted(view.nodes) == ["node1", "node3"]
        assert 'which is node "node3"' in view.away["node2"]
