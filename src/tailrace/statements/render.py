"""Writes a statement back as text, in one canonical spelling, without a semicolon.

``parse(render(statement)) == statement`` for every statement that ``parse`` can give.
"""

from __future__ import annotations

import re
from functools import singledispatch
from itertools import count

from tailrace.statements import model
from tailrace.statements.model import Statement
from tailrace.statements.split import split
from tailrace.statements.tokens import Kind, scan

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")


@singledispatch
def render(statement: Statement) -> str:
    """The statement as text."""
    raise TypeError(f"{type(statement).__name__} is not a statement")


def string(text: str) -> str:
    """A text in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """An identifier, in double quotes where it would be read as another one without."""
    return text if _PLAIN_NAME.fullmatch(text) else '"' + text.replace('"', '""') + '"'


def _clause(words: str, value: str | None) -> str:
    return "" if value is None else f" {words} {string(value)}"


def _flag(words: str, on: bool) -> str:
    return f" {words}" if on else ""


# ------------------------------------------------------------------ jobs


@render.register(model.ShowJobs)
def _(statement: model.ShowJobs) -> str:
    return "SHOW JOBS" + _flag("EXTENDED", statement.extended)


@render.register(model.DescribeJob)
def _(statement: model.DescribeJob) -> str:
    return f"DESCRIBE JOB {string(statement.job)}"


@render.register(model.CreateJob)
def _(statement: model.CreateJob) -> str:
    pairs = ", ".join(f"{string(key)} = {string(value)}" for key, value in statement.options)
    options = f" WITH ({pairs})" if pairs else ""
    head = f"CREATE JOB {name(statement.name)}{options} AS "
    plain = head + statement.body
    return plain if _stands_alone(statement.body, plain) else head + _dollar_quoted(statement.body)


def _stands_alone(body: str, whole: str) -> bool:
    """Whether the body needs no quotes: it is one statement and does not begin with a quote."""
    tokens = (token.kind for token in scan(body) if token.kind is not Kind.COMMENT)
    return next(tokens) is not Kind.DOLLAR and [piece.text for piece in split(whole)] == [whole]


def _dollar_quoted(body: str) -> str:
    tags = (f"$job{number or ''}$" for number in count())
    tag = "$$" if "$$" not in body else next(tag for tag in tags if tag not in body)
    return f"{tag} {body} {tag}"


@render.register(model.StartJob)
def _(statement: model.StartJob) -> str:
    savepoint = _clause("FROM SAVEPOINT", statement.savepoint)
    return f"START JOB {string(statement.job)}{savepoint}" + _flag("CLAIM", statement.claim)


@render.register(model.StopJob)
def _(statement: model.StopJob) -> str:
    savepoint = _flag("WITH SAVEPOINT", statement.savepoint)
    return f"STOP JOB {string(statement.job)}{savepoint}" + _flag("WITH DRAIN", statement.drain)


@render.register(model.DropJob)
def _(statement: model.DropJob) -> str:
    return f"DROP JOB {string(statement.job)}"


# ------------------------------------------------------------------ savepoints, checkpoints


@render.register(model.CreateSavepoint)
def _(statement: model.CreateSavepoint) -> str:
    return "CREATE SAVEPOINT" + _clause("FOR JOB", statement.job)


@render.register(model.ShowSavepoints)
def _(statement: model.ShowSavepoints) -> str:
    return "SHOW SAVEPOINTS" + _clause("FOR JOB", statement.job)


@render.register(model.ShowCheckpoints)
def _(statement: model.ShowCheckpoints) -> str:
    return "SHOW CHECKPOINTS" + _clause("FOR JOB", statement.job)


@render.register(model.DropSavepoint)
def _(statement: model.DropSavepoint) -> str:
    return f"DROP SAVEPOINT {string(statement.path)}"


@render.register(model.DropSavepoints)
def _(statement: model.DropSavepoints) -> str:
    age, keep = statement.older_than, statement.keep_last
    older = f" OLDER THAN INTERVAL '{age.count}' {age.unit.upper()}" if age else ""
    last = f" KEEP LAST {keep}" if keep is not None else ""
    return f"DROP SAVEPOINTS{_clause('FOR JOB', statement.job)}{older}{last}"


@render.register(model.DropAllSavepoints)
def _(statement: model.DropAllSavepoints) -> str:
    return "DROP SAVEPOINT ALL" + _clause("FOR JOB", statement.job)


# ------------------------------------------------------------------ lineage, the cascade


@render.register(model.ShowJobTree)
def _(statement: model.ShowJobTree) -> str:
    return f"SHOW JOBTREE {string(statement.job)}" + _flag("FULL", statement.full)


@render.register(model.ShowJobTrees)
def _(statement: model.ShowJobTrees) -> str:
    return "SHOW JOBTREES"


@render.register(model.ShowAncestors)
def _(statement: model.ShowAncestors) -> str:
    return f"SHOW ANCESTORS {string(statement.job)}"


@render.register(model.ShowNodes)
def _(statement: model.ShowNodes) -> str:
    return "SHOW NODES" + _clause("FOR QUEUE", statement.queue)


@render.register(model.ShowQueues)
def _(statement: model.ShowQueues) -> str:
    return "SHOW QUEUES"


@render.register(model.ShowConsumers)
def _(statement: model.ShowConsumers) -> str:
    return "SHOW CONSUMERS" + _clause("FOR QUEUE", statement.queue)


# ------------------------------------------------------------------ the session


@render.register(model.SetOption)
def _(statement: model.SetOption) -> str:
    return f"SET {string(statement.key)} = {string(statement.value)}"


@render.register(model.ShowOptions)
def _(statement: model.ShowOptions) -> str:
    return "SET"


@render.register(model.ResetOption)
def _(statement: model.ResetOption) -> str:
    return "RESET" + (f" {string(statement.key)}" if statement.key is not None else "")


@render.register(model.Help)
def _(statement: model.Help) -> str:
    return f"HELP {statement.topic}".rstrip()


@render.register(model.PassThrough)
def _(statement: model.PassThrough) -> str:
    return statement.text
