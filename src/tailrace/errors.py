"""Every error that tailrace reports: one line that says which thing, what was found, what to do.

The text is made where the error is raised; the values stand in it and are attributes too, so that
callers never take a message apart. Our SQL raises with SQLSTATEs of its own (``TRxxx``), and
``from_database`` turns those, and whatever else the driver raises, into the classes below.
"""

from __future__ import annotations

import re


class TailraceError(Exception):
    """Base of all errors that are meant to be read by a person.

    ``hint`` says what would be right or which command helps; ``retryable`` says that the same
    action may succeed later without anybody doing anything, so that a loop should back off and
    try again; ``values`` holds what the message speaks of. ``final``: what has failed was given up,
    and that has been said, so nobody is to say that it is tried again.
    """

    exit_status = 1
    retryable = False
    final = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        sqlstate: str | None = None,
        retryable: bool | None = None,
        **values: object,
    ) -> None:
        super().__init__(message)
        self.message = without_secrets(one_line(message))
        self.hint = without_secrets(one_line(hint)) if hint else None
        self.sqlstate = sqlstate
        self.values = values
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    @property
    def stack(self) -> str | None:
        """All that an engine wrote itself, over many lines, for who asks for it."""
        found = self.values.get("stack")
        return without_secrets(str(found)) if found else None


class UsageError(TailraceError):
    """The command was called wrongly; nothing has been tried."""

    exit_status = 2


