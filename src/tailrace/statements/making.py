"""From what was read to the statement: one entry for each statement rule of the grammar."""

from __future__ import annotations

from collections.abc import Callable

from tailrace.statements import model
from tailrace.statements.found import Found
from tailrace.statements.model import Statement
from tailrace.statements.pointer import Excerpt
from tailrace.statements.split import split
from tailrace.statements.tokens import SPACE, Kind, Token, scan


def _create_job(found: Found) -> Statement:
    return model.CreateJob(found.text("JOB_NAME"), _body(found), _options(found))


def _options(found: Found) -> tuple[tuple[str, str], ...]:
    options: dict[str, str] = {}
    keys, values = found.tokens("OPTION_KEY"), found.tokens("OPTION_VALUE")
    for key_token, value_token in zip(keys, values, strict=True):
        key = found.plain("OPTION_KEY", key_token)
        if key in options:
            raise found.error(key_token, f"the option '{key}' is given twice")
        options[key] = found.plain("OPTION_VALUE", value_token, empty=True)
    return tuple(options.items())


def _body(found: Found) -> Excerpt:
    """The text that a job runs, its dollar quotes taken off; it must hold complete statements."""
    (rest,) = found.tokens("JOB_BODY")
    source, begin = found.piece.source, rest.end - len(rest.text)
    tokens = (token for token in scan(source, begin, rest.end) if token.kind is not Kind.COMMENT)
    first = next(tokens)
    after = next(tokens, None)
    if first.kind is not Kind.DOLLAR:
        body = rest._replace(start=begin)
    elif not first.closed:
        raise found.error(first, "the dollar quote that begins here has no end")
    elif after is not None:
        raise found.error(after, f"found {after.text}, expected the end of the statement")
    else:
        body = _inside(first)
    _check(found, body)
    return Excerpt.of(source, body.start, body.start + len(body.text))


def _inside(quote: Token) -> Token:
    tag = quote.text.index("$", 1) + 1
    text = quote.text[tag:-tag].rstrip(SPACE)
    start = quote.start + tag + len(text) - len(text.lstrip(SPACE))
    return Token(Kind.REST, text.lstrip(SPACE), start, quote.end - tag)


def _check(found: Found, body: Token) -> None:
    parts = split(body.text)
    if not parts:
        raise found.error(body, "found no statement in the quotes, expected what the job runs")
    for part in parts:
        if part.command:
            place = body._replace(start=body.start + part.start)
            raise found.error(place, "a command of the shell cannot stand in a job")
        if part.open:
            place = body._replace(start=body.start + part.open_at)
            raise found.error(place, f"the {part.open} that stands here has no end")


def _start_job(found: Found) -> Statement:
    savepoint = found.optional("SAVEPOINT_PATH")
    return model.StartJob(found.text("JOB_ID"), savepoint, claim="claim" in found.marks)


def _stop_job(found: Found) -> Statement:
    return model.StopJob(
        found.text("JOB_ID"),
        savepoint="with_savepoint" in found.marks,
        drain="with_drain" in found.marks,
    )


def _drop_savepoints(found: Found) -> Statement:
    unit = found.unit()
    return model.DropSavepoints(
        found.text("JOB_ID"),
        older_than=model.Age(found.count("AGE_COUNT"), unit) if unit else None,
        keep_last=found.count("KEEP_COUNT") if found.tokens("KEEP_COUNT") else None,
    )


def _set_option(found: Found) -> Statement:
    if not found.tokens("SETTING_KEY"):
        return model.ShowOptions()
    value = found.plain("SETTING_VALUE", found.tokens("SETTING_VALUE")[0], empty=True)
    return model.SetOption(found.text("SETTING_KEY"), value)


def _help(found: Found) -> Statement:
    topic = found.text("HELP_TOPIC") if found.tokens("HELP_TOPIC") else ""
    return model.Help(" ".join(topic.upper().split()))


STATEMENTS: dict[str, Callable[[Found], Statement]] = {
    "show_jobs": lambda found: model.ShowJobs("extended" in found.marks),
    "describe_job": lambda found: model.DescribeJob(found.text("JOB_ID")),
    "create_job": _create_job,
    "start_job": _start_job,
    "stop_job": _stop_job,
    "drop_job": lambda found: model.DropJob(found.text("JOB_ID")),
    "create_savepoint": lambda found: model.CreateSavepoint(found.text("JOB_ID")),
    "show_savepoints": lambda found: model.ShowSavepoints(found.optional("JOB_ID")),
    "show_checkpoints": lambda found: model.ShowCheckpoints(found.text("JOB_ID")),
    "drop_savepoint": lambda found: model.DropSavepoint(found.text("SAVEPOINT_PATH")),
    "drop_savepoints": _drop_savepoints,
    "drop_all_savepoints": lambda found: model.DropAllSavepoints(found.optional("JOB_ID")),
    "show_job_tree": lambda found: model.ShowJobTree(found.text("JOB_ID"), "full" in found.marks),
    "show_job_trees": lambda found: model.ShowJobTrees(),
    "show_ancestors": lambda found: model.ShowAncestors(found.text("JOB_ID")),
    "show_nodes": lambda found: model.ShowNodes(found.optional("QUEUE_NAME")),
    "show_queues": lambda found: model.ShowQueues(),
    "show_consumers": lambda found: model.ShowConsumers(found.optional("QUEUE_NAME")),
    "set_option": _set_option,
    "reset_option": lambda found: model.ResetOption(found.optional("SETTING_KEY")),
    "help": _help,
}
