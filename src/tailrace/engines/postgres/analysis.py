"""One statement of a job, as PostgreSQL's own parser sees it: what it reads, what it writes.

Also what cannot be kept right from changes alone is found here. A query level *reads changes* when
``changes.<table>``, or something made of it, stands in its FROM clause or in a subquery of it.
What such a level may not do is either wrong for a batch of changes (``max``, ``LIMIT``: the rows of
the batch are not the rows of the table) or would need the batches of before (a join of changes).
Which functions are aggregates is known to the catalog, so they are only collected here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pglast import ast, enums

from tailrace.engines.postgres.deciding import Outputs, groups, outputs
from tailrace.engines.postgres.nodes import all_nodes, level_nodes
from tailrace.statements.pointer import error_at

CHANGES = "changes"
"""Schema under which the changes of tables are read."""

MARKS = frozenset({"_event_id", "_op", "_time"})
"""Columns of changes that cost something to bring along."""

WEIGHT = "_weight"

_WRITES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt, ast.CreateTableAsStmt)
_KEEP_LEFT = (enums.JoinType.JOIN_LEFT, enums.JoinType.JOIN_FULL)
_KEEP_RIGHT = (enums.JoinType.JOIN_RIGHT, enums.JoinType.JOIN_FULL)
_SUMS = frozenset({"sum", "count"})
_COMPARISONS = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})
KEEP_SUMS = "keep sums and counts: sum(x * _weight), sum(_weight)"
_Scope = dict[str, bool]


class Table(NamedTuple):
    """A relation as the statement names it."""

    schema: str | None
    name: str
    start: int


class Call(NamedTuple):
    """A function as the statement names it."""

    schema: str | None
    name: str
    start: int


@dataclass(slots=True)
class Analysis:
    """What one statement is made of; positions count from the beginning of the job's text."""

    changes: list[ast.RangeVar] = field(default_factory=list)
    reads: list[Table] = field(default_factory=list)
    writes: list[Table] = field(default_factory=list)
    written_columns: dict[Table, tuple[str, ...] | None] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)
    """Every column that is named, of whatever relation."""
    all_columns: bool = False
    """Rows are read whole (``*``)."""
    deciding: list[Any] = field(default_factory=list)
    """Expressions on which it depends which rows are written."""
    conflicts: list[tuple[Table, Any]] = field(default_factory=list)
    """INSERTs that look for a row by a key, which decides as well."""
    outputs: Outputs = field(default_factory=dict)
    """What the columns that such expressions name are made of."""
    called: list[Call] = field(default_factory=list)
    """Functions over changes, which are no sums and counts; none of them may be an aggregate."""
    adds_up: bool = False
    """Changes are grouped or aggregated."""
    keeps_unmatched: bool = False
    """An outer join keeps rows of a table that there are no changes for."""
    repeats: bool = False
    """And they are inserted, so they come again with every batch."""
    prefixed: list[ast.ColumnRef] = field(default_factory=list)
    """Columns written as changes.<table>.<column>."""
    creates: ast.CreateTableAsStmt | None = None

    @property
    def marks(self) -> bool:
        """Whether event id, operation or time of changes may be needed."""
        return self.all_columns or not self.columns.isdisjoint(MARKS)

    @property
    def is_unweighed(self) -> bool:
        """Whether rows that went are added up like rows that came."""
        return self.adds_up and not self.all_columns and self.columns.isdisjoint((WEIGHT, "_op"))


def analyse(source: str, statement: ast.Node, start: int) -> Analysis:
    """Say what a statement reads and writes; ``start`` is where it begins in ``source``."""
    found = Analysis()
    _Analyst(source, found, start).statement(statement)
    _note_columns(found, statement)
    found.outputs = outputs(statement)
    return found


