"""Which columns of its sources each column is made of that a job writes.

Only what the statement says is looked at: a value is made of the columns that stand in its
expression, subqueries included. What decides which rows there are (WHERE, JOIN, GROUP BY) is not
counted. Where a name cannot be told, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pglast import ast, parse_sql
from pglast.parser import ParseError

from tailrace.engines.postgres.analysis import CHANGES
from tailrace.engines.postgres.nodes import level_nodes

Origins = frozenset[str]
_NOTHING: Origins = frozenset()


class Known(NamedTuple):
    """A relation that the job reads or writes."""

    name: str
    """``schema.table``, of this database."""
    is_changes: bool
    origin: str
    """What its columns are called elsewhere: ``schema.table`` of the queue, or the name itself."""
    columns: tuple[str, ...]


class _Source(NamedTuple):
    """Something in FROM: the columns that it has, each with what it is made of."""

    alias: str
    columns: Mapping[str, Origins]


class _Scope(NamedTuple):
    """What names mean at a place of a statement."""

    sources: tuple[_Source, ...]
    queries: Mapping[str, Mapping[str, Origins]]
    """WITH queries, by name."""


def columns_of(statement: str, relations: Iterable[Known]) -> dict[str, dict[str, Origins]]:
    """For each table that the statements write, what each of its columns is made of."""
    reader = _Reader(tuple(relations))
    made: dict[str, dict[str, Origins]] = {}
    try:
        parsed = parse_sql(statement)
    except ParseError:
        return made  # it was read when it was created; another parser may be another one's
    for raw in parsed:
        for table, column, origins in reader.written(raw.stmt):
            columns = made.setdefault(table, {})
            columns[column] = columns.get(column, _NOTHING) | origins
    return made


class _Reader:
    def __init__(self, relations: tuple[Known, ...]) -> None:
        self._relations = relations

    def written(self, node: Any) -> Iterator[tuple[str, str, Origins]]:
        """Table, column, and what that is made of."""
        if isinstance(node, ast.InsertStmt) and node.selectStmt is not None:
            queries = self._with(node.withClause, {})
            outputs = [origins for _, origins in self._query(node.selectStmt, queries)]
            table = self._relation(node.relation)
            names = [one.name for one in node.cols or ()] or list(table.columns if table else ())
            yield from _pairs(table, names, outputs)
        elif isinstance(node, ast.CreateTableAsStmt):
            found = self._query(node.query, {})
            names = [one.sval for one in node.into.colNames or ()] or [name for name, _ in found]
            yield from _pairs(self._relation(node.into.rel), names, [one for _, one in found])
        elif isinstance(node, ast.UpdateStmt):
            queries = self._with(node.withClause, {})
            scope = _Scope(tuple(self._sources(node.fromClause, queries)), queries)
            outputs = [self._origins(one.val, scope) for one in node.targetList]
            names = [one.name for one in node.targetList]
            yield from _pairs(self._relation(node.relation), names, outputs)

    def _relation(self, node: Any) -> Known | None:
        """The relation that a name means; the catalogue has only those that the job knows."""
        is_changes = node.schemaname == CHANGES
        for one in self._relations:
            schema, _, table = one.name.rpartition(".")
            named = node.relname in ((one.name, table) if is_changes else (table,))
            placed = is_changes or node.schemaname in (None, schema)
            if is_changes == one.is_changes and named and placed:
                return one
        return None

    def _with(self, clause: Any, outer: Mapping[str, Any]) -> dict[str, Mapping[str, Origins]]:
        queries = dict(outer)
        for one in clause.ctes if clause is not None else ():
            found = self._query(one.ctequery, queries)
            names = [alias.sval for alias in one.aliascolnames or ()]
            queries[one.ctename] = _named(found, names)
        return queries

    def _query(self, node: Any, outer: Mapping[str, Any]) -> list[tuple[str, Origins]]:
        """The columns that a query returns, in their order."""
        if not isinstance(node, ast.SelectStmt):
            return []
        queries = self._with(node.withClause, outer)
        if node.larg is not None:
            left, right = self._query(node.larg, queries), self._query(node.rarg, queries)
            pairs = zip(left, right, strict=False)
            return [(name, origins | other) for (name, origins), (_, other) in pairs]
        scope = _Scope(tuple(self._sources(node.fromClause, queries)), queries)
        found: list[tuple[str, Origins]] = []
        for target in node.targetList or ():
            if isinstance(target.val, ast.ColumnRef):
                last = target.val.fields[-1]
                if isinstance(last, ast.A_Star):
                    found += _all_of(scope, target.val)
                    continue
                name = target.name or last.sval
            else:
                name = target.name or "?column?"
            found.append((name, self._origins(target.val, scope)))
        return found

    def _sources(self, clause: Any, queries: Mapping[str, Any]) -> Iterator[_Source]:
        for node in clause or ():
            if isinstance(node, ast.JoinExpr):
                yield from self._sources((node.larg, node.rarg), queries)
            elif isinstance(node, ast.RangeSubselect) and node.alias is not None:
                names = [one.sval for one in node.alias.colnames or ()]
                found = _named(self._query(node.subquery, queries), names)
                yield _Source(node.alias.aliasname, found)
            elif isinstance(node, ast.RangeVar):
                alias = node.alias.aliasname if node.alias else node.relname
                if node.schemaname is None and node.relname in queries:
                    yield _Source(alias, queries[node.relname])
                elif known := self._relation(node):
                    columns = {one: frozenset({f"{known.origin}.{one}"}) for one in known.columns}
                    yield _Source(alias, columns)

    def _origins(self, expression: Any, scope: _Scope) -> Origins:
        """The columns that an expression is made of."""
        found: set[str] = set()
        for node in level_nodes([expression]):
            if isinstance(node, ast.ColumnRef):
                found |= _meaning(scope, node)
            elif isinstance(node, ast.SelectStmt):
                # a subquery sees what is around it, too
                for _, origins in self._query(node, scope.queries):
                    found |= origins
        return frozenset(found)


def _pairs(
    table: Known | None, names: list[str], outputs: list[Origins]
) -> Iterator[tuple[str, str, Origins]]:
    if table is not None:
        for name, origins in zip(names, outputs, strict=False):
            yield table.name, name, origins


def _named(found: list[tuple[str, Origins]], names: list[str]) -> dict[str, Origins]:
    """Columns under their names, the first ones perhaps under others."""
    return {
        (names[index] if index < len(names) else name): origins
        for index, (name, origins) in enumerate(found)
    }


def _meaning(scope: _Scope, node: ast.ColumnRef) -> Origins:
    *before, last = node.fields
    if isinstance(last, ast.A_Star):
        return frozenset().union(*(origins for _, origins in _all_of(scope, node)))
    for source in scope.sources:
        if (not before or before[-1].sval == source.alias) and last.sval in source.columns:
            return source.columns[last.sval]
    return _NOTHING


def _all_of(scope: _Scope, node: ast.ColumnRef) -> list[tuple[str, Origins]]:
    """What ``*`` or ``a.*`` stands for."""
    *before, _ = node.fields
    return [
        one
        for source in scope.sources
        if not before or before[-1].sval == source.alias
        for one in source.columns.items()
    ]
