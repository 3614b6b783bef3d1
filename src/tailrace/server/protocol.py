"""The protocol of Flink's SQL Gateway, answered by us: what comes in, and what goes out.

Versions differ little: V1 knows neither row formats nor configure-session nor complete-statement. A
path without a version means the newest one. A request for a result that is not there yet is held
for a while, so that a client asks once where it would have asked hundreds of times.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tailrace import __version__
from tailrace.errors import UsageError
from tailrace.gateway.completing import Values
from tailrace.server.operation import Operation, State
from tailrace.server.pages import RowFormat
from tailrace.server.refused import BadRequest
from tailrace.server.requests import Content, body_of
from tailrace.server.sessions import Conversation, Sessions

VERSIONS = ("V1", "V2", "V3", "V4")
REMARKS = "Tailrace-Remarks"
# Some proxies take no more than 4 KB of headers.
_HEADER = 2000

Handler = Callable[[Request], Awaitable[Response]]

_SESSION = "/sessions/{session}"
_OPERATION = _SESSION + "/operations/{operation}"


def routes_of(handlers: dict[tuple[str, str], Handler], *, since: int = 1) -> list[Route]:
    """The routes of the protocol, for each version that has them and for paths without one."""
    versions = [f"/v{number}" for number in range(since, 5)]
    return [
        Route(prefix + path, handler, methods=[method])
        for prefix in ("", *versions)
        for (method, path), handler in handlers.items()
    ]


def replied(content: object, remarks: list[str] | None = None) -> Response:
    """An answer; remarks go into a header, which has to be short and ASCII."""
    told = list(remarks or ())
    while len(json.dumps(told)) > _HEADER:
        told.pop(0)  # the oldest; a client that waits is mostly told the same again and again
    headers = {REMARKS: json.dumps(told)} if told else None
    body = msgspec.json.encode(content)
    return Response(body, headers=headers, media_type="application/json")


def version_of(request: Request) -> int:
    """The version of the protocol that a request is in."""
    first = request.url.path.split("/", 2)[1]
    return int(first[1:]) if first in ("v1", "v2", "v3", "v4") else 4


class Protocol:
    """Answers requests from the sessions that there are."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    def routes(self) -> list[Route]:
        """Everything that the protocol has."""
        return [
            *routes_of(
                {
                    ("GET", "/info"): self.info,
                    ("GET", "/api_versions"): self.versions,
                    ("POST", "/sessions"): self.open,
                    ("GET", _SESSION): self.settings,
                    ("DELETE", _SESSION): self.close,
                    ("POST", _SESSION + "/heartbeat"): self.heartbeat,
                    ("POST", _SESSION + "/statements"): self.statement,
                    ("GET", _OPERATION + "/status"): self.status,
                    ("GET", _OPERATION + "/result/{token}"): self.result,
                    ("POST", _OPERATION + "/cancel"): self.cancel,
                    ("DELETE", _OPERATION + "/close"): self.close_operation,
                }
            ),
            *routes_of(
                {
                    ("POST", _SESSION + "/configure-session"): self.configure,
                    ("GET", _SESSION + "/complete-statement"): self.complete,
                    ("POST", _SESSION + "/complete-statement"): self.complete,
                },
                since=2,
            ),
            *routes_of({("POST", "/scripts"): self.script}, since=4),
        ]

    # ------------------------------------------------------------ the server

    async def info(self, _: Request) -> Response:
        """Who is speaking."""
        return replied({"productName": "tailrace", "version": __version__})

    async def versions(self, _: Request) -> Response:
        """Which versions of the protocol there are."""
        return replied({"versions": VERSIONS})

    async def script(self, _: Request) -> Response:
        """Whole applications are not started here."""
        raise UsageError(
            "scripts are not carried out here", hint="hand in statements, or use: tailrace sql -f"
        )

    # ------------------------------------------------------------ sessions

    async def open(self, request: Request) -> Response:
        """Begin a session."""
        content = await self._content(request)
        made = self.sessions.open(
            content.texts("properties"), name=content.text("sessionName", default="")
        )
        return replied({"sessionHandle": made.handle})

    async def settings(self, request: Request) -> Response:
        """All settings of a session."""
        rows = self._conversation(request).session.options.rows()
        return replied({"properties": {key: value for key, value, _ in rows}})

    async def heartbeat(self, request: Request) -> Response:
        """Somebody still wants the session."""
        self._conversation(request)
        return replied({})

    async def close(self, request: Request) -> Response:
        """End a session; jobs that it has created live on."""
        await self.sessions.close(request.path_params["session"])
        return replied({"status": State.CLOSED})

    async def configure(self, request: Request) -> Response:
        """Carry out a statement that prepares the session."""
        conversation = self._conversation(request)
        content = await self._content(request)
        await conversation.configure(content.text("statement"), content.seconds())
        return replied({})

    async def complete(self, request: Request) -> Response:
        """What may stand at a place of a statement."""
        conversation = self._conversation(request)
        content = await self._content(request)
        text = content.text("statement")
        place = content.number("position")
        return replied({"candidates": await candidates(conversation, text, place)})

    # ------------------------------------------------------------ statements

    async def statement(self, request: Request) -> Response:
        """Take a statement; it is carried out while the client goes on."""
        conversation = self._conversation(request)
        content = await self._content(request)
        return replied({"operationHandle": self.begun(conversation, content)})

    def begun(self, conversation: Conversation, content: Content) -> str:
        """Hand a statement to a session; returns the handle of the operation."""
        operation = conversation.submit(
            content.text("statement"),
            content.texts("executionConfig"),
            content.seconds(),
            most=self.sessions.limits.operations,
        )
        return operation.handle

    async def status(self, request: Request) -> Response:
        """Where a statement is in its life."""
        return replied({"status": self._operation(request).state})

    async def cancel(self, request: Request) -> Response:
        """Give a statement up."""
        operation = self._operation(request)
        operation.end(State.CANCELED)
        return replied({"status": operation.state})

    async def close_operation(self, request: Request) -> Response:
        """Forget a statement and its result."""
        operation = self._operation(request)
        self._conversation(request).close(operation)
        return replied({"status": operation.state})

    async def result(self, request: Request) -> Response:
        """A page of a result; waits a while for the first one."""
        operation = self._operation(request)
        token = _token(request.path_params["token"])
        form = RowFormat.named(request.query_params.get("rowFormat", ""))
        if not operation.ended and not self.sessions.stopping:
            await operation.wait(self.sessions.limits.hold)
        pages = operation.pages()
        if pages is None:
            page: dict[str, object] | None = {"resultType": "NOT_READY"}
            following = token
        else:
            hold = 0.0 if self.sessions.stopping else self.sessions.limits.hold
            page, following = await pages.fetch(token, form, hold)
        if page is None:
            raise UsageError(
                f'operation "{operation.handle}" has no page {token} yet',
                hint="follow nextResultUri from page to page, beginning with 0",
            )
        if page["resultType"] != "EOS":
            page["nextResultUri"] = _address(request, following, form)
        return replied(page, operation.said)

    # ------------------------------------------------------------ what is meant

    async def _content(self, request: Request) -> Content:
        return Content.of(await body_of(request, self.sessions.limits.request_bytes))

    def _conversation(self, request: Request) -> Conversation:
        return self.sessions.find(request.path_params["session"])

    def _operation(self, request: Request) -> Operation:
        return self._conversation(request).operation(request.path_params["operation"])


async def candidates(conversation: Conversation, text: str, place: int | None) -> list[str]:
    """What may stand at a place, in alphabetical order."""
    async with conversation.session.beside() as session:
        found = await Values(session).at(text, len(text) if place is None else place)
    return sorted({one.text for one in found})


def _token(given: str) -> int:
    if not given.isdecimal() or len(given) > 9:
        raise BadRequest(f'"{given}" is not the number of a page')
    return int(given)


def _address(request: Request, token: int, form: RowFormat) -> str:
    version = version_of(request)
    session, operation = request.path_params["session"], request.path_params["operation"]
    address = f"/v{version}/sessions/{session}/operations/{operation}/result/{token}"
    return address if version == 1 else f"{address}?rowFormat={form}"
