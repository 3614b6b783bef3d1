"""Going through the tree that PostgreSQL's parser makes of a statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pglast import ast


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, ast.Node):
        for name in node:
            yield getattr(node, name)
    elif isinstance(node, tuple | list):
        yield from node


def _walk(node: Any, into: Callable[[Any], bool]) -> Iterator[Any]:
    """The nodes from here on down; what is not gone ``into`` is still yielded itself."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Node):
            yield one
            if not into(one):
                continue
        waiting.extend(reversed([*_children(one)]))


def all_nodes(node: Any) -> Iterator[Any]:
    """Every node from here on down."""
    return _walk(node, lambda _: True)


def level_nodes(expressions: Iterable[Any]) -> Iterator[Any]:
    """The nodes of some expressions, without those of the subqueries in them."""
    return _walk(tuple(expressions), lambda node: not isinstance(node, ast.SelectStmt))