class StatementError(TailraceError):
    """A statement of ours is written wrongly: where, and what was expected there.

    ``excerpt`` holds the line and a second one with a caret, for whoever shows more than one line.
    """

    def __init__(
        self,
        message: str,
        *,
        line: int,
        column: int,
        offset: int,
        excerpt: str,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column
        self.offset = offset
        self.excerpt = excerpt


class ConfigError(TailraceError):
    """A setting cannot be used; all such settings are reported at once."""

    exit_status = 2


class ConnectError(TailraceError):
    """A database cannot be reached or does not let us in.

    ``coming``: its server answers, but only to say that it is starting, recovering or ending.
    """

    coming = False


class ConnectionLost(ConnectError):
    """A connection that worked is gone; whether the last statement took effect is not known."""

    retryable = True


class SchemaMissing(TailraceError):
    """The database does not hold the schemas that tailrace installs, or holds older ones."""


class NotFound(TailraceError):
    """The thing that was named does not exist."""


class AlreadyExists(TailraceError):
    """The thing that was to be made is there already."""


class WrongState(TailraceError):
    """The thing exists, but its state does not allow what was asked."""


class LostPosition(TailraceError):
    """The events that a consumer needs next are no longer kept."""


class Fenced(TailraceError):
    """Another runner has taken over this position; ours must not write any more."""


class ApplyError(TailraceError):
    """An event could not be applied; names the event, its table and key where they are known."""

    def __init__(
        self,
        message: str,
        *,
        ev_id: int | None = None,
        table: str | None = None,
        key: str | None = None,
        hint: str | None = None,
        sqlstate: str | None = None,
        retryable: bool | None = None,
        **values: object,
    ) -> None:
        super().__init__(message, hint=hint, sqlstate=sqlstate, retryable=retryable, **values)
        self.ev_id = ev_id
        self.table = table
        self.key = key


class LostChanges(TailraceError):
    """Changes of a table went unseen, or without old values: a SQL job cannot go on."""


class Unsupported(TailraceError):
    """What was asked is not possible here and the message says why."""


class Timeout(TailraceError):
    """Something that was waited for did not happen in time."""


class EndedBySignal(TailraceError):
    """A second signal ended what the first one would have let finish; exits as shells say it."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(
            f"a second signal, {name}, ended it before it was done",
            hint="what was under way is rolled back",
        )
        self.exit_status = 128 + number


class StorageError(TailraceError):
    """Files of ours cannot be read, written or removed, or are not what was written."""


class EngineError(TailraceError):
    """The engine refused, or failed at, what was asked; ``stack`` is all that it said."""


class DatabaseError(TailraceError):
    """PostgreSQL refused a statement for a reason that is not one of ours."""


# SQLSTATEs that our SQL raises, and what they become.
OWN_STATES: dict[str, type[TailraceError]] = {
    "TR001": UsageError,
    "TR004": NotFound,
    "TR005": AlreadyExists,
    "TR009": WrongState,
    "TR020": LostPosition,
    "TR021": Fenced,
    "TR030": ApplyError,
    "TR031": LostChanges,
    "TR040": Unsupported,
    "TR050": SchemaMissing,
}

# What PostgreSQL reports when the same statement may well succeed a moment later.
_RETRYABLE_STATES = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock
        "55P03",  # lock not available in time
        "57014",  # cancelled by somebody, or statement time-out
        "57P01",  # backend terminated by an administrator
        "57P02",  # another backend crashed
        "57P03",  # starting up or shutting down
        "57P05",  # idle session time-out
        "25P03",  # idle in transaction time-out
    }
)
_RETRYABLE_CLASSES = frozenset({"08", "53"})  # connection trouble; disk, memory, slots exhausted
_CONNECTION_ENDED = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03"})

# Patterns are compiled when an error is looked at: that is rare, and every command imports this.

# What helps where PostgreSQL itself says nothing of it.
_HINTS = {
    "25006": "this is a standby, or set to be read-only: connect to the primary "
    "(target_session_attrs=read-write)",
}

# What PostgreSQL says of a schema, or of a function or table in it, that does not exist.
_MISSING = {
    "3F000": r'schema "(pgq|pgq_coop|pgq_node|tailrace)"',
    "42883": r"\b((?:pgq|pgq_coop|pgq_node|tailrace)\.\w+)",
    "42P01": r'"((?:pgq|pgq_coop|pgq_node|tailrace)\.\w+)"',
}
_INSTALL = "install or upgrade the schemas with: tailrace install --db DSN"

# Connecting fails without a SQLSTATE, so these have to be told by their text. Waiting does not mend
# them; everything else (refused, no route, starting up, too many clients) may pass.
_LASTING_REFUSALS = (
    r"authentication failed|does not exist|no pg_hba\.conf entry|no password supplied"
    r"|could not translate host name|invalid (?!response)|is not permitted to log in"
    r"|not accept SSL|requires SSL"
)

# What a server says that is there, and will let us in without anybody doing anything.
_COMING = r"the database system is (starting up|shutting down|in recovery mode|not yet accepting)"

_PREAMBLE = r"^(connection failed: )?(connection to server (at|on) .*? failed: )?(FATAL:\s+)?"

_SECRETS = (
    (r"(://[^\s:/@]*):[^\s/]*@", r"\1:***@"),
    (r"(?i)\b((?:ssl)?passw(?:or)?d\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&;]+)", r"\1***"),
)


def one_line(text: str) -> str:
    """Fold a text of several lines (drivers write such) into one."""
    return " ".join(text.split())


def without_secrets(text: str) -> str:
    """Mask passwords in connection strings, wherever in the text they stand."""
    for pattern, replacement in _SECRETS:
        text = re.sub(pattern, replacement, text)
    return text


def from_database(exc: Exception, *, where: str | None = None, own: bool = False) -> TailraceError:
    """Turn an exception of the driver into one of ours; ``where`` names the database.

    ``own``: the statement is one that we wrote. It names nothing but what this version installs,
    so what it misses is not installed; what somebody else's statement misses may be misspelled.
    Looks only at attributes, because the driver's types must not be known outside ``db``.
    """
    state: str | None = getattr(exc, "sqlstate", None)
    diag = getattr(exc, "diag", None)
    primary: str | None = getattr(diag, "message_primary", None)
    hint: str | None = getattr(diag, "message_hint", None)
    if state is None or primary is None:
        return _without_state(exc, where)
    detail: str | None = getattr(diag, "message_detail", None)
    if state in OWN_STATES:
        return OWN_STATES[state](primary, hint=hint, sqlstate=state, detail=detail)
    if state in _CONNECTION_ENDED or state.startswith("08"):
        return ConnectionLost(f"{_at(where)}connection ended: {primary}", sqlstate=state)
    missing = re.search(_MISSING[state], primary) if state in _MISSING else None
    # With a context it is about a text within a function: a user's trigger, or a job's statement.
    if missing is not None and own and not getattr(diag, "context", None):
        return SchemaMissing(
            f"{where or 'the database'} does not hold the schemas of tailrace, or not those of "
            f"this version: {missing[1]} is missing",
            hint=_INSTALL,
            sqlstate=state,
        )
    if missing is not None and state == "3F000":
        hint = hint or _INSTALL
    message = f"{_at(where)}{primary}" + (f" ({one_line(detail)})" if detail else "")
    return DatabaseError(
        message,
        hint=hint or _HINTS.get(state),
        sqlstate=state,
        retryable=is_retryable(state),
    )


def is_retryable(sqlstate: str) -> bool:
    """Say whether a statement that failed with this SQLSTATE is worth trying again."""
    return sqlstate in _RETRYABLE_STATES or sqlstate[:2] in _RETRYABLE_CLASSES


def from_connecting(exc: Exception, *, where: str) -> ConnectError:
    """Turn a failure to connect into one line; only lasting refusals are not retryable."""
    text = str(exc)
    error = ConnectError(
        f"cannot connect to {where}: {_plain_reason(text)}",
        retryable=re.search(_LASTING_REFUSALS, text) is None,
    )
    error.coming = re.search(_COMING, text) is not None
    return error


def _plain_reason(text: str) -> str:
    """Strip libpq's preamble and its questions; of several attempts keep the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.endswith("?") and not line.startswith("- ")]
    attempts = [line for line in lines if "failed:" in line] or lines[:1] or ["no reason given"]
    reason = attempts[-1]
    return re.sub(_PREAMBLE, "", reason).removeprefix("connection is bad: ")


def _without_state(exc: Exception, where: str | None) -> TailraceError:
    """An error that did not come from the server: the line went dead, or we misused the driver."""
    text = one_line(str(exc)) or type(exc).__name__
    names = {cls.__name__ for cls in type(exc).__mro__}
    if "OperationalError" in names:
        return ConnectionLost(f"{_at(where)}connection lost: {text}")
    return DatabaseError(f"{_at(where)}{text}")


def _at(where: str | None) -> str:
    return f"{where}: " if where else ""
