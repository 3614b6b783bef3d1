"""Jobs and savepoints as plain REST, for scripts: each request is one of the statements.

Results are what ``--format json`` prints, errors have the status that HTTP has for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tailrace.errors import (
    AlreadyExists,
    ConnectError,
    NotFound,
    TailraceError,
    Timeout,
    Unsupported,
    UsageError,
    WrongState,
)
from tailrace.gateway.dispatch import execute
from tailrace.gateway.results import Answer, Result, json_value
from tailrace.server.protocol import replied
from tailrace.server.refused import BadRequest, Refused
from tailrace.server.requests import Content, body_of
from tailrace.server.sessions import Sessions
from tailrace.statements import model as st

Meaning = Callable[[Request, Content], st.Statement]
Handler = Callable[[Request], Awaitable[Response]]

_STATUS: tuple[tuple[type[TailraceError], int], ...] = (
    (NotFound, 404),
    (WrongState, 409),
    (AlreadyExists, 409),
    (UsageError, 400),
    (Unsupported, 400),
    (Timeout, 504),
    (ConnectError, 503),
)
_SETTINGS = {
    "engine": "tailrace.engine",
    "timeout": "tailrace.timeout",
    "directory": "state.savepoints.dir",
}
_YES = {"": True, "true": True, "1": True, "false": False, "0": False}


def _job(request: Request) -> str:
    return str(request.path_params["job"])


def _jobs(request: Request, _: Content) -> st.Statement:
    extended = request.query_params.get("extended", "false").lower()
    if extended not in _YES:
        raise BadRequest(f'"extended" of the request is "{extended}", expected true or false')
    return st.ShowJobs(_YES[extended])


def _start(request: Request, content: Content) -> st.Statement:
    path = content.text("fromSavepoint", default="") or None
    claim = content.switch("claim")
    if claim and path is None:
        raise BadRequest('"claim" needs "fromSavepoint", the path of a savepoint')
    return st.StartJob(_job(request), path, claim)


def _drop_savepoint(request: Request, _: Content) -> st.Statement:
    path = request.query_params.get("path")
    if not path:
        raise BadRequest("which savepoint? DELETE /api/savepoints?path=…")
    return st.DropSavepoint(path)


class Verb(NamedTuple):
    """A kind of request, and the statement that is meant.

    What it does not know is refused: a STOP whose ``withSavepoint`` is misspelt must not be one
    without a savepoint.
    """

    method: str
    path: str
    meaning: Meaning
    fields: tuple[str, ...] = ()
    """Which fields its body may have."""
    parameters: tuple[str, ...] = ()
    """Which parameters it takes beside the settings."""

    def statement(self, request: Request, content: Content) -> st.Statement:
        """The statement that a request means."""
        _refuse_unknown("field", content.fields, self.fields)
        _refuse_unknown("parameter", request.query_params, (*self.parameters, *_SETTINGS))
        return self.meaning(request, content)


def _refuse_unknown(what: str, given: Iterable[str], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            there = f"there are: {', '.join(known)}" if known else "there is none"
            raise BadRequest(f'"{name}" is no {what} of this request; {there}')


# Method and path, and the statement that is meant; the first that fits. The name of a job may hold
# slashes (%2F), which are known as such no more when the path is looked at.
_VERBS = (
    Verb("GET", "/jobs", _jobs, parameters=("extended",)),
    Verb(
        "POST",
        "/jobs/{job:path}/stop",
        lambda request, content: st.StopJob(
            _job(request),
            savepoint=content.switch("withSavepoint"),
            drain=content.switch("withDrain"),
        ),
        ("withSavepoint", "withDrain"),
    ),
    Verb("POST", "/jobs/{job:path}/start", _start, ("fromSavepoint", "claim")),
    Verb(
        "GET", "/jobs/{job:path}/checkpoints", lambda request, _: st.ShowCheckpoints(_job(request))
    ),
    Verb("GET", "/jobs/{job:path}/savepoints", lambda request, _: st.ShowSavepoints(_job(request))),
    Verb(
        "POST", "/jobs/{job:path}/savepoints", lambda request, _: st.CreateSavepoint(_job(request))
    ),
    Verb("GET", "/jobs/{job:path}/tree", lambda request, _: st.ShowJobTree(_job(request))),
    Verb("GET", "/jobs/{job:path}", lambda request, _: st.DescribeJob(_job(request))),
    Verb("DELETE", "/jobs/{job:path}", lambda request, _: st.DropJob(_job(request))),
    Verb("GET", "/savepoints", lambda request, _: st.ShowSavepoints(None)),
    Verb("DELETE", "/savepoints", _drop_savepoint, parameters=("path",)),
)


class Verbs:
    """Carries such requests out, each in a session of its own."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def routes(self) -> list[Route]:
        """All of them, below /api."""
        return [
            Route(f"/api{verb.path}", self._handler(verb), methods=[verb.method]) for verb in _VERBS
        ]

    def _handler(self, verb: Verb) -> Handler:
        async def handle(request: Request) -> Response:
            try:
                body = await body_of(request, self._sessions.limits.request_bytes)
                statement = verb.statement(request, Content.of(body))
                answer = await self._carry_out(request, statement)
            except TailraceError as error:
                return _complaint(error)
            return replied(_objects(answer.result), list(answer.remarks))

        return handle

    async def _carry_out(self, request: Request, statement: st.Statement) -> Answer:
        async with self._sessions.plain() as session:
            for name, key in _SETTINGS.items():
                if name in request.query_params:
                    session.options.set(key, request.query_params[name])
            (answer,) = await execute(session, statement)
        return answer


def _objects(result: Result | None) -> list[dict[str, object]]:
    if result is None:
        return []
    return [
        dict(zip(result.columns, map(json_value, row), strict=True)) for row in result.rows
    ]  # fmt: skip


def _complaint(error: TailraceError) -> Response:
    found = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    status = error.status if isinstance(error, Refused) else found
    response = replied({"errors": [str(error)]})
    response.status_code = status
    return response
