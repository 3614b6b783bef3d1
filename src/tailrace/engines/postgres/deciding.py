"""What decides which rows a statement writes: its conditions, its groups, and its keys.

A column in such an expression may be made elsewhere in the statement, by a subquery or in WITH. It
is followed by its name, wherever that leads: so more may be found than decides, and nothing less.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pglast import ast, enums

from tailrace.engines.postgres.nodes import all_nodes, level_nodes

# Of each name that a query gives to a column of its result: the expressions that it may stand for.
Outputs = Mapping[str, Sequence[Any]]


def outputs(statement: Any) -> Outputs:
    """The columns that the queries within a statement make."""
    found: dict[str, list[Any]] = {}
    for node in all_nodes(statement):
        if isinstance(node, ast.SelectStmt):
            _note(found, _columns(node), ())
        elif isinstance(node, ast.RangeSubselect) and node.alias is not None:
            _note(found, _columns(node.subquery), node.alias.colnames or ())
        elif isinstance(node, ast.CommonTableExpr) and isinstance(node.ctequery, ast.SelectStmt):
            _note(found, _columns(node.ctequery), node.aliascolnames or ())
    return found


def calls(expressions: Iterable[Any], known: Outputs) -> Iterator[Any]:
    """The calls of functions on which expressions depend."""
    waiting = [*expressions]
    followed: set[str] = set()
    while waiting:
        for node in level_nodes([waiting.pop(0)]):
            if isinstance(node, ast.FuncCall):
                yield node
            elif isinstance(node, ast.SelectStmt):
                waiting += [one for _, made in _columns(node) for one in made]
            elif isinstance(node, ast.ColumnRef) and isinstance(node.fields[-1], ast.String):
                name = node.fields[-1].sval
                if name not in followed:
                    followed.add(name)
                    waiting += known.get(name, ())


def groups(select: Any) -> list[Any]:
    """What a query groups by; a number stands for that column of its result."""
    made = select.targetList or ()
    return [
        made[one.val.ival - 1].val
        if isinstance(one, ast.A_Const)
        and isinstance(one.val, ast.Integer)
        and 0 < one.val.ival <= len(made)
        else one
        for one in select.groupClause or ()
    ]


def keys(insert: Any, table: Sequence[str], conflicting: Iterable[str]) -> Iterator[Any]:
    """The expressions that become some columns of the rows that INSERT brings.

    ``table`` are all columns of its target, ``conflicting`` those by which ON CONFLICT finds a row.
    """
    if insert.selectStmt is None:
        return
    named = [one.name for one in insert.cols] if insert.cols else [*table]
    made = _columns(insert.selectStmt)
    for column in conflicting:
        if any(name == "*" for name, _ in made):
            yield ast.ColumnRef(fields=(ast.String(sval=column),))
        elif column in named and named.index(column) < len(made):
            yield from made[named.index(column)][1]


def inferred(insert: Any) -> list[str]:
    """The columns that ON CONFLICT names, also within an expression; none for ON CONSTRAINT."""
    infer = insert.onConflictClause.infer
    found = []
    for element in (infer.indexElems or ()) if infer is not None else ():
        if element.name is not None:
            found.append(element.name)
        found += [
            one.fields[-1].sval
            for one in level_nodes([element.expr])
            if isinstance(one, ast.ColumnRef)
        ]
    return found


def _columns(select: Any) -> list[tuple[str, list[Any]]]:
    """The columns of a query's result; of rows read whole (``*``) neither names nor number."""
    if select.op != enums.SetOperation.SETOP_NONE:
        sides = zip(_columns(select.larg), _columns(select.rarg), strict=False)
        return [(name, [*left, *right]) for (name, left), (_, right) in sides]
    if select.valuesLists:
        turned = zip(*select.valuesLists, strict=False)
        return [(f"column{number}", [*made]) for number, made in enumerate(turned, 1)]
    return [(_name(one), [one.val]) for one in select.targetList or ()]


def _name(target: Any) -> str:
    if target.name is not None:
        return str(target.name)
    if isinstance(target.val, ast.ColumnRef):
        last = target.val.fields[-1]
        return "*" if isinstance(last, ast.A_Star) else str(last.sval)
    if isinstance(target.val, ast.FuncCall):
        return str(target.val.funcname[-1].sval)
    return "?column?"


def _note(
    found: dict[str, list[Any]], columns: Sequence[tuple[str, list[Any]]], renamed: Sequence[Any]
) -> None:
    for number, (name, made) in enumerate(columns):
        known = renamed[number].sval if number < len(renamed) else name
        found.setdefault(known, []).extend(made)
