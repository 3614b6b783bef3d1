"""Fixtures of the tests of schema pgq_node."""

from __future__ import annotations

import pytest

from integration.cascade_sql.node import Node
from tailrace.db.connection import Database


@pytest.fixture
def node(database: Database) -> Node:
    """A database in which nothing of a cascade exists yet."""
    return Node(database)
