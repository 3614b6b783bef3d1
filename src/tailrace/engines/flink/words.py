"""Flink's errors in one line of our words; its stack traces are kept aside for ``--verbose``.

Flink answers with a whole chain of Java exceptions. The last one of the chain is the reason; what
stands before are the layers that it came through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tailrace.errors import (
    EngineError,
    NotFound,
    TailraceError,
    Unsupported,
    UsageError,
    WrongState,
    one_line,
)

_CAUSED = r"(?m)^\s*Caused by: |<Exception on server side:\s*"
_FRAME = r"^\s*(at |\.\.\. \d+ |Suppressed: |End of exception on server side|-{3,})"
_QUALIFIED = r"\b(?:[a-z_][\w$]*\.){2,}([A-Z]\w*)(?:@[0-9a-f]+)?"
_CLASS = r"^(?:[a-z_][\w$]*\.)+[A-Z][\w$.]*(?:: |$)"

# Which sentence of Flink's, what it means, and what helps; {0} is what the pattern has found.
_MEANINGS: tuple[tuple[str, type[TailraceError], str, str | None], ...] = (
    (
        r"Not all required tasks are currently running|not being executed at the moment"
        r"|task .{0,80} is not (?:being executed|running)",
        WrongState,
        "not all of its tasks run",
        "look at its status with: SHOW JOBS EXTENDED",
    ),
    (
        r"NoResourceAvailable|Could not acquire the minimum required resources",
        EngineError,
        "the cluster has no free slots for it",
        "stop another job, or give the cluster more slots",
    ),
    (
        r"Blocking output edge|Batch jobs? (?:do|does) not support",
        WrongState,
        "it runs in batch mode, where there are no savepoints",
        "stop it without one, or run it with 'execution.runtime-mode' = 'streaming'",
    ),
    (
        r"Could not parse value '([^\n]*?)' for key '([^'\n]+)'"
        r"(?:.*Caused by: [\w.$]+: (?:Could not parse value for enum class [\w.$]+ )?([^\n]+))?",
        UsageError,
        "'{1}' cannot be \"{0}\": {2}",
        None,
    ),
    (
        r"savepoint-dir\] is not set|targetDirectory\] must be provided",
        EngineError,
        "neither the cluster nor this session has a directory for savepoints",
        "SET 'state.savepoints.dir' = 'file:///…'",
    ),
    (
        r"Could not find Flink job|Job could not be found|FlinkJobNotFound",
        NotFound,
        "the cluster does not know the job",
        "list what it knows with: SHOW JOBS",
    ),
    (
        r"Operation not found under key|There is no savepoint operation",
        EngineError,
        "the cluster knows nothing of the request any more: it has been restarted",
        None,
    ),
    (
        r"Cannot find checkpoint or savepoint file/directory '?([^']+?)'? on file system",
        NotFound,
        'there is no savepoint at "{0}"',
        "list them with: SHOW SAVEPOINTS",
    ),
    (
        r"Cannot find meta data file '_metadata' in directory '?([^'\s]+?)'?[.\s]",
        NotFound,
        'the directory "{0}" holds no savepoint (it has no file _metadata)',
        "list them with: SHOW SAVEPOINTS",
    ),
    (
        r"Could not find a file system implementation for scheme '(\w+)'",
        EngineError,
        'the cluster has no plugin for file systems "{0}"',
        "put its jar into the plugins of the cluster",
    ),
    (
        r"Cannot map checkpoint/savepoint state for operator",
        EngineError,
        "the savepoint does not fit the statement: it holds state of an operator that the "
        "statement does not have",
        "start it with the statement that made it",
    ),
    (
        r"Checkpoint expired before completing|Savepoint (?:expired|timed out)",
        EngineError,
        "it was not complete in the time that the cluster allows",
        "raise 'execution.checkpointing.timeout'",
    ),
    (
        r"(?:Mkdirs failed to create|Failed to create savepoint directory"
        r"|Could not create (?:savepoint )?directory)(?: at)?[:\s]*'?([^\s']*)",
        EngineError,
        'the cluster cannot make the directory "{0}"',
        "check its rights and its disk",
    ),
    (
        r"Unsupported SQL query! executeSql\(\) only accepts",
        Unsupported,
        "the planner of this cluster does not carry out statements of its kind",
        "several INSERTs are one job with: EXECUTE STATEMENT SET BEGIN INSERT …; INSERT …; END",
    ),
    (
        r"doesn't support consuming update (?:and delete )?changes",
        EngineError,
        "the table that it writes takes new rows only, and the statement changes rows",
        "write into a table of a format that carries changes, such as debezium-json",
    ),
)


def cause(text: str) -> str:
    """The reason that stands at the end of a chain of exceptions, without its classes."""
    block = re.split(_CAUSED, text)[-1]
    lines: list[str] = []
    for line in block.strip().splitlines():
        if lines and re.match(_FRAME, line):
            break
        if not re.match(_FRAME, line):
            lines.append(line)
    reason = one_line(" ".join(lines))
    while match := re.match(_CLASS, reason):
        if not reason[match.end() :]:
            return _plain(match[0])
        reason = reason[match.end() :]
    return re.sub(_QUALIFIED, r"\1", reason).strip() or "no reason given"


def _plain(java_class: str) -> str:
    """The name of an exception that says nothing else, in words."""
    name = re.split(r"[.$]", java_class.rstrip(": "))[-1].removesuffix("Exception")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def reasons(body: Any) -> str:
    """All that an answer with an error says."""
    if isinstance(body, dict):
        errors = body.get("errors") or body.get("message") or body
        if isinstance(errors, list):
            return "\n".join(str(one) for one in errors)
        return str(errors)
    return str(body or "")


def error_of(text: str, what: str) -> TailraceError:
    """An error of Flink's as one of ours; ``what`` did not work."""
    kind, reason, hint = _meaning(text)
    return kind(f"{what}: {reason}", hint=hint, stack=text)


def reason(text: str) -> str:
    """Why something has failed, in our words where we have some."""
    return _meaning(text)[1]


def _meaning(text: str) -> tuple[type[TailraceError], str, str | None]:
    """Which error of ours it is, the reason, and what helps."""
    for pattern, kind, meaning, hint in _MEANINGS:
        if match := re.search(pattern, text, re.DOTALL):
            found = [one_line(part or "") for part in match.groups()]
            return kind, shortened(meaning.format(*found).rstrip(": ")), hint
    return EngineError, shortened(cause(text)), None


def shortened(text: str, width: int = 400) -> str:
    """A reason that is still one line: planners list every keyword that they know."""
    expecting = re.sub(r"(Was expecting one of:).*", r"\1 …", text)
    return expecting if len(expecting) <= width else expecting[: width - 1] + "…"


def failure(operation: dict[str, Any] | None) -> str | None:
    """Why an asynchronous operation failed; None: it did not."""
    found = (operation or {}).get("failure-cause")
    if found is None:
        return None
    return str(found.get("stack-trace") or found.get("class") or "no reason given")


def is_about(text: str, words: Iterable[str]) -> bool:
    """Whether one of these stands in what Flink said."""
    return any(word in text for word in words)
