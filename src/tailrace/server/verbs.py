"""Jobs and savepoints as plain REST, for scripts: each request is one of the statements.

Results are what ``--format json`` prints, errors have the status that HTTP has for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

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


# Method and path, and the statement that is meant; the first that fits. The name of a job may hold
# slashes (%2F), which are known as such no more when the path is looked at.
_VERBS: tuple[tuple[str, str, Meaning], ...] = (
    ("GET", "/jobs", _jobs),
    (
        "POST",
        "/jobs/{job:path}/stop",
        lambda request, content: st.StopJob(
            _job(request),
            savepoint=content.switch("withSavepoint"),
            drain=content.switch("withDrain"),
        ),
    ),
    ("POST", "/jobs/{job:path}/start", _start),
    ("GET", "/jobs/{job:path}/checkpoints", lambda request, _: st.ShowCheckpoints(_job(request))),
    ("GET", "/jobs/{job:path}/savepoints", lambda request, _: st.ShowSavepoints(_job(request))),
    ("POST", "/jobs/{job:path}/savepoints", lambda request, _: st.CreateSavepoint(_job(request))),
    ("GET", "/jobs/{job:path}/tree", lambda request, _: st.ShowJobTree(_job(request))),
    ("GET", "/jobs/{job:path}", lambda request, _: st.DescribeJob(_job(request))),
    ("DELETE", "/jobs/{job:path}", lambda request, _: st.DropJob(_job(request))),
    ("GET", "/savepoints", lambda request, _: st.ShowSavepoints(None)),
    ("DELETE", "/savepoints", _drop_savepoint),
)


class Verbs:
    """Carries such requests out, each in a session of its own."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def routes(self) -> list[Route]:
        """All of them, below /api."""
        return [
            Route(f"/api{path}", self._handler(meaning), methods=[method])
            for method, path, meaning in _VERBS
        ]

    def _handler(self, meaning: Meaning) -> Handler:
        async def handle(request: Request) -> Response:
            try:
                body = await body_of(request, self._sessions.limits.request_bytes)
                statement = meaning(request, Content.of(body))
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