class _Analyst:
    """Goes through one statement, level by level."""

    def __init__(self, source: str, found: Analysis, start: int) -> None:
        self._source = source
        self._found = found
        self._start = start

    def _refuse(self, problem: str, node: Any = None, hint: str | None = None) -> None:
        place = getattr(node, "location", None)
        offset = place if isinstance(place, int) and place >= 0 else self._start
        raise error_at(self._source, offset, problem, hint=hint)

    # ---------------------------------------------------------------- statements

    def statement(self, node: Any) -> None:
        """A statement of the job itself."""
        if not isinstance(node, _WRITES):
            self._refuse(
                "a job runs INSERT, UPDATE, DELETE, MERGE and CREATE TABLE … AS",
                hint="anything else writes nothing, or nothing that could be undone with its batch",
            )
        for one in all_nodes(node):
            if isinstance(one, ast.ParamRef):
                self._refuse("a job has no parameters", one)
        self._query(node, {})

    def _query(self, node: Any, scope: _Scope) -> bool:
        """Any statement, also within WITH; says whether what it returns is made of changes."""
        if isinstance(node, ast.SelectStmt):
            return self._select(node, scope)
        if isinstance(node, ast.CreateTableAsStmt):
            return self._create(node, scope)
        inner = self._with(node.withClause, scope)
        self._target(node)
        if isinstance(node, ast.InsertStmt):
            return self._insert(node, inner)
        if isinstance(node, ast.MergeStmt):
            sources = self._items([node.sourceRelation], inner)
            deciding = [node.joinCondition, *(one.condition for one in node.mergeWhenClauses or ())]
        else:
            listed = node.fromClause if isinstance(node, ast.UpdateStmt) else node.usingClause
            sources = self._items(listed or (), inner)
            deciding = [node.whereClause]
        expressions = [getattr(node, name, None) for name in ("targetList", "returningClause")]
        expressions += getattr(node, "mergeWhenClauses", None) or ()
        sources += self._sublinks([*expressions, *deciding], inner)
        self._decides(deciding)
        return self._one_source(sources)

    def _insert(self, node: Any, scope: _Scope) -> bool:
        reads = node.selectStmt is not None and self._select(node.selectStmt, scope)
        conflict = node.onConflictClause
        if conflict is None:
            self._found.repeats = self._found.repeats or self._found.keeps_unmatched
        else:
            parts = [conflict.whereClause, conflict.infer and conflict.infer.whereClause]
            self._decides(parts)
            self._found.conflicts.append((_table(node.relation), node))
            again = self._sublinks([conflict.targetList, *parts], scope)
            self._one_source([reads, *again])
        self._sublinks([node.returningClause], scope)
        return bool(reads)

    def _create(self, node: Any, scope: _Scope) -> bool:
        if node.objtype != enums.ObjectType.OBJECT_TABLE:
            self._refuse("a job cannot keep a materialized view; create a table")
        if node.into.rel.relpersistence == enums.RELPERSISTENCE_TEMP:
            self._refuse("a job cannot write into a temporary table", node.into.rel)
        if node.into.skipData:
            self._refuse("WITH NO DATA leaves the job nothing to do")
        if not isinstance(node.query, ast.SelectStmt):
            self._refuse("a job creates a table AS SELECT …")
        self._found.creates = node
        target = _table(node.into.rel)
        self._found.writes.append(target)
        self._found.written_columns[target] = None
        reads = self._select(node.query, scope)
        self._found.repeats = self._found.keeps_unmatched
        if self._found.adds_up:
            self._refuse(
                "CREATE TABLE … AS appends the rows of each batch, so a group would come again "
                "with every batch that has something of it",
                node.into.rel,
                "create the table with a key, and INSERT … ON CONFLICT (…) DO UPDATE adds up",
            )
        return reads

    def _target(self, node: Any) -> None:
        target = _table(node.relation)
        if target.schema == CHANGES:
            self._refuse(
                f"{CHANGES}.{target.name} is read, not written: it is what others have changed",
                node.relation,
            )
        self._found.writes.append(target)
        self._found.written_columns[target] = _written(node)

    # ---------------------------------------------------------------- queries

    def _with(self, clause: Any, scope: _Scope) -> _Scope:
        inner = dict(scope)
        for cte in clause.ctes if clause is not None else ():
            known = {**inner, cte.ctename: False} if clause.recursive else inner
            inner[cte.ctename] = self._query(cte.ctequery, known)
        return inner

    def _select(self, node: Any, scope: _Scope) -> bool:
        inner = self._with(node.withClause, scope)
        if node.op != enums.SetOperation.SETOP_NONE:
            return self._set_operation(node, inner)
        sources = self._items(node.fromClause or (), inner)
        lists = (node.targetList, node.valuesLists, node.sortClause, node.limitCount)
        deciding = [node.whereClause, *groups(node), node.havingClause]
        sources += self._sublinks([*lists, *deciding], inner)
        self._decides(deciding)
        reads = self._one_source(sources)
        if reads:
            self._refuse_shape(node)
        return reads

    def _set_operation(self, node: Any, scope: _Scope) -> bool:
        sides = [self._select(node.larg, scope), self._select(node.rarg, scope)]
        if any(sides):
            if node.op != enums.SetOperation.SETOP_UNION or not node.all:
                word = node.op.name.removeprefix("SETOP_")
                self._refuse(
                    f"{word} over changes compares the rows of a batch only",
                    self._found.changes[-1],
                    hint="UNION ALL is possible",
                )
            self._refuse_limit(node)
        return any(sides)

    def _one_source(self, sources: Iterable[bool]) -> bool:
        count = sum(sources)
        if count > 1:
            self._refuse(
                "changes are joined with changes: what both sides held before is not in the batch",
                self._found.changes[-1],
                hint="join changes with tables; a stream-stream join is work for the Flink engine",
            )
        return count == 1

    def _items(self, items: Iterable[Any], scope: _Scope) -> list[bool]:
        """For each relation of a FROM clause, whether it is made of changes."""
        found: list[bool] = []
        for item in items:
            if isinstance(item, ast.RangeVar):
                found.append(self._range_var(item, scope))
            elif isinstance(item, ast.JoinExpr):
                left, right = self._items([item.larg], scope), self._items([item.rarg], scope)
                found += [*left, *right]
                if (any(left) and item.jointype in _KEEP_RIGHT) or (
                    any(right) and item.jointype in _KEEP_LEFT
                ):
                    self._found.keeps_unmatched = True
                found += self._sublinks([item.quals], scope)
                self._decides([item.quals])
            elif isinstance(item, ast.RangeSubselect):
                found.append(self._select(item.subquery, scope))
            elif isinstance(item, ast.RangeTableSample):
                found += self._items([item.relation], scope)
            else:
                found += self._sublinks([item], scope)
        return found

    def _range_var(self, node: Any, scope: _Scope) -> bool:
        if node.schemaname is None and node.relname in scope:
            return scope[node.relname]
        if node.schemaname == CHANGES:
            self._found.changes.append(node)
            return True
        self._found.reads.append(_table(node))
        return False

    def _sublinks(self, expressions: Iterable[Any], scope: _Scope) -> list[bool]:
        return [
            self._select(node.subselect, scope)
            for node in level_nodes(expressions)
            if isinstance(node, ast.SubLink)
        ]

    # ---------------------------------------------------------------- refusals

    def _refuse_shape(self, node: Any) -> None:
        """What a level that reads changes may not do."""
        place = self._found.changes[-1]
        if node.distinctClause:
            self._refuse("DISTINCT over changes looks at one batch only", place, KEEP_SUMS)
        self._refuse_limit(node)
        if node.windowClause:
            self._refuse("a window function over changes looks at one batch only", place)
        self._refuse_having(node.havingClause)
        self._found.adds_up = self._found.adds_up or bool(node.groupClause)
        for one in level_nodes([node.targetList, node.havingClause, node.sortClause]):
            if not isinstance(one, ast.FuncCall):
                continue
            name = one.funcname[-1].sval
            self._found.adds_up = self._found.adds_up or name in _SUMS
            if one.over is not None:
                self._refuse(f"window function {name}() over changes looks at one batch only", one)
            if one.agg_distinct:
                self._refuse(
                    f"{name}(DISTINCT …) over changes looks at one batch only", one, KEEP_SUMS
                )
            if name not in _SUMS:
                self._found.called.append(call_of(one))

    def _refuse_having(self, clause: Any) -> None:
        """A total of changes says whether something has changed, and not how much there is."""
        for one in level_nodes([clause]):
            if not _compares(one) or _is_zero(one.lexpr) or _is_zero(one.rexpr):
                continue
            for part in level_nodes([one.lexpr, one.rexpr]):
                if isinstance(part, ast.FuncCall) and part.funcname[-1].sval in _SUMS:
                    name = part.funcname[-1].sval
                    self._refuse(
                        f"HAVING compares {name}() of one batch, not of the table",
                        part,
                        "compare it with 0, which says what the batch has changed; or let a "
                        "second statement delete what the totals in the table leave out",
                    )

    def _refuse_limit(self, node: Any) -> None:
        if node.limitCount is not None or node.limitOffset is not None:
            self._refuse(
                "LIMIT or OFFSET over changes would leave out changes of each batch",
                self._found.changes[-1],
            )

    def _decides(self, expressions: Iterable[Any]) -> None:
        self._found.deciding.extend(expressions)


def _table(node: Any) -> Table:
    return Table(node.schemaname, node.relname, node.location)


def call_of(node: Any) -> Call:
    """A call as the statement writes it."""
    names = [part.sval for part in node.funcname]
    return Call(names[-2] if len(names) > 1 else None, names[-1], node.location)


def _compares(node: Any) -> bool:
    if not isinstance(node, ast.A_Expr):
        return False
    return node.kind != enums.A_Expr_Kind.AEXPR_OP or node.name[-1].sval in _COMPARISONS


def _is_zero(node: Any) -> bool:
    return isinstance(node, ast.A_Const) and isinstance(node.val, ast.Integer) and not node.val.ival


def _written(node: Any) -> tuple[str, ...] | None:
    """The columns that a statement sets; None where it names none, or all."""
    if isinstance(node, ast.DeleteStmt):
        return ()
    if isinstance(node, ast.MergeStmt):
        return None
    targets = node.cols if isinstance(node, ast.InsertStmt) else node.targetList
    if not targets:
        return None
    names = [one.name for one in targets]
    conflict = getattr(node, "onConflictClause", None)
    names += [one.name for one in (conflict.targetList or ())] if conflict is not None else []
    return tuple(dict.fromkeys(names))


def _note_columns(found: Analysis, statement: Any) -> None:
    """Collect the names of all columns, and whether a row is read whole."""
    names = {one.alias.aliasname if one.alias else one.relname for one in found.changes}
    for node in all_nodes(statement):
        if isinstance(node, ast.ColumnRef):
            last = node.fields[-1]
            if isinstance(last, ast.A_Star) or (len(node.fields) == 1 and last.sval in names):
                found.all_columns = True
            else:
                found.columns.add(last.sval)
            if len(node.fields) > 2 and node.fields[0].sval == CHANGES:
                found.prefixed.append(node)
        elif isinstance(node, ast.JoinExpr):
            found.all_columns = found.all_columns or bool(node.isNatural)
            found.columns.update(one.sval for one in node.usingClause or ())
